//! Tests of the board.

use super::*;
use blendnet_protocol::{FailureKind, Fault, Manifest, ManifestFile, PackPath, Timing};

fn blob(n: u8) -> BlobId {
    BlobId::new(format!("{n:064x}")).unwrap()
}

fn scene_id() -> SceneId {
    SceneId::new("a".repeat(64)).unwrap()
}

fn spec(project: &str, paths: &[&str]) -> SceneSpec {
    let file = |(n, path): (usize, &&str)| {
        ManifestFile::new(PackPath::new(path).unwrap(), blob(u8::try_from(n).unwrap()), 1)
    };
    let files = paths.iter().enumerate().map(file).collect();
    let manifest = Manifest { project: PackPath::new(project).unwrap(), files };
    SceneSpec { manifest, overrides: blendnet_protocol::Overrides::default() }
}

fn id(name: &str) -> WorkId {
    WorkId::new(name).unwrap()
}

fn work(name: &str) -> Work {
    Work::new(id(name), scene_id(), WorkKind::Whole { frame: 1 })
}

fn outcome(image: BlobId) -> Outcome {
    let image = ResultFile { name: "0001.exr".to_owned(), blob: image, size_bytes: 9 };
    Outcome::Image { image, composed: Vec::new(), timing: Timing::default() }
}

#[test]
fn works_are_taken_in_the_order_they_came() {
    let mut board = Board::default();
    for name in ["a", "b", "c"] {
        board.submit(work(name)).unwrap();
    }
    board.delete(&id("b"));
    assert_eq!(board.take_next().unwrap().0.id, id("a"));
    assert_eq!(board.take_next().unwrap().0.id, id("c"));
    assert!(board.take_next().is_none());
}

#[test]
fn the_same_work_again_changes_nothing_and_another_of_its_name_is_refused() {
    let mut board = Board::default();
    board.submit(work("a")).unwrap();
    board.take_next().unwrap();
    assert!(matches!(board.submit(work("a")).unwrap().state, WorkState::Running(_)));
    let other = Work { kind: WorkKind::Inspect, ..work("a") };
    assert_eq!(board.submit(other), Err(Conflict::OtherWork(id("a"))));
    assert_eq!(board.statuses().len(), 1);
}

#[test]
fn deleting_a_running_work_stops_it_and_frees_what_comes_too_late() {
    let mut board = Board::default();
    board.submit(work("a")).unwrap();
    let (_, stop) = board.take_next().unwrap();
    board.delete(&id("a"));
    assert!(stop.is_cancelled());
    assert_eq!(board.finish(&id("a"), Ok(outcome(blob(7)))), [blob(7)]);
    assert!(board.statuses().is_empty());
}

#[test]
fn a_blob_is_kept_as_long_as_anything_uses_it() {
    let mut board = Board::default();
    board.put_scene(scene_id(), spec("a.blend", &["a.blend", "tex.png"])).unwrap();
    for name in ["one", "two"] {
        board.submit(work(name)).unwrap();
        board.take_next().unwrap();
        board.finish(&id(name), Ok(outcome(blob(7))));
    }
    let freed = board.delete(&id("one"));
    assert_eq!(freed, [blob(7)]);
    assert_eq!(board.unused(freed), []);
    let freed = board.delete(&id("two"));
    assert_eq!(board.unused(freed), [blob(7)]);
    board.hold("task", vec![blob(1)]);
    let freed = board.delete_scene(&scene_id());
    assert_eq!(board.unused(freed), [blob(0)]);
    let freed = board.hold("task", Vec::new());
    assert_eq!(board.unused(freed), [blob(1)]);
}

#[test]
fn a_failure_stays_until_it_is_deleted() {
    let mut board = Board::default();
    board.submit(work("a")).unwrap();
    board.take_next().unwrap();
    let failure = WorkFailure {
        kind: FailureKind::Crashed,
        fault: Fault::Attempt,
        message: "gone".to_owned(),
        last_lines: Vec::new(),
    };
    board.finish(&id("a"), Err(failure.clone()));
    assert_eq!(board.status(&id("a")).unwrap().state, WorkState::Failed(failure));
    board.delete(&id("a"));
    assert_eq!(board.status(&id("a")), None);
}

#[test]
fn a_scene_whose_files_contradict_each_other_is_refused() {
    let refused = |project, paths: &[&str]| {
        Board::default().put_scene(scene_id(), spec(project, paths)).unwrap_err()
    };
    assert_eq!(refused("a.blend", &["b.blend"]), SceneError::NoProject("a.blend".to_owned()));
    assert_eq!(refused("a", &["a", "a"]), SceneError::Twice("a".to_owned()));
    assert_eq!(refused("a/b/c", &["a/b/c", "a"]), SceneError::Twice("a".to_owned()));
    assert!(Board::default().put_scene(scene_id(), spec("a/b", &["a/b", "a-b"])).is_ok());
}

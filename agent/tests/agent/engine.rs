//! The engine against a Blender that crashes, hangs, babbles or never ends.

use std::time::{Duration, Instant};

use blendnet_agent::render::{Engine, SubmitError};
use blendnet_protocol::{
    BlobId, FailureKind, Fault, Manifest, ManifestFile, Outcome, Overrides, PackPath, SceneSpec,
    Work, WorkFailure, WorkKind, WorkState,
};
use sha2::{Digest as _, Sha256};

use crate::fake::{BLEND, Bench, alive_in_group, id, part};

const CRASH: i32 = 13;
const HANG: i32 = 14;
const GARBAGE: i32 = 15;
const ENDLESS: i32 = 16;
const MUTE: i32 = 17;
const REFUSE: i32 = 18;
const LINK: i32 = 19;

fn failure(state: WorkState) -> WorkFailure {
    match state {
        WorkState::Failed(failure) => failure,
        other => panic!("{other:?} is no failure"),
    }
}

fn blob_of(content: &[u8]) -> BlobId {
    BlobId::new(hex::encode(Sha256::digest(content))).unwrap()
}

fn pid_in_part(bench: &Bench, state: &WorkState) -> String {
    let WorkState::Completed(Outcome::Part { image, .. }) = state else { panic!("{state:?}") };
    let path = bench.engine.blobs().path(&image.blob).unwrap();
    fs_err::read_to_string(path).unwrap().split(':').next().unwrap().to_owned()
}

#[tokio::test]
async fn parts_of_a_scene_are_rendered_by_one_warm_blender() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    for name in ["a", "b", "c"] {
        bench.submit(name, &scene, part(1));
    }
    let mut pids = Vec::new();
    for name in ["a", "b", "c"] {
        pids.push(pid_in_part(&bench, &bench.finished(name).await));
    }
    pids.dedup();
    assert_eq!(pids.len(), 1, "{pids:?}");
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_file_that_one_frame_needs_must_be_there_for_that_frame_only() {
    let bench = Bench::start();
    let files = [("shot.blend", BLEND, None), ("a_0002.png", b"picture", Some("2"))];
    let file = |(name, content, frames): (&str, &'static [u8], Option<&str>)| ManifestFile {
        frames: frames.map(|frames| frames.parse().unwrap()),
        ..ManifestFile::new(PackPath::new(name).unwrap(), blob_of(content), content.len() as u64)
    };
    let files: Vec<ManifestFile> = files.map(|(n, c, f)| file((n, c, f))).to_vec();
    let manifest = Manifest { project: files[0].path.clone(), files };
    let spec = SceneSpec { manifest, overrides: Overrides::default() };
    let scene = Engine::scene_id(&spec).unwrap();
    bench.blob(BLEND).await;
    assert_eq!(bench.engine.put_scene(scene.clone(), spec).unwrap().missing, []);
    assert!(matches!(bench.run("one", &scene, part(1)).await, WorkState::Completed(_)));
    let work = |name| Work::new(id(name), scene.clone(), part(2));
    let refused = bench.engine.submit(work("two"));
    assert!(
        matches!(refused, Err(SubmitError::MissingBlobs(blobs)) if blobs == [blob_of(b"picture")])
    );
    bench.blob(b"picture").await;
    bench.engine.submit(work("two")).unwrap();
    assert!(matches!(bench.finished("two").await, WorkState::Completed(_)));
    let there = |name: &str| bench.dir.join("work/1/in").join(format!("scene-{scene}")).join(name);
    assert!(there("a_0002.png").is_file(), "laid out with the first work for its frame");
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_crash_fails_its_work_with_the_last_lines_and_the_next_work_succeeds() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    bench.submit("bad", &scene, part(CRASH));
    bench.submit("good", &scene, part(1));
    let failed = failure(bench.finished("bad").await);
    assert_eq!((failed.kind, failed.fault), (FailureKind::Crashed, Fault::Attempt));
    assert!(failed.message.contains("SIGSEGV"), "{}", failed.message);
    assert!(failed.message.contains("frame 13"), "{}", failed.message);
    assert!(failed.last_lines.iter().any(|line| line == "about to crash"));
    assert!(matches!(bench.finished("good").await, WorkState::Completed(_)));
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_blender_that_hangs_is_stopped_and_replaced() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    let failed = failure(bench.run("hangs", &scene, part(HANG)).await);
    assert_eq!((failed.kind, failed.fault), (FailureKind::Hung, Fault::Attempt));
    let mute = failure(bench.run("mute", &scene, part(MUTE)).await);
    assert_eq!(mute.kind, FailureKind::Crashed);
    assert!(matches!(bench.run("good", &scene, part(1)).await, WorkState::Completed(_)));
    bench.engine.stop().await;
}

#[tokio::test]
async fn garbage_between_the_answers_does_no_harm() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    assert!(matches!(bench.run("a", &scene, part(GARBAGE)).await, WorkState::Completed(_)));
    bench.engine.stop().await;
}

#[tokio::test]
async fn deleting_a_running_work_kills_blender_and_all_it_started_within_a_second() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    bench.submit("endless", &scene, part(ENDLESS));
    let pid = bench.rendering("endless").await;
    assert_eq!(alive_in_group(pid), 2);
    let began = Instant::now();
    bench.engine.delete(&id("endless"));
    bench.wait_until("another Blender", |r| r.blender_pid.is_some_and(|new| new != pid)).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(alive_in_group(pid), 0);
    assert!(bench.engine.status(&id("endless")).is_none());
    assert!(matches!(bench.run("next", &scene, part(1)).await, WorkState::Completed(_)));
    bench.engine.stop().await;
}

#[tokio::test]
async fn an_ended_engine_leaves_no_process_and_no_folder() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    bench.submit("endless", &scene, part(ENDLESS));
    let pid = bench.rendering("endless").await;
    bench.engine.stop().await;
    assert_eq!(alive_in_group(pid), 0);
    assert_eq!(fs_err::read_dir(bench.dir.join("work")).unwrap().count(), 0);
    let late = blendnet_protocol::Work::new(id("late"), scene, WorkKind::Inspect);
    assert!(bench.engine.submit(late).is_err());
}

#[tokio::test]
async fn what_the_driver_refuses_is_reported_in_its_own_words_and_blender_stays() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    assert!(matches!(bench.run("a", &scene, part(1)).await, WorkState::Completed(_)));
    let pid = bench.engine.report().blender_pid;
    let failed = failure(bench.run("b", &scene, part(REFUSE)).await);
    assert_eq!((failed.kind, failed.fault), (FailureKind::Render, Fault::Scene));
    assert_eq!(failed.message, "it will not");
    assert_eq!(bench.engine.report().blender_pid, pid);
    let unreadable = bench.scene(b"BLENDER-v405REND unreadable").await;
    let failed = failure(bench.run("c", &unreadable, WorkKind::Inspect).await);
    assert_eq!(failed.kind, FailureKind::BadFile);
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_file_that_no_blender_here_reads_is_refused_with_the_reason() {
    let bench = Bench::start();
    let newer = bench.scene(b"BLENDER17-01v9900REND").await;
    let failed = failure(bench.run("newer", &newer, WorkKind::Inspect).await);
    assert_eq!((failed.kind, failed.fault), (FailureKind::BlenderTooOld, Fault::Agent));
    assert!(failed.message.contains("Blender 99.0"), "{}", failed.message);
    let picture = bench.scene(b"\x89PNG").await;
    let failed = failure(bench.run("picture", &picture, WorkKind::Inspect).await);
    assert_eq!((failed.kind, failed.fault), (FailureKind::BadFile, Fault::Scene));
    assert!(failed.message.contains("shot.blend is not a .blend file"), "{}", failed.message);
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_name_that_leads_out_of_the_folder_gives_no_result() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    let failed = failure(bench.run("a", &scene, WorkKind::Whole { frame: LINK }).await);
    assert!(failed.message.contains("there is no such file"), "{}", failed.message);
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_blender_killed_while_idle_is_replaced_when_it_is_needed() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    let report = bench.wait_until("a Blender", |report| report.blender_pid.is_some()).await;
    let killed = report.blender_pid;
    let pid = i32::try_from(killed.unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    bench.wait_until("that Blender gone", |report| report.blender_pid != killed).await;
    assert!(matches!(bench.run("a", &scene, part(1)).await, WorkState::Completed(_)));
    bench.engine.stop().await;
}

#[tokio::test]
async fn finished_and_whole_frames_hand_in_the_image_and_the_scenes_own_output() {
    let bench = Bench::start();
    let scene = bench.scene(BLEND).await;
    let state = bench.run("whole", &scene, WorkKind::Whole { frame: 2 }).await;
    let WorkState::Completed(Outcome::Image { image, composed, timing }) = state else {
        panic!("{state:?}")
    };
    assert_eq!((image.name.as_str(), composed[0].name.as_str()), ("0002.exr", "0001.png"));
    assert!(timing.render_secs > 0.4 && timing.total_secs >= timing.load_secs);
    bench.engine.delete(&id("whole"));
    bench.wait_until("the work is gone", |report| report.works.is_empty()).await;
    bench.engine.stop().await;
    assert_eq!(bench.engine.blobs().path(&image.blob), None, "results are freed with their work");
}

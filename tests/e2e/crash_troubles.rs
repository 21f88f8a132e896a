//! The manager aborted at the commit points of what goes wrong or is taken back, and started again.

use crate::crash_points::{OPTIONS, WRITTEN, go_on};
use crate::failures::{CRASHES_AT_FRAME_2, stand_in};
use crate::losses::assert_equal_nearly_everywhere;
use blendnet_protocol::{FarmView, JobId};
use blendnet_tests::{Farm, Render, Rendered, compare_exr, naming, system_blender, wait_for};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is written down when something is lost, can't be used, has failed or is removed.
const TROUBLES: [&str; 5] = ["agent-lost", "part-gone", "film-gone", "frame-kept", "job-gone"];

const RESUME: [&str; 5] = ["resume", "--agents", "1", "--threads-per-agent", "1"];

/// Before and after the commit of a name.
fn around(name: &str) -> [String; 2] {
    [format!("before-{name}"), format!("after-{name}")]
}

/// Variables of a manager that is aborted at a point, gets parts often and leaves soon.
fn at(point: &str) -> [(&'static str, &str); 3] {
    [
        ("BLENDNET_CRASH_AT", point),
        ("BLENDNET_SAVE_SECS", "0.2"),
        ("BLENDNET_MANAGER_TIMEOUT_SECS", "10"),
    ]
}

/// Of a scene: a folder for each point, its file, and the render of one machine.
struct Stage {
    temp: tempfile::TempDir,
    scene: PathBuf,
    one_go: PathBuf,
}

impl Stage {
    fn new(samples: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let blender = system_blender();
        let size = ["--size", "96", "54", "--samples", samples];
        let scene = blender.make_scene("glossy", &temp.path().join("scene.blend"), &size);
        let one_go = blender.one_go(&scene, &temp.path().join("one_go.exr"), 1);
        Self { temp, scene, one_go }
    }

    fn folder(&self, point: &str) -> PathBuf {
        let folder = self.temp.path().join(point.replace(':', "-"));
        fs_err::create_dir(&folder).unwrap();
        folder
    }

    fn start(&self, folder: &Path, point: &str) -> Render {
        Render::start_with(&self.scene, folder, &OPTIONS, &at(point))
    }

    fn assert_same(&self, point: &str, rendered: &Rendered) {
        assert_eq!(rendered.code, 0, "after {point}: {:#?}", rendered.events);
        assert_equal_nearly_everywhere(&compare_exr(&rendered.exr(1), &self.one_go));
    }

    fn assert_nothing_runs(&self) {
        wait_for("the end of all processes", Duration::from_mins(1), || {
            naming(self.temp.path()).is_empty()
        });
    }
}

fn assert_passed(folder: &Path, point: &str) {
    let log = fs_err::read_to_string(folder.join("data/farm.log")).unwrap();
    let (name, time) = point.rsplit_once(':').unwrap_or((point, "1"));
    let said = |line: &&str| line.contains("crashing here") && line.contains(name);
    assert!(log.lines().any(|line| said(&line)), "{point} ({time}) was never passed: {log}");
}

/// Writes something else into all films or parts of the only job.
fn damage(folder: &Path, below: &str) {
    let jobs = fs_err::read_dir(folder.join("data/farm/jobs")).unwrap();
    let files = jobs.flat_map(|job| fs_err::read_dir(job.unwrap().path().join(below)).unwrap());
    let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    let damaged = files.iter().filter(|path| path.extension().is_none_or(|ending| ending != "png"));
    let damaged = damaged.inspect(|path| fs_err::write(path, "damaged").unwrap()).count();
    assert!(damaged > 0, "{files:?}");
}

#[test]
fn every_kind_of_commit_is_a_point_at_which_the_manager_is_aborted() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../manager/src/store/mod.rs");
    let source = fs_err::read_to_string(source).unwrap();
    let names = source.split_once("fn name(&self)").unwrap().1.split_once("\n    }\n").unwrap().0;
    let names: BTreeSet<&str> = names.split('"').skip(1).step_by(2).collect();
    let tested: BTreeSet<&str> = WRITTEN.into_iter().chain(TROUBLES).collect();
    assert_eq!(names, tested);
}

#[tokio::test]
async fn a_manager_that_is_aborted_when_it_loses_an_agent_ends_in_the_same_result() {
    let stage = Stage::new("400");
    for point in around("agent-lost") {
        let folder = stage.folder(&point);
        let mut render = stage.start(&folder, &point);
        render.wait_for_event("preview");
        let farm = Farm::of(&folder);
        let busy =
            |view: &FarmView| view.agents.iter().find(|agent| agent.doing.contains("samples"))?.pid;
        let view = farm.wait_until("an agent that renders", |view| busy(view).is_some()).await;
        // One that is killed is known to have ended; this one does not answer.
        let silent = busy(&view).unwrap();
        farm.signal(silent, "STOP");
        assert_eq!(render.finish().code, 4, "the manager is gone");
        farm.try_signal(silent, "CONT");
        assert_passed(&folder, &point);
        stage.assert_same(&point, &go_on(&stage.scene, &folder));
    }
    stage.assert_nothing_runs();
}

#[test]
fn a_manager_that_is_aborted_when_it_finds_files_damaged_ends_in_the_same_result() {
    let stage = Stage::new("48");
    let damages = [
        ("part-gone", "after-part-received:3", "parts"),
        ("film-gone", "after-part-merged:2", "frames"),
    ];
    for (name, first, below) in damages {
        for point in around(name) {
            let folder = stage.folder(&point);
            stage.start(&folder, first).finish();
            assert_passed(&folder, first);
            damage(&folder, below);
            let crashed = Render::command_with(&folder, &RESUME, &at(&point)).finish();
            assert_ne!(crashed.code, 0, "{:#?}", crashed.events);
            assert_passed(&folder, &point);
            stage.assert_same(&point, &go_on(&stage.scene, &folder));
        }
    }
    stage.assert_nothing_runs();
}

#[test]
fn a_manager_that_is_aborted_when_it_notes_a_failure_fails_the_same_frame_and_no_other() {
    let temp = tempfile::tempdir().unwrap();
    let scene = temp.path().join("scene.blend");
    system_blender().make_scene("animation", &scene, &["--samples", "2"]);
    for point in around("frame-kept") {
        let folder = temp.path().join(&point);
        fs_err::create_dir(&folder).unwrap();
        let blender = stand_in(&folder, CRASHES_AT_FRAME_2);
        let options = ["--blender", blender.to_str().unwrap(), "--agents", "1"];
        let frames = [&options[..], &["--frames", "1-2"]].concat();
        assert_eq!(Render::start_with(&scene, &folder, &frames, &at(&point)).finish().code, 4);
        assert_passed(&folder, &point);
        let resumed = Render::command(&folder, &[&["resume"], &options[..]].concat()).finish();
        assert_eq!(resumed.code, 1, "after {point}: {:#?}", resumed.events);
        assert!(resumed.exr(1).is_file());
        let error = resumed.event("error").to_string();
        assert!(error.contains("frame 2") && error.contains("SIGSEGV"), "{error}");
    }
    wait_for("the end of all processes", Duration::from_mins(1), || naming(temp.path()).is_empty());
}

#[tokio::test]
async fn a_job_is_removed_or_is_there_when_the_manager_is_aborted_as_it_removes_it() {
    let stage = Stage::new("48");
    for (point, stays) in around("job-gone").into_iter().zip([true, false]) {
        let folder = stage.folder(&point);
        // A farm of its own, which the render leaves running.
        let started = ["farm", "start", "--agents", "1", "--threads-per-agent", "1"];
        assert_eq!(Render::command_with(&folder, &started, &at(&point)).finish().code, 0);
        let rendered = stage.start(&folder, &point).finish();
        stage.assert_same(&point, &rendered);
        let farm = Farm::of(&folder);
        let job = farm.view().await.unwrap().jobs[0].id.clone();
        farm.client.delete(&format!("job/{job}")).await.unwrap_err();
        assert_passed(&folder, &point);
        assert_eq!(Render::command(&folder, &started).finish().code, 0);
        let has = |view: &FarmView, id: &JobId| view.jobs.iter().any(|job| &job.id == id);
        let again = Farm::of(&folder);
        if stays {
            // It answers before it has looked at the films of its jobs.
            again.wait_until("the job", |view| has(view, &job)).await;
        } else {
            let other = stage.start(&folder, "none").finish();
            stage.assert_same(&point, &other);
            let jobs = again.view().await.unwrap().jobs.len();
            assert_eq!(jobs, 1, "the other job alone");
        }
        assert_eq!(Render::command(&folder, &["farm", "stop"]).finish().code, 0);
    }
    stage.assert_nothing_runs();
}

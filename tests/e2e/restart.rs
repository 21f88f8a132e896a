//! A manager that is killed and started again goes on: nothing is lost, nothing is rendered twice.

use crate::failures::{CRASHES_AT_FRAME_2, stand_in};
use crate::losses::assert_equal_nearly_everywhere;
use blendnet_protocol::{AgentState, FarmView, FrameState, FrameView, JobView};
use blendnet_tests::{Farm, Render, descendants, is_running, system_blender, wait_for};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

const OPTIONS: [&str; 4] = ["--agents", "2", "--threads-per-agent", "1"];

/// Processes of agents and of their Blenders; `None` before all are there.
fn processes(view: &FarmView) -> Option<BTreeSet<(String, u32, u32)>> {
    let process = |a: &blendnet_protocol::AgentView| {
        Some((a.id.to_string(), a.pid?, a.blender_pid.filter(|_| a.state == AgentState::Online)?))
    };
    let all: Option<BTreeSet<_>> = view.agents.iter().map(process).collect();
    all.filter(|all| all.len() == 2)
}

#[tokio::test]
async fn a_killed_manager_that_is_started_again_takes_its_agents_over_and_renders_nothing_twice() {
    let blender = system_blender();
    let folder = tempfile::tempdir().unwrap();
    let size = ["--size", "480", "270", "--samples", "96"];
    let scene = blender.make_scene("glossy", &folder.path().join("scene.blend"), &size);
    let options = [&OPTIONS[..], &["--split", "samples"]].concat();
    let mut render = Render::start(&scene, folder.path(), &options);
    render.wait_for("a merged share", |event| {
        event["event"] == "progress" && event["done"].as_f64() > Some(0.2)
    });
    let farm = Farm::of(folder.path());
    let view = farm.wait_until("two Blenders", |view| processes(view).is_some()).await;
    let before = processes(&view).unwrap();
    let mut all = descendants(farm.manager);
    all.push(farm.manager);
    farm.kill(farm.manager);
    let killed = render.finish();
    assert_eq!(killed.code, 4, "{:#?}", killed.events);
    let done: Vec<f64> = killed.events.iter().filter_map(|event| event["done"].as_f64()).collect();
    let done = done.last().copied().unwrap();

    let mut resumed = Render::command(folder.path(), &[&["resume"], &OPTIONS[..]].concat());
    let progress = resumed.wait_for_event("progress");
    assert!(progress["done"].as_f64() >= Some(done), "what was merged is kept: {progress}");
    let farm = Farm::of(folder.path());
    farm.wait_until("the same agents with the same Blenders", |view| {
        processes(view).as_ref() == Some(&before)
    })
    .await;
    let rendered = resumed.finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    // Of the manager that was started again: what it rendered, over all that is merged.
    let again = rendered.event("done")["work_ratio"].as_f64().unwrap();
    assert!(again < 1.001 - done, "{done} of the frame was merged, {again} of it rendered after");
    let one_go = blender.one_go(&scene, &folder.path().join("one_go.exr"), 1);
    assert_equal_nearly_everywhere(&blendnet_tests::compare_exr(&rendered.exr(1), &one_go));
    wait_for("the end of all processes", Duration::from_secs(20), || {
        !all.iter().any(|&pid| is_running(pid))
    });
}

/// A manager that is killed, and started again by `resume`.
fn killed_and_resumed(render: Render, folder: &Path, options: &[&str]) -> Render {
    let farm = Farm::of(folder);
    farm.kill(farm.manager);
    let killed = render.finish();
    assert_eq!(killed.code, 4, "{:#?}", killed.events);
    let mut resumed = Render::command(folder, &[&["resume"], options].concat());
    resumed.wait_for_event("progress");
    resumed
}

async fn ask(farm: &Farm, path: &str) -> JobView {
    farm.client.post(path, &()).await.unwrap()
}

fn frame(job: &JobView, number: i32) -> Option<&FrameView> {
    job.frames.iter().find(|frame| frame.frame == number)
}

#[tokio::test]
async fn frames_that_wait_come_first_or_are_dropped_do_so_after_a_restart() {
    let blender = system_blender();
    let folder = tempfile::tempdir().unwrap();
    let size = ["--size", "160", "90", "--samples", "256", "--frames", "4"];
    let scene = blender.make_scene("animation", &folder.path().join("scene.blend"), &size);
    let options = [&OPTIONS[..], &["--split", "samples", "--frames", "1-4"]].concat();
    let mut render = Render::start(&scene, folder.path(), &options);
    render.wait_for("something merged", |event| event["done"].as_f64() > Some(0.0));
    let farm = Farm::of(folder.path());
    let job = farm.view().await.unwrap().jobs[0].id.clone();
    ask(&farm, &format!("job/{job}/frame/4/pause")).await;
    ask(&farm, &format!("job/{job}/frame/3/first")).await;

    let resumed = killed_and_resumed(render, folder.path(), &OPTIONS);
    let farm = Farm::of(folder.path());
    let completed = |view: &FarmView, number: i32| {
        frame(&view.jobs[0], number).is_some_and(|frame| frame.state == FrameState::Completed)
    };
    let view = farm.wait_until("frame 3", |view| completed(view, 3)).await;
    assert!(!completed(&view, 2), "{:#?}", view.jobs[0].frames);
    assert!(frame(&view.jobs[0], 4).unwrap().paused, "{:#?}", view.jobs[0].frames);

    // What is not to be rendered is not rendered after another restart either.
    let settled = ask(&farm, &format!("job/{job}/settle")).await;
    assert!(frame(&settled, 4).is_none(), "{settled:#?}");
    let rendered = killed_and_resumed(resumed, folder.path(), &OPTIONS).finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    assert!(rendered.exr(3).is_file());
    let files = rendered.events.iter().filter(|event| event["event"] == "frame");
    let mut numbers: Vec<i64> = files.filter_map(|event| event["frame"].as_i64()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let wanted: Vec<i64> = settled.frames.iter().map(|frame| frame.frame.into()).collect();
    assert_eq!(numbers, wanted, "{:#?}", rendered.events);
}

#[tokio::test]
async fn failures_of_a_frame_are_counted_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    system_blender().make_scene("animation", &scene, &["--samples", "2"]);
    let blender = stand_in(folder.path(), CRASHES_AT_FRAME_2);
    let options = ["--blender", blender.to_str().unwrap(), "--agents", "1"];
    let render = Render::start(&scene, folder.path(), &[&options[..], &["--frames", "2"]].concat());
    wait_for("a farm", Duration::from_mins(1), || Farm::found(folder.path()).is_some());
    let failures = |view: &FarmView| {
        view.jobs.first().and_then(|job| frame(job, 2)).map_or(0, |frame| frame.failures)
    };
    let before = Farm::of(folder.path()).wait_until("a crash", |view| failures(view) > 0).await;
    let farm = Farm::of(folder.path());
    farm.kill(farm.manager);
    render.finish();
    let mut resumed = Render::command(folder.path(), &[&["resume"], &options[..]].concat());
    wait_for("a farm", Duration::from_mins(1), || {
        Farm::found(folder.path()).is_some_and(|found| found.manager != farm.manager)
    });
    let again = Farm::of(folder.path());
    let after = again.wait_until("the job", |view| !view.jobs.is_empty()).await;
    assert!(failures(&after) >= failures(&before), "{:#?}", after.jobs);
    let error = resumed.wait_for_event("error").to_string();
    assert!(error.contains("frame 2") && error.contains("SIGSEGV"), "{error}");
    let log = fs_err::read_to_string(folder.path().join("data/farm.log")).unwrap();
    let crashes = log.matches("kind=Crashed").count();
    assert!((1..=4).contains(&crashes), "{crashes} crashes, of which one may be in vain: {log}");
}

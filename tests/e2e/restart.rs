//! A manager that is killed and started again goes on: nothing is lost, nothing is rendered twice.

use crate::losses::assert_equal_nearly_everywhere;
use blendnet_protocol::{AgentState, FarmView};
use blendnet_tests::{Farm, Render, descendants, is_running, system_blender, wait_for};
use std::collections::BTreeSet;
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

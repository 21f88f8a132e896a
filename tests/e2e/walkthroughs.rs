//! What people come to do (docs/walkthroughs.md), done by a real mouse in the real window, and the steps
//! that it takes.

use crate::failures::stand_in;
use crate::window::demo;
use blendnet_tests::{Farm, Window, colors, is_running, picture_area, system_blender, wait_for};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LONG: Duration = Duration::from_mins(4);

/// Ends with words of its own instead of rendering.
const BROKEN: &str = "#!/bin/sh
[ \"$1\" = --version ] && exec /usr/bin/blender --version
echo 'the license server is not there' >&2
exit 1
";

fn scene(folder: &Path, maker: &str, options: &[&str]) -> PathBuf {
    system_blender().make_scene(maker, &folder.join("scene.blend"), options)
}

fn open(folder: &Path, scene: &Path) -> Window {
    Window::open(folder, &[OsStr::new("open"), scene.as_os_str()])
}

fn preview(seen: &image::RgbImage) -> Option<()> {
    (colors(&picture_area(seen)) > 500).then_some(())
}

#[test]
fn the_demo_is_rendered_in_one_step_after_it_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    let window = open(folder.path(), &demo(folder.path()));
    window.press("Render");
    window.reads("Done: 1 frame");
    assert!(folder.path().join("render/demo_0001.exr").is_file());
    assert_eq!(window.steps(), ["click Render"]);
}

#[test]
fn a_missing_texture_is_found_and_the_scene_rendered_in_two_steps() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene(folder.path(), "external", &["--samples", "4"]);
    let elsewhere = folder.path().join("elsewhere");
    fs_err::rename(folder.path().join("textures"), &elsewhere).unwrap();
    let window = open(folder.path(), &scene);
    window.reads("1 file is missing");
    window.reads("files that the scene needs are missing");
    window.keep("missing");
    window.enter("Folder of missing files", elsewhere.to_str().unwrap());
    window.sees("that all files are found", |_| {
        let things = window.things();
        let says = |text: &str| things.iter().any(|thing| thing.name.contains(text));
        (says("Needs") && !says("missing")).then_some(())
    });
    window.keep("found");
    window.press("Render");
    window.reads("Done: 1 frame");
    assert_eq!(window.steps(), ["type into Folder of missing files, Enter", "click Render"]);
}

#[test]
fn a_render_that_is_good_enough_is_ended_and_its_picture_kept_in_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let size = ["--size", "320", "180", "--samples", "4096"];
    let window = open(folder.path(), &scene(folder.path(), "combined_only", &size));
    window.press("Render");
    window.sees("a preview", preview);
    window.press("Good enough");
    window.reads("Done: 1 frame");
    window.reads("of 4096");
    window.keep("good-enough");
    assert!(folder.path().join("render/scene_0001.exr").is_file());
    assert_eq!(window.steps(), ["click Render", "click Good enough"]);
}

#[test]
fn why_agents_fail_is_said_in_the_words_of_their_blender_with_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene(folder.path(), "combined_only", &[]);
    let blender = stand_in(folder.path(), BROKEN);
    fs_err::create_dir(folder.path().join("data")).unwrap();
    let settings = format!("blender = {blender:?}\n");
    fs_err::write(folder.path().join("data/settings.toml"), settings).unwrap();
    let window = open(folder.path(), &scene);
    window.press("Render");
    window.reads("starting");
    window.keep("agent-failed");
    window.press_a("DisclosureTriangle", "Details");
    window.reads("the license server is not there");
    window.keep("agent-failed-details");
    assert_eq!(window.steps(), ["click Render", "click Details"]);
    window.press("To the scene");
    window.finds("TextInput", "Blender");
}

#[tokio::test]
async fn everything_that_runs_is_stopped_in_three_steps_and_what_is_rendered_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let size = ["--size", "320", "180", "--samples", "4096"];
    let window = open(folder.path(), &scene(folder.path(), "combined_only", &size));
    window.press("Render");
    window.sees("a preview", preview);
    let farm = Farm::of(folder.path());
    let view = farm.wait_until("agents", |view| !view.agents.is_empty()).await;
    let agents: Vec<u32> = view.agents.iter().filter_map(|agent| agent.pid).collect();
    window.press("Farm");
    window.reads("2 agents");
    window.press("End all…");
    window.press("End all agents and the farm");
    // Which of two messages comes last, this one or that of the render, is a matter of moments.
    window.reads("Nothing. Agents start with a render");
    window.keep("all-ended");
    for agent in agents {
        wait_for("the end of an agent", LONG, || !is_running(agent));
    }
    let ended = ["click Farm", "click End all…", "click End all agents and the farm"];
    assert_eq!(window.steps()[1..], ended);
    window.press("Results");
    window.reads("1 render is not finished");
    window.keep("kept");
}

#[test]
fn how_long_a_render_takes_is_estimated_in_one_step_and_stands_beside_what_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let size = ["--size", "160", "90", "--samples", "64"];
    let scene = scene(folder.path(), "combined_only", &size);
    fs_err::create_dir(folder.path().join("data")).unwrap();
    let price = "usd_micros_per_hour = 120000\n";
    fs_err::write(folder.path().join("data/settings.toml"), price).unwrap();
    let window = open(folder.path(), &scene);
    window.press("Estimate");
    window.reads("every sample costs the same");
    window.keep("estimate");
    window.scroll((200, 600), 20);
    let money = window.finds("Image", "Money over the number of agents");
    window.sees("all of the estimate", |_| (money.at[3] < 760.0).then_some(()));
    window.keep("estimate-money");
    window.scroll_up((200, 600), 20);
    window.press("Render");
    window.reads("Done: 1 frame");
    window.reads("Estimated");
    assert_eq!(window.steps(), ["click Estimate", "click Render"]);
}

#[test]
fn a_render_that_is_clean_enough_is_ended_by_a_limit_that_it_gets_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let size = ["--size", "320", "180", "--samples", "4096"];
    let window = open(folder.path(), &scene(folder.path(), "combined_only", &size));
    window.press("Render");
    window.sees("a preview", preview);
    window.press("Change limits");
    window.keep("limits-of-a-render");
    window.enter("Noise", "0.5");
    window.press("Set");
    window.reads("Done: 1 frame");
    window.reads("of 4096");
    window.keep("clean-enough");
    let steps = ["click Render", "click Change limits", "type into Noise, Enter", "click Set"];
    assert_eq!(window.steps(), steps);
}

#[tokio::test]
async fn a_frame_is_put_before_the_others_in_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene(folder.path(), "animation", &["--samples", "64"]);
    let window = open(folder.path(), &scene);
    window.press("Animation");
    window.press("Render");
    window.press("Before the others");
    window.keep("frame-first");
    let steps = ["click Animation", "click Render", "click Before the others"];
    assert_eq!(window.steps(), steps);
}

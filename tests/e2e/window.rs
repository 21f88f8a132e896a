//! The whole way in the real window: opened, rendered, hurt, looked at, kept.

use crate::losses::assert_equal_nearly_everywhere;
use blendnet_protocol::{AgentState, FarmView};
use blendnet_tests::{
    Farm, Render, Window, colors, compare_exr, difference, is_running, main_button, picture_area,
    system_blender, wait_for,
};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Colours of what is wrong, and of what is to be looked at.
pub(crate) const BAD: [u8; 3] = [0xFF, 0x7B, 0x6B];
const WARNING: [u8; 3] = [0xF0, 0xC0, 0x4A];

pub(crate) const GOOD: [u8; 3] = [0x7A, 0xC9, 0x6F];
const FIRST_AGENT: [u8; 3] = [0x4E, 0x9F, 0xE0];

pub(crate) fn count_of(seen: &image::RgbImage, colors: &[[u8; 3]]) -> usize {
    seen.pixels().filter(|pixel| colors.contains(&pixel.0)).count()
}

/// Pixels in the darker colours of noise maps, which no picture has so many of.
fn heated(seen: &image::RgbImage) -> usize {
    seen.pixels().filter(|pixel| pixel.0[0] > 40 && pixel.0[1] == 0 && pixel.0[2] == 0).count()
}

/// With `make screens`: the demo scene, whose pictures are worth a look. Else one that is fast.
fn scene(folder: &Path) -> PathBuf {
    if std::env::var_os("BLENDNET_SCREENS").is_none() {
        let size = ["--size", "480", "270", "--samples", "96"];
        return system_blender().make_scene("glossy", &folder.join("scene.blend"), &size);
    }
    demo(folder)
}

/// A copy of the demo scene with its textures.
pub(crate) fn demo(folder: &Path) -> PathBuf {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo");
    for file in ["demo.blend", "textures/plaster.jpg", "textures/terrazzo.jpg"] {
        let to = folder.join(file);
        fs_err::create_dir_all(to.parent().unwrap()).unwrap();
        fs_err::copy(demo.join(file), to).unwrap();
    }
    folder.join("demo.blend")
}

#[tokio::test]
async fn a_scene_is_opened_rendered_and_kept_although_an_agent_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene(folder.path());
    let window = Window::open(folder.path(), &[]);
    window.sees("the empty window", |seen| (colors(seen) > 20).then_some(()));
    window.keep("1-empty");

    // The field for a path is below the bar, beside a button.
    window.click((500, 63));
    window.type_in(scene.to_str().unwrap());
    window.key("Return");
    let render = window.sees("the button that renders", main_button);
    window.keep("2-scene");
    window.click(render);

    let preview = |seen: &image::RgbImage| (colors(&picture_area(seen)) > 500).then_some(());
    window.sees("a preview", preview);
    let first = picture_area(&window.keep("3-preview"));
    let farm = Farm::of(folder.path());
    let victim = |view: &FarmView| view.agents.iter().find(|a| a.rendering.is_some()).cloned();
    let view = farm.wait_until("an agent that renders", |view| victim(view).is_some()).await;
    let victim = victim(&view).unwrap();
    farm.kill(victim.pid.unwrap());
    let is_gone = |view: &FarmView| {
        let lost = |a: &&blendnet_protocol::AgentView| a.id == victim.id;
        view.agents.iter().find(lost).is_none_or(|agent| agent.state != AgentState::Online)
    };
    farm.wait_until("the loss of the agent", is_gone).await;
    window.sees("the loss", |seen| (count_of(seen, &[BAD, WARNING]) > 12).then_some(()));
    window.keep("4-agent-killed");
    let grown =
        |seen: &image::RgbImage| (difference(&first, &picture_area(seen)) > 0.05).then_some(());
    window.sees("a preview that has grown", grown);

    let history = folder.path().join("data/history.jsonl");
    wait_for("the end of the render", Duration::from_mins(10), || history.is_file());
    window.point_at((420, 420));
    // Only what is done is said in green where no agent is listed any more.
    let says_done = |seen: &image::RgbImage| {
        let side = image::imageops::crop_imm(seen, 850, 60, 320, 690).to_image();
        (count_of(&side, &[GOOD]) > 12 && count_of(&side, &[FIRST_AGENT]) == 0).then_some(())
    };
    window.sees("that it is done", says_done);
    let done = window.keep("5-done");
    window.key("ctrl+4");
    window.sees("the results", |seen| (difference(seen, &done) > 0.05).then_some(()));
    window.keep("6-results");

    let stem = scene.file_stem().and_then(OsStr::to_str).unwrap();
    let ours = folder.path().join(format!("render/{stem}_0001.exr"));
    let other = folder.path().join("other");
    let theirs = Render::start(&scene, &other, &["--agents", "2"]).finish();
    assert_eq!(theirs.code, 0, "{:#?}", theirs.events);
    assert_equal_nearly_everywhere(&compare_exr(&ours, &theirs.exr(1)));
}

#[test]
fn where_a_picture_is_noisy_is_seen_beside_it_while_it_is_rendered() {
    let folder = tempfile::tempdir().unwrap();
    let size = ["--size", "480", "270", "--samples", "2048"];
    let blend = folder.path().join("scene.blend");
    let scene = system_blender().make_scene("combined_only", &blend, &size);
    let window = Window::open(folder.path(), &[OsStr::new("open"), scene.as_os_str()]);
    window.sees("the button that renders", main_button);
    window.key("F12");
    let preview = |seen: &image::RgbImage| (colors(&picture_area(seen)) > 500).then_some(());
    window.sees("a preview", preview);
    // The key does what the switch does: nothing before two parts are merged. Then a map that was
    // asked for has some looks to come before the key is pressed again.
    let looks = std::cell::Cell::new(0_u32);
    let map = |seen: &image::RgbImage| (heated(&picture_area(seen)) > 1000).then_some(());
    let seen = |seen: &image::RgbImage| {
        let found = map(seen);
        if found.is_none() && looks.replace(looks.get() + 1).is_multiple_of(8) {
            window.key("n");
        }
        found
    };
    window.sees("the noise map", seen);
    window.keep("noise");
    window.key("n");
    window.sees("the picture alone", |seen| (heated(&picture_area(seen)) < 100).then_some(()));
}

#[tokio::test]
async fn closing_the_window_keeps_what_is_rendered_and_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    let size = ["--size", "480", "270", "--samples", "128"];
    let blend = folder.path().join("scene.blend");
    let scene = system_blender().make_scene("glossy", &blend, &size);
    let mut window = Window::open(folder.path(), &[OsStr::new("open"), scene.as_os_str()]);
    window.sees("the button that renders", main_button);
    window.key("F12");
    let preview = |seen: &image::RgbImage| (colors(&picture_area(seen)) > 500).then_some(());
    window.sees("a preview", preview);
    let farm = Farm::of(folder.path());
    let view = farm.wait_until("something merged", |view| view.jobs[0].done > 0.05).await;
    let agents: Vec<u32> = view.agents.iter().filter_map(|agent| agent.pid).collect();
    window.close();
    for agent in agents {
        wait_for("the end of an agent", Duration::from_mins(1), || !is_running(agent));
    }
    let mut resumed = Render::command(folder.path(), &["resume"]);
    let progress = resumed.wait_for_event("progress");
    assert!(progress["done"].as_f64() > Some(0.04), "what was rendered is kept: {progress}");
    assert_eq!(resumed.finish().code, 0);
}

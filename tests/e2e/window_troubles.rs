//! The real window in trouble: a manager that is gone, a full disk, no Blender, no OpenGL, broken files.

use crate::failures::Disk;
use crate::window::{BAD, GOOD, count_of};
use blendnet_tests::{
    Farm, Window, colors, main_button, opened_without_opengl, picture_area, system_blender,
    wait_for,
};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LONG: Duration = Duration::from_mins(4);

/// The window with a scene that is fast to render, once it can be rendered.
fn with_scene(folder: &Path, samples: &str) -> Window {
    let size = ["--size", "480", "270", "--samples", samples];
    let scene = system_blender().make_scene("glossy", &folder.join("scene.blend"), &size);
    let window = Window::open(folder, &[OsStr::new("open"), scene.as_os_str()]);
    window.sees("the button that renders", main_button);
    window
}

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/demo.blend")
}

fn is_wrong(seen: &image::RgbImage) -> Option<()> {
    (count_of(seen, &[BAD]) > 40).then_some(())
}

fn preview(seen: &image::RgbImage) -> Option<()> {
    (colors(&picture_area(seen)) > 500).then_some(())
}

#[tokio::test]
async fn a_manager_that_is_gone_is_told_and_the_render_goes_on_with_what_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let window = with_scene(folder.path(), "128");
    window.key("F12");
    window.sees("a preview", preview);
    let farm = Farm::of(folder.path());
    farm.wait_until("something merged", |view| view.jobs[0].done > 0.05).await;
    let json = fs_err::read_to_string(farm.dir.join("farm.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    farm.kill(u32::try_from(json["pid"].as_u64().unwrap()).unwrap());
    window.sees("that it is gone", is_wrong);
    window.keep("manager-gone");
    // The button that goes on has the colour of the one that renders.
    let go_on = window.sees("the button that goes on", main_button);
    window.click(go_on);
    let history = folder.path().join("data/history.jsonl");
    wait_for("the end of the render", LONG, || history.is_file());
    assert!(folder.path().join("render/scene_0001.exr").is_file());
}

#[test]
fn a_full_disk_at_saving_is_told_and_the_picture_is_saved_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(&folder.path().join("render"), 300) else { return };
    disk.fill();
    let window = with_scene(folder.path(), "16");
    window.key("F12");
    window.sees("that the disk is full", is_wrong);
    window.keep("disk-full");
    let picture = folder.path().join("render/scene_0001.exr");
    assert!(!picture.exists(), "no half of a picture");
    disk.free();
    let go_on = window.sees("the button that goes on", main_button);
    window.click(go_on);
    let is_done = |seen: &image::RgbImage| (count_of(seen, &[GOOD]) > 12).then_some(());
    window.sees("that it is done", is_done);
    assert!(picture.is_file());
}

#[test]
fn a_scene_that_is_newer_than_every_blender_here_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--images", "1", "--vertices", "10"];
    let blend = folder.path().join("scene.blend");
    let scene = system_blender().make_scene("many_images", &blend, &options);
    let mut bytes = fs_err::read(&scene).unwrap();
    assert!(bytes.starts_with(b"BLENDER"), "it is not compressed");
    bytes[9..12].copy_from_slice(b"999");
    fs_err::write(&scene, &bytes).unwrap();
    let window = Window::open(folder.path(), &[OsStr::new("open"), scene.as_os_str()]);
    window.sees("the button that renders", main_button);
    window.key("F12");
    window.sees("what is wrong", is_wrong);
    window.keep("blender-too-old");
}

#[test]
fn a_display_without_opengl_is_told_with_what_to_do_instead() {
    let folder = tempfile::tempdir().unwrap();
    let output = opened_without_opengl(folder.path());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("OpenGL") && said.contains("blendnet --help"), "{said}");
}

#[tokio::test]
async fn a_file_that_is_no_scene_is_told_and_the_window_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.blend");
    fs_err::write(&broken, b"BLENDER-v304 and nothing that belongs there").unwrap();
    let window = Window::open(folder.path(), &[OsStr::new("open"), broken.as_os_str()]);
    window.sees("what is wrong with it", |seen| (count_of(seen, &[BAD]) > 40).then_some(()));
    window.keep("broken-file");
    window.click((500, 63));
    window.type_in(demo().to_str().unwrap());
    window.key("Return");
    window.sees("the button that renders", main_button);
}

#[test]
fn without_a_display_the_window_says_what_to_do_instead() {
    let folder = tempfile::tempdir().unwrap();
    let mut blendnet = blendnet_tests::command("blendnet");
    blendnet.arg("--data-dir").arg(folder.path()).env_remove("DISPLAY");
    let said =
        blendnet.env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET").output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("no display") && said.contains("blendnet --help"), "{said}");
}

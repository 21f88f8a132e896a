//! How long it takes from the operator's call in Blender until the scene stands in the window.

use crate::say;
use blendnet_tests::{Blender, Window, program};
use serde_json::Value;
use std::path::Path;

/// Most seconds beside one and a half times Blender's own.
const BESIDE_SECS: f64 = 1.0;

/// Prints the figure for a small and a large scene, with a window that is open and one that is not.
pub(crate) fn run(blender: &Blender) {
    let folder = tempfile::tempdir().expect("a folder");
    let large = folder.path().join("large.blend");
    let large = blender.make_scene("many_images", &large, &["--images", "200"]);
    let small = blender.make_scene("glossy", &folder.path().join("small.blend"), &[]);
    let add_on = folder.path().join("scripts/addons/blendnet_bridge");
    fs_err::create_dir_all(&add_on).expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../blender_bridge/__init__.py");
    fs_err::copy(source, add_on.join("__init__.py")).expect("the add-on");
    let other = tempfile::tempdir().expect("a folder");
    let display = Window::open(other.path(), &[]);
    let window = Window::open(folder.path(), &[]);
    for (name, scene) in [("small", &small), ("large", &large)] {
        row(&format!("{name} scene, window open"), blender, scene, folder.path(), &display);
    }
    drop(window);
    row("small scene, window started", blender, &small, folder.path(), &display);
    end_window(folder.path());
}

fn row(what: &str, blender: &Blender, scene: &Path, folder: &Path, display: &Window) {
    let mut command = blender.script("send", Some(scene));
    let programs = program("blendnet").with_file_name("");
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .arg("measure")
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("BLENDER_USER_SCRIPTS", folder.join("scripts"))
        .env("BLENDNET_DIR", folder.join("data"))
        .env("DISPLAY", display.display());
    let output = command.output().expect("Blender starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("{\"before\""));
    let said: Value = line.and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let secs = |name: &str| said.pointer(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let (save, send) = (secs("/secs/save"), secs("/secs/send"));
    let bytes = fs_err::metadata(scene).map(|file| file.len()).unwrap_or_default();
    say(&format!(
        "handoff, {what} ({} MB): Blender saves in {save:.2} s, the scene stands in the window after \
         {send:.2} s (at most {:.2})",
        bytes / 1_000_000,
        save * 1.5 + BESIDE_SECS
    ));
}

/// The window that Blender started stays when Blender ends, and here it has to go.
fn end_window(folder: &Path) {
    let sign = fs_err::read(folder.join("data/door/door.json")).unwrap_or_default();
    let sign: Value = serde_json::from_slice(&sign).unwrap_or_default();
    if let Some(pid) = sign.get("pid").and_then(Value::as_u64) {
        drop(std::process::Command::new("kill").arg(pid.to_string()).status());
    }
}

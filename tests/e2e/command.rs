//! The command line, with all that people do wrong.

use blendnet_tests::{Render, Rendered, system_blender};
use fs_err as fs;
use std::path::Path;

fn fail(scene: &Path, folder: &Path, options: &[&str], code: i32) -> Rendered {
    let rendered = Render::start(scene, folder, options).finish();
    assert_eq!(rendered.code, code, "{:#?}", rendered.events);
    let error = rendered.event("error");
    assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()), "{error}");
    rendered
}

#[test]
fn what_is_not_a_blend_file_is_refused_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.blend");
    fs::write(&text, "not a scene").unwrap();
    let gone = folder.path().join("gone.blend");
    for path in [text.as_path(), folder.path(), gone.as_path()] {
        fail(path, folder.path(), &[], 2);
    }
    assert!(!folder.path().join("data/farm/jobs").exists(), "no farm was started");
}

#[test]
fn a_truncated_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    system_blender().make_scene("glossy", &scene, &[]);
    let bytes = fs::read(&scene).unwrap();
    fs::write(&scene, &bytes[..bytes.len() / 2]).unwrap();
    let rendered = fail(&scene, folder.path(), &["--agents", "1"], 2);
    let message = rendered.event("error").to_string();
    assert!(message.contains("scene.blend"), "{message}");
}

#[test]
fn settings_that_are_not_in_the_scene_are_refused_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    system_blender().make_scene("glossy", &scene, &[]);
    for option in ["--scene", "--camera", "--view-layer"] {
        let rendered = fail(&scene, folder.path(), &[option, "Nowhere", "--agents", "1"], 2);
        assert!(rendered.event("error").to_string().contains("Nowhere"), "{option}");
    }
    fail(&scene, folder.path(), &["--samples", "0"], 2);
    fail(&scene, folder.path(), &["--frames", "3-1"], 2);
}

#[test]
fn a_scene_without_a_camera_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    system_blender().make_scene("no_camera", &scene, &[]);
    let rendered = fail(&scene, folder.path(), &["--agents", "1"], 2);
    assert!(rendered.event("error").to_string().contains("camera"));
}

#[test]
fn missing_files_are_named_before_the_render() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    system_blender().make_scene("external", &scene, &[]);
    let rendered = Render::start(&scene, folder.path(), &["--agents", "1"]).finish();
    assert_eq!(rendered.code, 0, "with all files: {:#?}", rendered.events);

    let mut textures = Vec::new();
    images(folder.path(), &mut textures);
    assert!(!textures.is_empty(), "the scene has textures beside it");
    for texture in &textures {
        fs::remove_file(texture).unwrap();
    }
    let rendered = fail(&scene, folder.path(), &["--agents", "1"], 3);
    let error = rendered.event("error").to_string();
    for name in ["Oberfläche 1.png", "sequence/frame_", "<UDIM>"] {
        assert!(error.contains(name), "{name} is in {error}");
    }
}

fn images(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "data" && name != "pictures" {
            images(&path, found);
        } else if path.extension().is_some_and(|e| e == "png" || e == "jpg") {
            found.push(path);
        }
    }
}

#[test]
fn scripts_in_a_scene_do_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    system_blender().make_scene("script", &scene, &[]);
    let before = listing(folder.path());
    let rendered = Render::start(&scene, folder.path(), &["--agents", "1"]).finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    assert_eq!(listing(folder.path()), before);
}

/// Files beside the scene.
fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|n| n != "data" && n != "pictures").collect();
    names.sort();
    names
}

#[test]
fn no_blender_at_all_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    system_blender().make_scene("many_images", &scene, &["--images", "1", "--vertices", "10"]);
    let mut bytes = fs::read(&scene).unwrap();
    assert!(bytes.starts_with(b"BLENDER"), "it is not compressed");
    bytes[9..12].copy_from_slice(b"999");
    fs::write(&scene, &bytes).unwrap();
    let rendered = fail(&scene, folder.path(), &["--agents", "1"], 4);
    let error = rendered.event("error").to_string();
    assert!(error.contains("3.4"), "the installed version is named: {error}");
}

//! Packs of scenes of real Blenders render like the scenes.

use crate::exactness::{ROUNDING, assert_equal, render};
use blendnet_tests::{Blender, Render, blenders, command, compare_exr, system_blender};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A frame in which the cloth has fallen and the sequence shows its last picture.
const FRAME: i32 = 10;

fn pack(scene: &Path, output: &Path, options: &[&str]) -> (i32, String) {
    let mut blendnet = command("blendnet");
    let done = blendnet.arg("pack").arg(scene).arg("-o").arg(output).args(options).output();
    let done = done.unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// A scene of all kinds of files, some of them in a folder that it names by its absolute path.
fn scattered_scene(blender: &Blender, scene: &Path, folder: &Path) -> PathBuf {
    let options = ["--scattered", folder.to_str().unwrap(), "--samples", "4"];
    blender.make_scene("external", scene, &options)
}

fn assert_same(blender: &Blender, ours: &Path, theirs: &Path, what: &str) {
    for difference in compare_exr(ours, theirs) {
        assert!(difference.largest <= 0.0, "{what} of {}: {difference:?}", blender.path.display());
    }
}

#[test]
fn a_packed_scene_renders_the_same_pixels_when_nothing_else_is_left() {
    for blender in blenders() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let scene = scattered_scene(&blender, &at("work/shot/scene.blend"), &at("nas"));
        let theirs = blender.one_go(&scene, &at("theirs.exr"), FRAME);
        let samples = ["--frames", "10", "--split", "samples"];
        let rendered = render(&blender, &scene, &at("farm"), &samples);
        assert_equal(&compare_exr(&rendered.exr(FRAME), &theirs), ROUNDING);

        let (code, said) = pack(&scene, &at("packed/pack"), &[]);
        assert_eq!(code, 0, "{said}");
        let (code, said) = pack(&scene, &at("packed/pack.zip"), &[]);
        assert_eq!(code, 0, "{said}");
        // Nothing may be found only because it is still there.
        for gone in ["work", "nas"] {
            fs_err::rename(at(gone), at("packed").join(format!("was {gone}"))).unwrap();
        }
        let ours = blender.one_go(&at("packed/pack/scene.blend"), &at("ours.exr"), FRAME);
        assert_same(&blender, &ours, &theirs, "the folder");
        let mut unzip = Command::new("python3");
        let unzip = unzip.args(["-m", "zipfile", "-e"]).arg(at("packed/pack.zip")).arg(at("un"));
        assert!(unzip.status().unwrap().success());
        let ours = blender.one_go(&at("un/scene.blend"), &at("unzipped.exr"), FRAME);
        assert_same(&blender, &ours, &theirs, "the zip");
    }
}

#[test]
fn frames_whose_files_come_one_by_one_are_the_one_machines() {
    let blender = system_blender();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let scene = scattered_scene(&blender, &at("shot/scene.blend"), &at("nas"));
    let rendered = render(&blender, &scene, &at("farm"), &["--frames", "1-4,12"]);
    for frame in [1, 2, 3, 4, 12] {
        let theirs = blender.one_go(&scene, &at("theirs.exr"), frame);
        assert_equal(&compare_exr(&rendered.exr(frame), &theirs), ROUNDING);
    }
}

#[test]
fn what_was_moved_is_rendered_from_where_it_is_now() {
    let blender = system_blender();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let scene = scattered_scene(&blender, &at("shot/scene.blend"), &at("nas"));
    let theirs = blender.one_go(&scene, &at("theirs.exr"), 1);
    fs_err::rename(at("nas"), at("backup")).unwrap();
    let lost = Render::start(&scene, &at("lost"), &["--frames", "1"]).finish();
    assert_eq!(lost.code, 3, "files are missing: {:#?}", lost.events);
    let moved = format!("{}={}", at("nas").display(), at("backup").display());
    let options = ["--frames", "1", "--split", "samples", "--moved", &moved];
    let rendered = render(&blender, &scene, &at("farm"), &options);
    assert_equal(&compare_exr(&rendered.exr(1), &theirs), ROUNDING);
}

#[test]
fn packs_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let scene = system_blender().make_scene("external", &at("scene.blend"), &["--missing"]);
    let (code, said) = pack(&scene, &at("pack"), &[]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("Oberfläche 1.png") && said.contains("--allow-missing"), "{said}");
    assert!(!at("pack").exists());
    let (code, said) = pack(&scene, &at("pack.zip"), &["--allow-missing"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = pack(&scene, &at("pack.zip"), &["--allow-missing"]);
    assert_eq!((code, said.contains("--overwrite")), (2, true), "{said}");
    let (code, said) = pack(&scene, &at("library"), &["--allow-missing"]);
    assert_eq!((code, said.contains("is there already")), (2, true), "{said}");
    let (code, said) = pack(&at("pack.zip"), &at("other"), &[]);
    assert_eq!((code, said.contains("not a .blend")), (2, true), "{said}");
}

#[test]
fn an_upload_that_was_killed_at_half_sends_only_the_rest() {
    const SIZE_BYTES: u64 = 600 << 20;
    let folder = tempfile::tempdir().unwrap();
    let scene = system_blender().make_scene("external", &folder.path().join("scene.blend"), &[]);
    let texture = folder.path().join("textures/Oberfläche 1.png");
    fs_err::OpenOptions::new().write(true).open(texture).unwrap().set_len(SIZE_BYTES).unwrap();
    let render = |folder: &Path| Render::start(&scene, folder, &["--agents", "1"]);
    let done = |event: &Value| event["bytes_done"].as_u64().filter(|_| event["event"] == "upload");

    let mut first = render(folder.path());
    let half = first.wait_for("half of it", |event| done(event) > Some(SIZE_BYTES / 2));
    first.signal("KILL");
    let _killed = first.finish();
    let half = half["bytes_done"].as_u64().unwrap();
    assert!(half < SIZE_BYTES, "it was killed before the end");

    let mut second = render(folder.path());
    let begun = second.wait_for("its bytes", |event| done(event) > Some(0));
    assert!(begun["bytes_done"].as_u64().unwrap() >= SIZE_BYTES / 2, "{begun} after {half}");
    second.wait_for_event("job");
    second.signal("INT");
    let _stopped = second.finish();
}

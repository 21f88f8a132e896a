//! What `trace` and `inspect` say of files of real Blenders, without starting one.

use blendnet_tests::{Blender, blenders, command, system_blender};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Runs `blendnet … --json FILE`; the exit code, and what it printed.
fn ask(command: &str, scene: &Path) -> (i32, Vec<Value>) {
    let mut blendnet = blendnet_tests::command("blendnet");
    let output = blendnet.args([command, "--json"]).arg(scene).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let values = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code().unwrap(), values)
}

fn paths(list: &Value) -> Vec<PathBuf> {
    list.as_array().unwrap().iter().map(|path| path.as_str().unwrap().into()).collect()
}

/// What is traced of a kind of scene, by path: whether it is there. Without what no frame needs.
fn traced(blender: &Blender, kind: &str) -> BTreeMap<PathBuf, bool> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let scene = root.join("scene.blend");
    blender.make_scene("kinds", &scene, &["--kind", kind]);
    let text = fs_err::read(scene.with_extension("json")).unwrap();
    let expected: Value = serde_json::from_slice(&text).unwrap();
    let (_code, files) = ask("trace", &scene);
    let ours: BTreeMap<PathBuf, bool> = files
        .iter()
        .filter(|file| file["frames"] != "")
        .map(|file| (file["path"].as_str().unwrap().into(), file["exists"].as_bool().unwrap()))
        .collect();
    let all: Vec<_> = ours.keys().collect();
    for needed in paths(&expected["needed"]) {
        assert_eq!(ours.get(&needed), Some(&true), "{}: {all:#?}", needed.display());
    }
    // Blender names sequences by their first file, whether a frame needs that or not.
    let any: Vec<&str> = files.iter().map(|file| file["path"].as_str().unwrap()).collect();
    for listed in paths(&expected["blender"]).iter().filter(|path| path.is_file()) {
        let listed = listed.to_str().unwrap();
        assert!(any.contains(&listed), "Blender lists {listed}: {any:#?}");
    }
    let relative = |(path, there): (PathBuf, bool)| {
        (path.strip_prefix(&root).map_or(path.clone(), Path::to_owned), there)
    };
    ours.into_iter().map(relative).collect()
}

#[test]
fn every_spelling_of_an_image_is_found_and_only_those_that_are_needed() {
    for blender in blenders() {
        let files = traced(&blender, "images");
        let lacks = ["tex/packed.png", "seq/s_0001.png", "seq/s_0005.png"];
        assert!(lacks.iter().all(|name| !files.contains_key(Path::new(name))), "{files:#?}");
        let missing: Vec<_> = files.iter().filter(|(_, there)| !**there).collect();
        assert_eq!(missing.len(), 2, "a drive and a share: {missing:#?}");
    }
}

#[test]
fn strips_volumes_clips_scripts_lamps_and_caches_of_meshes_are_found() {
    for blender in blenders() {
        let files = traced(&blender, "media");
        assert!(!files.contains_key(Path::new("vdb/v_0009.vdb")), "beyond its frames: {files:#?}");
    }
}

#[test]
fn caches_of_simulations_are_found_frame_by_frame() {
    for blender in blenders() {
        let files = traced(&blender, "caches");
        assert!(!files.contains_key(Path::new("blendcache_scene/other.txt")), "{files:#?}");
        traced(&blender, "fluid");
        traced(&blender, "multires");
    }
}

#[test]
fn bakes_of_geometry_nodes_are_found() {
    // The system's Blender is older than they are.
    for blender in blenders().into_iter().skip(1) {
        assert!(!traced(&blender, "simulation").is_empty());
    }
}

#[test]
fn libraries_are_followed_with_paths_of_their_own() {
    for blender in blenders() {
        traced(&blender, "libraries");
    }
}

#[test]
fn what_is_inspected_is_what_was_set() {
    for blender in blenders() {
        let folder = tempfile::tempdir().unwrap();
        let scene = folder.path().join("scene.blend");
        let options = ["--size", "320", "200", "--samples", "77", "--format", "JPEG"];
        blender.make_scene("adaptive", &scene, &options);
        let (code, found) = ask("inspect", &scene);
        assert_eq!(code, 0);
        let found = &found[0]["scenes"][0];
        assert_eq!((&found["width_px"], &found["height_px"]), (&320.into(), &200.into()));
        assert_eq!(
            (&found["engine"], &found["output"]["format"]),
            (&"CYCLES".into(), &"JPEG".into())
        );
        let cycles = &found["cycles"];
        assert_eq!(
            (&cycles["samples"], &cycles["adaptive"]),
            (&77.into(), &true.into()),
            "{cycles}"
        );
        assert_eq!(found["camera"], "Camera");
    }
}

#[test]
fn an_inspection_warns_of_what_costs_money() {
    let folder = tempfile::tempdir().unwrap();
    let codes = |name: &str, options: &[&str]| {
        let scene = folder.path().join(name).with_extension("blend");
        system_blender().make_scene(name, &scene, options);
        let (_code, found) = ask("inspect", &scene);
        let warnings = found[0]["warnings"].as_array().unwrap().clone();
        warnings.iter().map(|w| w["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(codes("no_camera", &[]).contains(&"no_camera".to_owned()));
    assert!(codes("workbench", &[]).contains(&"engine".to_owned()));
    let caches = codes("kinds", &["--kind", "caches"]);
    assert!(caches.contains(&"unbaked_simulation".to_owned()), "{caches:?}");
    assert_eq!(codes("glossy", &[]), Vec::<String>::new());
}

#[test]
fn blenders_own_list_is_shown_beside_ours() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/pack/tests/data");
    for blender in blenders() {
        let compared = |kind: &str| {
            let mut blendnet = command("blendnet");
            blendnet.args(["trace", "--json", "--compare", "--blender"]).arg(&blender.path);
            let output = blendnet.arg(data.join(kind).join("scene.blend")).output().unwrap();
            let lines = String::from_utf8(output.stdout).unwrap();
            let file = |line: &str| {
                let file: Value = serde_json::from_str(line).unwrap();
                let path = file["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
                (path, (file["kind"] == "unknown", file["listed_by_blender"] == true))
            };
            lines.lines().map(file).collect::<BTreeMap<_, _>>()
        };
        let images = compared("image");
        assert_eq!(images["sky.png"], (false, true), "{images:?}");
        assert_eq!(images["brush.png"], (true, true), "{images:?}");
        let caches = compared("point_caches");
        assert!(caches.values().all(|one| *one == (false, false)), "{caches:?}");
    }
}

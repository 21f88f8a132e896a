//! Add-ons that a render needs travel with the scene.

use crate::exactness::{ROUNDING, assert_equal};
use blendnet_net::blobs::hash_file;
use blendnet_protocol::{
    ADD_ONS, Manifest, ManifestFile, Overrides, PackPath, SceneSpec, Work, WorkId, WorkKind,
    WorkState, WorkStatus,
};
use blendnet_tests::{Render, Rendered, Server, compare_exr, system_blender};
use serde_json::to_value;
use std::path::{Path, PathBuf};

const SIZE: [&str; 5] = ["--size", "96", "54", "--samples", "8"];

fn add_on(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes/add_ons").join(name)
}

fn render(scene: &Path, folder: &Path, options: &[&str], variables: &[(&str, &str)]) -> Rendered {
    let rendered = Render::start_with(scene, folder, options, variables).finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    rendered
}

fn are_equal(one: &Path, other: &Path) -> bool {
    compare_exr(one, other).iter().all(|difference| difference.largest < 0.01)
}

#[test]
fn an_add_on_that_is_named_goes_along_and_the_next_scene_is_without_it() {
    let blender = system_blender();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let scene = blender.make_scene("combined_only", &path("scene.blend"), &SIZE);
    let lift = add_on("lift.py");
    let lifted = blender.one_go_after(&[&lift], &scene, &path("lifted.exr"), 1);
    let plain = blender.one_go(&scene, &path("plain.exr"), 1);
    assert!(!are_equal(&lifted, &plain));
    let farm = ["farm", "start", "--agents", "1", "--threads-per-agent", "1"];
    assert_eq!(Render::command(folder.path(), &farm).finish().code, 0);
    let with = render(&scene, folder.path(), &["--add-on", lift.to_str().unwrap()], &[]);
    assert_equal(&compare_exr(&with.exr(1), &lifted), ROUNDING);
    let without = render(&scene, folder.path(), &[], &[]);
    assert_equal(&compare_exr(&without.exr(1), &plain), ROUNDING);
    assert_eq!(Render::command(folder.path(), &["farm", "stop"]).finish().code, 0);
}

#[test]
fn an_installed_add_on_whose_node_the_file_names_goes_along_by_itself() {
    let blender = system_blender();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let scene = blender.make_scene("snowed", &path("scene.blend"), &SIZE);
    let installed = path("config/blender/3.4/scripts/addons/snow");
    fs_err::create_dir_all(&installed).unwrap();
    for file in ["__init__.py", "nodes.py"] {
        fs_err::copy(add_on("snow").join(file), installed.join(file)).unwrap();
    }
    let start = path("start.py");
    let turn_on = format!(
        "import sys, addon_utils\nsys.path.insert(0, {:?})\naddon_utils.enable('snow')\n",
        installed.parent().unwrap()
    );
    fs_err::write(&start, turn_on).unwrap();
    let snowed = blender.one_go_after(&[&start], &scene, &path("snowed.exr"), 1);
    let plain = blender.one_go(&scene, &path("plain.exr"), 1);
    assert!(!are_equal(&snowed, &plain));
    let config = path("config");
    let options = ["--agents", "1", "--threads-per-agent", "1"];
    let home = [("XDG_CONFIG_HOME", config.to_str().unwrap())];
    let rendered = render(&scene, folder.path(), &options, &home);
    assert_equal(&compare_exr(&rendered.exr(1), &snowed), ROUNDING);
}

#[test]
fn an_add_on_that_fails_is_named_before_anything_is_rendered() {
    let folder = tempfile::tempdir().unwrap();
    let scene =
        system_blender().make_scene("combined_only", &folder.path().join("scene.blend"), &SIZE);
    let broken = add_on("broken.py");
    let options = ["--agents", "1", "--add-on", broken.to_str().unwrap()];
    let rendered = Render::start(&scene, folder.path(), &options).finish();
    let error = rendered.event("error")["message"].to_string();
    assert!(error.contains("`broken`") && error.contains("a_module_that_is_not_there"), "{error}");
    let nothing = Render::start(&scene, folder.path(), &["--add-on", "no such thing"]).finish();
    assert!(nothing.event("error")["message"].to_string().contains("no such thing"));
    assert!(nothing.code == 2 && !nothing.events.iter().any(|event| event["event"] == "farm"));
}

#[test]
fn an_add_on_that_is_never_done_does_not_hold_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let scene =
        system_blender().make_scene("combined_only", &folder.path().join("scene.blend"), &SIZE);
    let dir = folder.path().join("agent");
    let server = Server::start("blendnet-agent", &dir, &["--hang-timeout-secs", "4"]);
    let endless = add_on("endless.py");
    let place = format!("{ADD_ONS}/endless.py");
    let files = [("scene.blend", &scene), (place.as_str(), &endless)].map(|(place, path)| {
        let (blob, size_bytes) = hash_file(path).unwrap();
        server.upload(&format!("blob/{blob}"), path);
        ManifestFile::new(PackPath::new(place).unwrap(), blob, size_bytes)
    });
    let manifest = Manifest { project: files[0].path.clone(), files: files.to_vec() };
    let overrides = Overrides { add_ons: vec!["endless".to_owned()], ..Overrides::default() };
    let spec = SceneSpec { manifest, overrides };
    let json = folder.path().join("scene.json");
    fs_err::write(&json, serde_json::to_vec(&spec).unwrap()).unwrap();
    let (name, _) = hash_file(&json).unwrap();
    server.put(&format!("scene/{name}"), &to_value(&spec).unwrap());
    let work = Work::new(
        WorkId::new("look").unwrap(),
        blendnet_protocol::SceneId::new(name.as_str()).unwrap(),
        WorkKind::Inspect,
    );
    server.put("work/look", &to_value(&work).unwrap());
    let mut generation = 0;
    let failure = loop {
        let report = server.get(&format!("work?after={generation}&wait_secs=20"));
        generation = report["generation"].as_u64().unwrap();
        let status: WorkStatus = serde_json::from_value(server.get("work/look")).unwrap();
        match status.state {
            WorkState::Queued | WorkState::Running(_) => {}
            WorkState::Failed(failure) => break failure,
            other => panic!("{other:?}"),
        }
    };
    assert!(failure.message.contains("`endless`"), "{failure:?}");
    assert!(failure.message.contains("not done after 2 s"), "{failure:?}");
}

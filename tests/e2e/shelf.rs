//! Agents without a Blender of their own get the farm's.

use crate::exactness::{ROUNDING, assert_equal};
use blendnet_tests::{Blender, Render, Rendered, Server, blenders, command, compare_exr};
use fs_err as fs;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// One whose library moves; `None`, and a message, where there is none.
fn module() -> Option<Blender> {
    let found = blenders().into_iter().filter(|blender| blender.is_module);
    let found = found.max_by_key(|blender| blender.path.to_string_lossy().contains("bpy-4.5"));
    if found.is_none() {
        let skipped = b"SKIPPED: no bpy module in BLENDNET_TEST_BPY\n";
        std::io::stderr().write_all(skipped).unwrap();
    }
    found
}

/// `blendnet blender ARGUMENTS`, which must succeed.
fn blender(folder: &Path, arguments: &[&str]) -> Value {
    let mut command = command("blendnet");
    command.arg("--data-dir").arg(folder.join("data")).args(["--json", "blender"]).args(arguments);
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_str(said.trim()).unwrap()
}

/// A farm without agents of its own, and an agent that has no Blender.
struct Bare {
    manager: Server,
    agent: Server,
}

const OPTIONS: [&str; 3] = ["--farm-blenders", "--threads", "1"];

impl Bare {
    fn start(folder: &Path) -> Self {
        let shelf = folder.join("data/blenders/shelf");
        let options = ["--shelf", shelf.to_str().unwrap()];
        let manager = Server::start("blendnet-manager", &folder.join("data/farm"), &options);
        let agent = Server::start("blendnet-agent", &folder.join("agent"), &OPTIONS);
        manager.add_agent("bare", &agent);
        Self { manager, agent }
    }

    /// How often the farm sent a Blender.
    fn sent(&self) -> usize {
        self.manager.log().matches("sending a Blender").count()
    }
}

fn render(scene: &Path, folder: &Path, options: &[&str]) -> Rendered {
    Render::start(scene, folder, options).finish()
}

#[test]
fn an_agent_without_a_blender_gets_the_farms_once_and_renders_the_same_image() {
    let Some(module) = module() else { return };
    let folder = tempfile::tempdir().unwrap();
    let scene =
        module.make_scene("glossy", &folder.path().join("scene.blend"), &["--samples", "8"]);
    let alone = module.one_go(&scene, &folder.path().join("one_go.exr"), 1);
    let added = blender(folder.path(), &["add", module.path.to_str().unwrap(), "--share"]);
    let shelf = blender(folder.path(), &["shelf"]);
    assert_eq!(shelf[0]["version"], added[0]["version"]);

    let mut farm = Bare::start(folder.path());
    assert_eq!(farm.agent.get("work")["blenders"], json!([]));
    let rendered = render(&scene, folder.path(), &[]);
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    assert_equal(&compare_exr(&alone, &rendered.exr(1)), ROUNDING);
    let report = farm.agent.get("work");
    let path = PathBuf::from(report["blenders"][0]["path"].as_str().unwrap());
    assert!(path.starts_with(folder.path().join("agent/blenders")), "{report}");
    let tried = &report["parity"][0];
    assert_eq!((&tried["path"], &tried["unfit"]), (&report["blenders"][0]["path"], &Value::Null));
    let archive = shelf[0]["blob"].as_str().unwrap();
    assert!(!folder.path().join("agent/blobs").join(archive).exists(), "it is unpacked already");
    assert_eq!(farm.sent(), 1);

    // It has it still when it is started again.
    farm.agent.signal("KILL");
    farm.agent.ended();
    let (address, dir) = (farm.agent.address.clone(), farm.agent.dir.clone());
    farm.agent = Server::start_at(&address, "blendnet-agent", &dir, &OPTIONS);
    let again = render(&scene, folder.path(), &["--samples", "4"]);
    assert_eq!(again.code, 0, "{:#?}", again.events);
    assert_eq!(farm.sent(), 1, "it was not sent twice");
}

/// What a render says when the one Blender on the shelf is `kept`, with these bytes as its archive.
fn refused(scene: &Path, kept: &Value, archive: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let shelf = folder.path().join("data/blenders/shelf");
    fs::create_dir_all(&shelf).unwrap();
    let place = shelf.join(kept["blob"].as_str().unwrap());
    fs::write(&place, archive).unwrap();
    fs::write(place.with_extension("json"), kept.to_string()).unwrap();
    let _farm = Bare::start(folder.path());
    let rendered = render(scene, folder.path(), &[]);
    assert_eq!(rendered.code, 4, "{:#?}", rendered.events);
    rendered.event("error")["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_blender_that_is_damaged_or_for_another_platform_is_not_used_and_the_render_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let system = blendnet_tests::system_blender();
    let scene =
        system.make_scene("glossy", &folder.path().join("scene.blend"), &["--samples", "1"]);
    let kept = json!({
        "blob": "a".repeat(64), "size_bytes": 9, "unpacked_bytes": 9, "version": "3.6.5",
        "is_module": false, "platform": format!("linux-{}", std::env::consts::ARCH),
    });
    let why = refused(&scene, &kept, b"something");
    assert!(why.contains("no Blender is installed here") && why.contains("is damaged"), "{why}");
    assert!(why.contains("3.6.5") && why.contains(&"a".repeat(64)), "{why}");

    let mut other = kept.clone();
    other["platform"] = "linux-abacus".into();
    let why = refused(&scene, &other, b"something");
    assert!(why.contains("3.6.5 is for linux-abacus, not linux-"), "{why}");
}

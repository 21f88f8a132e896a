//! Send to BlendNet: the add-on in real Blenders, the door of the window, and who may use it.

use blendnet_tests::{
    Blender, Window, blenders, cache_home, command, main_button, program, system_blender, wait_for,
};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SOON: Duration = Duration::from_mins(1);

/// A user: a folder of the app's data, and one of Blender's with the add-on in it.
struct User {
    folder: tempfile::TempDir,
}

impl User {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../blender_bridge");
        for place in ["scripts/addons", "extensions/user_default"] {
            let to = folder.path().join(place).join("blendnet_bridge");
            fs_err::create_dir_all(&to).unwrap();
            for name in ["__init__.py", "blender_manifest.toml"] {
                fs_err::copy(source.join(name), to.join(name)).unwrap();
            }
        }
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// A Blender of this user that sends `scene`.
    fn sender(&self, blender: &Blender, scene: Option<&Path>, options: &[&str]) -> Command {
        let mut command = blender.script("send", scene);
        self.at_home(command.args(options).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY"));
        command
    }

    /// What a Blender of this user finds in its environment.
    fn at_home(&self, command: &mut Command) {
        let programs = program("blendnet").with_file_name("");
        let path = std::env::var_os("PATH").unwrap();
        let paths = std::iter::once(programs).chain(std::env::split_paths(&path));
        command
            .env("PATH", std::env::join_paths(paths).unwrap())
            .env("XDG_CACHE_HOME", cache_home())
            .env("XDG_CONFIG_HOME", cache_home().join("config"))
            .env("BLENDER_USER_CONFIG", self.path().join("config"))
            .env("BLENDER_USER_SCRIPTS", self.path().join("scripts"))
            .env("BLENDER_USER_EXTENSIONS", self.path().join("extensions"))
            .env("BLENDNET_DIR", self.data());
    }

    /// Sends; gives what the script says of it.
    fn send(&self, blender: &Blender, scene: Option<&Path>, options: &[&str]) -> Value {
        said(&mut self.sender(blender, scene, options))
    }

    /// Everything that was handed over, in no order.
    fn handed(&self) -> Vec<(PathBuf, Value)> {
        let Ok(folders) = fs_err::read_dir(self.data().join("handoffs")) else { return Vec::new() };
        let read = |folder: PathBuf| {
            let json = fs_err::read(folder.join("handoff.json")).ok()?;
            Some((folder, serde_json::from_slice(&json).unwrap()))
        };
        folders.filter_map(|folder| read(folder.unwrap().path())).collect()
    }
}

fn said(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("{\"before\""));
    let line = line.unwrap_or_else(|| {
        panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
    });
    serde_json::from_str(line).unwrap()
}

fn inspected(blend: &Path) -> Value {
    let mut blendnet = command("blendnet");
    let output = blendnet.args(["inspect", "--json"]).arg(blend).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn missing(blend: &Path) -> String {
    let mut blendnet = command("blendnet");
    let output = blendnet.args(["trace", "--missing"]).arg(blend).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A scene with pictures beside it, named by relative paths.
fn scene_with_files(blender: &Blender, folder: &Path, name: &str) -> PathBuf {
    fs_err::create_dir_all(folder).unwrap();
    blender.make_scene("many_images", &folder.join(name), &["--images", "3", "--vertices", "10"])
}

#[test]
fn every_blender_sends_its_scene_and_keeps_its_own_file_as_it_is() {
    let user = User::new();
    let window = Window::open(user.path(), &[]);
    for (at, blender) in blenders().iter().enumerate() {
        let folder = user.path().join(format!("work {at}"));
        let scene = scene_with_files(blender, &folder, "we\"ird 'ünd\n名.blend");
        let said = user.send(blender, Some(&scene), &["changed", "animation"]);
        assert_eq!(said["error"], Value::Null, "{blender:?}");
        assert_eq!(said["before"], said["after"], "{blender:?}");
        let handed = user.handed();
        let of_it = |(_, json): &&(PathBuf, Value)| json["original"] == scene.to_str().unwrap();
        let (to, json) = handed.iter().find(of_it).unwrap();
        assert_eq!((&json["frame"], &json["animation"]), (&5.into(), &true.into()));
        assert_eq!(json["view_layers"].as_array().unwrap().len(), 1);
        let copy = to.join(json["blend"].as_str().unwrap());
        let (of, was) = (inspected(&copy), inspected(&scene));
        let objects = |of: &Value| of["contents"]["objects"].as_u64().unwrap();
        assert_eq!(objects(&of), objects(&was) + 1, "what was not saved is in the copy");
        assert!(!missing(&copy).contains("missing"), "{}", missing(&copy));
    }
    window.sees("the scene, ready to be rendered", main_button);
    window.keep("sent-from-blender");
}

/// As an artist does it: the menu entry in Blender, Render in the window, the picture in Blender.
#[test]
fn a_picture_comes_back_to_the_blender_that_sent_the_scene() {
    let user = User::new();
    let size = ["--size", "160", "90", "--samples", "16"];
    let blender = system_blender();
    let scene = blender.make_scene("glossy", &user.path().join("shot.blend"), &size);
    let window = Window::open(user.path(), &[]);
    let said = user.path().join("said.json");
    let mut command = Command::new(&blender.path);
    command.args(["--factory-startup", "--window-geometry", "0", "0", "1200", "780"]).arg(&scene);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes/send_in_window.py");
    command.arg("--python").arg(script).arg("--").arg(&said);
    user.at_home(&mut command);
    let blender = Window::of_other(command, "Blender");
    window.sees("the scene, ready to be rendered", main_button);
    blender.keep("blender-sent");
    window.key("F12");
    wait_for("the picture in Blender", Duration::from_mins(4), || said.is_file());
    blender.keep("blender-result");
    let said: Value = serde_json::from_slice(&fs_err::read(&said).unwrap()).unwrap();
    assert_eq!(said["size"], serde_json::json!([160, 90]));
    assert_eq!(said["path"], scene.to_str().unwrap());
    assert!(said["beats"].as_u64() > Some(20), "Blender's timers went on all the time: {said}");
    assert!(said["undo"][0].to_string().contains("An edit before sending"), "{said}");
    assert_eq!(said["undo"][0], said["undo"][1], "neither sending nor the picture is a step");
    assert!(user.path().join("render/shot_0001.png").is_file(), "beside the user's own file");
}

#[test]
fn what_was_undone_can_be_redone_after_sending() {
    let user = User::new();
    let _window = Window::open(user.path(), &[]);
    for (at, blender) in blenders().iter().enumerate() {
        let folder = user.path().join(format!("undo {at}"));
        let scene = scene_with_files(blender, &folder, "scene.blend");
        let said = user.send(blender, Some(&scene), &["undo"]);
        assert_eq!(said["error"], Value::Null, "{blender:?}");
        assert!(said["before"]["undo"].to_string().contains("Second"), "{blender:?}: {said}");
        assert_eq!(said["before"], said["after"], "{blender:?}");
        let of_history = |at: usize| {
            let names = said["history"][at].as_array().unwrap().iter();
            names.filter(|name| **name == "First" || **name == "Second").cloned().collect()
        };
        let history: [Vec<Value>; 4] = std::array::from_fn(of_history);
        let both = ["First", "Second"].map(Value::from);
        assert_eq!(history, [&both[..1], &both, &both[..1], &[]], "{blender:?}");
    }
}

/// Past what 31 bits count; the copy is all that is written of it.
#[test]
fn a_scene_of_more_than_two_gigabytes_is_handed_over_whole() {
    let user = User::new();
    let window = Window::open(user.path(), &[]);
    let said = user.send(&system_blender(), None, &["large"]);
    assert_eq!(said["error"], Value::Null);
    let (folder, json) = user.handed().pop().unwrap();
    let copy = folder.join(json["blend"].as_str().unwrap());
    assert!(fs_err::metadata(&copy).unwrap().len() > 2 << 30);
    let objects = inspected(&copy)["contents"]["objects"].as_u64();
    assert_eq!(objects, Some(23), "20 large ones, and those of a new file");
    window.sees("the scene", main_button);
}

#[test]
fn newer_blenders_take_it_as_an_extension() {
    let user = User::new();
    let _window = Window::open(user.path(), &[]);
    for blender in blenders().iter().filter(|blender| blender.is_module) {
        let mut sender = user.sender(blender, None, &[]);
        sender.env("BLENDNET_TEST_ADD_ON", "bl_ext.user_default.blendnet_bridge");
        assert_eq!(said(&mut sender)["error"], Value::Null, "{blender:?}");
    }
}

#[test]
fn a_file_that_was_never_saved_and_a_folder_that_is_read_only_can_be_sent() {
    let user = User::new();
    let _window = Window::open(user.path(), &[]);
    let said = user.send(&system_blender(), None, &["changed"]);
    assert_eq!((&said["error"], &said["after"]["path"]), (&Value::Null, &"".into()));
    let (folder, json) = user.handed().pop().unwrap();
    assert!(json["original"].is_null() && folder.join("untitled.blend").is_file());

    let scene = scene_with_files(&system_blender(), &user.path().join("locked"), "a.blend");
    let locked = scene.parent().unwrap();
    let lock = ReadOnly::make(locked);
    assert!(fs_err::write(locked.join("new"), b"").is_err(), "not even root may write there");
    assert_eq!(user.send(&system_blender(), Some(&scene), &[])["error"], Value::Null);
    assert_eq!(user.handed().len(), 2);
    drop(lock);
}

/// A folder in which nobody may write; for root, to whom permissions mean nothing, by a mount.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn make(folder: &Path) -> Self {
        let mount = |options: &[&str]| {
            let mut mount = Command::new("mount");
            mount.args(options).arg(folder).stderr(std::process::Stdio::null());
            mount.status().is_ok_and(|status| status.success())
        };
        if mount(&["--bind", folder.to_str().unwrap()]) {
            assert!(mount(&["-o", "remount,bind,ro"]));
        } else {
            Command::new("chmod").args(["-R", "a-w"]).arg(folder).status().unwrap();
        }
        Self(folder.to_owned())
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let mut umount = Command::new("umount");
        umount.arg("--lazy").arg(&self.0).stderr(std::process::Stdio::null());
        drop(umount.status());
        drop(Command::new("chmod").args(["-R", "u+w"]).arg(&self.0).status());
    }
}

#[test]
fn without_the_app_or_with_another_version_blender_says_what_to_do() {
    let user = User::new();
    let error =
        |sender: &mut Command| said(sender)["error"].as_str().unwrap_or_default().to_owned();
    let nowhere = error(user.sender(&system_blender(), None, &[]).env("PATH", "/usr/bin:/bin"));
    assert!(nowhere.contains("not installed") && nowhere.contains("preferences"), "{nowhere}");

    let bin = user.path().join("bin");
    fs_err::create_dir_all(&bin).unwrap();
    for (says, expected) in [
        (r#"{"folder": "/tmp", "format": 2, "version": "9.9.9"}"#, "9.9.9"),
        (r#"{"event": "error", "message": "unrecognized subcommand 'handoff'"}"#, "unrecognized"),
        ("Usage: some other program", "no BlendNet"),
    ] {
        let script = format!("#!/bin/sh\necho '{}'\n", says.replace('\'', "'\\''"));
        fs_err::write(bin.join("blendnet"), script).unwrap();
        Command::new("chmod").arg("+x").arg(bin.join("blendnet")).status().unwrap();
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let said = error(user.sender(&system_blender(), None, &[]).env("PATH", path));
        assert!(said.contains(expected), "{said}");
    }
    let nowhere_to_show = error(&mut user.sender(&system_blender(), None, &[]));
    assert!(nowhere_to_show.contains("no display"), "{nowhere_to_show}");
}

#[test]
fn a_blender_that_goes_away_while_it_saves_hands_nothing_over() {
    let user = User::new();
    let _window = Window::open(user.path(), &[]);
    let killed = user.sender(&system_blender(), None, &["kill"]).output().unwrap();
    assert_eq!(killed.status.code(), Some(3));
    assert!(user.handed().is_empty());
    assert_eq!(user.send(&system_blender(), None, &[])["error"], Value::Null);
}

#[test]
fn without_an_open_window_one_is_started_and_stays_when_blender_is_closed() {
    let user = User::new();
    // Only its display is used.
    let other = User::new();
    let display = Window::open(other.path(), &[]);
    let mut sender = user.sender(&system_blender(), None, &[]);
    assert_eq!(said(sender.env("DISPLAY", display.display()))["error"], Value::Null);
    let sign: Value =
        serde_json::from_slice(&fs_err::read(user.data().join("door/door.json")).unwrap()).unwrap();
    let pid = sign["pid"].to_string();
    assert!(Path::new("/proc").join(&pid).exists(), "the window is there without Blender");
    Command::new("kill").arg(&pid).status().unwrap();
    wait_for("the end of the window", SOON, || !Path::new("/proc").join(&pid).exists());
}

#[test]
fn a_second_window_hands_its_scene_to_the_first_and_ends() {
    let user = User::new();
    let window = Window::open(user.path(), &[]);
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/demo.blend");
    let mut second = command("blendnet");
    second.arg("--data-dir").arg(user.data()).arg("open").arg(&demo);
    let output = second.env("DISPLAY", window.display()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("open already"));
    window.sees("the demo scene", main_button);
}

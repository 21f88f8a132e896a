//! `blendnet blender`: versions beside each other, from where they come, and what they lack.

use blendnet_tests::{blenders, program};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// Runs `blendnet blender ARGUMENTS --json` for a user whose files are in `folder`.
fn blender(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("blendnet"));
    command.arg("--data-dir").arg(folder.join("data")).args(["--json", "blender"]).args(arguments);
    command.env("XDG_CACHE_HOME", folder.join("cache")).env("PIP_NO_INDEX", "1");
    command.env("PIP_FIND_LINKS", folder.join("wheels")).env("HOME", folder);
    command.output().unwrap()
}

fn said(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn versions(folder: &Path) -> Vec<String> {
    let builds = said(&blender(folder, &["list"]));
    let version = |build: &Value| build["version"].as_str().unwrap().to_owned();
    builds.as_array().unwrap().iter().map(version).collect()
}

fn shell(folder: &Path, script: &str) {
    let status = Command::new("sh").args(["-ec", script]).current_dir(folder).status();
    assert!(status.unwrap().success(), "{script}");
}

/// A server of a folder's files on loopback.
struct Files(Child, String);

impl Files {
    fn serve(folder: &Path) -> Self {
        let mut server = Command::new("python3")
            .args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.split(" port ").nth(1).unwrap().split(' ').next().unwrap();
        Self(server, format!("http://127.0.0.1:{port}"))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_blenders_of_this_computer_are_listed_and_others_added() {
    let folder = tempfile::tempdir().unwrap();
    let system = versions(folder.path());
    assert!(system.iter().any(|version| version.starts_with("3.4")), "{system:?}");
    for module in blenders().iter().filter(|blender| blender.is_module) {
        let path = module.path.to_str().unwrap();
        let added = said(&blender(folder.path(), &["add", path]));
        assert_eq!((&added[0]["path"], &added[0]["is_module"]), (&path.into(), &true.into()));
        let version = added[0]["version"].as_str().unwrap().to_owned();
        assert!(versions(folder.path()).contains(&version), "{version} beside {system:?}");
    }
    for (path, why) in [("/no/such/blender", "does not exist"), ("/bin/sh", "no Blender")] {
        let refused = blender(folder.path(), &["add", path]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(said(&refused)["message"].as_str().unwrap().contains(why), "{refused:?}");
    }
}

#[test]
fn an_archive_is_installed_only_if_it_has_the_hash_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mkdir www unpacked-9.8.7
        printf '#!/bin/sh\\necho Blender 9.8.7\\n' > unpacked-9.8.7/blender
        chmod +x unpacked-9.8.7/blender
        tar -caf www/blender.tar.xz unpacked-9.8.7
        sha256sum www/blender.tar.xz | cut -d ' ' -f 1 > hash";
    shell(folder.path(), script);
    let hash = fs_err::read_to_string(folder.path().join("hash")).unwrap().trim().to_owned();
    let files = Files::serve(&folder.path().join("www"));
    let url = format!("{}/blender.tar.xz", files.1);

    let other = "0".repeat(64);
    let refused = blender(folder.path(), &["install", "--url", &url, "--sha256", &other]);
    assert!(said(&refused)["message"].as_str().unwrap().contains(&hash), "{refused:?}");
    let gone = format!("{}/gone.tar.xz", files.1);
    let refused = blender(folder.path(), &["install", "--url", &gone, "--sha256", &hash]);
    assert!(said(&refused)["details"].to_string().contains("404"), "{refused:?}");
    assert!(!versions(folder.path()).contains(&"9.8.7".to_owned()), "nothing is left of it");

    let installed = said(&blender(folder.path(), &["install", "--url", &url, "--sha256", &hash]));
    assert_eq!(installed[0]["version"], "9.8.7");
    let shelf = said(&blender(folder.path(), &["shelf"]));
    assert_eq!((&shelf[0]["version"], &shelf[0]["is_module"]), (&"9.8.7".into(), &false.into()));
    drop(files);
    let again = said(&blender(folder.path(), &["install", "--url", &url, "--sha256", &hash]));
    assert_eq!(again, installed, "what is there is not fetched again");
    assert!(versions(folder.path()).contains(&"9.8.7".to_owned()));
}

/// The module is a small one that answers as `bpy` does; the real ones have a gigabyte.
#[test]
fn a_module_is_installed_by_pip_in_an_environment_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"python3 - <<'END'
import pathlib, zipfile
pathlib.Path("wheels").mkdir()
with zipfile.ZipFile("wheels/bpy-9.9.9-py3-none-any.whl", "w") as wheel:
    wheel.writestr("bpy/__init__.py", "class app:\n    version_string = '9.9.9'\n")
    info = "bpy-9.9.9.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: bpy\nVersion: 9.9.9\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "")
END"#;
    shell(folder.path(), script);
    let installed = said(&blender(folder.path(), &["install", "9.9.9"]));
    assert_eq!(
        (&installed[0]["version"], &installed[0]["is_module"]),
        (&"9.9.9".into(), &true.into())
    );
    assert!(versions(folder.path()).contains(&"9.9.9".to_owned()));
    let unknown = blender(folder.path(), &["install", "9.9.8"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(said(&unknown)["details"].to_string().contains("bpy==9.9.8"), "{unknown:?}");
    assert!(!folder.path().join("data/blenders/bpy-9.9.8").exists());
}

#[test]
fn a_library_that_is_missing_is_named_before_blender_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo 'int there(void) { return 0; }' > there.c
        cc -shared -fPIC -o libNowhere.so.1 there.c -Wl,-soname,libNowhere.so.1
        echo 'int there(void); int main(void) { return there(); }' > blender.c
        cc -o blender blender.c ./libNowhere.so.1
        rm libNowhere.so.1";
    shell(folder.path(), script);
    let path = folder.path().join("blender");
    let refused = said(&blender(folder.path(), &["add", path.to_str().unwrap()]));
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.ends_with("needs libraries that this system lacks: libNowhere.so.1"),
        "{message}"
    );
    assert!(refused["hint"].as_str().unwrap().contains("install them"));
}

//! Blenders to test with, scenes made by them, and their own renders.

use crate::cache_home;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Blender, or a Python with the `bpy` module.
#[derive(Clone, Debug)]
pub struct Blender {
    /// For messages, such as `blender` or the path of a Python.
    pub path: PathBuf,
    /// Whether it is a Python with the `bpy` module.
    pub is_module: bool,
}

/// Debian's `blender`, the one that every test can count on.
pub fn system_blender() -> Blender {
    Blender { path: PathBuf::from("/usr/bin/blender"), is_module: false }
}

/// All Blenders to test with: the system's, and those of `BLENDNET_TEST_BPY` (paths of Pythons
/// with `bpy`, separated by `:`).
pub fn blenders() -> Vec<Blender> {
    let modules = std::env::var("BLENDNET_TEST_BPY").unwrap_or_default();
    let modules = modules.split(':').filter(|path| !path.is_empty());
    let modules = modules.map(|path| Blender { path: path.into(), is_module: true });
    std::iter::once(system_blender()).chain(modules).collect()
}

fn scenes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes")
}

impl Blender {
    /// Starts it without touching what the user's own Blender keeps.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        let home = cache_home();
        command.env("XDG_CACHE_HOME", &home).env("XDG_CONFIG_HOME", home.join("config"));
        command
    }

    /// Makes a scene with one of the scripts in `tests/scenes`.
    ///
    /// # Panics
    /// If Blender fails.
    pub fn make_scene(&self, script: &str, out: &Path, options: &[&str]) -> PathBuf {
        let script = scenes().join(script).with_extension("py");
        let mut command = self.command();
        if self.is_module {
            command.arg(&script);
        } else {
            command.args(["-b", "--factory-startup", "--python-exit-code", "1", "--python"]);
            command.arg(&script);
        }
        command.arg("--").arg(out).args(options);
        run(&mut command);
        assert!(out.is_file(), "{} made {}", script.display(), out.display());
        out.to_owned()
    }

    /// A command that runs one of the scripts in `tests/scenes`, with `scene` open. Arguments are
    /// to follow.
    pub fn script(&self, script: &str, scene: Option<&Path>) -> Command {
        let script = scenes().join(script).with_extension("py");
        let mut command = self.command();
        if self.is_module {
            command.arg(script).arg("--");
            command.env("BLENDNET_TEST_SCENE", scene.unwrap_or(Path::new("")));
        } else {
            command.args(["-b", "--factory-startup"]).args(scene);
            command.args(["--python-exit-code", "1", "--python"]).arg(script).arg("--");
        }
        command
    }

    /// Renders a frame as Blender alone does: the multilayer EXR and the scene's own output.
    ///
    /// # Panics
    /// If Blender fails.
    pub fn one_go(&self, scene: &Path, out: &Path, frame: i32) -> PathBuf {
        self.one_go_after(&[], scene, out, frame)
    }

    /// As [`Self::one_go`], in a Blender (no module) that runs some scripts before the scene is opened.
    ///
    /// # Panics
    /// If Blender fails.
    pub fn one_go_after(&self, before: &[&Path], scene: &Path, out: &Path, frame: i32) -> PathBuf {
        let script = scenes().join("one_go.py");
        let mut command = self.command();
        if self.is_module {
            command.arg(&script).arg("--").arg(out).arg(frame.to_string()).arg(scene);
        } else {
            command.args(["-b", "--factory-startup", "-Y", "--python-exit-code", "1"]);
            command
                .args(before.iter().flat_map(|script| [Path::new("--python"), script]))
                .arg(scene);
            command.args(["-t", "1", "--python"]).arg(&script);
            command.arg("--").arg(out).arg(frame.to_string());
        }
        run(&mut command);
        assert!(out.is_file(), "Blender rendered {}", out.display());
        out.to_owned()
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}\n{complained}");
}

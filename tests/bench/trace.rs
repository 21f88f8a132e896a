//! `blendnet trace` against `bat list` of Blender Asset Tracer: `BLENDNET_BAT` names its program
//! (`pip install blender-asset-tracer`).

use super::say;
use blendnet_tests::{Blender, command, program};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Runs of which the quickest counts: what else the machine does only makes them slower.
const RUNS: usize = 5;

pub(super) fn run(blender: &Blender) {
    let Some(bat) = std::env::var_os("BLENDNET_BAT") else {
        say("trace: skipped; set BLENDNET_BAT to the `bat` of Blender Asset Tracer");
        return;
    };
    let ratios = small(&bat);
    let (least, kind) = ratios.first().cloned().unwrap_or_default();
    let middle = ratios.get(ratios.len() / 2).map_or(0.0, |(ratio, _)| *ratio);
    say(&format!(
        "trace of {} scenes: {middle:.1} times as fast as bat (median; at least 20), least {least:.1} ({kind})",
        ratios.len()
    ));
    large(&bat, blender);
}

/// How many times faster than BAT, for the small scene of each kind of dependency; slowest first.
fn small(bat: &OsStr) -> Vec<(f64, String)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/pack/tests/data");
    let entries = fs_err::read_dir(data).expect("the scenes of crates/pack");
    let folders = entries.filter_map(Result::ok).map(|entry| entry.path());
    let scenes = folders.filter(|folder| folder.join("scene.blend").is_file());
    let mut ratios: Vec<(f64, String)> = scenes
        .map(|folder| {
            let scene = folder.join("scene.blend");
            let kind = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (bat_secs(bat, &scene) / own_secs(&scene), kind)
        })
        .collect();
    ratios.sort_by(|one, other| one.0.total_cmp(&other.0));
    ratios
}

fn large(bat: &OsStr, blender: &Blender) {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = blender.make_scene("many_images", &folder.path().join("large.blend"), &[]);
    let bytes = fs_err::metadata(&scene).expect("the scene").len();
    let (own, bat) = (own_secs(&scene), bat_secs(bat, &scene));
    say(&format!(
        "trace of {} MB with 5,000 images: {own:.3} s, bat {bat:.2} s, {:.1} times as fast (at least 10), \
         at most {} MB of memory (at most 200)",
        bytes / 1_000_000,
        bat / own,
        own_memory_mb(&scene)
    ));
}

fn own_secs(scene: &Path) -> f64 {
    quickest(command("blendnet").arg("trace").arg(scene))
}

fn bat_secs(bat: &OsStr, scene: &Path) -> f64 {
    quickest(Command::new(bat).arg("list").arg(scene))
}

fn quickest(command: &mut Command) -> f64 {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let once = || {
        let began = Instant::now();
        assert!(command.status().is_ok(), "{command:?} starts");
        began.elapsed().as_secs_f64()
    };
    std::iter::repeat_with(once).take(RUNS).fold(f64::INFINITY, f64::min)
}

/// The most memory that it held, as the shell's `ulimit` finds it: it is run with less and less.
fn own_memory_mb(scene: &Path) -> u32 {
    let fits = |limit_mb: u32| {
        let line = format!("ulimit -v {} && exec \"$0\" trace \"$1\"", limit_mb * 1024);
        let mut shell = Command::new("sh");
        let blendnet: PathBuf = program("blendnet");
        shell.args(["-c", &line]).arg(blendnet).arg(scene);
        shell.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    };
    [25, 50, 100, 200, 400, 800].into_iter().find(|limit| fits(*limit)).unwrap_or(u32::MAX)
}

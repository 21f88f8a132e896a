//! What a farm costs against Blender alone on the same machine, as ratios of one run.
//!
//! `make bench` runs all; `bench still`, `animation`, `exact`, `preview`, `trace`,
//! `upload`, `window`, `handoff` and `scale` run one.

mod exact;
mod handoff;
mod scale;
mod trace;
mod upload;
mod window;

use blendnet_tests::{Blender, Render, system_blender};
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const AGENTS: [&str; 4] = ["--agents", "2", "--threads-per-agent", "1"];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.first().is_some_and(|wanted| wanted == "nothing") {
        return window::nothing();
    }
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    if asked("scale") {
        scale::run();
    }
    let blender = system_blender();
    if asked("exact") {
        exact::run();
    }
    if asked("preview") {
        preview(&blender);
    }
    if asked("still") {
        still(&blender);
    }
    if asked("trace") {
        trace::run(&blender);
    }
    if asked("upload") {
        upload::run();
    }
    if asked("window") {
        window::run();
    }
    if asked("handoff") {
        handoff::run(&blender);
    }
    if asked("animation") {
        animation(&blender);
    }
}

fn say(line: &str) {
    let _closed = writeln!(std::io::stdout(), "{line}");
}

/// Seconds that Blender takes for a command line.
fn blender_secs(blender: &Blender, scene: &Path, out: &Path, arguments: &[&str]) -> f64 {
    let started = Instant::now();
    let status = Command::new(&blender.path)
        .args(["-b", "--factory-startup", "-Y"])
        .arg(scene)
        .args(["-t", "2", "-F", "PNG", "-o"])
        .arg(out)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "Blender renders {}", scene.display());
    started.elapsed().as_secs_f64()
}

/// Seconds that the farm takes, and its last event.
fn farm_secs(scene: &Path, folder: &Path, options: &[&str]) -> (f64, Value) {
    let options: Vec<&str> = AGENTS.iter().chain(options).copied().collect();
    let started = Instant::now();
    let rendered = Render::start(scene, folder, &options).finish();
    let secs = started.elapsed().as_secs_f64();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    (secs, rendered.event("done").clone())
}

fn still(blender: &Blender) {
    let folder = tempfile::tempdir().expect("a folder");
    let scene =
        blender.make_scene("heavy", &folder.path().join("heavy.blend"), &["--samples", "320"]);
    let alone = blender_secs(blender, &scene, &folder.path().join("alone_"), &["-f", "1"]);
    let (farm, done) = farm_secs(&scene, folder.path(), &[]);
    say(&format!(
        "still: blender -t 2 {alone:.1} s, 2 agents of 1 thread {farm:.1} s, ratio {:.3} \
         (at most 1.10), work {}",
        farm / alone,
        done.get("work_ratio").unwrap_or(&Value::Null)
    ));
}

fn animation(blender: &Blender) {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = blender.make_scene(
        "animation",
        &folder.path().join("animation.blend"),
        &["--samples", "64"],
    );
    let out = folder.path().join("alone_");
    let mut rounds: Vec<(f64, f64)> = Vec::new();
    for round in 1..=3 {
        let alone = blender_secs(blender, &scene, &out, &["-s", "1", "-e", "24", "-a"]);
        let round_folder = folder.path().join(round.to_string());
        fs_err::create_dir(&round_folder).expect("a folder");
        let (farm, _) = farm_secs(&scene, &round_folder, &["--frames", "1-24"]);
        let one = |frame: i32| blender_secs(blender, &scene, &out, &["-f", &frame.to_string()]);
        let each = (1..=6).map(one).sum::<f64>() / 6.0 * 24.0;
        say(&format!(
            "animation, round {round}: blender -a {alone:.1} s, farm {farm:.1} s, a Blender for \
             each frame {each:.1} s"
        ));
        rounds.push((farm / alone, each / farm));
    }
    let median = |figure: fn(&(f64, f64)) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(figure).collect();
        all.sort_by(f64::total_cmp);
        all.get(1).copied().unwrap_or(f64::NAN)
    };
    say(&format!(
        "animation of 24 frames, medians of 3: ratio to blender -a {:.3} (at most 1.10); {:.2} \
         times as fast as a Blender for each frame (at least 2)",
        median(|round| round.0),
        median(|round| round.1)
    ));
}

fn preview(blender: &Blender) {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = blender.make_scene("heavy", &folder.path().join("heavy.blend"), &[]);
    let one_sample = "import bpy; bpy.context.scene.cycles.samples = 1";
    let out = folder.path().join("alone_");
    let bare = blender_secs(blender, &scene, &out, &["--python-expr", one_sample, "-f", "1"]);
    let started = Instant::now();
    let mut render = Render::start(&scene, folder.path(), &AGENTS);
    render.wait_for_event("preview");
    let secs = started.elapsed().as_secs_f64();
    render.signal("INT");
    let _stopped = render.finish();
    say(&format!(
        "first preview: Blender alone {bare:.2} s, farm {secs:.2} s, ratio {:.2} (at most 1.5)",
        secs / bare
    ));
}

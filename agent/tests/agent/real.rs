//! The agent with the real Blenders of this machine; a few tiny renders.
//!
//! `BLENDNET_TEST_BLENDERS` names others than Debian's, separated by `:`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use blendnet_protocol::{Outcome, Region, SampleRange, SceneId, Tile, WorkKind, WorkState};

use crate::fake::Bench;

fn blenders() -> Vec<PathBuf> {
    let named = std::env::var_os("BLENDNET_TEST_BLENDERS");
    let paths = named.unwrap_or_else(|| "/usr/bin/blender".into());
    std::env::split_paths(&paths).filter(|path| path.exists()).collect()
}

/// Saves a scene of 64x36 px with 4 samples and answers its bytes.
fn tiny_scene(blender: &Path, folder: &Path) -> Vec<u8> {
    let path = folder.join("tiny.blend");
    let script = format!(
        "import bpy; s = bpy.context.scene; s.render.engine = 'CYCLES'; s.cycles.samples = 4; \
         s.render.resolution_x, s.render.resolution_y = 64, 36; \
         s.render.resolution_percentage = 100; s.cycles.use_adaptive_sampling = False; \
         s.cycles.use_denoising = False; s.render.image_settings.file_format = 'PNG'; \
         bpy.ops.wm.save_as_mainfile(filepath='{}')",
        path.display()
    );
    let mut command = Command::new(blender);
    if blender.ends_with("python") {
        command.args(["-c", &script]);
    } else {
        command.args(["-b", "--factory-startup", "-noaudio", "--python-expr", &script]);
    }
    let saved = command.output().unwrap();
    let said = String::from_utf8_lossy(&saved.stdout);
    fs_err::read(&path).unwrap_or_else(|_missing| panic!("no scene was saved: {said}"))
}

async fn completed(bench: &Bench, name: &str, scene: &SceneId, kind: WorkKind) -> Outcome {
    match bench.run(name, scene, kind).await {
        WorkState::Completed(outcome) => outcome,
        other => panic!("{other:#?}"),
    }
}

#[tokio::test]
async fn a_real_blender_inspects_renders_and_finishes_a_frame() {
    for blender in blenders() {
        render_with(&blender).await;
    }
}

async fn render_with(blender: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let blend = tiny_scene(blender, folder.path());
    let bench = Bench::with(|_| vec![blender.to_owned()], Duration::from_mins(1));
    let scene = bench.scene(&blend).await;

    let Outcome::Inspected { info, look } =
        completed(&bench, "inspect", &scene, WorkKind::Inspect).await
    else {
        panic!("no inspection")
    };
    assert_eq!((info.samples, info.engine.as_str()), (4, "CYCLES"));
    let frame = Tile::new(0, 0, 64, 36).unwrap();
    assert_eq!(info.film.rendered, frame);
    assert!(look.is_some());

    let tile = Tile::new(0, 8, 64, 8).unwrap();
    let part = |tile, samples| WorkKind::Part {
        frame: 1,
        region: Region { tile, samples },
        margin_px: 4,
        total_samples: 4,
    };
    let some = SampleRange::new(1, 3).unwrap();
    assert!(matches!(
        completed(&bench, "tile", &scene, part(tile, some)).await,
        Outcome::Part { .. }
    ));
    let all = SampleRange::new(0, 4).unwrap();
    let Outcome::Part { image, timing } = completed(&bench, "all", &scene, part(frame, all)).await
    else {
        panic!("no part")
    };
    assert!(timing.load_secs < 0.5, "the scene is opened once: {timing:?}");

    let finish = WorkKind::Finish { frame: 1, merged: image.blob };
    for (name, kind) in [("finish", finish), ("whole", WorkKind::Whole { frame: 1 })] {
        let Outcome::Image { composed, .. } = completed(&bench, name, &scene, kind).await else {
            panic!("no image")
        };
        let path = bench.engine.blobs().path(&composed[0].blob).unwrap();
        assert!(fs_err::read(path).unwrap().starts_with(b"\x89PNG"), "{composed:?}");
    }
    bench.engine.stop().await;
}

/// The real Blender under another name, so that nothing is known of it yet.
fn stand_in(folder: &Path, before: &str) -> PathBuf {
    let path = folder.join("blender");
    fs_err::write(&path, format!("#!/bin/sh\n{before}\nexec /usr/bin/blender \"$@\"\n")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(&path, mode).unwrap();
    path
}

#[tokio::test]
async fn a_blender_that_renders_known_colours_as_they_are_gets_work() {
    let folder = tempfile::tempdir().unwrap();
    let blender = stand_in(folder.path(), "");
    let bench =
        Bench::with_cache(|_| vec![blender.clone()], Duration::from_mins(1), folder.path().into());
    let of_it = |parity: &&blendnet_protocol::Parity| Path::new(&parity.path) == blender;
    let report = bench.wait_until("it was tried", |r| r.parity.iter().any(|p| of_it(&p))).await;
    let parity = report.parity.iter().find(of_it).unwrap();
    assert_eq!((&parity.unfit, parity.device.as_str(), &report.away), (&None, "CPU", &None));
    assert!(parity.pixel_samples_per_sec > 0);
    bench.engine.stop().await;
}

#[tokio::test]
async fn a_blender_that_renders_wrong_colours_gets_no_work_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let darken = "for script; do case \"$script\" in */patches.py)
        sed -i 's/(1.0, 0.0, 0.0)/(0.4, 0.0, 0.0)/' \"$script\";; esac; done";
    let blender = stand_in(folder.path(), darken);
    let bench =
        Bench::with_cache(|_| vec![blender.clone()], Duration::from_mins(1), folder.path().into());
    let report = bench.wait_until("it wants no work", |report| report.away.is_some()).await;
    let why = report.away.unwrap();
    assert!(why.contains("(0.400, 0.000, 0.000) instead of (1.000, 0.000, 0.000)"), "{why}");
    bench.engine.stop().await;

    let again =
        Bench::with_cache(|_| vec![blender.clone()], Duration::from_mins(1), folder.path().into());
    let ready = |report: &blendnet_protocol::AgentReport| !report.blenders.is_empty();
    let report = again.wait_until("others are found", ready).await;
    assert!(!report.blenders.iter().any(|build| Path::new(&build.path) == blender));
    assert_eq!(report.away, None, "the system's Blender renders right");
    again.engine.stop().await;
}

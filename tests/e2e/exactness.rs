//! The image of the farm is the image of one machine.

use blendnet_tests::{
    Blender, Difference, Kind, Render, Rendered, blenders, compare_exr, compare_png, system_blender,
};
use std::path::{Path, PathBuf};

/// Relative differences of averaged channels. Blender's own sums of 32 bits are off by up to 1e-6
/// from those of 64 bits, and where the ranges are cut depends on the speed of the machine.
pub(crate) const ROUNDING: f64 = 2e-6;
/// Light passes and passes around 1: Blender's own sums, those of the colours too, are off by so much more
/// there, ours by a fifth of it (docs/MEASURED.md).
const OF_LIGHT_PASSES: f64 = 3.0;
/// Coverage of an object in a pixel.
const COVERAGE: f64 = 1e-5;

/// A scene, its render by the farm, and its render by Blender alone.
pub(crate) struct Compared {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) scene: PathBuf,
    pub(crate) rendered: Rendered,
    pub(crate) one_go: PathBuf,
}

pub(crate) fn render_both(
    blender: &Blender,
    script: &str,
    scene_options: &[&str],
    options: &[&str],
) -> Compared {
    let folder = tempfile::tempdir().unwrap();
    let scene = blender.make_scene(script, &folder.path().join("scene.blend"), scene_options);
    let one_go = blender.one_go(&scene, &folder.path().join("one_go.exr"), 1);
    let rendered = render(blender, &scene, folder.path(), options);
    Compared { folder, scene, rendered, one_go }
}

pub(crate) fn render(blender: &Blender, scene: &Path, folder: &Path, options: &[&str]) -> Rendered {
    let path = blender.path.to_string_lossy().into_owned();
    let mut all = vec!["--agents", "2", "--threads-per-agent", "1"];
    if blender.is_module {
        all.extend(["--blender", &path]);
    }
    all.extend(options);
    let rendered = Render::start(scene, folder, &all).finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    rendered
}

/// # Panics
/// If a channel differs by more than it may.
pub(crate) fn assert_equal(differences: &[Difference], averaged: f64) {
    for difference in
        differences.iter().filter(|d| !d.channel.contains(".Vector.") || averaged == 0.0)
    {
        let most = match difference.kind {
            Kind::Averaged => averaged,
            Kind::Divided | Kind::Bounded => OF_LIGHT_PASSES * averaged,
            Kind::Single => 0.0,
            Kind::Coverage => COVERAGE,
        };
        assert!(difference.largest <= most, "more than {most:e}: {difference:?}");
    }
}

fn split(rendered: &Rendered) -> String {
    rendered.event("scene")["split"]["split"].to_string()
}

#[test]
fn a_frame_split_by_samples_is_the_one_machines_in_every_pass() {
    for blender in blenders() {
        for samples in ["64", "61"] {
            let scene = ["--samples", samples];
            let both = render_both(&blender, "glossy", &scene, &["--split", "samples"]);
            assert_equal(&compare_exr(&both.rendered.exr(1), &both.one_go), ROUNDING);
            let png = compare_png(&both.rendered.composed(1), &both.one_go.with_extension("png"));
            assert!(png.largest <= 1, "{png:?}");
        }
    }
}

#[test]
fn light_is_the_one_machines_to_a_millionth_where_that_sums_its_colours_without_an_error() {
    for blender in blenders() {
        for samples in ["64", "61"] {
            let scene = ["--samples", samples, "--even"];
            let both = render_both(&blender, "glossy", &scene, &["--split", "samples"]);
            let differences = compare_exr(&both.rendered.exr(1), &both.one_go);
            let light: Vec<_> = differences.iter().filter(|d| d.kind == Kind::Divided).collect();
            assert!(light.len() >= 12, "{light:?}");
            for difference in light {
                assert!(difference.largest <= 1e-6, "{difference:?}");
            }
        }
    }
}

#[test]
fn a_scene_that_can_be_split_by_samples_is() {
    let both = render_both(&system_blender(), "combined_only", &[], &[]);
    assert!(split(&both.rendered).contains("samples"), "{}", split(&both.rendered));
}

#[test]
fn two_view_layers_are_both_merged() {
    let both =
        render_both(&system_blender(), "glossy", &["--layers", "2"], &["--split", "samples"]);
    let differences = compare_exr(&both.rendered.exr(1), &both.one_go);
    assert_equal(&differences, ROUNDING);
    let layers: std::collections::BTreeSet<&str> =
        differences.iter().filter_map(|d| d.channel.split('.').next()).collect();
    assert!(layers.len() >= 2, "{layers:?}");
}

#[test]
fn a_scene_whose_only_pass_is_combined_completes() {
    let both = render_both(&system_blender(), "combined_only", &[], &[]);
    assert_equal(&compare_exr(&both.rendered.exr(1), &both.one_go), ROUNDING);
}

#[test]
fn adaptive_sampling_is_kept_by_a_split_into_tiles() {
    for blender in blenders() {
        let both = render_both(&blender, "adaptive", &["--size", "320", "180"], &[]);
        assert!(split(&both.rendered).contains("tiles"), "{}", split(&both.rendered));
        assert_equal(&compare_exr(&both.rendered.exr(1), &both.one_go), 0.0);
        let work = both.rendered.event("done")["work_ratio"].as_f64().unwrap();
        assert!(work <= 1.05, "{work} of one machine's work");
    }
}

#[test]
fn tiles_are_bit_exact() {
    for (script, options) in [("glossy", vec![]), ("workbench", vec![])] {
        let both = render_both(&system_blender(), script, &[], &options);
        assert!(split(&both.rendered).contains("tiles"), "{}", split(&both.rendered));
        assert_equal(&compare_exr(&both.rendered.exr(1), &both.one_go), 0.0);
    }
}

#[test]
fn a_compositor_sees_the_merged_passes() {
    for blender in blenders() {
        let both = render_both(&blender, "compositor", &[], &[]);
        let png = compare_png(&both.rendered.composed(1), &both.one_go.with_extension("png"));
        assert!(png.largest <= 1, "{png:?} ({})", both.scene.display());
        drop(both.folder);
    }
}

#[test]
fn a_merged_frame_is_denoised_as_one() {
    for blender in blenders().into_iter().filter(|blender| blender.is_module) {
        let both = render_both(&blender, "denoise", &[], &[]);
        assert_equal(&compare_exr(&both.rendered.exr(1), &both.one_go), 5e-5);
    }
}

#[test]
fn frames_of_an_animation_are_the_one_machines() {
    let blender = system_blender();
    let both = render_both(&blender, "animation", &[], &["--frames", "1-6"]);
    for frame in [1, 4, 6] {
        let alone = both.folder.path().join(format!("alone_{frame}.exr"));
        let alone = blender.one_go(&both.scene, &alone, frame);
        assert_equal(&compare_exr(&both.rendered.exr(frame), &alone), ROUNDING);
    }
}

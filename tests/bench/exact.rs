//! How far the farm's image is from the one of Blender alone, for every Blender at hand: the system's and
//! those of `BLENDNET_TEST_BPY`.

use super::{AGENTS, say};
use blendnet_tests::{Blender, Difference, Kind, Render, blenders, compare_exr, compare_png};
use std::path::Path;

/// A scene's script, its options, options of the render, and what is looked at.
type Case = (&'static str, &'static [&'static str], &'static [&'static str], &'static str);

const BY_SAMPLES: [&str; 2] = ["--split", "samples"];

const CASES: [Case; 7] = [
    ("glossy", &["--samples", "64"], &BY_SAMPLES, "64 samples in ranges"),
    ("glossy", &["--samples", "61"], &BY_SAMPLES, "61 samples in ranges"),
    ("glossy", &["--even"], &BY_SAMPLES, "64, colours without error"),
    ("glossy", &["--layers", "2"], &BY_SAMPLES, "two view layers"),
    ("adaptive", &["--size", "320", "180"], &[], "adaptive sampling, tiles"),
    ("compositor", &[], &[], "compositor"),
    ("denoise", &[], &[], "denoised"),
];

pub(super) fn run() {
    say(
        "exactness, against the same Blender alone: largest relative difference of averaged channels (at most \
         1e-6; denoised 5e-5) and of light passes, largest absolute one of Mist, Normal and transmission, of passes of \
         one sample (0), of coverage (1e-5); pixels that differ anywhere; PNG, of 255 (1)",
    );
    for blender in blenders() {
        for case in &CASES {
            match compare(&blender, case) {
                Some(line) => say(&format!("exact: {:12} {}", name(&blender), line)),
                None => {
                    say(&format!("exact: {:12} {}: not in this Blender", name(&blender), case.3));
                }
            }
        }
    }
}

fn name(blender: &Blender) -> String {
    let parts: Vec<_> =
        blender.path.iter().rev().skip(usize::from(blender.is_module) * 2).collect();
    parts.first().map_or_else(String::new, |part| part.to_string_lossy().into_owned())
}

fn compare(blender: &Blender, (script, scene_options, options, what): &Case) -> Option<String> {
    if *script == "denoise" && !blender.is_module {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let scene = blender.make_scene(script, &folder.path().join("scene.blend"), scene_options);
    let alone = blender.one_go(&scene, &folder.path().join("alone.exr"), 1);
    let path = blender.path.to_string_lossy();
    let mut all: Vec<&str> = AGENTS.iter().chain(*options).copied().collect();
    if blender.is_module {
        all.extend(["--blender", &path]);
    }
    let rendered = Render::start(&scene, folder.path(), &all).finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    let differences = compare_exr(&rendered.exr(1), &alone);
    let png = largest_of_png(&rendered.composed(1), &alone.with_extension("png"));
    let of = |kinds: &[Kind]| {
        let found = differences.iter().filter(|d| kinds.contains(&d.kind) && !is_vector(d));
        found.map(|d| d.largest).fold(0.0, f64::max)
    };
    let pixels = differences.iter().map(|d| d.pixels).max().unwrap_or(0);
    Some(format!(
        "{what:25} {:.1e} {:.1e} {:.1e} {:.1e} {:.1e}; {pixels} px; {png}",
        of(&[Kind::Averaged]),
        of(&[Kind::Divided]),
        of(&[Kind::Bounded]),
        of(&[Kind::Single]),
        of(&[Kind::Coverage]),
    ))
}

/// Motion vectors are never merged from ranges unless somebody insists, as these cases do.
fn is_vector(difference: &Difference) -> bool {
    difference.channel.contains(".Vector.")
}

fn largest_of_png(ours: &Path, theirs: &Path) -> String {
    if theirs.is_file() && ours.extension().is_some_and(|ending| ending == "png") {
        compare_png(ours, theirs).largest.to_string()
    } else {
        "-".to_owned()
    }
}

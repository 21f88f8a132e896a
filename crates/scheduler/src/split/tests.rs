#![expect(clippy::cast_precision_loss, reason = "small numbers")]

use super::*;
use blendnet_protocol::{Adaptive, FilmRect, OutputFormat};
use proptest::prelude::*;

fn scene(version: &str, pattern: &str, samples: u32) -> SceneInfo {
    let frame = Tile::new(0, 0, 1920, 1080).unwrap();
    SceneInfo {
        blender_version: version.into(),
        file_version: "3.4".into(),
        scene: "Scene".into(),
        scenes: vec!["Scene".into()],
        camera: Some("Camera".into()),
        marker_cameras: false,
        view_layers: vec![],
        engine: "CYCLES".into(),
        frame_start: 1,
        frame_end: 250,
        frame_step: 1,
        frame_current: 1,
        film: FilmRect { frame, rendered: frame, cropped: false },
        samples,
        adaptive: None,
        sampling_pattern: pattern.into(),
        subset_exact: version.starts_with("4.5") || version.starts_with('5'),
        denoise: false,
        can_denoise: true,
        path_guiding: false,
        time_limit_secs: 0.0,
        compositor: false,
        unmergeable_pass: None,
        whole_frames_because: None,
        output: OutputFormat {
            file_format: "PNG".into(),
            extension: ".png".into(),
            is_movie: false,
        },
        files: vec![],
        warnings: vec![],
    }
}

fn auto(info: &SceneInfo) -> Split {
    choose(info, SplitChoice::Auto).split
}

#[test]
fn builds_with_sample_subsets_split_any_pattern_by_samples() {
    assert_eq!(auto(&scene("4.5.15", "BLUE_NOISE", 4096)), Split::Samples);
    assert_eq!(auto(&scene("5.0.1", "TABULATED_SOBOL", 61)), Split::Samples);
}

#[test]
fn a_pattern_that_depends_on_the_total_is_split_by_tiles() {
    assert_eq!(auto(&scene("3.4.1", "SOBOL", 4096)), Split::Samples);
    assert_eq!(auto(&scene("3.4.1", "PROGRESSIVE_MULTI_JITTER", 256)), Split::Samples);
    let tiles = Split::Tiles { margin_px: 0 };
    assert_eq!(auto(&scene("3.4.1", "PROGRESSIVE_MULTI_JITTER", 257)), tiles);
    assert_eq!(auto(&scene("4.2.23", "TABULATED_SOBOL", 1024)), tiles);
    assert_eq!(auto(&scene("4.2.23", "BLUE_NOISE", 64)), tiles);
}

#[test]
fn a_pass_that_ranges_cannot_merge_is_rendered_in_tiles() {
    let mut info = scene("4.5.15", "SOBOL", 64);
    info.unmergeable_pass = Some("Vector".into());
    assert_eq!(auto(&info), Split::Tiles { margin_px: 0 });
    let asked = choose(&info, SplitChoice::Samples);
    assert_eq!((asked.split, asked.exact), (Split::Samples, false));
    assert!(asked.reason.contains("Vector"), "{}", asked.reason);
}

#[test]
fn adaptive_sampling_is_split_by_tiles_with_a_margin() {
    let mut info = scene("4.5.15", "TABULATED_SOBOL", 1024);
    info.adaptive = Some(Adaptive { threshold: 0.01, min_samples: 0 });
    assert_eq!(auto(&info), Split::Tiles { margin_px: ADAPTIVE_MARGIN_PX });
    let asked = choose(&info, SplitChoice::Samples);
    assert_eq!((asked.split, asked.exact), (Split::Samples, false));
    assert!(asked.reason.contains("adaptive sampling is off"), "{}", asked.reason);
}

#[test]
fn a_split_that_the_build_cannot_do_is_done_otherwise_and_said() {
    let plan = choose(&scene("4.2.23", "BLUE_NOISE", 64), SplitChoice::Samples);
    assert_eq!(plan.split, Split::Tiles { margin_px: 0 });
    assert!(plan.reason.contains("4.2.23") && plan.reason.contains("BLUE_NOISE"));

    let mut guided = scene("4.5.15", "TABULATED_SOBOL", 64);
    guided.path_guiding = true;
    assert_eq!(choose(&guided, SplitChoice::Samples).split, Split::Frames);
}

proptest! {
    #[test]
    fn a_grid_covers_the_frame_once_and_its_margins_stay_cheap(
        width in 1u32..4000, height in 1u32..3000, x in 0u32..100, y in 0u32..100,
        margin in 0u32..33, wanted in 1u32..65,
    ) {
        let frame = Tile::new(x, y, width, height).unwrap();
        let tiles = grid(frame, margin, wanted);
        prop_assert!(tiles.len() <= wanted as usize);
        let pixels: u64 = tiles.iter().map(|t| t.pixel_count()).sum();
        prop_assert_eq!(pixels, frame.pixel_count());
        let mut work = 0;
        for (index, tile) in tiles.iter().enumerate() {
            prop_assert!(frame.contains(*tile));
            prop_assert!(tiles.iter().skip(index + 1).all(|other| !other.overlaps(*tile)));
            work += tile.grown(margin, frame).pixel_count();
        }
        prop_assert!(work as f64 <= 1.05 * frame.pixel_count() as f64);
    }
}

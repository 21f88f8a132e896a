//! How a frame is cut: chosen per scene and Blender from what was measured.

use blendnet_protocol::{SceneInfo, Split, SplitChoice, SplitPlan, Tile};

/// Pixels rendered around a tile when adaptive sampling is on: its filter of unfinished pixels
/// looks across the border of a tile. Measured: 4 are enough (docs/MEASURED.md).
pub(crate) const ADAPTIVE_MARGIN_PX: u32 = 6;

/// Most samples of a frame for which ranges of these patterns equal one go without
/// `use_sample_subset`; measured.
const EXACT_TOTALS: [(&str, u32, u32); 3] = [
    // Pattern, major version of Blender, total.
    ("SOBOL", 3, u32::MAX),
    ("PROGRESSIVE_MULTI_JITTER", 3, 256),
    ("TABULATED_SOBOL", 4, 256),
];

/// Share of work that margins of tiles may add.
const MOST_MARGIN_WORK: f64 = 0.045;

/// Chooses the split, and says why and whether the image equals the one of a single machine.
pub fn choose(info: &SceneInfo, choice: SplitChoice) -> SplitPlan {
    if let Some(why) = whole_frames_because(info) {
        return frames(format!("{why}; every frame is rendered whole by one agent"));
    }
    match choice {
        SplitChoice::Frames => frames("whole frames, as asked".to_owned()),
        SplitChoice::Tiles => tiles(info, "by tiles, as asked"),
        SplitChoice::Samples => samples_as_asked(info),
        SplitChoice::Auto if info.engine != "CYCLES" => {
            tiles(info, "this engine has no samples to share out")
        }
        SplitChoice::Auto if info.samples < 2 => tiles(info, "the frame has one sample"),
        SplitChoice::Auto if info.adaptive.is_some() => {
            tiles(info, "adaptive sampling decides for each pixel how many samples it gets")
        }
        SplitChoice::Auto if info.unmergeable_pass.is_some() => tiles(info, &no_merge(info)),
        SplitChoice::Auto if ranges_are_exact(info) => {
            plan(Split::Samples, true, "every agent renders some of the samples")
        }
        SplitChoice::Auto => tiles(info, &inexact_ranges(info)),
    }
}

fn whole_frames_because(info: &SceneInfo) -> Option<String> {
    if let Some(why) = &info.whole_frames_because {
        return Some(why.clone());
    }
    if info.path_guiding {
        return Some("path guiding learns from the whole frame".to_owned());
    }
    (info.time_limit_secs > 0.0).then(|| "the scene has a time limit for each frame".to_owned())
}

fn samples_as_asked(info: &SceneInfo) -> SplitPlan {
    if info.engine != "CYCLES" || info.samples < 2 {
        return tiles(info, "a split by samples was asked for, but there are none to share out");
    }
    if info.adaptive.is_some() && (info.subset_exact || ranges_are_valid(info)) {
        return plan(
            Split::Samples,
            false,
            "as asked; adaptive sampling is off in a split by samples, so this takes 1.3 to 5 \
             times the work and is less noisy than the image of one machine",
        );
    }
    if ranges_are_exact(info) && info.unmergeable_pass.is_some() {
        return plan(Split::Samples, false, &format!("by samples, as asked; {}", no_merge(info)));
    }
    if ranges_are_exact(info) {
        return plan(Split::Samples, true, "by samples, as asked");
    }
    if ranges_are_valid(info) {
        return plan(
            Split::Samples,
            false,
            "as asked; a valid image, but its noise differs from the one of one machine",
        );
    }
    tiles(info, &format!("a split by samples was asked for, but {}", inexact_ranges(info)))
}

fn inexact_ranges(info: &SceneInfo) -> String {
    format!(
        "Blender {} can't split {} samples of the pattern {} exactly",
        info.blender_version, info.samples, info.sampling_pattern
    )
}

fn no_merge(info: &SceneInfo) -> String {
    let pass = info.unmergeable_pass.as_deref().unwrap_or_default();
    format!("the pass {pass} can't be merged exactly from ranges of samples")
}

fn major_version(info: &SceneInfo) -> u32 {
    info.blender_version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0)
}

fn ranges_are_exact(info: &SceneInfo) -> bool {
    let major = major_version(info);
    info.subset_exact
        || EXACT_TOTALS.iter().any(|&(pattern, version, total)| {
            pattern == info.sampling_pattern && version == major && info.samples <= total
        })
}

/// Ranges are estimates of the same image, if not the same noise. In 4.2 and 4.3, ranges of the
/// other patterns share their noise.
fn ranges_are_valid(info: &SceneInfo) -> bool {
    major_version(info) == 3 || info.sampling_pattern == "TABULATED_SOBOL"
}

fn tiles(info: &SceneInfo, why: &str) -> SplitPlan {
    let margin_px = if info.adaptive.is_some() { ADAPTIVE_MARGIN_PX } else { 0 };
    let how = if margin_px > 0 {
        format!("every agent renders some of the tiles, with {margin_px} pixels around each")
    } else {
        "every agent renders some of the tiles".to_owned()
    };
    plan(Split::Tiles { margin_px }, true, &format!("{why}; {how}"))
}

fn frames(reason: String) -> SplitPlan {
    SplitPlan { split: Split::Frames, exact: true, reason }
}

fn plan(split: Split, exact: bool, reason: &str) -> SplitPlan {
    SplitPlan { split, exact, reason: reason.to_owned() }
}

/// Cuts a frame into about `wanted` tiles, those in the middle first: that is where the
/// picture is.
///
/// There are fewer when their margins would add too much work.
pub fn grid(frame: Tile, margin_px: u32, wanted: u32) -> Vec<Tile> {
    let (columns, rows) = shape(frame, margin_px, wanted.max(1));
    let xs = edges(frame.x_px(), frame.width_px(), columns);
    let ys = edges(frame.y_px(), frame.height_px(), rows);
    let mut tiles: Vec<Tile> = ys
        .iter()
        .flat_map(|&(y, height)| xs.iter().map(move |&(x, width)| (x, y, width, height)))
        .filter_map(|(x, y, width, height)| Tile::new(x, y, width, height).ok())
        .collect();
    let middle = |start: u32, length: u32| i64::from(start) * 2 + i64::from(length);
    let (middle_x, middle_y) =
        (middle(frame.x_px(), frame.width_px()), middle(frame.y_px(), frame.height_px()));
    tiles.sort_by_key(|t| {
        let dx = middle(t.x_px(), t.width_px()) - middle_x;
        let dy = middle(t.y_px(), t.height_px()) - middle_y;
        (dx * dx + dy * dy, t.y_px(), t.x_px())
    });
    tiles
}

/// Columns and rows with the most tiles up to `wanted`, the squarest of these.
fn shape(frame: Tile, margin_px: u32, wanted: u32) -> (u32, u32) {
    let (width, height) = (f64::from(frame.width_px()), f64::from(frame.height_px()));
    let fits = |columns: u32, rows: u32| {
        let borders = f64::from(columns - 1) * height + f64::from(rows - 1) * width;
        2.0 * f64::from(margin_px) * borders <= MOST_MARGIN_WORK * width * height
            && frame.width_px() / columns >= 8.min(frame.width_px())
            && frame.height_px() / rows >= 8.min(frame.height_px())
    };
    let unsquare = |columns: u32, rows: u32| {
        ((width / f64::from(columns)) / (height / f64::from(rows))).ln().abs()
    };
    let mut best = (1, 1);
    for columns in 1..=wanted.min(frame.width_px()) {
        for rows in 1..=(wanted / columns).min(frame.height_px()) {
            let (tiles, best_tiles) = (columns * rows, best.0 * best.1);
            let squarer = unsquare(columns, rows) < unsquare(best.0, best.1);
            if fits(columns, rows) && (tiles > best_tiles || (tiles == best_tiles && squarer)) {
                best = (columns, rows);
            }
        }
    }
    best
}

/// Starts and lengths of `count` pieces that differ by at most one pixel.
fn edges(start: u32, length: u32, count: u32) -> Vec<(u32, u32)> {
    let at = |index: u32| {
        let offset = u64::from(length) * u64::from(index) / u64::from(count);
        start + u32::try_from(offset).unwrap_or(length)
    };
    (0..count).map(|index| (at(index), at(index + 1) - at(index))).collect()
}

#[cfg(test)]
mod tests;

//! View layers and their passes.

use crate::blend::Struct;
use serde::Serialize;

/// A view layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewLayer {
    /// Its name.
    pub name: String,
    /// Whether it is rendered.
    pub used: bool,
    /// Its passes, such as `Combined` and `Depth`, by the names that Blender shows.
    pub passes: Vec<String>,
    /// Channels of all passes.
    pub channels: u64,
}

/// `VIEW_LAYER_RENDER` of `ViewLayer.flag`.
const RENDERED: i64 = 1;

/// `SCE_PASS_*` of `ViewLayer.passflag`: bit, name, channels.
const PASSES: [(u32, &str, u64); 25] = [
    (0, "Combined", 4),
    (1, "Depth", 1),
    (5, "Shadow", 3),
    (6, "Ambient Occlusion", 3),
    (7, "Position", 3),
    (8, "Normal", 3),
    (9, "Vector", 4),
    (11, "Object Index", 1),
    (12, "UV", 3),
    (14, "Mist", 1),
    (16, "Emission", 3),
    (17, "Environment", 3),
    (18, "Material Index", 1),
    (19, "Diffuse Direct", 3),
    (20, "Diffuse Indirect", 3),
    (21, "Diffuse Color", 3),
    (22, "Glossy Direct", 3),
    (23, "Glossy Indirect", 3),
    (24, "Glossy Color", 3),
    (25, "Transmission Direct", 3),
    (26, "Transmission Indirect", 3),
    (27, "Transmission Color", 3),
    (28, "Subsurface Direct", 3),
    (29, "Subsurface Indirect", 3),
    (30, "Subsurface Color", 3),
];

/// Passes of Cycles' own settings of a view layer, which are ID properties.
const CYCLES_PASSES: [(&str, &str, u64); 5] = [
    ("pass_debug_sample_count", "Sample Count", 1),
    ("use_pass_volume_direct", "Volume Direct", 3),
    ("use_pass_volume_indirect", "Volume Indirect", 3),
    ("use_pass_shadow_catcher", "Shadow Catcher", 3),
    ("denoising_store_passes", "Denoising Data", 7),
];

/// `VIEW_LAYER_CRYPTOMATTE_*` of `ViewLayer.cryptomatte_flag`.
const CRYPTOMATTES: [(i64, &str); 3] =
    [(1, "Cryptomatte Object"), (2, "Cryptomatte Material"), (4, "Cryptomatte Asset")];

/// `AOV_TYPE_COLOR`; the other one is a value.
const AOV_IS_COLOUR: i64 = 1;

pub(super) fn read(layer: &Struct<'_>) -> ViewLayer {
    let flags = layer.int("passflag").unwrap_or(1);
    let mut found: Vec<(String, u64)> = PASSES
        .iter()
        .filter(|(bit, ..)| flags >> bit & 1 == 1)
        .map(|&(_, name, channels)| (name.to_owned(), channels))
        .collect();
    let properties = layer.properties("id_properties");
    let cycles = properties.as_ref().and_then(|all| all.get("cycles"));
    for (property, name, channels) in CYCLES_PASSES {
        let value = cycles.and_then(|cycles| cycles.get(property)?.as_int());
        if value.is_some_and(|value| value != 0) {
            found.push((name.to_owned(), channels));
        }
    }
    let mattes = layer.int("cryptomatte_flag").unwrap_or(0);
    // Two objects are kept in each picture of four channels.
    let levels =
        layer.int("cryptomatte_levels").unwrap_or(6).clamp(2, 16).unsigned_abs().div_ceil(2);
    for (bit, name) in CRYPTOMATTES {
        if mattes & bit != 0 {
            found.push((name.to_owned(), 4 * levels));
        }
    }
    for aov in layer.structs("aovs") {
        let channels = if aov.int("type") == Some(AOV_IS_COLOUR) { 4 } else { 1 };
        found.push((format!("AOV {}", aov.text("name").unwrap_or_default()), channels));
    }
    for group in layer.structs("lightgroups") {
        found.push((format!("Light Group {}", group.text("name").unwrap_or_default()), 3));
    }
    ViewLayer {
        name: layer.text("name").unwrap_or_default(),
        used: layer.int("flag").unwrap_or(RENDERED) & RENDERED != 0,
        channels: found.iter().map(|(_, channels)| channels).sum(),
        passes: found.into_iter().map(|(name, _)| name).collect(),
    }
}

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
    /// Its passes with this engine, such as `Combined` and `Depth`, by the names that Blender shows.
    pub passes: Vec<String>,
    /// Samples of a pixel in place of the scene's; `None`: as the scene says.
    pub samples: Option<i64>,
    /// Channels of all passes.
    pub channels: u64,
}

/// `VIEW_LAYER_RENDER` of `ViewLayer.flag` (`DNA_layer_types.h`).
const RENDERED: i64 = 1;

/// `SCE_PASS_*` of `ViewLayer.passflag` (`DNA_layer_types.h`): bit, name, channels.
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

/// Passes of Cycles' own settings of a view layer, which are ID properties (its `properties.py`).
const CYCLES_PASSES: [(&str, &str, u64); 9] = [
    ("pass_debug_sample_count", "Sample Count", 1),
    ("pass_render_time", "Render Time", 1),
    ("use_pass_volume_direct", "Volume Direct", 3),
    ("use_pass_volume_indirect", "Volume Indirect", 3),
    ("use_pass_volume_scatter", "Volume Scatter", 3),
    ("use_pass_volume_transmit", "Volume Transmit", 3),
    ("use_pass_volume_majorant", "Volume Majorant", 1),
    ("use_pass_shadow_catcher", "Shadow Catcher", 3),
    ("denoising_store_passes", "Denoising Data", 7),
];

/// `EEVEE_RENDER_PASS_*` of `ViewLayerEEVEE.render_passes` (`DNA_layer_types.h`), as in the above.
const EEVEE_PASSES: [(u32, &str, u64); 3] =
    [(9, "Volume Light", 3), (14, "Bloom", 3), (20, "Transparent", 4)];

/// `GREASE_PENCIL_AS_SEPARATE_PASS` of `ViewLayer.grease_pencil_flags` (`DNA_layer_types.h`).
const GREASE_PENCIL: i64 = 1;

/// `VIEW_LAYER_CRYPTOMATTE_*` of `ViewLayer.cryptomatte_flag` (`DNA_layer_types.h`).
const CRYPTOMATTES: [(i64, &str); 3] =
    [(1, "Cryptomatte Object"), (2, "Cryptomatte Material"), (4, "Cryptomatte Asset")];

/// `AOV_TYPE_COLOR` (`DNA_layer_types.h`); the other one is a value.
const AOV_IS_COLOUR: i64 = 1;

pub(super) fn read(layer: &Struct<'_>, engine: &str) -> ViewLayer {
    let mut found = of_bits(&PASSES, layer.int("passflag").unwrap_or(1));
    if layer.int("grease_pencil_flags").unwrap_or(0) & GREASE_PENCIL != 0 {
        found.push(("Grease Pencil".to_owned(), 4));
    }
    if engine == "CYCLES" {
        found.extend(of_cycles(layer));
    } else if engine.starts_with("BLENDER_EEVEE") {
        found.extend(of_bits(&EEVEE_PASSES, layer.int("eevee.render_passes").unwrap_or(0)));
    }
    found.extend(cryptomattes(layer));
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
        samples: layer.int("samples").filter(|samples| *samples > 0),
        channels: found.iter().map(|(_, channels)| channels).sum(),
        passes: found.into_iter().map(|(name, _)| name).collect(),
    }
}

fn of_bits(table: &[(u32, &str, u64)], flags: i64) -> Vec<(String, u64)> {
    let set = table.iter().filter(|(bit, ..)| (flags >> bit) & 1 == 1);
    set.map(|&(_, name, channels)| (name.to_owned(), channels)).collect()
}

/// Since 5.0 what add-ons register is kept apart from what users add.
fn of_cycles(layer: &Struct<'_>) -> Vec<(String, u64)> {
    let groups = ["system_properties", "id_properties"].map(|path| layer.properties(path));
    let settings = groups.iter().flatten().find_map(|group| group.get("cycles"));
    let is_set = |name| settings.and_then(|own| own.get(name)?.as_int()).is_some_and(|on| on != 0);
    let set = CYCLES_PASSES.iter().filter(|(property, ..)| is_set(property));
    set.map(|&(_, name, channels)| (name.to_owned(), channels)).collect()
}

fn cryptomattes(layer: &Struct<'_>) -> Vec<(String, u64)> {
    let flags = layer.int("cryptomatte_flag").unwrap_or(0);
    // Two objects are kept in each picture of four channels.
    let levels = layer.int("cryptomatte_levels").unwrap_or(6).clamp(2, 16).unsigned_abs();
    let set = CRYPTOMATTES.iter().filter(|(bit, _)| flags & bit != 0);
    set.map(|(_, name)| ((*name).to_owned(), 4 * levels.div_ceil(2))).collect()
}

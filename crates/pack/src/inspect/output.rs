//! Where and how the result is written, and how it is shown.

use crate::blend::Struct;
use serde::Serialize;

/// What Blender writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// As written in the file.
    pub path: String,
    /// Such as `PNG`, by the name that Blender's API has; `unknown 99` for a new one.
    pub format: String,
    /// Whether all frames go into one file.
    pub is_movie: bool,
    /// Whether the format keeps what was rendered: false for JPEG and the like.
    pub is_lossless: bool,
    /// Bits of a channel.
    pub depth_bits: Option<u32>,
    /// Channels: `BW`, `RGB` or `RGBA`.
    pub channels: Option<&'static str>,
}

/// How scene values become colours.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ColorManagement {
    /// Such as `sRGB`.
    pub display: String,
    /// Such as `Filmic`.
    pub view: String,
    /// Such as `Medium High Contrast`; empty: none.
    pub look: String,
    /// In stops.
    pub exposure: f64,
    /// 1 changes nothing.
    pub gamma: f64,
}

/// `R_IMF_IMTYPE_*`: number, name in the API, one file for all frames, lossless.
const FORMATS: [(i64, &str, bool, bool); 25] = [
    (0, "TARGA", false, true),
    (1, "IRIS", false, true),
    (4, "JPEG", false, false),
    (14, "TARGA_RAW", false, true),
    (15, "AVI_RAW", true, true),
    (16, "AVI_JPEG", true, false),
    (17, "PNG", false, true),
    (20, "BMP", false, true),
    (21, "HDR", false, true),
    (22, "TIFF", false, true),
    (23, "OPEN_EXR", false, true),
    (24, "FFMPEG", true, false),
    (25, "FRAMESERVER", true, false),
    (26, "CINEON", false, true),
    (27, "DPX", false, true),
    (28, "OPEN_EXR_MULTILAYER", false, true),
    (29, "DDS", false, true),
    (30, "JPEG2000", false, false),
    (31, "H264", true, false),
    (32, "XVID", true, false),
    (33, "THEORA", true, false),
    (34, "PSD", false, true),
    (35, "WEBP", false, false),
    (36, "AV1", true, false),
    (37, "AVIF", false, false),
];

/// `R_IMF_CHAN_DEPTH_*`: flag and bits.
const DEPTHS: [(i64, u32); 8] =
    [(1, 1), (2, 8), (4, 10), (8, 12), (16, 16), (32, 24), (64, 32), (128, 64)];

pub(super) fn read(scene: &Struct<'_>) -> Output {
    let number = scene.int("r.im_format.imtype").unwrap_or(-1);
    let format = FORMATS.iter().find(|(known, ..)| *known == number);
    let depth = scene.int("r.im_format.depth");
    let channels = match scene.int("r.im_format.planes") {
        Some(8) => Some("BW"),
        Some(24) => Some("RGB"),
        Some(32) => Some("RGBA"),
        _ => None,
    };
    Output {
        path: scene.text("r.pic").unwrap_or_default(),
        format: format.map_or_else(|| format!("unknown {number}"), |known| known.1.to_owned()),
        is_movie: format.is_some_and(|known| known.2),
        is_lossless: format.is_none_or(|known| known.3),
        depth_bits: DEPTHS.iter().find(|(flag, _)| Some(*flag) == depth).map(|(_, bits)| *bits),
        channels,
    }
}

pub(super) fn color_management(scene: &Struct<'_>) -> ColorManagement {
    let text = |path| scene.text(path).unwrap_or_default();
    let look = text("view_settings.look");
    ColorManagement {
        display: text("display_settings.display_device"),
        view: text("view_settings.view_transform"),
        look: if look == "None" { String::new() } else { look },
        exposure: scene.float("view_settings.exposure").unwrap_or(0.0),
        gamma: scene.float("view_settings.gamma").unwrap_or(1.0),
    }
}

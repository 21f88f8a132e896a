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
    /// Whether format and codec keep what was rendered: false for JPEG and the like.
    pub is_lossless: bool,
    /// Bits of a channel.
    pub depth_bits: Option<u32>,
    /// Channels: `BW`, `RGB` or `RGBA`.
    pub channels: Option<&'static str>,
    /// How it is compressed, such as `DWAA` or `H264`; `None` where there is no choice.
    pub codec: Option<String>,
    /// What a movie is wrapped in, such as `MPEG4`.
    pub container: Option<String>,
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

/// `R_IMF_IMTYPE_*` (`DNA_scene_types.h`): number, name in the API, one file for all frames, lossless.
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

/// `R_IMF_CHAN_DEPTH_*` (`DNA_scene_types.h`): flag and bits.
const DEPTHS: [(i64, u32); 8] =
    [(1, 1), (2, 8), (4, 10), (8, 12), (16, 16), (32, 24), (64, 32), (128, 64)];

/// Numbers of `r.im_format.exr_codec` (`R_IMF_EXR_CODEC_*`): name, and whether it is lossless.
const EXR_CODECS: [(i64, &str, bool); 10] = [
    (0, "NONE", true),
    (1, "PXR24", false),
    (2, "ZIP", true),
    (3, "PIZ", true),
    (4, "RLE", true),
    (5, "ZIPS", true),
    (6, "B44", false),
    (7, "B44A", false),
    (8, "DWAA", false),
    (9, "DWAB", false),
];
/// The same of `r.im_format.tiff_codec` (`R_IMF_TIFF_CODEC_*`).
const TIFF_CODECS: [(i64, &str, bool); 4] =
    [(0, "DEFLATE", true), (1, "LZW", true), (2, "PACKBITS", true), (3, "NONE", true)];
/// The same of `r.ffcodecdata.codec` (`AVCodecID` of `FFmpeg`; H.264 may be lossless, and is not told).
const MOVIE_CODECS: [(i64, &str, bool); 18] = [
    (0, "NONE", false),
    (1, "MPEG1", false),
    (2, "MPEG2", false),
    (12, "MPEG4", false),
    (21, "FLASH", false),
    (24, "DV", false),
    (25, "HUFFYUV", true),
    (27, "H264", false),
    (30, "THEORA", false),
    (33, "FFV1", true),
    (55, "QTRLE", true),
    (61, "PNG", true),
    (99, "DNXHD", false),
    (147, "PRORES", false),
    (167, "WEBM", false),
    (173, "H265", false),
    (226, "AV1", false),
    (32_797, "AV1", false),
];
/// The same of `r.ffcodecdata.type` (`FFMPEG_*` of `IMB_movie_enums.hh`).
const CONTAINERS: [(i64, &str, bool); 12] = [
    (0, "MPEG1", false),
    (1, "MPEG2", false),
    (2, "MPEG4", false),
    (3, "AVI", false),
    (4, "QUICKTIME", false),
    (5, "DV", false),
    (6, "H264", false),
    (7, "XVID", false),
    (8, "FLASH", false),
    (9, "MKV", false),
    (10, "OGG", false),
    (12, "WEBM", false),
];

pub(super) fn read(scene: &Struct<'_>) -> Output {
    let number = scene.int("r.im_format.imtype").unwrap_or(-1);
    let format = FORMATS.iter().find(|(known, ..)| *known == number);
    let name = format.map_or_else(|| format!("unknown {number}"), |known| known.1.to_owned());
    let depth = scene.int("r.im_format.depth");
    let channels = match scene.int("r.im_format.planes") {
        Some(8) => Some("BW"),
        Some(24) => Some("RGB"),
        Some(32) => Some("RGBA"),
        _ => None,
    };
    let codec = match &*name {
        "OPEN_EXR" | "OPEN_EXR_MULTILAYER" => choice(scene, "r.im_format.exr_codec", &EXR_CODECS),
        "TIFF" => choice(scene, "r.im_format.tiff_codec", &TIFF_CODECS),
        "FFMPEG" => choice(scene, "r.ffcodecdata.codec", &MOVIE_CODECS),
        _ => None,
    };
    let container = choice(scene, "r.ffcodecdata.type", &CONTAINERS);
    let lossless = format.is_none_or(|known| known.3);
    Output {
        path: scene.text("r.pic").unwrap_or_default(),
        is_movie: format.is_some_and(|known| known.2),
        is_lossless: codec.as_ref().map_or(lossless, |(_, lossless)| *lossless),
        depth_bits: DEPTHS.iter().find(|(flag, _)| Some(*flag) == depth).map(|(_, bits)| *bits),
        channels,
        codec: codec.map(|(name, _)| name),
        container: container.filter(|_| name == "FFMPEG").map(|(name, _)| name),
        format: name,
    }
}

fn choice(scene: &Struct<'_>, path: &str, table: &[(i64, &str, bool)]) -> Option<(String, bool)> {
    let number = scene.int(path)?;
    let known = table.iter().find(|(known, ..)| *known == number);
    Some(known.map_or_else(
        || (format!("unknown {number}"), true),
        |(_, name, lossless)| ((*name).to_owned(), *lossless),
    ))
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

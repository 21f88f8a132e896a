//! What an agent's Blender says of a scene before anything is rendered.

use crate::Tile;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Adaptive sampling as it will be used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Adaptive {
    /// Noise threshold; 0 is automatic.
    pub threshold: f64,
    /// Least samples of a pixel; 0 is automatic.
    pub min_samples: u32,
}

/// The rectangle of the frame that the image holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FilmRect {
    /// Full frame after the resolution percentage.
    pub frame: Tile,
    /// What is rendered: the frame, or the user's render border.
    pub rendered: Tile,
    /// Whether the image has only `rendered` (true) or is black around it (false).
    pub cropped: bool,
}

/// The scene's own output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputFormat {
    /// Blender's name, such as `PNG` or `OPEN_EXR_MULTILAYER`.
    pub file_format: String,
    /// With the dot, such as `.png`.
    pub extension: String,
    /// A movie can't be split into frames: a PNG sequence is rendered instead, and said.
    pub is_movie: bool,
}

/// A view layer of the scene.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ViewLayerInfo {
    /// Its name.
    pub name: String,
    /// Whether it is rendered, overrides applied.
    pub used: bool,
}

/// What an external file is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// One image.
    Image,
    /// Numbered images; `path` names one of them.
    Sequence,
    /// UDIM tiles; `path` has `<UDIM>` or `<UVTILE>` in it.
    Udim,
    /// A folder whose whole content is needed, such as a point cache or a fluid cache.
    Directory,
    /// A linked .blend.
    Library,
    /// Any other single file.
    Other,
}

/// A file that Blender lists for the scene.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct ExternalFile {
    /// Absolute path in the artist's layout, as Blender resolves it: relative to the .blend,
    /// or to the library that names it. `/home/ann/tex/wood.png`, `C:/tex/wood.png`.
    pub path: String,
    /// As written in the file, such as `//tex/wood.png`.
    pub as_written: String,
    /// What it is.
    pub kind: FileKind,
    /// Who names it, such as `Image "wood.png"`.
    pub used_by: String,
}

/// What will be rendered, overrides applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "facts of a scene, not states")]
pub struct SceneInfo {
    /// Blender that answered, such as `4.5.15`.
    pub blender_version: String,
    /// Version that saved the file, such as `3.4`.
    pub file_version: String,
    /// Name of the scene.
    pub scene: String,
    /// Names of all scenes.
    pub scenes: Vec<String>,
    /// Name of the camera at the current frame.
    pub camera: Option<String>,
    /// Whether markers switch cameras over time.
    pub marker_cameras: bool,
    /// All view layers of the scene.
    pub view_layers: Vec<ViewLayerInfo>,
    /// Blender's name, such as `CYCLES`.
    pub engine: String,
    /// First frame of the range.
    pub frame_start: i32,
    /// Last frame of the range.
    pub frame_end: i32,
    /// Frames between two rendered ones.
    pub frame_step: u32,
    /// Current frame.
    pub frame_current: i32,
    /// The image.
    pub film: FilmRect,
    /// Cycles samples; 1 in other engines.
    pub samples: u32,
    /// `None`: off, or not Cycles.
    pub adaptive: Option<Adaptive>,
    /// Cycles sampling pattern, such as `TABULATED_SOBOL`; empty in other engines.
    pub sampling_pattern: String,
    /// Whether this build renders any range of samples exactly (`use_sample_subset`).
    pub subset_exact: bool,
    /// Whether the final image is denoised.
    pub denoise: bool,
    /// Whether this build can denoise a merged image (OpenImageDenoise in the compositor).
    pub can_denoise: bool,
    /// Whether Cycles path guiding is on.
    pub path_guiding: bool,
    /// Cycles time limit of a frame in seconds; 0 is none.
    pub time_limit_secs: f64,
    /// Whether the compositor runs.
    pub compositor: bool,
    /// A pass that can't be merged from ranges of samples, such as `Vector`.
    #[serde(default)]
    pub unmergeable_pass: Option<String>,
    /// Why a frame can't be put together from parts, in words; `None`: nothing is in the way.
    pub whole_frames_because: Option<String>,
    /// The scene's own output.
    pub output: OutputFormat,
    /// What Blender lists, packed data left out.
    pub files: Vec<ExternalFile>,
    /// What the user should know, such as settings that this build ignores.
    pub warnings: Vec<String>,
}

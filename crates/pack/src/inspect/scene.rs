//! The settings of a scene.

use super::layers::{self, ViewLayer};
use super::output::{self, ColorManagement, Output};
use crate::blend::{IdValue, Struct};
use serde::Serialize;

/// A scene as it would be rendered.
#[expect(clippy::struct_excessive_bools, reason = "each is a checkbox of the scene")]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scene {
    /// Its name.
    pub name: String,
    /// First frame.
    pub frame_start: i64,
    /// Last frame.
    pub frame_end: i64,
    /// Every how many frames one is rendered.
    pub frame_step: i64,
    /// The frame that was shown when it was saved.
    pub frame_current: i64,
    /// Frames a second.
    pub fps: f64,
    /// Width of a frame of full size.
    pub full_width_px: i64,
    /// Height of a frame of full size.
    pub full_height_px: i64,
    /// Width of a frame, the percentage taken into account.
    pub width_px: i64,
    /// Height of a frame.
    pub height_px: i64,
    /// Share of the full size.
    pub percentage: i64,
    /// The part of the frame that is rendered; `None`: all of it.
    pub border: Option<Border>,
    /// Such as `CYCLES`.
    pub engine: String,
    /// Settings of Cycles; `None` for other engines.
    pub cycles: Option<Cycles>,
    /// Its view layers.
    pub view_layers: Vec<ViewLayer>,
    /// Name of the camera object.
    pub camera: Option<String>,
    /// Markers that bind cameras, in the order of their frames.
    pub camera_switches: Vec<CameraSwitch>,
    /// Whether a compositor changes the picture.
    pub compositor: bool,
    /// Whether strips of the sequencer replace the picture.
    pub sequencer: bool,
    /// Whether the background is transparent.
    pub film_transparent: bool,
    /// Whether movement is blurred.
    pub motion_blur: bool,
    /// Whether what was built for a frame is kept for the next one, which takes more memory.
    pub persistent_data: bool,
    /// Whether Simplify is on, with which less is rendered than is there.
    pub simplify: bool,
    /// Whether Freestyle draws lines.
    pub freestyle: bool,
    /// Whether several views (stereo) are rendered.
    pub multiview: bool,
    /// What is written.
    pub output: Output,
    /// How colours are shown.
    pub color_management: ColorManagement,
}

/// A part of the frame, from the bottom left, as shares of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Border {
    /// Left edge.
    pub min_x: f64,
    /// Bottom edge.
    pub min_y: f64,
    /// Right edge.
    pub max_x: f64,
    /// Top edge.
    pub max_y: f64,
    /// Whether the picture has only this size.
    pub crop: bool,
}

/// A marker that binds a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CameraSwitch {
    /// From this frame on.
    pub frame: i64,
    /// Name of the camera object.
    pub camera: String,
    /// Name of the marker.
    pub marker: String,
}

/// Settings of Cycles for final renders.
#[expect(clippy::struct_excessive_bools, reason = "each is a checkbox of the scene")]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cycles {
    /// Samples of a pixel, or the most with adaptive sampling.
    pub samples: i64,
    /// Whether pixels end early when they are good enough.
    pub adaptive: bool,
    /// Noise at which they do; 0: Cycles chooses.
    pub adaptive_threshold: f64,
    /// Least samples with adaptive sampling; 0: Cycles chooses.
    pub adaptive_min_samples: i64,
    /// Seconds after which a frame ends; 0: none.
    pub time_limit_secs: f64,
    /// Whether the picture is denoised.
    pub denoise: bool,
    /// What denoises it, such as `OPENIMAGEDENOISE`.
    pub denoiser: String,
    /// Whether it wants a GPU.
    pub gpu: bool,
    /// Seed of the noise.
    pub seed: i64,
    /// Whether the seed changes with every frame.
    pub animated_seed: bool,
    /// Whether paths are guided.
    pub path_guiding: bool,
}

/// Flags of `RenderData.mode`: `R_BORDER` and so on (`DNA_scene_types.h`).
const BORDER: i64 = 1 << 9;
const CROP: i64 = 1 << 11;
const MOTION_BLUR: i64 = 1 << 14;
const SIMPLIFY: i64 = 1 << 24;
const FREESTYLE: i64 = 1 << 25;
const PERSISTENT_DATA: i64 = 1 << 26;
/// Flags of `RenderData.scemode`: `R_DOSEQ` and so on (`DNA_scene_types.h`).
const SEQUENCER: i64 = 1;
const COMPOSITOR: i64 = 1 << 6;
const MULTIVIEW: i64 = 1 << 21;
/// `R_ALPHAPREMUL` of `RenderData.alphamode` (`DNA_scene_types.h`).
const TRANSPARENT: i64 = 1;
/// `SEQ_TYPE_SOUND_RAM` and `SEQ_TYPE_SOUND_HD` of a strip's `type` (`DNA_sequence_types.h`).
const SOUNDS: [i64; 2] = [4, 5];
/// `SEQ_MUTE` of a strip's `flag` (`DNA_sequence_types.h`).
const MUTED: i64 = 1 << 5;
/// Denoisers of Cycles by their numbers (`DenoiserType` of `denoise.h`).
const DENOISERS: [(i64, &str); 3] = [(1, "NLM"), (2, "OPTIX"), (4, "OPENIMAGEDENOISE")];
/// Blender since which Cycles samples adaptively, with more samples, unless told otherwise.
const NEW_DEFAULTS: u16 = 300;

pub(super) fn read(scene: &Struct<'_>) -> Scene {
    let int = |path, other| scene.int(path).unwrap_or(other);
    let mode = int("r.mode", 0);
    let scemode = int("r.scemode", 0);
    let engine = scene.text("r.engine").unwrap_or_default();
    let percentage = int("r.size", 100);
    let scaled = |path| int(path, 0).saturating_mul(percentage) / 100;
    let base = scene.float("r.frs_sec_base").filter(|base| *base > 0.0).unwrap_or(1.0);
    #[expect(clippy::cast_precision_loss, reason = "at most some hundreds a second")]
    let fps = int("r.frs_sec", 24) as f64 / base;
    let properties = scene.id_properties();
    let cycles = properties.as_ref().and_then(|all| all.get("cycles"));
    let layers = scene.structs("view_layers");
    Scene {
        name: scene.id_name().unwrap_or_default(),
        frame_start: int("r.sfra", 1),
        frame_end: int("r.efra", 1),
        frame_step: int("r.frame_step", 1).max(1),
        frame_current: int("r.cfra", 1),
        fps,
        full_width_px: int("r.xsch", 0),
        full_height_px: int("r.ysch", 0),
        width_px: scaled("r.xsch"),
        height_px: scaled("r.ysch"),
        percentage,
        border: (mode & BORDER != 0).then(|| border(scene, mode & CROP != 0)),
        cycles: (engine == "CYCLES").then(|| read_cycles(scene, cycles)),
        view_layers: layers.iter().map(|layer| layers::read(layer, &engine)).collect(),
        engine,
        camera: scene.pointer("camera").and_then(|camera| camera.id_name()),
        camera_switches: camera_switches(scene),
        compositor: scemode & COMPOSITOR != 0 && has_compositor(scene),
        sequencer: scemode & SEQUENCER != 0 && has_strips(scene),
        film_transparent: int("r.alphamode", 0) == TRANSPARENT,
        motion_blur: mode & MOTION_BLUR != 0,
        persistent_data: mode & PERSISTENT_DATA != 0,
        simplify: mode & SIMPLIFY != 0,
        freestyle: mode & FREESTYLE != 0,
        multiview: scemode & MULTIVIEW != 0,
        output: output::read(scene),
        color_management: output::color_management(scene),
    }
}

impl Scene {
    /// Channels of the pixels of a frame, in all view layers that are rendered.
    pub(super) fn film_channels(&self) -> u64 {
        let size = |px: i64| u64::try_from(px).unwrap_or(0);
        let used = self.view_layers.iter().filter(|layer| layer.used);
        let channels: u64 = used.map(|layer| layer.channels).sum();
        size(self.width_px).saturating_mul(size(self.height_px)).saturating_mul(channels)
    }

    /// How many frames its range has.
    pub fn frame_count(&self) -> i64 {
        let range = self.frame_end.saturating_sub(self.frame_start);
        if range < 0 { 0 } else { range / self.frame_step.max(1) + 1 }
    }
}

fn border(scene: &Struct<'_>, crop: bool) -> Border {
    let share = |name: &str, other| scene.float(&format!("r.border.{name}")).unwrap_or(other);
    Border {
        min_x: share("xmin", 0.0),
        min_y: share("ymin", 0.0),
        max_x: share("xmax", 1.0),
        max_y: share("ymax", 1.0),
        crop,
    }
}

/// Until 4.x the scene has a tree and a switch; since 5.0 it names a node group.
fn has_compositor(scene: &Struct<'_>) -> bool {
    let tree = if scene.has("compositing_node_group") {
        scene.pointer("compositing_node_group")
    } else {
        scene.pointer("nodetree").filter(|_| scene.is_set("use_nodes"))
    };
    // Of a linked one only the name is here.
    tree.is_some_and(|tree| tree.type_name() == "ID" || !tree.structs("nodes").is_empty())
}

/// As `RE_seq_render_active` of Blender has it: one strip that is seen is enough.
fn has_strips(scene: &Struct<'_>) -> bool {
    let strips = scene.pointer("ed").map(|editing| editing.structs("seqbase"));
    strips.unwrap_or_default().iter().any(|strip| {
        let is_sound = strip.int("type").is_some_and(|kind| SOUNDS.contains(&kind));
        !is_sound && strip.int("flag").unwrap_or(0) & MUTED == 0
    })
}

fn camera_switches(scene: &Struct<'_>) -> Vec<CameraSwitch> {
    let mut switches: Vec<CameraSwitch> = scene
        .structs("markers")
        .iter()
        .filter_map(|marker| {
            Some(CameraSwitch {
                frame: marker.int("frame")?,
                camera: marker.pointer("camera")?.id_name()?,
                marker: marker.text("name").unwrap_or_default(),
            })
        })
        .collect();
    switches.sort_by_key(|switch| switch.frame);
    switches
}

/// Only what was ever changed is in the file: the rest are Cycles' defaults.
fn read_cycles(scene: &Struct<'_>, settings: Option<&IdValue>) -> Cycles {
    let new = scene.file().version().0 >= NEW_DEFAULTS;
    let value = |name: &str| settings.and_then(|settings| settings.get(name));
    let int = |name, other| value(name).and_then(IdValue::as_int).unwrap_or(other);
    let float = |name, other| value(name).and_then(IdValue::as_float).unwrap_or(other);
    let flag = |name, other: bool| int(name, i64::from(other)) != 0;
    let samples = int("samples", if new { 4096 } else { 128 });
    let denoiser = int("denoiser", 4);
    let known = DENOISERS.iter().find(|(number, _)| *number == denoiser);
    Cycles {
        samples: if flag("use_square_samples", false) && !new {
            samples.saturating_mul(samples)
        } else {
            samples
        },
        adaptive: flag("use_adaptive_sampling", new),
        adaptive_threshold: float("adaptive_threshold", if new { 0.01 } else { 0.0 }),
        adaptive_min_samples: int("adaptive_min_samples", 0),
        time_limit_secs: float("time_limit", 0.0),
        denoise: flag("use_denoising", new),
        denoiser: known.map_or_else(|| format!("unknown {denoiser}"), |known| known.1.to_owned()),
        gpu: flag("device", false),
        seed: int("seed", 0),
        animated_seed: flag("use_animated_seed", false),
        path_guiding: flag("use_guiding", false),
    }
}

//! What a manager asks of an agent.

use crate::{BlobId, Region, SceneId, SceneInfo, WorkId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Its name; sending the same one again changes nothing.
    pub id: WorkId,
    /// Which scene; sent before.
    pub scene: SceneId,
    /// What to do with it.
    pub kind: WorkKind,
    /// Of a part that is all of its frame's pixels: about how many seconds may pass until what is
    /// rendered is handed in. `None`: all of it at the end, as [`Outcome::Part`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_secs: Option<f64>,
}

impl Work {
    /// A work that hands in all of its result at the end.
    pub fn new(id: WorkId, scene: SceneId, kind: WorkKind) -> Self {
        Self { id, scene, kind, save_secs: None }
    }
}

/// What to do with a scene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WorkKind {
    /// Open it and tell what is in it. Answers [`Outcome::Inspected`].
    Inspect,
    /// Render a region of a frame, without denoising and compositor. Answers [`Outcome::Part`].
    Part {
        /// Frame number.
        frame: i32,
        /// Which pixels and samples.
        region: Region,
        /// Pixels rendered around the tile and cut off again.
        margin_px: u32,
        /// Samples of the whole frame.
        total_samples: u32,
    },
    /// Render a whole frame with the scene's own settings. Answers [`Outcome::Image`].
    Whole {
        /// Frame number.
        frame: i32,
    },
    /// Denoise and compose a merged frame. Answers [`Outcome::Image`].
    Finish {
        /// Frame number.
        frame: i32,
        /// The merged multilayer EXR.
        merged: BlobId,
    },
}

impl WorkKind {
    /// The frame that it is for; `None`: the scene as it is.
    pub fn frame(&self) -> Option<i32> {
        match self {
            Self::Inspect => None,
            Self::Part { frame, .. } | Self::Whole { frame } | Self::Finish { frame, .. } => {
                Some(*frame)
            }
        }
    }
}

/// A file that came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResultFile {
    /// File name, such as `0001.png`.
    pub name: String,
    /// Content.
    pub blob: BlobId,
    /// Size.
    pub size_bytes: u64,
}

/// Where the time of a piece of work went, on the agent's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Timing {
    /// Starting Blender and opening the scene; 0 when it was warm.
    pub load_secs: f64,
    /// Inside Blender's render call.
    pub render_secs: f64,
    /// From the start of the work to its end.
    pub total_secs: f64,
}

/// What a completed piece of work gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Of [`WorkKind::Inspect`].
    Inspected {
        /// What is in the scene.
        info: Box<SceneInfo>,
        /// The scene's view transform as a lattice image for previews (see `film`).
        look: Option<ResultFile>,
    },
    /// Of [`WorkKind::Part`].
    Part {
        /// Multilayer EXR of exactly the tile.
        image: ResultFile,
        /// Where the time went.
        timing: Timing,
    },
    /// Of [`WorkKind::Part`] with [`Work::save_secs`]: all of it is in [`WorkStatus::parts`].
    Parts {
        /// Where the time went.
        timing: Timing,
    },
    /// Of [`WorkKind::Whole`] and [`WorkKind::Finish`].
    Image {
        /// Lossless multilayer EXR with all passes.
        image: ResultFile,
        /// The scene's own output first, then what File Output nodes wrote.
        composed: Vec<ResultFile>,
        /// Where the time went.
        timing: Timing,
    },
}

/// How far running work is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Progress {
    /// Samples done, as far as Blender tells.
    pub samples_done: u32,
    /// Since the work began.
    pub elapsed_secs: f64,
    /// Blender's own guess; `None` when it says none.
    pub remaining_secs: Option<f64>,
    /// Peak memory of Blender in MB; 0 when unknown.
    pub memory_mb: f64,
    /// What Blender last said.
    pub message: String,
    /// Of an inspection that still makes the look: what is in the scene.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<Box<SceneInfo>>,
}

/// Who is to blame, so that a bad scene does not condemn agents nor a bad agent scenes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The scene or the settings; every agent would fail.
    Scene,
    /// This try; another agent, or the same one again, may succeed.
    Attempt,
    /// The agent; it should get no more of this work.
    Agent,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No Blender on the agent.
    NoBlender,
    /// No Blender that reads the file.
    BlenderTooOld,
    /// The file can't be opened.
    BadFile,
    /// A scene, camera, view layer or setting that is not there.
    BadSettings,
    /// Blender ended on its own.
    Crashed,
    /// Blender did nothing for too long.
    Hung,
    /// The disk is full.
    DiskFull,
    /// Blender said that the render failed.
    Render,
    /// A mistake of ours.
    Internal,
}

/// Why a piece of work failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkFailure {
    /// What went wrong.
    pub kind: FailureKind,
    /// Whose fault it is.
    pub fault: Fault,
    /// For people: what, where, and what to do next.
    pub message: String,
    /// Last lines of Blender, oldest first.
    pub last_lines: Vec<String>,
}

/// Where a piece of work is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkState {
    /// Waits for its turn.
    Queued,
    /// Is being done.
    Running(Progress),
    /// Is done; results are kept until the work is deleted.
    Completed(Outcome),
    /// Was tried and failed.
    Failed(WorkFailure),
    /// Was stopped.
    Canceled,
}

/// A piece of work as its agent reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkStatus {
    /// Its name.
    pub id: WorkId,
    /// Where it is.
    pub state: WorkState,
    /// What of it is rendered and stored already, whatever becomes of the rest; disjoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartFile>,
}

/// A finished step of a [`WorkKind::Part`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PartFile {
    /// Which pixels and samples.
    pub region: Region,
    /// Multilayer EXR of exactly the tile.
    pub image: ResultFile,
    /// Where the time of this step went.
    pub timing: Timing,
}

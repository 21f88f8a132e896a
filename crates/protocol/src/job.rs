//! Jobs, frames and agents as the manager shows them.

use crate::{
    AgentId, ExternalFile, FrameSet, JobId, Progress, Region, ResultFile, SceneInfo, SceneSpec,
    WorkFailure,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the user wants frames to be split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitChoice {
    /// As suits the scene and the Blender.
    #[default]
    Auto,
    /// By samples.
    Samples,
    /// By tiles.
    Tiles,
    /// Not at all: whole frames.
    Frames,
}

/// How frames are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Every agent renders all pixels and some of the samples.
    Samples,
    /// Every agent renders some of the pixels with all samples.
    Tiles {
        /// Pixels rendered around each tile and cut off again.
        margin_px: u32,
    },
    /// Every frame is rendered by one agent.
    Frames,
}

/// The split that was chosen, and what it means for the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SplitPlan {
    /// How.
    pub split: Split,
    /// Whether the image equals the one of a single machine.
    pub exact: bool,
    /// Why, in a sentence for the user.
    pub reason: String,
}

/// What a job may cost, when it must be done, and how clean it must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobLimits {
    /// Most that it may cost, in millionths of a dollar; `None` is no ceiling.
    pub budget_usd_micros: Option<u64>,
    /// When it must be done, seconds since 1970.
    pub deadline_unix_secs: Option<u64>,
    /// A frame is done when its noise is no more than this, even before it has all samples.
    pub noise: Option<f64>,
}

/// What a job has cost, in millionths of a dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CostView {
    /// Billed so far.
    pub spent_usd_micros: u64,
    /// Billed so far, and what must still be paid whatever happens.
    pub committed_usd_micros: u64,
}

/// A submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// For people, such as `shot_010.blend`.
    pub name: String,
    /// What to render.
    pub scene: SceneSpec,
    /// Which frames; `None` is the scene's current one.
    #[serde(default)]
    pub frames: Option<FrameSet>,
    /// How to split.
    #[serde(default)]
    pub split: SplitChoice,
    /// Most agents to use; `None` is all of the farm.
    #[serde(default)]
    pub max_agents: Option<u32>,
    /// Wait in [`JobState::Ready`] after the inspection, for the scene's other files.
    #[serde(default)]
    pub hold: bool,
    /// Jobs with a larger one come first; among equals the older one.
    #[serde(default)]
    pub priority: i32,
    /// Budget, deadline and noise target.
    #[serde(default)]
    pub limits: JobLimits,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// An agent is going to look, or looks, at what is in the scene.
    Inspecting,
    /// Inspected and held: waits for `files` and `run`.
    Ready,
    /// Waits for agents.
    Queued,
    /// Is rendered.
    Running,
    /// Was stopped; `run` goes on.
    Paused,
    /// All frames are done.
    Completed,
    /// At least one frame, or the inspection, failed, and nothing is left to do.
    Failed,
}

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FrameState {
    /// Nothing is rendered yet.
    Queued,
    /// Parts are rendered.
    Running,
    /// All parts are merged; an agent denoises and composes.
    Finishing,
    /// Its files are there.
    Completed,
    /// Given up.
    Failed,
}

/// A frame of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FrameView {
    /// Frame number.
    pub frame: i32,
    /// Where it is.
    pub state: FrameState,
    /// Merged share of all its pixels and samples, 0 to 1.
    pub done: f64,
    /// Merged samples, averaged over the pixels.
    pub samples_done: f64,
    /// What is merged, while the frame is rendered; disjoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<Region>,
    /// Whether it waits although the job runs.
    #[serde(default)]
    pub paused: bool,
    /// Noise of what is merged, as the film estimates it; `None`: not known yet.
    #[serde(default)]
    pub noise: Option<f64>,
    /// Attempts that failed.
    pub failures: u32,
    /// Grows with every new preview; 0: there is none yet.
    pub preview: u64,
    /// Lossless multilayer EXR; there when completed.
    pub image: Option<ResultFile>,
    /// The scene's own output first, then the files of File Output nodes.
    pub composed: Vec<ResultFile>,
    /// Why it failed, or failed last.
    pub failure: Option<WorkFailure>,
}

/// A job as `GET job/{id}` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub state: JobState,
    /// Seconds since 1970.
    pub created_secs: u64,
    /// Since it first ran, pauses left out.
    pub elapsed_secs: f64,
    /// Until it is done, at the measured speed; `None`: not known yet.
    pub remaining_secs: Option<f64>,
    /// Share of all frames, 0 to 1.
    pub done: f64,
    /// Samples of a frame.
    pub total_samples: u32,
    /// Samples times pixels rendered for it, over what one machine would do: 1.0 is no waste.
    pub work_ratio: f64,
    /// Jobs with a larger one come first.
    #[serde(default)]
    pub priority: i32,
    /// Budget, deadline and noise target.
    #[serde(default)]
    pub limits: JobLimits,
    /// What it has cost.
    #[serde(default)]
    pub cost: CostView,
    /// What is in the scene, once inspected.
    pub info: Option<SceneInfo>,
    /// The split, once inspected.
    pub split: Option<SplitPlan>,
    /// Files that Blender lists and the job does not have.
    pub missing: Vec<ExternalFile>,
    /// What the user should know.
    pub messages: Vec<String>,
    /// Why the job as a whole failed.
    pub failure: Option<WorkFailure>,
    /// Its frames.
    pub frames: Vec<FrameView>,
}

/// Where an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Launched, has not answered yet.
    Starting,
    /// Answers.
    Online,
    /// Does not answer; its work was given back.
    Lost,
    /// Takes no new work and is ended.
    Draining,
}

/// An agent as `GET farm` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentView {
    /// Its name.
    pub id: AgentId,
    /// Where it is.
    pub state: AgentState,
    /// Such as `127.0.0.1:41234`.
    pub address: String,
    /// Process id, for agents of this machine.
    pub pid: Option<u32>,
    /// Its warm Blender's process id, for agents of this machine.
    pub blender_pid: Option<u32>,
    /// What it does now, such as `frame 3, samples 16..32`.
    pub doing: String,
    /// How far that is.
    pub progress: Option<Progress>,
    /// Samples of a whole frame a second, as last measured.
    pub samples_per_sec: Option<f64>,
    /// Its price now, in millionths of a dollar; `None`: it costs nothing that we know of.
    #[serde(default)]
    pub usd_micros_per_hour: Option<u64>,
    /// What it has cost, in millionths of a dollar.
    #[serde(default)]
    pub cost_usd_micros: u64,
    /// What it renders now; `None` while it does something else or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendering: Option<Rendering>,
    /// Whether it is a machine of the room, which the farm keeps over restarts.
    #[serde(default)]
    pub in_room: bool,
    /// Why it takes no work now, such as its working hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<String>,
}

/// The part of a job that an agent renders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rendering {
    /// Of which job.
    pub job: JobId,
    /// Of which frame.
    pub frame: i32,
    /// Which pixels and samples of it.
    pub region: Region,
}

/// The farm as `GET farm` answers and events carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FarmView {
    /// Grows with every change.
    pub generation: u64,
    /// Version of the manager.
    pub version: String,
    /// Whether it is shutting down.
    pub terminating: bool,
    /// Its agents.
    pub agents: Vec<AgentView>,
    /// Its jobs, oldest first.
    pub jobs: Vec<JobView>,
}

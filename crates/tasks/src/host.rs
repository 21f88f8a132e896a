//! What the task API asks of the server that it is part of.

use async_trait::async_trait;
use blendnet_net::answer::ApiError;
use blendnet_protocol::{BlobId, SceneSpec};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;
use utoipa::ToSchema;

/// Where a task is, by the names of 0.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskState {
    /// Never run.
    #[default]
    Created,
    /// Stopped; run goes on with it.
    Stopped,
    /// Waits for an agent.
    Pending,
    /// Is rendered.
    Running,
    /// Done; its results are there.
    Completed,
    /// Failed; run tries again from the start.
    Error,
}

impl TaskState {
    /// Whether work is under way, so that nothing may be changed.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

/// One frame to be rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRun {
    /// Unique for ever and fit to be a `JobId`, such as `test-task-1-9f86d081`.
    pub run_id: String,
    /// What to render.
    pub scene: SceneSpec,
    /// Frame number; `None` is the scene's current one.
    pub frame: Option<i32>,
    /// Most agents to use; `None` is all of the farm.
    pub max_agents: Option<u32>,
}

/// A result of a run, kept by the host until the run is forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFile {
    /// Its content.
    pub blob: BlobId,
    /// Where it lies on this machine.
    pub path: PathBuf,
    /// Such as `image/png`.
    pub content_type: String,
    /// Such as `0032.png`.
    pub file_name: String,
}

/// The images of a run, as far as they are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFiles {
    /// Small display-ready image of what is rendered so far.
    pub preview: Option<RunFile>,
    /// Lossless multilayer EXR of the whole frame.
    pub render: Option<RunFile>,
    /// The scene's own output.
    pub compose: Option<RunFile>,
}

/// How far a run is. The default is that of a run the host does not know.
#[derive(Clone, Debug, Default)]
pub struct RunProgress {
    /// Where it is; `Created`: the host does not know it.
    pub state: TaskState,
    /// Share of the frame that is rendered, 0 to 1.
    pub done: f64,
    /// Samples rendered, averaged over the pixels.
    pub samples_done: f64,
    /// Until it is done; `None`: not known.
    pub remaining_secs: Option<f64>,
    /// When it ended, in seconds since 1970; `None`: it has not, or the host does not know.
    pub ended_secs: Option<u64>,
    /// Its images.
    pub files: RunFiles,
    /// Why it failed: what, where, and what to do next.
    pub error: Option<String>,
    /// What the user should know.
    pub messages: Vec<String>,
    /// More about the execution, for people.
    pub details: Value,
}

/// The server, for `GET info`.
#[derive(Clone, Debug, Default)]
pub struct ServiceInfo {
    /// `Manager` or `Agent`.
    pub engine: String,
    /// Versions of Blender that it can use, best first, such as `3.4.1`.
    pub blender_versions: Vec<String>,
}

/// The server that renders what tasks ask for.
#[async_trait]
pub trait TaskHost: Send + Sync + 'static {
    /// Whether it is a manager: only that one takes `agents_num`, `use_compositing_nodes` and
    /// `compose_filepath`.
    fn is_manager(&self) -> bool;

    /// What it is.
    fn service(&self) -> ServiceInfo;

    /// Whether it is shutting down.
    fn terminating(&self) -> bool;

    /// Keeps `blobs` for the task of that name, instead of those it held before; none: it is gone.
    /// For hosts that count who uses a blob; others ask [`crate::Tasks::blobs_in_use`].
    fn hold(&self, _task: &str, _blobs: Vec<BlobId>) {}

    /// Begins a run, or goes on with one that was stopped: the same `run_id` always comes with
    /// the same scene, frame and settings. Returns as soon as the run is accepted.
    async fn start(&self, run: TaskRun) -> Result<(), ApiError>;

    /// Stops a run and keeps what is rendered. One that has ended or is unknown is a success.
    async fn stop(&self, run_id: &str) -> Result<(), ApiError>;

    /// How far a run is.
    async fn progress(&self, run_id: &str) -> RunProgress;

    /// Frees all that belongs to a run. One that is unknown is no error.
    async fn forget(&self, run_id: &str);
}

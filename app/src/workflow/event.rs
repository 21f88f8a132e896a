//! What the workflow reports while it runs. The command line prints these as text or as JSON
//! lines; a window draws them. Their JSON is described in `docs/command-line.md`.

use std::path::PathBuf;

use blendnet_protocol::{
    AgentState, FilmRect, FrameState, JobId, JobLimits, JobState, Region, Rendering, Split,
    SplitPlan,
};
use serde::Serialize;
use tokio::sync::mpsc;

/// Something that the artist may want to know.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A farm is there.
    Farm(FarmReached),
    /// Files are being sent.
    Upload(Upload),
    /// The farm took the job.
    Job(JobTaken),
    /// Blender looked into the scene: this will be rendered.
    Scene(Box<SceneSummary>),
    /// How far it is.
    Progress(Box<ProgressReport>),
    /// A new preview lies on the disk.
    Preview(PreviewSaved),
    /// A frame is done or given up.
    Frame(FrameEnded),
    /// Something to know that does not stop the render.
    Warning(Warning),
    /// All frames are done and saved.
    Done(Box<Summary>),
}

/// A farm that was joined or started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FarmReached {
    /// Such as `127.0.0.1:41234`.
    pub address: String,
    /// Started for this command; it ends with it.
    pub started: bool,
}

/// How much is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Upload {
    /// Files that the farm has taken.
    pub files_done: usize,
    /// Files that it lacked.
    pub files: usize,
    /// Their bytes.
    pub bytes_done: u64,
    /// Bytes of all that it lacked.
    pub bytes: u64,
    /// Rate so far; `None` at the beginning.
    pub bytes_per_sec: Option<f64>,
    /// Seconds to go at this rate.
    pub remaining_secs: Option<f64>,
}

/// A job that the farm took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobTaken {
    /// Its id, for `blendnet resume`.
    pub job: JobId,
    /// The .blend's name.
    pub name: String,
    /// Folder of the pictures.
    pub output: PathBuf,
}

/// What will be rendered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SceneSummary {
    /// Of which job.
    pub job: JobId,
    /// Name of the scene.
    pub scene: String,
    /// Name of the camera; `None` when markers or nothing choose it.
    pub camera: Option<String>,
    /// View layers that are rendered.
    pub view_layers: Vec<String>,
    /// Frames, as `--frames` takes them.
    pub frames: String,
    /// How many those are.
    pub frame_count: usize,
    /// Size of the picture.
    pub width_px: u32,
    /// Size of the picture.
    pub height_px: u32,
    /// Which part of the full frame that is.
    pub film: FilmRect,
    /// Blender's name, such as `CYCLES`.
    pub engine: String,
    /// Samples of a frame.
    pub samples: u32,
    /// Whether the picture is denoised.
    pub denoise: bool,
    /// Blender that renders.
    pub blender_version: String,
    /// Blender that saved the file.
    pub file_version: String,
    /// How frames are split, and why.
    pub split: Option<SplitPlan>,
    /// The scene's own output format.
    pub output_format: String,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProgressReport {
    /// Which job.
    pub job: JobId,
    /// Where it is.
    pub state: JobState,
    /// Share of all frames, 0 to 1.
    pub done: f64,
    /// Frames that are complete.
    pub frames_done: usize,
    /// Frames that were given up.
    pub frames_failed: usize,
    /// All frames.
    pub frames: usize,
    /// Frames in work.
    pub in_work: Vec<FrameInWork>,
    /// Samples of a frame.
    pub total_samples: u32,
    /// Time rendered, pauses left out.
    pub elapsed_secs: f64,
    /// Until the end, at the measured speed.
    pub remaining_secs: Option<f64>,
    /// What it has to keep.
    pub limits: JobLimits,
    /// What it has cost, in millionths of a dollar; 0 where nothing has a price.
    pub spent_usd_micros: u64,
    /// The farm's agents.
    pub agents: Vec<AgentReport>,
}

impl ProgressReport {
    /// Samples of a whole frame a second, of all agents that render this job together.
    pub fn samples_per_sec(&self) -> f64 {
        let at_work = self.agents.iter().filter(|agent| agent.rendering.is_some());
        at_work.filter_map(|agent| agent.samples_per_sec).sum()
    }
}

/// A frame that is begun and not complete.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrameInWork {
    /// Frame number.
    pub frame: i32,
    /// Where it is.
    pub state: FrameState,
    /// Share of it, 0 to 1.
    pub done: f64,
    /// Samples merged, averaged over the pixels.
    pub samples_done: f64,
    /// Noise of what is merged, 0 to 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
    /// What is merged; disjoint.
    pub covered: Vec<Region>,
}

/// An agent, in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentReport {
    /// Its name.
    pub id: String,
    /// Where it is.
    pub state: AgentState,
    /// What it does.
    pub doing: String,
    /// Samples of a whole frame a second.
    pub samples_per_sec: Option<f64>,
    /// Peak memory of its Blender in MB, while it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<f64>,
    /// What it renders of this job now.
    pub rendering: Option<Rendering>,
    /// Whether it is a machine of the room, which nobody launches or ends.
    pub in_room: bool,
    /// Why it takes no work now, such as its working hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away: Option<String>,
}

/// A preview on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreviewSaved {
    /// Of which frame.
    pub frame: i32,
    /// Grows with every preview of the frame.
    pub number: u64,
    /// The file; replaced as a whole by the next one.
    pub path: PathBuf,
}

/// A frame that came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FrameEnded {
    /// Frame number.
    pub frame: i32,
    /// `Completed` or `Failed`.
    pub state: FrameState,
    /// Its files: the lossless one first, then the scene's own output, then the others.
    pub files: Vec<PathBuf>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Blender's last lines, when it failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
}

/// A sentence to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// For people.
    pub message: String,
}

/// The end of a render.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Which job.
    pub job: JobId,
    /// Folder of the pictures.
    pub output: PathBuf,
    /// Pictures of the scene's own output, or the lossless ones where there is none.
    pub pictures: Vec<PathBuf>,
    /// Frames that are complete.
    pub frames_done: usize,
    /// Frames that were given up.
    pub frames_failed: usize,
    /// Samples of a frame.
    pub total_samples: u32,
    /// Samples that the pictures have on average, where they are fewer: good enough, clean enough, or
    /// all that the budget bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples_rendered: Option<f64>,
    /// What it cost, in millionths of a dollar; 0 where nothing has a price.
    pub spent_usd_micros: u64,
    /// Since the command began.
    pub wall_secs: f64,
    /// Time rendered, pauses left out.
    pub render_secs: f64,
    /// Samples times pixels rendered, over what one machine would do.
    pub work_ratio: f64,
    /// How frames were shared out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// What was estimated before, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_secs: Option<f64>,
    /// How much each agent did, 0 to 1, from its busy time and its speed.
    pub agents: Vec<AgentShare>,
}

/// How much of the work an agent did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgentShare {
    /// Its name.
    pub id: String,
    /// 0 to 1.
    pub share: f64,
}

/// Where events go. Nobody has to listen.
#[derive(Clone, Debug)]
pub struct Events(mpsc::Sender<Event>);

impl Events {
    /// A channel; a listener that is slow slows the workflow, but for progress, which it misses.
    pub fn channel() -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(256);
        (Self(sender), receiver)
    }

    /// Tells something that must not get lost while somebody listens.
    pub async fn tell(&self, event: Event) {
        drop(self.0.send(event).await);
    }

    /// Tells something that the next one replaces anyway.
    pub fn hint_at(&self, event: Event) {
        drop(self.0.try_send(event));
    }

    /// A sentence to know.
    pub async fn warn(&self, message: impl Into<String>) {
        self.tell(Event::Warning(Warning { message: message.into() })).await;
    }
}

//! A submission and its frames, as plain data.

use crate::Coverage;
use crate::budget::Money;
use crate::farm::Task;
use crate::frames::Frames;
use blendnet_protocol::{
    FrameState, JobLimits, JobState, Region, SampleRange, SceneId, Split, Tile, WorkFailure, WorkId,
};
use std::time::Duration;

/// What the inspection decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPlan {
    /// How frames are cut.
    pub split: Split,
    /// What is rendered of the frame.
    pub tile: Tile,
    /// Samples of a frame.
    pub total_samples: u32,
    /// Frame numbers.
    pub frames: Vec<i32>,
}

/// A submission.
#[derive(Clone, Debug)]
pub struct Job {
    /// Order of submission.
    pub number: u64,
    /// Where it is.
    pub state: JobState,
    /// Its scene with the files it has now.
    pub scene: SceneId,
    /// Whether it waits after the inspection.
    pub hold: bool,
    /// Most agents at once.
    pub max_agents: Option<u32>,
    /// Jobs with a larger one come first.
    pub priority: i32,
    /// Budget, deadline and noise target.
    pub limits: JobLimits,
    /// Frames given up when the job was settled: nothing was rendered of them, or not all pixels.
    pub dropped: Vec<i32>,
    /// What was billed for it, without what runs since.
    pub(crate) spent: Money,
    /// Its budget is used up.
    pub exhausted: bool,
    /// What the user should know of its budget.
    pub money_message: Option<String>,
    /// Longest time that finishing a frame took.
    pub finish_secs: Duration,
    /// Once inspected.
    pub plan: Option<JobPlan>,
    /// Its frames; empty before the inspection.
    pub frames: Frames,
    /// Inspections that failed.
    pub failures: u32,
    /// Why it failed as a whole.
    pub failure: Option<WorkFailure>,
    /// Seconds that the manager takes to merge one part, as last measured.
    pub merge_secs: f64,
    /// Pixel samples rendered for it, those lost, repeated or in margins among them.
    pub rendered_pixel_samples: u64,
}

/// A frame of a job.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Where it is.
    pub state: FrameState,
    /// What of it is rendered.
    pub coverage: Coverage,
    /// Who denoises and composes it.
    pub finishing: Option<WorkId>,
    /// Attempts that failed.
    pub failures: u32,
    /// The last failure.
    pub failure: Option<WorkFailure>,
    /// Whether it waits although the job runs.
    pub paused: bool,
    /// Those of a job with a larger one come first.
    pub rank: u32,
    /// Noise of what is merged, as last estimated.
    pub noise: Option<f64>,
}

impl Job {
    /// A job that waits for its inspection.
    pub fn new(number: u64, scene: SceneId, hold: bool, max_agents: Option<u32>) -> Self {
        Self {
            number,
            state: JobState::Inspecting,
            scene,
            hold,
            max_agents,
            priority: 0,
            limits: JobLimits::default(),
            dropped: Vec::new(),
            spent: 0,
            exhausted: false,
            money_message: None,
            finish_secs: Duration::ZERO,
            plan: None,
            frames: Frames::default(),
            failures: 0,
            failure: None,
            merge_secs: 0.0,
            rendered_pixel_samples: 0,
        }
    }

    /// Whether it wants agents.
    pub fn is_active(&self) -> bool {
        matches!(self.state, JobState::Inspecting | JobState::Queued | JobState::Running)
    }

    /// Whether a task given out for it is still to be done.
    pub(crate) fn wants(&self, task: &Task) -> bool {
        let Some(number) = task.frame() else { return self.is_active() };
        let Some(frame) = self.frames.get(&number) else { return false };
        let late = frame.coverage.is_settled() && !matches!(task, Task::Finish { .. });
        self.is_active() && frame.is_open() && !frame.paused && !late
    }

    /// Whether it is active and not all that is left of it is paused.
    pub fn wants_agents(&self) -> bool {
        self.is_active() && (self.frames.is_empty() || self.frames.sums().wanting_frames > 0)
    }

    /// Pixel samples that are not merged yet, of frames that are not given up.
    pub fn open_pixel_samples(&self) -> u64 {
        self.frames.sums().open
    }

    /// Merged share of all frames, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn done_share(&self) -> f64 {
        let shares: f64 = self.frames.values().map(Frame::done_share).sum();
        if self.frames.is_empty() { 0.0 } else { shares / self.frames.len() as f64 }
    }
}

impl JobPlan {
    /// A whole frame: all pixels, all samples.
    pub fn bounds(&self) -> Option<Region> {
        let samples = SampleRange::new(0, self.total_samples.max(1)).ok()?;
        Some(Region { tile: self.tile, samples })
    }
}

impl Frame {
    /// A frame with some of it rendered already, or nothing.
    pub fn new(coverage: Coverage) -> Self {
        Self {
            state: FrameState::Queued,
            coverage,
            finishing: None,
            failures: 0,
            failure: None,
            paused: false,
            rank: 0,
            noise: None,
        }
    }

    /// Whether there is anything left to do.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, FrameState::Completed | FrameState::Failed)
    }

    /// Merged share, 0 to 1.
    pub fn done_share(&self) -> f64 {
        if self.state == FrameState::Completed { 1.0 } else { self.coverage.done_share() }
    }
}

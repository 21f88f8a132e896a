//! The farm as plain data: what the manager knows.

use crate::{Coverage, Speed};
use blendnet_protocol::{
    AgentId, FrameState, JobId, JobState, Region, SampleRange, SceneId, Split, Tile, WorkFailure,
    WorkId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A frame, or an inspection, that failed this often is given up.
pub const MAX_FAILURES: u32 = 3;

/// Everything that decides what happens next. Times are since the manager's start.
#[derive(Clone, Debug)]
pub struct Farm {
    /// What the farm may do.
    pub limits: Limits,
    /// Its agents.
    pub agents: BTreeMap<AgentId, Agent>,
    /// Its jobs.
    pub jobs: BTreeMap<JobId, Job>,
    /// When something was last asked of it or done by it.
    pub last_activity: Duration,
    /// Launches in a row that gave no agent.
    pub launch_failures: u32,
    /// No launch before this.
    pub next_launch: Duration,
    /// The time, as last told.
    pub(crate) now: Duration,
    /// Makes ids unique over restarts of the manager.
    run: String,
    counter: u64,
}

/// What the farm may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Agents that the farm launches itself.
    pub launched_agents: u32,
    /// A launched agent without work for this long is ended.
    pub agent_idle: Duration,
    /// The manager without work for this long ends.
    pub idle: Duration,
}

/// Where an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentPhase {
    /// Launched or added, has not answered yet.
    Starting,
    /// Answers.
    Online,
    /// Stopped answering then.
    Lost(Duration),
    /// Is being ended.
    Draining,
}

/// A program that renders.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Where it is.
    pub phase: AgentPhase,
    /// Whether the farm launched it and ends it.
    pub launched: bool,
    /// Its work, in order; the first is being done.
    pub queue: Vec<Assignment>,
    /// Scenes that it has (true) or that are on their way (false).
    pub scenes: BTreeMap<SceneId, bool>,
    /// How fast it renders each job.
    pub speeds: BTreeMap<JobId, Speed>,
    /// Jobs that it can't do, such as for want of a Blender.
    pub unfit: BTreeSet<JobId>,
    /// Job and frame that it last rendered a part of.
    pub last_frame: Option<(JobId, i32)>,
    /// When its queue last became empty.
    pub idle_since: Duration,
    /// When it began with the first of its queue.
    pub began: Duration,
}

/// A piece of work on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Its name.
    pub work: WorkId,
    /// Whose it is.
    pub job: JobId,
    /// What it is.
    pub task: Task,
}

/// What an agent can be given to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Look at what is in the scene.
    Inspect,
    /// Render a region of a frame.
    Part {
        /// Frame number.
        frame: i32,
        /// Which pixels and samples.
        region: Region,
    },
    /// Render a whole frame with the scene's own settings.
    Whole {
        /// Frame number.
        frame: i32,
    },
    /// Denoise and compose a merged frame.
    Finish {
        /// Frame number.
        frame: i32,
    },
}

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
    /// Once inspected.
    pub plan: Option<JobPlan>,
    /// Its frames; empty before the inspection.
    pub frames: BTreeMap<i32, Frame>,
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
}

impl Farm {
    /// A farm without agents and jobs. `run` makes its ids differ from those of other runs.
    pub fn new(limits: Limits, run: impl Into<String>) -> Self {
        Self {
            limits,
            agents: BTreeMap::new(),
            jobs: BTreeMap::new(),
            last_activity: Duration::ZERO,
            launch_failures: 0,
            next_launch: Duration::ZERO,
            now: Duration::ZERO,
            run: run.into(),
            counter: 0,
        }
    }

    /// A name that was never used before.
    pub(crate) fn fresh<Id: TryFrom<String>>(&mut self, kind: &str) -> Option<Id> {
        self.counter += 1;
        Id::try_from(format!("{kind}-{}-{}", self.run, self.counter)).ok()
    }

    /// Ids of the jobs that want agents, oldest first.
    pub fn active_jobs(&self) -> Vec<JobId> {
        let mut active: Vec<(u64, &JobId)> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.is_active())
            .map(|(id, job)| (job.number, id))
            .collect();
        active.sort();
        active.into_iter().map(|(_, id)| id.clone()).collect()
    }

    /// Whether any job wants agents.
    pub fn has_work(&self) -> bool {
        self.jobs.values().any(Job::is_active)
    }

    /// Agents that answer and can do the job.
    pub(crate) fn fit(&self, job: &JobId) -> impl Iterator<Item = &Agent> {
        let fit = |a: &&Agent| a.phase == AgentPhase::Online && !a.unfit.contains(job);
        self.agents.values().filter(fit)
    }

    /// How many these are.
    pub fn fit_agents(&self, job: &JobId) -> usize {
        self.fit(job).count()
    }

    /// Pixel samples a second of all its agents together; `None` before the first measurement.
    ///
    /// An agent that has not rendered the job yet is taken to be as fast as the others.
    pub fn job_rate(&self, job: &JobId) -> Option<f64> {
        let mean = self.mean_speed(job)?.rate();
        let most = self.jobs.get(job)?.max_agents.map_or(usize::MAX, |m| m as usize);
        let rate = |a: &Agent| a.speeds.get(job).map_or(mean, |speed| speed.rate());
        let mut rates: Vec<f64> = self.fit(job).map(rate).collect();
        rates.sort_by(|a, b| b.total_cmp(a));
        Some(rates.into_iter().take(most).sum())
    }

    /// The middle one of the speeds measured for a job.
    pub(crate) fn mean_speed(&self, job: &JobId) -> Option<Speed> {
        let mut speeds: Vec<Speed> =
            self.agents.values().filter_map(|a| a.speeds.get(job).copied()).collect();
        speeds.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
        speeds.get(speeds.len() / 2).copied()
    }

    /// Seconds until the job is done at the measured speed; `None`: not known.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn remaining_secs(&self, job: &JobId) -> Option<f64> {
        let rate = self.job_rate(job).filter(|&rate| rate > 0.0)?;
        Some(self.jobs.get(job)?.open_pixel_samples() as f64 / rate)
    }

    /// The agent that has a piece of work, and the place of it in the agent's queue.
    pub(crate) fn holder(&self, work: &WorkId) -> Option<(AgentId, usize)> {
        self.agents.iter().find_map(|(id, agent)| {
            let at = agent.queue.iter().position(|a| &a.work == work)?;
            Some((id.clone(), at))
        })
    }
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
            plan: None,
            frames: BTreeMap::new(),
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

    /// Pixel samples that are not merged yet, of frames that are not given up.
    pub fn open_pixel_samples(&self) -> u64 {
        self.frames
            .values()
            .filter(|f| !matches!(f.state, FrameState::Completed | FrameState::Failed))
            .map(|f| f.coverage.bounds().pixel_samples() - f.coverage.done_pixel_samples())
            .sum()
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
        Self { state: FrameState::Queued, coverage, finishing: None, failures: 0, failure: None }
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

impl Agent {
    /// An agent that has not answered yet.
    pub fn new(launched: bool, now: Duration) -> Self {
        Self {
            phase: AgentPhase::Starting,
            launched,
            queue: Vec::new(),
            scenes: BTreeMap::new(),
            speeds: BTreeMap::new(),
            unfit: BTreeSet::new(),
            last_frame: None,
            idle_since: now,
            began: now,
        }
    }
}

impl Task {
    /// The frame it belongs to.
    pub fn frame(&self) -> Option<i32> {
        match *self {
            Self::Inspect => None,
            Self::Part { frame, .. } | Self::Whole { frame } | Self::Finish { frame } => {
                Some(frame)
            }
        }
    }
}

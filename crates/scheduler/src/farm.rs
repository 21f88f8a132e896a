//! The farm as plain data: what the manager knows.

use crate::Speed;
use crate::budget::Money;
use crate::job::Job;
use crate::offer::{Market, Offer};
use crate::round::{Round, middle};
use crate::saving::{Lifetimes, SavingLimits};
use crate::unsaved::Unsaved;
use blendnet_protocol::{AgentId, JobId, Region, SceneId, WorkId};
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
    /// How long agents live.
    pub lifetimes: Lifetimes,
    /// What can be launched; none: agents on the farm's own computer, at no price.
    pub offers: Vec<Offer>,
    /// When time 0 was, in seconds since 1970; deadlines count from it.
    pub started_unix_secs: u64,
    /// The dice: as told, then one throw after the other.
    pub seed: u64,
    pub(crate) markets: Vec<(Offer, Market)>,
    pub(crate) unsaved: Unsaved,
    pub(crate) round: Round,
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
    /// How often agents hand in what they have.
    pub saving: SavingLimits,
}

/// Where an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentPhase {
    /// Launched or added, has not answered yet.
    Starting,
    /// Answers.
    Online,
    /// Is taken away by then: does what it does, gets nothing new.
    Leaving(Duration),
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
    /// What it is and costs; `None`: nothing that we pay.
    pub offer: Option<Offer>,
    /// Which job pays for it.
    pub payer: Option<JobId>,
    /// What it has cost until `billed_until`.
    pub(crate) billed: Money,
    pub(crate) billed_until: Duration,
    /// Gets nothing new, and ends when it has done what it has.
    pub retiring: bool,
    /// Whether somebody may take it away at any time.
    pub interruptible: bool,
    /// Its work, in order; the first is being done.
    pub queue: Vec<Assignment>,
    /// Work that it has done, and of which the result is not ours yet.
    pub(crate) collecting: Vec<Assignment>,
    /// Scenes that it has (true) or that are on their way (false).
    pub scenes: BTreeMap<SceneId, bool>,
    /// How fast it renders each job.
    pub speeds: BTreeMap<JobId, Speed>,
    /// Pixel samples a second of the reference scene, once it was rendered.
    pub reference: Option<u64>,
    /// Jobs that it can't do, such as for want of a Blender.
    pub unfit: BTreeSet<JobId>,
    /// Job and frame that it last rendered a part of.
    pub last_frame: Option<(JobId, i32)>,
    /// When its queue last became empty.
    pub idle_since: Duration,
    /// When it began with the first of its queue.
    pub began: Duration,
    /// When it was launched or added.
    pub since: Duration,
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
            lifetimes: Lifetimes::default(),
            offers: Vec::new(),
            started_unix_secs: 0,
            seed: 0,
            markets: Vec::new(),
            unsaved: Unsaved::default(),
            round: Round::default(),
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

    /// Ids of the jobs that want agents, by priority, then oldest first.
    pub fn active_jobs(&self) -> Vec<JobId> {
        let mut active: Vec<((std::cmp::Reverse<i32>, u64), &JobId)> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.is_active())
            .map(|(id, job)| ((std::cmp::Reverse(job.priority), job.number), id))
            .collect();
        active.sort();
        active.into_iter().map(|(_, id)| id.clone()).collect()
    }

    /// Whether any job has something for agents to do.
    pub fn has_work(&self) -> bool {
        self.jobs.values().any(Job::wants_agents)
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
    /// An agent that has not rendered the job yet is taken to be as fast as the others, or as its speed
    /// with the reference scene says.
    pub fn job_rate(&self, job: &JobId) -> Option<f64> {
        let pace = self.count_pace(job)?;
        pace.mean.map(|_measured| pace.rate)
    }

    /// The middle one of the speeds measured for a job.
    pub(crate) fn mean_speed(&self, job: &JobId) -> Option<Speed> {
        let mut speeds: Vec<Speed> =
            self.agents.values().filter_map(|a| a.speeds.get(job).copied()).collect();
        middle(&mut speeds, |a, b| a.rate().total_cmp(&b.rate()))
    }

    /// Seconds until the job is done at the measured speed; `None`: not known.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn remaining_secs(&self, job: &JobId) -> Option<f64> {
        let rate = self.job_rate(job).filter(|&rate| rate > 0.0)?;
        Some(self.jobs.get(job)?.open_pixel_samples() as f64 / rate)
    }

    /// The agent that has a piece of work, and the place of it in the agent's queue.
    pub(crate) fn holder(&self, work: &WorkId) -> Option<(AgentId, usize)> {
        let id = self.round.holders.get(work)?;
        let at = self.agents.get(id)?.queue.iter().position(|a| &a.work == work)?;
        Some((id.clone(), at))
    }
}

impl Agent {
    /// An agent that has not answered yet.
    pub fn new(launched: bool, now: Duration) -> Self {
        Self {
            phase: AgentPhase::Starting,
            launched,
            offer: None,
            payer: None,
            billed: 0,
            billed_until: now,
            retiring: false,
            interruptible: false,
            queue: Vec::new(),
            collecting: Vec::new(),
            scenes: BTreeMap::new(),
            speeds: BTreeMap::new(),
            reference: None,
            unfit: BTreeSet::new(),
            last_frame: None,
            idle_since: now,
            began: now,
            since: now,
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

//! What can happen.

use crate::Coverage;
use crate::farm::Assignment;
use crate::job::{Job, JobPlan};
use blendnet_protocol::{AgentId, JobId, JobLimits, Region, SceneId, WorkFailure, WorkId};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// An agent is known: launched by the farm, or added by hand.
    AgentAdded {
        /// Who.
        agent: AgentId,
        /// Whether the farm launched it and ends it.
        launched: bool,
    },
    /// An agent that an earlier manager launched costs something.
    AgentPriced {
        /// Who.
        agent: AgentId,
        /// What it is.
        offer: crate::Offer,
        /// Who pays.
        payer: Option<JobId>,
        /// Since when nothing was billed for it.
        unbilled: std::time::Duration,
    },
    /// An agent has work that an earlier manager gave it.
    WorkKept {
        /// Who.
        agent: AgentId,
        /// What.
        assignment: Assignment,
    },
    /// A frame is as an earlier manager knew it; `None`: it was dropped.
    FrameKept {
        /// Whose.
        job: JobId,
        /// Which frame.
        frame: i32,
        /// What of it.
        kept: Option<crate::KeptFrame>,
    },
    /// It answers.
    AgentOnline(AgentId),
    /// It rendered the reference scene.
    Reference {
        /// Who.
        agent: AgentId,
        /// With all that it renders with.
        pixel_samples_per_sec: u64,
    },
    /// It does not answer any more; it may come back.
    AgentLost(AgentId),
    /// It will be taken away in so many seconds: it finishes or saves what it does.
    AgentLeaving {
        /// Who.
        agent: AgentId,
        /// Until it is gone.
        secs_left: u64,
    },
    /// It is gone for good, with the reason where there is one.
    AgentEnded(AgentId, Option<WorkFailure>),
    /// A scene and all its files are on an agent (or could not be sent).
    SceneSent {
        /// To whom.
        agent: AgentId,
        /// Which.
        scene: SceneId,
        /// Whether it arrived.
        arrived: bool,
    },
    /// An agent ended a piece of work well; its result is not ours yet.
    Rendered {
        /// Which.
        work: WorkId,
        /// Seconds it took, opening of the scene left out.
        secs: f64,
        /// Pixel samples really rendered of a part, margins among them.
        pixel_samples: u64,
    },
    /// The part of a piece of work is merged.
    Merged {
        /// Which.
        work: WorkId,
        /// Whose.
        job: JobId,
        /// Which frame.
        frame: i32,
        /// Seconds that merging took.
        secs: f64,
    },
    /// A region of what a piece of work holds is merged; more of it may follow.
    PartMerged {
        /// Which.
        work: WorkId,
        /// Whose.
        job: JobId,
        /// Which frame.
        frame: i32,
        /// Which pixels and samples of it.
        region: Region,
        /// Seconds that merging took.
        secs: f64,
    },
    /// How noisy the merged part of a frame is.
    Noise {
        /// Whose.
        job: JobId,
        /// Which frame.
        frame: i32,
        /// As the film estimates it.
        noise: f64,
    },
    /// The finished files of a frame are ours.
    FrameCompleted {
        /// Whose.
        job: JobId,
        /// Which frame.
        frame: i32,
    },
    /// A piece of work failed.
    Failed {
        /// Which.
        work: WorkId,
        /// Why.
        failure: WorkFailure,
    },
    /// A result came, and could not be used.
    ResultUnusable {
        /// Which.
        work: WorkId,
        /// Whose.
        job: JobId,
        /// Which frame.
        frame: Option<i32>,
        /// Why.
        failure: WorkFailure,
    },
    /// An agent can't take a scene.
    SceneRefused {
        /// Who.
        agent: AgentId,
        /// Which.
        scene: SceneId,
        /// Why.
        failure: WorkFailure,
    },
    /// A piece of work, or its result, is lost by nobody's fault.
    GaveBack {
        /// Which.
        work: WorkId,
        /// Whose.
        job: JobId,
        /// Which frame.
        frame: Option<i32>,
    },
    /// A submission.
    JobAdded(JobId, Box<Job>),
    /// An agent looked into the scene.
    JobInspected {
        /// Whose.
        job: JobId,
        /// What was decided.
        plan: JobPlan,
        /// Frames of which something is rendered already.
        resumed: Vec<(i32, Coverage)>,
    },
    /// A job has other files now; they may want a new inspection.
    JobFiles {
        /// Whose.
        job: JobId,
        /// The scene with these files.
        scene: SceneId,
        /// Whether to inspect again.
        inspect: bool,
    },
    /// Start or go on.
    JobRun(JobId),
    /// Stop, and keep what is rendered.
    JobStop(JobId),
    /// Good enough: finish every open frame with what it has, see [`crate::Farm::check_settle`].
    JobSettle(JobId),
    /// Jobs with a larger one come first.
    JobPriority(JobId, i32),
    /// A job may cost or take something else now.
    JobLimits(JobId, JobLimits),
    /// This frame before the others of its job.
    FrameFirst(JobId, i32),
    /// Nothing of this frame is rendered until [`Self::FrameResume`].
    FramePause(JobId, i32),
    /// Goes on with a frame.
    FrameResume(JobId, i32),
    /// Forget.
    JobRemoved(JobId),
    /// The job as a whole can't be done.
    JobFailed(JobId, WorkFailure),
    /// What can be launched, and at which prices.
    Offers(Vec<crate::Offer>),
    /// How many agents the farm is to launch.
    LaunchedAgents(u32),
    /// Somebody asked something of the farm.
    Activity,
}

impl Event {
    /// Whether somebody wants or does something; agents that come and go do not count.
    pub(crate) fn is_activity(&self) -> bool {
        !matches!(
            self,
            Self::AgentAdded { .. }
                | Self::AgentPriced { .. }
                | Self::AgentOnline(_)
                | Self::Reference { .. }
                | Self::AgentLost(_)
                | Self::AgentLeaving { .. }
                | Self::AgentEnded(..)
                | Self::SceneSent { .. }
                | Self::SceneRefused { .. }
                | Self::Offers(_)
        )
    }
}

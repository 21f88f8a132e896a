//! What people and programs ask of the farm.

use blendnet_protocol::{AgentId, BlobId, JobId, JobLimits, JobSpec, Manifest};

/// A wish. The answer is the job it is about, as it is then.
#[derive(Clone, Debug)]
pub enum Request {
    /// Render something.
    Submit {
        /// What.
        spec: Box<JobSpec>,
        /// Under which id; `None` makes one.
        id: Option<JobId>,
    },
    /// A held job's files, all of them.
    Files(JobId, Manifest),
    /// Start, or go on.
    Run(JobId),
    /// Stop, and keep what is rendered.
    Stop(JobId),
    /// Good enough: finish every frame with what is rendered of it.
    Settle(JobId),
    /// Jobs with a larger one come first.
    Priority(JobId, i32),
    /// It may cost or take something else now.
    Limits(JobId, JobLimits),
    /// What to do with one frame.
    Frame(JobId, i32, FrameWish),
    /// Forget, with all its files.
    Delete(JobId),
    /// Use an agent that somebody else started.
    AddAgent {
        /// Its name here.
        agent: AgentId,
        /// Where it is, `address:port`.
        address: String,
        /// Its password.
        password: String,
        /// The authority that signed its certificate; `None` is the farm's own.
        ca_pem: Option<String>,
    },
    /// Use an agent no more.
    RemoveAgent(AgentId),
    /// How many agents to launch.
    LaunchedAgents(u32),
    /// End the manager and the agents it launched.
    Shutdown {
        /// Only when nothing is left to do.
        when_idle: bool,
    },
}

/// What can be asked for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameWish {
    /// Before the others of its job.
    First,
    /// Not now.
    Pause,
    /// Go on.
    Resume,
}

/// Why a wish is not granted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FarmError {
    /// Never was, or was deleted.
    #[error("there is no job `{0}`")]
    UnknownJob(JobId),
    /// Never was, or is gone.
    #[error("there is no agent `{0}`")]
    UnknownAgent(AgentId),
    /// The id is taken.
    #[error("there is a job `{0}` already")]
    JobExists(JobId),
    /// Its files are not here.
    #[error("{} files of the scene were not uploaded, the first is blob {}", .0.len(), .0.first().map_or("", BlobId::as_str))]
    MissingBlobs(Vec<BlobId>),
    /// The .blend is not among the files.
    #[error("the manifest's project `{0}` is not among its files")]
    NoProject(String),
    /// Not in the job.
    #[error("job `{job}` has no frame {frame}")]
    UnknownFrame {
        /// Which job.
        job: JobId,
        /// Which frame.
        frame: i32,
    },
    /// The job can't be ended with what it has.
    #[error(transparent)]
    Settle(#[from] blendnet_scheduler::SettleError),
    /// A budget, and nothing that can be counted against it.
    #[error("nothing that this farm launches has a price, so no budget can be kept")]
    NoPrice,
    /// A number that makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The job's state does not allow it.
    #[error("job `{job}` is {state}: {hint}")]
    WrongState {
        /// Which.
        job: JobId,
        /// In which state.
        state: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// The job can't be written down.
    #[error("storing the job failed: {0}")]
    Store(String),
    /// The manager is ending.
    #[error("the manager is shutting down")]
    Ended,
}

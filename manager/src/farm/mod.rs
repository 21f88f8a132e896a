//! The farm: one owner of all state; everybody else sends [`Input`]s and reads a watch.

mod execute;
mod grant;
mod keep;
mod money;
mod owner;
mod record;
mod reference;
mod request;
mod resume;
mod view;
mod wish;

pub use owner::{Context, start};
pub use record::{FrameResult, JobFolder};
pub use request::{FarmError, FrameWish, Request};

use blendnet_net::client::Client;
use blendnet_protocol::{
    AgentId, AgentReport, BlobId, FarmView, JobId, JobView, Manifest, ResultFile, SceneInfo, WorkId,
};
use blendnet_scheduler::Event;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Something for the owner to know or do.
pub enum Input {
    /// Something happened that the scheduler understands.
    Event(Event),
    /// What an agent says of itself.
    Report(AgentId, Box<AgentReport>),
    /// An agent is reachable here.
    Connected {
        /// Which.
        agent: AgentId,
        /// Its address.
        address: String,
        /// Its process, on this computer.
        pid: Option<u32>,
        /// The way to it.
        client: Client,
    },
    /// An agent looked into a scene.
    Inspected {
        /// For which job.
        job: JobId,
        /// By which work.
        work: WorkId,
        /// What is in it.
        info: Box<SceneInfo>,
    },
    /// The finished files of a frame are here.
    FrameImage {
        /// Whose.
        job: JobId,
        /// Which frame.
        frame: i32,
        /// Which work made it.
        work: WorkId,
        /// The multilayer EXR.
        image: ResultFile,
        /// The scene's own output, then what File Output nodes wrote.
        composed: Vec<ResultFile>,
    },
    /// A new preview of a frame is on disk.
    Preview {
        /// Whose.
        job: JobId,
        /// Which frame.
        frame: i32,
    },
    /// A merged frame is a blob now, to be finished by an agent.
    ToFinish {
        /// By whom.
        agent: AgentId,
        /// As which work.
        work: WorkId,
        /// The merged multilayer EXR.
        merged: BlobId,
    },
    /// Somebody wants to talk to an agent.
    Client(AgentId, oneshot::Sender<Option<Client>>),
    /// Somebody asks for something.
    Request(Request, oneshot::Sender<Result<Option<JobView>, FarmError>>),
}

/// The way to the owner. Cheap to clone.
#[derive(Clone)]
pub struct FarmHandle {
    inputs: mpsc::Sender<Input>,
    view: watch::Receiver<Arc<FarmView>>,
}

impl FarmHandle {
    /// Tells the owner something. Nothing happens when the farm has ended.
    pub async fn tell(&self, input: Input) {
        let _ended = self.inputs.send(input).await;
    }

    /// Asks for something and waits for the answer.
    pub async fn ask(&self, request: Request) -> Result<Option<JobView>, FarmError> {
        let (reply, answer) = oneshot::channel();
        self.tell(Input::Request(request, reply)).await;
        answer.await.unwrap_or(Err(FarmError::Ended))
    }

    /// Like [`Self::ask`], for requests that answer with a job.
    pub async fn ask_job(&self, request: Request) -> Result<JobView, FarmError> {
        self.ask(request).await?.ok_or(FarmError::Ended)
    }

    /// What is known now.
    pub fn view(&self) -> Arc<FarmView> {
        self.view.borrow().clone()
    }

    /// What is known, as soon as it is not `generation` any more.
    pub async fn view_after(&self, generation: u64) -> Arc<FarmView> {
        let mut view = self.view.clone();
        match view.wait_for(|view| view.generation != generation).await {
            Ok(view) => view.clone(),
            Err(_ended) => self.view(),
        }
    }

    /// The way to an agent that is connected.
    pub async fn agent_client(&self, agent: &AgentId) -> Result<Client, FarmError> {
        let (reply, answer) = oneshot::channel();
        self.tell(Input::Client(agent.clone(), reply)).await;
        let client = answer.await.map_err(|_gone| FarmError::Ended)?;
        client.ok_or_else(|| FarmError::UnknownAgent(agent.clone()))
    }

    /// A job as it is now.
    pub fn job(&self, id: &JobId) -> Result<JobView, FarmError> {
        let view = self.view();
        let job = view.jobs.iter().find(|job| &job.id == id);
        job.cloned().ok_or_else(|| FarmError::UnknownJob(id.clone()))
    }
}

/// Whether a manifest holds what an external file of a scene needs.
pub(crate) fn holds(manifest: &Manifest, file: &blendnet_protocol::ExternalFile) -> bool {
    use blendnet_protocol::FileKind;
    let path = file.path.replace('\\', "/").replacen(':', "", 1);
    let path = path.trim_start_matches('/');
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let before_tile = path.split('<').next().unwrap_or(path);
    let holds = |there: &str| match file.kind {
        FileKind::Image | FileKind::Library | FileKind::Other => there == path,
        FileKind::Sequence => there.rsplit_once('/').is_some_and(|(f, _)| f == folder),
        FileKind::Udim => there.starts_with(before_tile),
        FileKind::Directory => there.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')),
    };
    manifest.files.iter().any(|there| holds(there.path.as_str()))
}

//! The owner's end of an agent.

use super::collect::Given;
use super::{adopt, agent};
use crate::farm::{Context, FarmHandle};
use blendnet_net::client::Client;
use blendnet_protocol::{
    AgentId, AgentReport, FilmRect, Progress, SceneId, SceneSpec, Work, WorkId, WorkState,
};
use blendnet_scheduler::Assignment;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Address, password and authority of an agent; without one it is the farm's own.
pub(crate) type Endpoint = (String, String, Option<String>);

/// Something for an agent to do.
pub(crate) enum Command {
    /// Take a scene and its files.
    SendScene {
        /// Which.
        scene: SceneId,
        /// What it is.
        spec: Box<SceneSpec>,
    },
    /// Do some work.
    Start {
        /// What.
        work: Box<Work>,
        /// What it is for the scheduler.
        assignment: Assignment,
        /// The film that a part of it belongs to.
        rect: Option<FilmRect>,
    },
    /// Stop doing it.
    Cancel(WorkId),
}

/// What the owner knows of an agent, and the way to it.
pub(crate) struct AgentLink {
    /// `address:port`; empty before it is reachable.
    pub(crate) address: String,
    /// Its process, on this computer.
    pub(crate) pid: Option<u32>,
    /// What it last said.
    pub(crate) report: Option<AgentReport>,
    /// How far its running work is.
    pub(crate) progress: Option<Progress>,
    /// The way to its log.
    pub(crate) client: Option<Client>,
    launched: bool,
    /// Of one that somebody else started.
    pub(crate) endpoint: Option<Endpoint>,
    commands: mpsc::Sender<Command>,
    end: CancellationToken,
}

impl AgentLink {
    /// Launches an agent on this computer.
    pub(crate) fn launch(context: &Arc<Context>, farm: &FarmHandle, id: AgentId) -> Self {
        let (link, commands, end) = Self::new(true);
        context.tasks.spawn(agent::launched(context.clone(), farm.clone(), id, commands, end));
        link
    }

    /// Takes over an agent that an earlier manager launched, with the work that it has.
    pub(crate) fn adopt(
        context: &Arc<Context>,
        farm: &FarmHandle,
        id: AgentId,
        kept: Vec<Given>,
    ) -> Self {
        let (link, commands, end) = Self::new(true);
        let (context_, farm) = (context.clone(), farm.clone());
        context.tasks.spawn(adopt::adopted(context_, farm, id, kept, commands, end));
        link
    }

    /// Uses an agent that somebody else started, with the work that it has.
    pub(crate) fn add(
        context: &Arc<Context>,
        farm: &FarmHandle,
        id: AgentId,
        (endpoint, kept): (Endpoint, Vec<Given>),
    ) -> Self {
        let (mut link, commands, end) = Self::new(false);
        link.address.clone_from(&endpoint.0);
        link.endpoint = Some(endpoint.clone());
        let (context_, farm) = (context.clone(), farm.clone());
        context.tasks.spawn(adopt::added(context_, farm, id, (endpoint, kept), commands, end));
        link
    }

    fn new(launched: bool) -> (Self, mpsc::Receiver<Command>, CancellationToken) {
        let (commands, receiver) = mpsc::channel(256);
        let end = CancellationToken::new();
        let link = Self {
            address: String::new(),
            pid: None,
            report: None,
            progress: None,
            client: None,
            launched,
            endpoint: None,
            commands,
            end: end.clone(),
        };
        (link, receiver, end)
    }

    /// Sends a command. An agent that takes none any more is about to be reported lost.
    pub(crate) fn send(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            tracing::warn!(address = self.address, "agent takes no commands");
        }
    }

    /// Whether we launched it.
    pub(crate) fn is_launched(&self) -> bool {
        self.launched
    }

    /// Ends it if we launched it; otherwise lets go of it.
    pub(crate) fn end(&self) {
        self.end.cancel();
    }

    pub(crate) fn connected(&mut self, address: String, pid: Option<u32>, client: Client) {
        self.address = address;
        self.pid = pid;
        self.client = Some(client);
    }

    pub(crate) fn take_report(&mut self, report: AgentReport) {
        self.progress = report.works.iter().find_map(|work| match &work.state {
            WorkState::Running(progress) => Some(progress.clone()),
            _ => None,
        });
        self.report = Some(report);
    }
}

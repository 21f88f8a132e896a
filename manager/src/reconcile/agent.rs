//! One agent: launched if it is ours, watched, given its work.
//!
//! The agent's report is compared with what it was given, again and again: what is done is
//! collected, what nobody asked for is deleted, what it forgot is given to others.

use super::collect::{Given, collect};
use super::disk;
use super::launch::{self, Launched};
use super::link::Command;
use super::numbered::Numbered;
use super::{parts, scenes};
use crate::farm::{Context, FarmHandle, Input};
use blendnet_net::client::{Client, ClientError};
use blendnet_protocol::{
    AgentId, AgentReport, FailureKind, Fault, VERSION, Work, WorkFailure, WorkId, WorkState,
    WorkStatus,
};
use blendnet_scheduler::Event;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How long the agent may keep a request for news open.
const NEWS_SECS: u64 = 20;

/// Requests in a row without an answer after which an agent counts as lost.
const LOST_AFTER: u32 = 3;

/// One agent, as its tasks share it.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) id: AgentId,
    pub(crate) client: Client,
    pub(crate) farm: FarmHandle,
    pub(crate) context: Arc<Context>,
    /// Whether it is the farm's own, of its provider.
    launched: bool,
    given: Arc<Mutex<BTreeMap<WorkId, Given>>>,
    pub(super) numbered: Arc<Numbered>,
}

/// Launches an agent at the farm's provider, and stays with it until it ends.
pub(crate) async fn launched(
    context: Arc<Context>,
    farm: FarmHandle,
    id: AgentId,
    commands: mpsc::Receiver<Command>,
    end: CancellationToken,
) {
    let dir = context.config.dir.join("agents").join(id.as_str());
    let started = launch::launch(&context, &id, &dir, &end).await;
    let failure = match started {
        Ok(None) => None,
        Ok(Some(launched)) => {
            let remote = Remote::new(&context, &farm, &id, &launched.client);
            stay(remote, launched, commands, &end).await;
            None
        }
        Err(message) => {
            tracing::error!(agent = %id, message, "agent could not be started");
            Some(WorkFailure {
                kind: FailureKind::Internal,
                fault: Fault::Agent,
                message: format!(
                    "no agent could be started ({}): {message}",
                    context.provider.name()
                ),
                last_lines: vec![],
            })
        }
    };
    let _left = fs_err::tokio::remove_dir_all(&dir).await;
    farm.tell(Input::Event(Event::AgentEnded(id, failure))).await;
}

/// Stays with an agent of the farm's provider until it ends.
pub(super) async fn stay(
    remote: Remote,
    launched: Launched,
    commands: mpsc::Receiver<Command>,
    end: &CancellationToken,
) {
    let (Launched { instance, address, client }, agent) = (launched, remote.id.clone());
    let remote = Remote { launched: true, ..remote };
    let connected = Input::Connected { agent, address, pid: instance.pid, client };
    remote.farm.tell(connected).await;
    let ended = tokio::select! {
        () = remote.run(commands) => None,
        how = remote.context.provider.ended(&instance.id) => Some(how),
        () = end.cancelled() => None,
    };
    if let Some(how) = &ended {
        tracing::warn!(agent = %remote.id, how, "agent ended by itself");
    }
    launch::terminate(&remote.context, &instance).await;
}

impl Remote {
    /// Goes on with work that an earlier manager gave it.
    pub(super) fn keep(&self, kept: Vec<Given>) {
        self.with_given(|all| all.extend(kept.into_iter().map(|g| (g.work.id.clone(), g))));
    }

    pub(super) fn new(
        context: &Arc<Context>,
        farm: &FarmHandle,
        id: &AgentId,
        client: &Client,
    ) -> Self {
        Self {
            id: id.clone(),
            client: client.clone(),
            farm: farm.clone(),
            context: context.clone(),
            launched: false,
            given: Arc::default(),
            numbered: Arc::default(),
        }
    }

    pub(super) async fn run(&self, commands: mpsc::Receiver<Command>) {
        tokio::join!(self.obey(commands), self.watch());
    }

    pub(super) async fn event(&self, event: Event) {
        self.farm.tell(Input::Event(event)).await;
    }

    async fn obey(&self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.recv().await {
            match command {
                Command::SendScene { scene, spec } => {
                    let remote = self.clone();
                    self.context
                        .tasks
                        .spawn(async move { scenes::send(&remote, scene, &spec).await });
                }
                Command::Start { work, assignment, rect } => {
                    self.give(Given::new(*work, assignment, rect)).await;
                }
                Command::Cancel(work) => self.give_up(&work).await,
            }
        }
    }

    async fn give(&self, given: Given) {
        let work = &given.work;
        // Noted before it is sent: what fails at once is in the agent's very next report.
        self.with_given(|all| all.insert(work.id.clone(), given.clone()));
        match self.try_give(work).await {
            Ok(()) => self.with_given(|all| {
                if let Some(given) = all.get_mut(&work.id) {
                    given.taken = true;
                }
            }),
            Err(error) if disk::is_full_there(&error) => {
                self.with_given(|all| all.remove(&work.id));
                let (work, failure) = (work.id.clone(), disk::of_agent(&self.id, &error));
                self.event(Event::Failed { work, failure }).await;
            }
            Err(error) => {
                self.with_given(|all| all.remove(&work.id));
                let error = crate::chain(&error);
                tracing::warn!(agent = %self.id, work = %work.id, error, "giving work failed");
                let agent = self.id.clone();
                let scene = work.scene.clone();
                self.event(Event::SceneSent { agent, scene, arrived: false }).await;
                self.event(given.gave_back()).await;
            }
        }
    }

    async fn try_give(&self, work: &Work) -> Result<(), ClientError> {
        for blob in self.numbered.lacking(work) {
            if let Some(path) = self.context.blobs.path(&blob) {
                self.client.send_blob(&blob, &path).await?;
                self.numbered.sent(&work.scene, &blob);
            }
        }
        if let blendnet_protocol::WorkKind::Finish { merged, .. } = &work.kind
            && let Some(path) = self.context.blobs.path(merged)
        {
            self.client.send_blob(merged, &path).await?;
        }
        let _status: WorkStatus = self.client.put(&format!("work/{}", work.id), work).await?;
        Ok(())
    }

    /// Asks for news for ever.
    async fn watch(&self) {
        let mut generation = 0;
        let mut failures = 0;
        let mut online = false;
        let mut leaving = None;
        loop {
            let path = format!("work?after={generation}&wait_secs={NEWS_SECS}");
            let taken = self.taken();
            let limit = Duration::from_secs(NEWS_SECS + 10);
            match self.client.get_with_timeout::<AgentReport>(&path, limit).await {
                Ok(report) => {
                    failures = 0;
                    if report.generation < generation {
                        // It was restarted and knows of nothing.
                        self.lose().await;
                        online = false;
                        leaving = None;
                    }
                    generation = report.generation;
                    if report.away.is_some() {
                        if std::mem::take(&mut online) {
                            self.take_back_all().await;
                        }
                    } else if !online {
                        online = self.greet(&report).await;
                    }
                    if let (Some(secs_left), None) = (report.leaving_secs, leaving) {
                        tracing::info!(agent = %self.id, secs_left, "the agent is taken away");
                        leaving = Some(secs_left);
                        let agent = self.id.clone();
                        self.event(Event::AgentLeaving { agent, secs_left }).await;
                    }
                    self.compare(&report).await;
                    self.take_back_forgotten(taken, &report).await;
                    self.farm.tell(Input::Report(self.id.clone(), Box::new(report))).await;
                }
                Err(error) => {
                    failures += 1;
                    let error = crate::chain(&error);
                    tracing::warn!(agent = %self.id, failures, error, "no answer");
                    if online && failures >= LOST_AFTER {
                        online = false;
                        self.lose().await;
                    }
                    let pause = Duration::from_millis(300 * u64::from(failures.min(20)));
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// The agent wants no work now: what it has goes to others.
    async fn take_back_all(&self) {
        let given: Vec<WorkId> = self.with_given(|all| all.keys().cloned().collect());
        tracing::info!(agent = %self.id, works = given.len(), "the agent wants no work now");
        self.lose().await;
        for work in &given {
            self.delete(work).await;
        }
    }

    async fn lose(&self) {
        self.with_given(BTreeMap::clear);
        self.event(Event::AgentLost(self.id.clone())).await;
    }

    /// Whether the agent may get work.
    async fn greet(&self, report: &AgentReport) -> bool {
        if report.version == VERSION {
            if self.launched {
                self.arrived().await;
            }
            self.event(Event::AgentOnline(self.id.clone())).await;
            return true;
        }
        tracing::error!(
            agent = %self.id, theirs = report.version, ours = VERSION,
            "the agent has another version than the manager: install the same one on both"
        );
        tokio::time::sleep(Duration::from_secs(10)).await;
        false
    }

    /// What only the start of the agent needed can go.
    async fn arrived(&self) {
        let token = blendnet_cloud::LaunchToken(self.id.to_string());
        let gone = self.context.provider.arrived(&self.context.farm_tag, &token).await;
        if let Err(error) = gone {
            tracing::warn!(agent = %self.id, %error, "what its start needed is still there");
        }
    }

    async fn compare(&self, report: &AgentReport) {
        for WorkStatus { id, state, parts } in &report.works {
            let ended = !matches!(state, WorkState::Queued | WorkState::Running(_));
            let given =
                self.with_given(|all| if ended { all.remove(id) } else { all.get(id).cloned() });
            if let Some(given) = &given {
                parts::collect_new(self, given, parts);
            }
            let parts = parts.clone();
            match (given, state) {
                (Some(Given { told: false, assignment, .. }), WorkState::Running(progress)) => {
                    if let Some(info) = progress.info.clone() {
                        self.with_given(|all| {
                            if let Some(given) = all.get_mut(id) {
                                given.told = true;
                            }
                        });
                        let (job, work) = (assignment.job, id.clone());
                        self.farm.tell(Input::Inspected { job, work, info }).await;
                    }
                }
                (Some(given), WorkState::Completed(outcome)) => {
                    let (remote, outcome) = (self.clone(), outcome.clone());
                    collect(remote, given, outcome, parts).await;
                }
                (Some(given), WorkState::Failed(failure)) => {
                    tracing::warn!(
                        agent = %self.id, work = %id, kind = ?failure.kind,
                        message = failure.message, "work failed"
                    );
                    let (work, failure) = (id.clone(), failure.clone());
                    parts::end(self, given, parts, Event::Failed { work, failure });
                }
                (Some(given), WorkState::Canceled) => {
                    let rest = given.gave_back();
                    parts::end(self, given, parts, rest);
                }
                _ => {}
            }
        }
    }

    /// Work that the agent has confirmed.
    fn taken(&self) -> Vec<WorkId> {
        let taken = |(id, given): (&WorkId, &Given)| given.taken.then(|| id.clone());
        self.with_given(|all| all.iter().filter_map(taken).collect())
    }

    /// An agent that was restarted knows nothing of the work that it had `taken` before.
    async fn take_back_forgotten(&self, taken: Vec<WorkId>, report: &AgentReport) {
        for work in taken {
            if report.works.iter().any(|status| status.id == work) {
                continue;
            }
            if let Some(given) = self.with_given(|all| all.remove(&work)) {
                tracing::warn!(agent = %self.id, %work, "the agent has forgotten its work");
                self.event(given.gave_back()).await;
            }
        }
    }

    /// Nobody wants the work any more, here or there.
    pub(super) async fn give_up(&self, work: &WorkId) {
        self.with_given(|all| all.remove(work));
        self.delete(work).await;
    }

    /// Frees what the agent keeps of a piece of work, or stops it.
    pub(crate) async fn delete(&self, work: &WorkId) {
        if let Err(error) = self.client.delete(&format!("work/{work}")).await {
            tracing::warn!(agent = %self.id, %work, error = crate::chain(&error), "not deleted");
        }
    }

    fn with_given<T>(&self, act: impl FnOnce(&mut BTreeMap<WorkId, Given>) -> T) -> T {
        act(&mut self.given.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

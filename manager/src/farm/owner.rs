//! The one owner of the farm's state.
//!
//! It takes one input after the other, lets the scheduler decide, and carries out what it
//! decided. It never waits for the network or a merge: those run elsewhere and come back as
//! inputs.

use super::execute::Deed;
use super::record::JobRecord;
use super::request::FarmError;
use super::wish::noise_message;
use super::{FarmHandle, FrameResult, Input, holds, reference};
use crate::config::Config;
use crate::reconcile::{AgentLink, Merger};
use crate::room::Room;
use crate::store::{Change, Saved, Store};
use crate::tasks::FarmTasks;
use blendnet_cloud::{FarmTag, Provider};
use blendnet_net::blobs::BlobStore;
use blendnet_net::ca::CertificateAuthority;
use blendnet_protocol::{
    AgentId, FarmView, FrameSet, JobId, JobSpec, JobView, SceneInfo, SplitPlan, WorkId,
};
use blendnet_scheduler::{Event, Farm, JobPlan, choose, plan};
use blendnet_tasks::Tasks;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often time alone is looked at: idle agents, launches that wait.
const TICK: Duration = Duration::from_secs(1);

/// Least time between two views that differ in progress only.
const VIEW_INTERVAL: Duration = Duration::from_millis(150);

/// Inputs that are taken before it is decided what to do.
const MOST_INPUTS: usize = 256;

/// What all parts of the manager share.
pub struct Context {
    /// As started.
    pub config: Config,
    /// Files by their hash.
    pub blobs: BlobStore,
    /// Lends the machines of agents that the farm launches.
    pub provider: Arc<dyn Provider>,
    /// The farm's name at its provider.
    pub farm_tag: FarmTag,
    /// Signs the certificates of agents.
    pub authority: CertificateAuthority,
    /// What outlives the manager.
    pub store: Store,
    /// Puts frames together.
    pub merger: Merger,
    /// The machines of the room.
    pub room: Room,
    /// Folder of all jobs.
    pub jobs_dir: PathBuf,
    /// What is still to be awaited before the program may end.
    pub tasks: TaskTracker,
    /// Tasks of 0.3 clients; their files are not to be freed with a job.
    pub task_api: OnceLock<Arc<Tasks<FarmTasks>>>,
    /// Ends everything.
    pub shutdown: CancellationToken,
    /// Canceled when standard input need not be open any more.
    pub released: CancellationToken,
}

/// The state. Only [`start`] makes one.
pub(crate) struct Owner {
    pub(crate) farm: Farm,
    pub(crate) jobs: BTreeMap<JobId, JobRecord>,
    pub(crate) links: BTreeMap<AgentId, AgentLink>,
    pub(crate) context: Arc<Context>,
    pub(crate) handle: FarmHandle,
    pub(crate) end_when_idle: bool,
    started: Instant,
    inputs: mpsc::Receiver<Input>,
    view: watch::Sender<Arc<FarmView>>,
    ending: bool,
    /// When costs were last written down.
    pub(super) costs_noted: Duration,
    /// What is decided, to be written down before anybody acts on it.
    pub(crate) changes: Vec<Change>,
    /// What is to be done once that is written down.
    pub(crate) deeds: Vec<Deed>,
    /// Answers that wait until what they speak of is written down and everybody can see it.
    pub(super) answers: Vec<(Reply, Answer)>,
}

type Answer = Result<Option<JobView>, FarmError>;
type Reply = oneshot::Sender<Answer>;

/// Goes on with what earlier runs have `saved`, and starts the owner. It ends when the context's
/// shutdown is canceled and all agents are ended.
pub fn start(context: &Arc<Context>, saved: Saved) -> FarmHandle {
    let (sender, inputs) = mpsc::channel(1024);
    let empty = FarmView {
        generation: 0,
        version: blendnet_protocol::VERSION.to_owned(),
        terminating: false,
        agents: vec![],
        jobs: vec![],
    };
    let (view, receiver) = watch::channel(Arc::new(empty));
    let handle = FarmHandle { inputs: sender, view: receiver };
    let farm = Farm::new(context.config.limits(), crate::random_name());
    let mut owner = Owner {
        farm,
        jobs: BTreeMap::new(),
        links: BTreeMap::new(),
        handle: handle.clone(),
        end_when_idle: false,
        started: Instant::now(),
        inputs,
        view,
        ending: false,
        costs_noted: Duration::ZERO,
        changes: Vec::new(),
        deeds: Vec::new(),
        answers: Vec::new(),
        context: context.clone(),
    };
    owner.set_prices();
    owner.resume(saved);
    context.tasks.spawn(owner.run());
    handle
}

impl Owner {
    async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        let mut published = Instant::now();
        let shutdown = self.context.shutdown.clone();
        self.act().await;
        loop {
            let mut urgent = tokio::select! {
                () = shutdown.cancelled(), if !self.ending => { self.begin_to_end(); true }
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => break,
                },
                _ = tick.tick() => false,
            };
            // What came meanwhile shares one wait for the disk.
            for _ in 0..MOST_INPUTS {
                let Ok(input) = self.inputs.try_recv() else { break };
                urgent |= self.take(input);
            }
            self.act().await;
            if urgent || published.elapsed() >= VIEW_INTERVAL {
                published = Instant::now();
                self.publish();
                for (reply, answer) in self.answers.drain(..) {
                    let _gone = reply.send(answer);
                }
            }
            if self.ending && self.farm.agents.is_empty() {
                break;
            }
        }
        self.save_all();
        self.commit().await;
    }

    /// Shows everybody the farm as it is.
    pub(super) fn publish(&mut self) {
        let generation = self.view.borrow().generation + 1;
        self.view.send_replace(Arc::new(self.farm_view(generation)));
    }

    /// Since the manager's start.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending
    }

    /// Takes one input. `false` when only progress has changed.
    fn take(&mut self, input: Input) -> bool {
        match input {
            Input::Event(event) => self.apply(event),
            Input::Report(agent, report) => {
                if let Some(rate) = reference::of(&report) {
                    let pixel_samples_per_sec = rate;
                    self.apply(Event::Reference { agent: agent.clone(), pixel_samples_per_sec });
                }
                if let Some(link) = self.links.get_mut(&agent) {
                    link.take_report(*report);
                }
                return false;
            }
            Input::Connected { agent, address, pid, client } => {
                if self.links.get(&agent).is_some_and(AgentLink::is_launched) {
                    self.changes.push(self.launched(&agent, Some(address.clone())));
                }
                if let Some(link) = self.links.get_mut(&agent) {
                    link.connected(address, pid, client);
                }
            }
            Input::Inspected { job, work, info } => self.inspected(&job, &work, *info),
            Input::FrameImage { job, frame, work, image, composed } => {
                self.frame_image(&job, frame, &work, FrameResult { image, composed });
            }
            Input::Preview { job, frame } => {
                if let Some(noise) = self.context.merger.noise(&job, frame) {
                    self.apply(Event::Noise { job: job.clone(), frame, noise });
                }
                if let Some(record) = self.jobs.get_mut(&job) {
                    *record.previews.entry(frame).or_insert(0) += 1;
                }
            }
            Input::ToFinish { agent, work, merged } => self.start_finish(&agent, &work, merged),
            Input::Client(agent, reply) => {
                let client = self.links.get(&agent).and_then(|link| link.client.clone());
                let _gone = reply.send(client);
            }
            Input::Request(request, reply) => {
                let answer = self.grant(request);
                self.answers.push((reply, answer));
            }
        }
        true
    }

    pub(crate) fn apply(&mut self, event: Event) {
        let now = self.now();
        self.note(&event);
        self.farm.apply(event, now);
    }

    /// Decides, writes it down, and then does it.
    async fn act(&mut self) {
        let now = self.now();
        if !self.ending {
            for action in plan(&mut self.farm, now) {
                self.execute(action);
            }
            if self.end_when_idle && !self.farm.has_work() {
                self.context.shutdown.cancel();
            }
        }
        self.note_changes();
        self.note_costs();
        self.commit().await;
        self.perform();
    }

    /// Notes jobs whose state has changed, and counts their time.
    fn note_changes(&mut self) {
        let now = self.now().as_secs_f64();
        let mut changed = Vec::new();
        for (id, record) in &mut self.jobs {
            let Some(job) = self.farm.jobs.get(id) else { continue };
            if job.state != record.state || job.failure != record.failure {
                record.state = job.state;
                record.failure.clone_from(&job.failure);
                changed.push(id.clone());
            }
            match (job.is_active(), record.running_since) {
                (true, None) => record.running_since = Some(now),
                (false, Some(since)) => {
                    record.elapsed_secs += now - since;
                    record.running_since = None;
                }
                _ => {}
            }
        }
        for id in changed {
            self.save_state(&id);
        }
        self.note_unsaved();
    }

    fn save_all(&mut self) {
        self.note_changes();
        for id in self.jobs.keys().cloned().collect::<Vec<_>>() {
            self.save_state(&id);
        }
    }

    /// Stops all jobs where they are, and ends the agents.
    fn begin_to_end(&mut self) {
        for job in self.farm.active_jobs() {
            self.apply(Event::JobStop(job));
        }
        let now = self.now();
        for action in plan(&mut self.farm, now) {
            if matches!(action, blendnet_scheduler::Action::Cancel { .. }) {
                self.execute(action);
            }
        }
        self.ending = true;
        for id in self.farm.agents.keys().cloned().collect::<Vec<_>>() {
            self.end_agent(&id);
        }
    }

    fn inspected(&mut self, id: &JobId, work: &WorkId, info: SceneInfo) {
        self.apply(Event::Rendered { work: work.clone(), secs: 0.0, pixel_samples: 0 });
        let Some(record) = self.jobs.get_mut(id) else { return };
        let split = choose(&info, record.spec.split);
        record.missing = info
            .files
            .iter()
            .filter(|file| !holds(&record.spec.scene.manifest, file))
            .cloned()
            .collect();
        let job_plan = plan_of(&record.spec, &info, &split);
        record.messages.clone_from(&info.warnings);
        record.messages.extend(noise_message(&record.spec.limits, split.split));
        record.messages.extend(record.missing.iter().map(|file| {
            format!(
                "missing: {} (written as {}, used by {})",
                file.path, file.as_written, file.used_by
            )
        }));
        record.split = Some(split);
        record.info = Some(info);
        self.changes.push(Change::WorkEnded(work.clone()));
        self.changes.push(Change::FramesAnew(id.clone()));
        self.apply(Event::JobInspected { job: id.clone(), plan: job_plan, resumed: vec![] });
        self.save_state(id);
    }

    /// The files are written down already.
    fn frame_image(&mut self, id: &JobId, frame: i32, work: &WorkId, result: FrameResult) {
        let Some(record) = self.jobs.get_mut(id) else { return };
        record.results.insert(frame, result);
        self.context.merger.forget(id, frame);
        tracing::info!(job = %id, frame, %work, "frame completed");
        self.apply(Event::FrameCompleted { job: id.clone(), frame });
    }

    /// The job as it is, for an answer.
    pub(crate) fn answer(&self, id: &JobId) -> Result<Option<JobView>, FarmError> {
        let record = self.jobs.get(id).ok_or_else(|| FarmError::UnknownJob(id.clone()))?;
        Ok(self.job_view(id, record))
    }
}

pub(super) fn plan_of(spec: &JobSpec, info: &SceneInfo, split: &SplitPlan) -> JobPlan {
    let frames = spec.frames.clone().unwrap_or(FrameSet::one(info.frame_current));
    JobPlan {
        split: split.split,
        tile: info.film.rendered,
        total_samples: info.samples.max(1),
        frames: frames.frames().to_vec(),
    }
}

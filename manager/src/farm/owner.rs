//! The one owner of the farm's state.
//!
//! It takes one input after the other, lets the scheduler decide, and carries out what it
//! decided. It never waits for the network or a merge: those run elsewhere and come back as
//! inputs.

use super::record::{JobFolder, JobRecord};
use super::request::FarmError;
use super::{FarmHandle, FrameResult, Input, holds};
use crate::config::Config;
use crate::reconcile::{AgentLink, Merger};
use crate::room::Room;
use crate::tasks::FarmTasks;
use blendnet_cloud::{FarmTag, Provider};
use blendnet_net::blobs::BlobStore;
use blendnet_net::ca::CertificateAuthority;
use blendnet_protocol::{
    AgentId, FarmView, FrameSet, JobId, JobSpec, JobState, JobView, SceneInfo, SplitPlan, WorkId,
};
use blendnet_scheduler::{Coverage, Event, Farm, JobPlan, choose, plan};
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
    /// Answers that wait until everybody can see what they speak of.
    answers: Vec<(Reply, Answer)>,
}

type Answer = Result<Option<JobView>, FarmError>;
type Reply = oneshot::Sender<Answer>;

/// Loads the jobs of earlier runs and starts the owner. It ends when the context's shutdown is
/// canceled and all agents are ended.
pub fn start(context: &Arc<Context>) -> FarmHandle {
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
        answers: Vec::new(),
        context: context.clone(),
    };
    owner.load_jobs();
    context.tasks.spawn(owner.run());
    handle
}

impl Owner {
    async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        let mut published = Instant::now();
        let shutdown = self.context.shutdown.clone();
        self.act();
        loop {
            let urgent = tokio::select! {
                () = shutdown.cancelled(), if !self.ending => { self.begin_to_end(); true }
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => break,
                },
                _ = tick.tick() => false,
            };
            self.act();
            if urgent || published.elapsed() >= VIEW_INTERVAL {
                published = Instant::now();
                let generation = self.view.borrow().generation + 1;
                self.view.send_replace(Arc::new(self.farm_view(generation)));
                for (reply, answer) in self.answers.drain(..) {
                    let _gone = reply.send(answer);
                }
            }
            if self.ending && self.farm.agents.is_empty() {
                break;
            }
        }
        self.save_all();
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
                if let Some(link) = self.links.get_mut(&agent) {
                    link.take_report(*report);
                }
                return false;
            }
            Input::Connected { agent, address, pid, client } => {
                if let Some(link) = self.links.get_mut(&agent) {
                    link.connected(address, pid, client);
                }
            }
            Input::Inspected { job, work, info } => self.inspected(&job, &work, *info),
            Input::FrameImage { job, frame, work, image, composed } => {
                self.frame_image(&job, frame, &work, FrameResult { image, composed });
            }
            Input::Preview { job, frame } => {
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
        self.farm.apply(event, now);
    }

    fn act(&mut self) {
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
    }

    /// Writes down jobs whose state has changed, and counts their time.
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
            self.save(&id);
        }
    }

    pub(crate) fn save(&mut self, id: &JobId) {
        let Some(record) = self.jobs.get_mut(id) else { return };
        let folder = JobFolder::new(&self.context.jobs_dir, id);
        if let Err(error) = folder.save(record) {
            tracing::error!(job = %id, error, "the job can't be written down");
            let message = format!("the job could not be written down: {error}");
            if !record.messages.contains(&message) {
                record.messages.push(message);
            }
        }
    }

    fn save_all(&mut self) {
        self.note_changes();
        for id in self.jobs.keys().cloned().collect::<Vec<_>>() {
            self.save(&id);
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
        record.messages.extend(record.missing.iter().map(|file| {
            format!(
                "missing: {} (written as {}, used by {})",
                file.path, file.as_written, file.used_by
            )
        }));
        record.split = Some(split);
        record.info = Some(info);
        self.apply(Event::JobInspected { job: id.clone(), plan: job_plan, resumed: vec![] });
        self.save(id);
    }

    fn frame_image(&mut self, id: &JobId, frame: i32, work: &WorkId, result: FrameResult) {
        let Some(record) = self.jobs.get_mut(id) else { return };
        let folder = JobFolder::new(&self.context.jobs_dir, id);
        if let Err(error) = folder.save_result(frame, &result) {
            tracing::error!(job = %id, frame, error, "the frame can't be written down");
        }
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

    fn load_jobs(&mut self) {
        let Ok(entries) = fs_err::read_dir(&self.context.jobs_dir) else { return };
        for entry in entries.flatten() {
            let Ok(id) = JobId::new(entry.file_name().to_string_lossy().into_owned()) else {
                continue;
            };
            let folder = JobFolder::new(&self.context.jobs_dir, &id);
            match folder.prepare().map_err(|e| e.to_string()).and_then(|()| folder.load()) {
                Ok(record) => self.adopt(id, record),
                Err(error) => tracing::warn!(job = %id, error, "a job can't be read"),
            }
        }
    }

    /// Goes on with a job of an earlier run: stopped, with what is merged of it.
    fn adopt(&mut self, id: JobId, record: JobRecord) {
        let spec = &record.spec;
        let Ok(scene) = crate::scene_id(&spec.scene) else { return };
        let mut job =
            blendnet_scheduler::Job::new(record.number, scene, spec.hold, spec.max_agents);
        (job.priority, job.limits) = (spec.priority, spec.limits);
        self.farm.jobs.insert(id.clone(), job);
        if let (Some(info), Some(split)) = (&record.info, &record.split) {
            let job_plan = plan_of(spec, info, split);
            let bounds = job_plan.bounds();
            let merged = |frame: i32| {
                let done = self.context.merger.open(&id, frame)?;
                Some((frame, Coverage::resumed(bounds?, &done).ok()?))
            };
            let resumed = job_plan.frames.iter().filter_map(|&frame| merged(frame)).collect();
            self.apply(Event::JobInspected { job: id.clone(), plan: job_plan, resumed });
        }
        for &frame in record.results.keys() {
            self.apply(Event::FrameCompleted { job: id.clone(), frame });
        }
        if let Some(job) = self.farm.jobs.get_mut(&id) {
            job.failure.clone_from(&record.failure);
            job.state = match record.state {
                JobState::Completed => JobState::Completed,
                JobState::Failed => JobState::Failed,
                JobState::Ready => JobState::Ready,
                _ => JobState::Paused,
            };
        }
        self.jobs.insert(id, record);
    }
}

fn plan_of(spec: &JobSpec, info: &SceneInfo, split: &SplitPlan) -> JobPlan {
    let frames = spec.frames.clone().unwrap_or(FrameSet::one(info.frame_current));
    JobPlan {
        split: split.split,
        tile: info.film.rendered,
        total_samples: info.samples.max(1),
        frames: frames.frames().to_vec(),
    }
}

//! What happened, and what it changes.
//!
//! ```text
//!  job:   Inspecting ──► Ready (held) ──run──► Queued ──► Running ──► Completed
//!             │              ▲ files              │  ▲        │ └────► Failed ──run──► Queued
//!             └──────────────┴── not held ────────┘  └─ run ──┴─ stop ─► Paused
//!
//!  frame: Queued ──► Running ──► Finishing ──► Completed
//!             └─────────┴────────────┴── 3 failures, or the scene's fault ──► Failed
//! ```
//!
//! Events come late, twice, or from agents that were given up: what does not fit is ignored,
//! because the next plan starts from what is known, not from what was expected.

use crate::farm::{Agent, AgentPhase, Farm, MAX_FAILURES, Task};
use crate::job::{Frame, JobPlan};
use crate::{Coverage, CoverageError, Event, Speed};
use blendnet_protocol::{
    AgentId, FailureKind, Fault, FrameState, JobId, JobState, SceneId, WorkFailure, WorkId,
};
use std::time::Duration;

impl Farm {
    /// Takes one event.
    pub fn apply(&mut self, event: Event, now: Duration) {
        // A clock that goes back changes nothing.
        let now = now.max(self.now);
        self.now = now;
        self.count_event(&event);
        if event.is_activity() {
            self.last_activity = now;
        }
        match event {
            Event::AgentAdded { agent, launched } => {
                self.lifetimes.began(false, now);
                self.agents.insert(agent, Agent::new(launched, now));
            }
            Event::WorkKept { agent, assignment } => self.work_kept(&agent, assignment),
            Event::FrameKept { job, frame, kept } => self.frame_kept(&job, frame, kept),
            Event::AgentOnline(id) => self.agent_online(&id, now),
            Event::Reference { agent, pixel_samples_per_sec } => {
                self.reference_known(&agent, pixel_samples_per_sec);
            }
            Event::AgentLost(id) => self.agent_lost(&id, AgentPhase::Lost(now)),
            Event::AgentPriced { agent, offer, payer, unbilled } => {
                self.pay_kept(&agent, offer, payer, unbilled);
            }
            Event::AgentLeaving { agent, secs_left } => {
                self.leaves(&agent, now + Duration::from_secs(secs_left));
            }
            Event::AgentEnded(id, failure) => self.agent_ended(&id, failure, now),
            Event::SceneSent { agent, scene, arrived } => self.scene_sent(&agent, scene, arrived),
            Event::Rendered { work, secs, pixel_samples } => {
                self.rendered(&work, secs, pixel_samples, now);
            }
            Event::Merged { work, job, frame, secs } => {
                self.collected(&work);
                self.merged(&job, frame, secs, |coverage| coverage.deliver(&work));
            }
            Event::PartMerged { work, job, frame, region, secs } => {
                self.merged(&job, frame, secs, |coverage| coverage.deliver_part(region));
                if !self.holds_part(&job, frame, &work) {
                    self.collected(&work);
                }
            }
            Event::Noise { job, frame, noise } => self.noise_is(&job, frame, noise),
            Event::FrameCompleted { job, frame } => {
                self.frame_collected(&job, frame);
                self.frame_ends(&job, frame, FrameState::Completed, None);
            }
            Event::Failed { work, failure } => self.failed(&work, failure, now),
            Event::ResultUnusable { work, job, frame, failure } => {
                self.unqueue(&work, now);
                self.collected(&work);
                self.give_back(&work, &job, frame);
                if failure.kind == FailureKind::DiskFull {
                    // Our own disk: no frame of the job can be kept.
                    self.job_failed(&job, failure);
                } else {
                    self.attempt_failed(&job, frame, failure);
                }
            }
            Event::SceneRefused { agent, scene, failure } => {
                self.scene_refused(&agent, &scene, &failure);
            }
            Event::GaveBack { work, job, frame } => {
                self.unqueue(&work, now);
                self.collected(&work);
                self.give_back(&work, &job, frame);
            }
            Event::JobAdded(id, job) => drop(self.jobs.insert(id, *job)),
            Event::JobInspected { job, plan, resumed } => self.inspected(&job, plan, resumed),
            Event::JobFiles { job, scene, inspect } => {
                if let Some(job) = self.jobs.get_mut(&job) {
                    job.scene = scene;
                    if inspect {
                        job.state = JobState::Inspecting;
                        job.hold = true;
                    }
                }
            }
            Event::Offers(offers) => self.set_offers(offers),
            Event::LaunchedAgents(count) => self.limits.launched_agents = count,
            queue => self.apply_to_queue(queue),
        }
    }

    fn agent_online(&mut self, id: &AgentId, now: Duration) {
        if let Some(agent) = self.agents.get_mut(id) {
            if !matches!(agent.phase, AgentPhase::Draining | AgentPhase::Leaving(_)) {
                agent.phase = AgentPhase::Online;
                agent.idle_since = now;
            }
            self.launch_failures = 0;
        }
    }

    /// Its work goes to others; what it rendered and did not hand in is rendered again.
    pub(crate) fn agent_lost(&mut self, id: &AgentId, phase: AgentPhase) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        agent.phase = phase;
        agent.scenes.clear();
        for gone in agent.collecting.drain(..) {
            self.round.holders.remove(&gone.work);
        }
        for lost in std::mem::take(&mut agent.queue) {
            self.round.holders.remove(&lost.work);
            self.give_back(&lost.work, &lost.job, lost.task.frame());
        }
    }

    fn scene_sent(&mut self, agent: &AgentId, scene: SceneId, arrived: bool) {
        let Some(agent) = self.agents.get_mut(agent) else { return };
        let _replaced =
            if arrived { agent.scenes.insert(scene, true) } else { agent.scenes.remove(&scene) };
    }

    fn agent_ended(&mut self, id: &AgentId, failure: Option<WorkFailure>, now: Duration) {
        let Some(agent) = self.agents.get(id) else { return };
        let (unexpected, starting) =
            (agent.phase != AgentPhase::Draining, agent.phase == AgentPhase::Starting);
        self.lifetimes.ended(agent, now);
        if starting && failure.is_some() {
            self.refund(id);
        } else {
            self.bill(id);
        }
        self.agent_lost(id, AgentPhase::Draining);
        let Some(agent) = self.agents.remove(id) else { return };
        match (agent.offer, failure) {
            (Some(offer), Some(_)) if offer.spot => self.offer_failed(&offer, now),
            (Some(offer), None) if unexpected => {
                self.offer_lived(&offer, now.saturating_sub(agent.since), now);
            }
            (offer, Some(failure)) if agent.launched => {
                if let Some(offer) = offer {
                    self.offer_failed(&offer, now);
                }
                self.launch_failed(&failure, now);
            }
            _ => {}
        }
    }

    fn rendered(&mut self, work: &WorkId, secs: f64, pixel_samples: u64, now: Duration) {
        let Some((id, at)) = self.holder(work) else { return };
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let done = agent.queue.remove(at);
        agent.began = now;
        if agent.queue.is_empty() {
            agent.idle_since = now;
        }
        self.round.hungry.insert(id.clone());
        match done.task {
            Task::Inspect => drop(self.round.holders.remove(work)),
            _ => agent.collecting.push(done.clone()),
        }
        if let Task::Whole { frame } | Task::Finish { frame } = done.task {
            self.round.finishers.entry((done.job.clone(), frame)).or_default().push(id.clone());
        }
        let bounds = self.jobs.get(&done.job).and_then(|job| job.plan.as_ref()?.bounds());
        let pixel_samples = match (done.task, bounds) {
            (Task::Whole { .. }, Some(bounds)) => bounds.pixel_samples(),
            _ => pixel_samples,
        };
        if matches!(done.task, Task::Part { .. } | Task::Whole { .. }) {
            let speed = match agent.speeds.get(&done.job) {
                Some(speed) => speed.updated(pixel_samples, secs),
                None => Speed::first(pixel_samples, secs),
            };
            agent.speeds.insert(done.job.clone(), speed);
            if let Some(job) = self.jobs.get_mut(&done.job) {
                job.rendered_pixel_samples += pixel_samples;
            }
        }
        self.finished(&done.job, done.task, secs);
    }

    /// What comes late or twice changes nothing.
    fn merged(
        &mut self,
        job: &JobId,
        number: i32,
        secs: f64,
        deliver: impl FnOnce(&mut Coverage) -> Result<(), CoverageError>,
    ) {
        let Some(known) = self.jobs.get_mut(job) else { return };
        let Some(frame) = known.frames.get_mut(&number) else { return };
        if deliver(&mut frame.coverage).is_err() {
            return;
        }
        if frame.is_open() {
            frame.state = FrameState::Running;
        }
        // It is not the frame that fails: something of it was rendered since.
        let failures = std::mem::take(&mut frame.failures);
        known.merge_secs =
            if known.merge_secs > 0.0 { f64::midpoint(known.merge_secs, secs) } else { secs };
        if failures > 0 {
            self.frame_changed(job, number);
        }
    }

    fn failed(&mut self, work: &WorkId, failure: WorkFailure, now: Duration) {
        let Some((id, at)) = self.holder(work) else { return };
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let done = agent.queue.remove(at);
        self.round.holders.remove(work);
        if agent.queue.is_empty() {
            agent.idle_since = now;
        }
        if failure.fault == Fault::Agent {
            agent.unfit.insert(done.job.clone());
        }
        let frame = done.task.frame();
        self.give_back(work, &done.job, frame);
        self.attempt_failed(&done.job, frame, failure);
    }

    /// Counts a failure of a frame, or of the inspection.
    fn attempt_failed(&mut self, id: &JobId, frame: Option<i32>, failure: WorkFailure) {
        let nobody_left = failure.fault == Fault::Agent && !self.has_hope(id);
        let Some(job) = self.jobs.get_mut(id) else { return };
        let Some(number) = frame else {
            if failure.fault != Fault::Agent {
                job.failures += 1;
            }
            if failure.fault == Fault::Scene || nobody_left || job.failures >= MAX_FAILURES {
                self.job_failed(id, failure);
            }
            return;
        };
        let Some(frame) = job.frames.get_mut(&number) else { return };
        if failure.fault != Fault::Agent {
            frame.failures += 1;
        }
        frame.failure = Some(failure.clone());
        let gives_up = failure.fault == Fault::Scene || frame.failures >= MAX_FAILURES;
        self.frame_changed(id, number);
        if nobody_left {
            self.job_failed(id, failure);
        } else if gives_up {
            self.frame_ends(id, number, FrameState::Failed, Some(failure));
        }
    }

    /// Whether an agent can do the job, or one that may be able to is on its way.
    fn has_hope(&self, job: &JobId) -> bool {
        let comes = |a: &Agent| a.launched && a.phase == AgentPhase::Starting;
        self.fit_agents(job) > 0 || self.agents.values().any(comes)
    }

    fn scene_refused(&mut self, agent: &AgentId, scene: &SceneId, failure: &WorkFailure) {
        let wants = |id: &JobId| self.jobs.get(id).is_some_and(|job| &job.scene == scene);
        let jobs: Vec<JobId> = self.active_jobs().into_iter().filter(wants).collect();
        for id in jobs {
            if let Some(agent) = self.agents.get_mut(agent) {
                agent.scenes.remove(scene);
                agent.unfit.insert(id.clone());
            }
            if !self.has_hope(&id) {
                self.job_failed(&id, failure.clone());
            }
        }
    }

    fn unqueue(&mut self, work: &WorkId, now: Duration) {
        if let Some((id, at)) = self.holder(work)
            && let Some(agent) = self.agents.get_mut(&id)
        {
            agent.queue.remove(at);
            if agent.queue.is_empty() {
                agent.idle_since = now;
            }
            self.round.holders.remove(work);
            self.round.hungry.insert(id);
        }
    }

    fn holds_part(&self, job: &JobId, frame: i32, work: &WorkId) -> bool {
        let frame = self.jobs.get(job).and_then(|job| job.frames.get(&frame));
        frame.is_some_and(|frame| frame.coverage.held().contains_key(work))
    }

    pub(crate) fn give_back(&mut self, work: &WorkId, job: &JobId, frame: Option<i32>) {
        let Some(job) = self.jobs.get_mut(job) else { return };
        let Some(frame) = frame.and_then(|frame| job.frames.get_mut(&frame)) else { return };
        if frame.finishing.as_ref() == Some(work) {
            frame.finishing = None;
            self.round.restless = true;
        }
        // Others may take it.
        self.round.restless |= frame.coverage.give_back(work).is_ok();
    }

    fn inspected(&mut self, id: &JobId, plan: JobPlan, resumed: Vec<(i32, Coverage)>) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let Some(bounds) = plan.bounds() else { return };
        let frames = plan.frames.iter().map(|&n| (n, Frame::new(Coverage::new(bounds))));
        job.frames = frames.collect();
        job.dropped.clear();
        for (number, coverage) in resumed {
            if let Some(frame) = job.frames.get_mut(&number) {
                if !coverage.is_untouched() {
                    frame.state = FrameState::Running;
                }
                frame.coverage = coverage;
            }
        }
        job.plan = Some(plan);
        job.failures = 0;
        if job.state == JobState::Inspecting {
            job.state = if job.hold { JobState::Ready } else { JobState::Queued };
        }
        self.end_job_if_done(id);
    }

    fn frame_ends(
        &mut self,
        id: &JobId,
        number: i32,
        state: FrameState,
        failure: Option<WorkFailure>,
    ) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        if let Some(frame) = job.frames.get_mut(&number) {
            frame.state = state;
            frame.finishing = None;
            if failure.is_some() {
                frame.failure = failure;
            }
        }
        self.end_job_if_done(id);
    }

    pub(crate) fn end_job_if_done(&mut self, id: &JobId) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        job.frames.refresh();
        let frames = job.frames.sums();
        if job.plan.is_none() || frames.open_frames > 0 {
            return;
        }
        let failed = frames.failed_frames > 0;
        self.round.restless = true;
        job.state = if failed { JobState::Failed } else { JobState::Completed };
    }

    pub(crate) fn job_failed(&mut self, id: &JobId, failure: WorkFailure) {
        if let Some(job) = self.jobs.get_mut(id) {
            job.failure = Some(failure);
            job.state = JobState::Failed;
            self.round.restless = true;
        }
    }
}

//! Goes on where an earlier manager ended, however it ended.

use super::FrameResult;
use super::owner::{Owner, plan_of};
use super::record::{JobFolder, JobRecord};
use crate::reconcile::{AgentLink, Given};
use crate::store::{Change, Saved, SavedAgent, SavedFrame, SavedPart, SavedWork};
use blendnet_protocol::{AgentId, JobId, JobState, WorkKind};
use blendnet_scheduler::{Assignment, Coverage, Event, Frame, Job, Task};
use std::collections::BTreeMap;

type PartsOfFrame = BTreeMap<i32, Vec<SavedPart>>;

impl Owner {
    /// Takes up jobs as they were: those that ran, run.
    pub(super) fn resume(&mut self, saved: Saved) {
        let mut parts: BTreeMap<JobId, PartsOfFrame> = BTreeMap::new();
        for part in saved.parts {
            let of_job = parts.entry(part.job.clone()).or_default();
            of_job.entry(part.frame).or_default().push(part);
        }
        let mut frames: BTreeMap<JobId, BTreeMap<i32, FrameResult>> = BTreeMap::new();
        for (job, number, result) in saved.frames {
            match serde_json::from_str(&result) {
                Ok(result) => drop(frames.entry(job).or_default().insert(number, result)),
                Err(error) => tracing::error!(%job, number, %error, "a frame can't be read"),
            }
        }
        let mut kept: BTreeMap<JobId, Vec<SavedFrame>> = BTreeMap::new();
        for frame in saved.kept {
            kept.entry(frame.job.clone()).or_default().push(frame);
        }
        for (id, spec, state) in saved.jobs {
            match JobRecord::read(&spec, &state) {
                Ok(mut record) => {
                    record.results = frames.remove(&id).unwrap_or_default();
                    let parts = parts.remove(&id).unwrap_or_default();
                    self.take_up(id.clone(), record, &parts, kept.remove(&id).unwrap_or_default());
                }
                Err(error) => tracing::error!(job = %id, %error, "a job can't be read"),
            }
        }
        let mut works: BTreeMap<AgentId, Vec<SavedWork>> = BTreeMap::new();
        for work in saved.works {
            works.entry(work.agent.clone()).or_default().push(work);
        }
        for agent in saved.agents {
            let works = works.remove(&agent.agent).unwrap_or_default();
            self.adopt(agent, works);
        }
    }

    /// An agent that may still run, and may still have work.
    fn adopt(&mut self, saved: SavedAgent, works: Vec<SavedWork>) {
        let SavedAgent { agent, launched, address, password, ca_pem, lease } = saved;
        self.apply(Event::AgentAdded { agent: agent.clone(), launched });
        if let Some(lease) = lease {
            self.bill_kept(&agent, &lease);
        }
        let mut kept = Vec::new();
        for SavedWork { job, work, .. } in works {
            let rect = self.jobs.get(&job).and_then(|record| Some(record.info.as_ref()?.film));
            let (id, task) = (work.id.clone(), task_of(&work.kind));
            let assignment = Assignment { work: id.clone(), job, task };
            let event = Event::WorkKept { agent: agent.clone(), assignment: assignment.clone() };
            self.apply(event);
            let queue = self.farm.agents.get(&agent).map(|agent| agent.queue.as_slice());
            if queue.unwrap_or_default().contains(&assignment) {
                kept.push(Given { taken: true, ..Given::new(work, assignment, rect) });
            } else {
                self.changes.push(Change::WorkEnded(id));
            }
        }
        let (context, handle, id) = (&self.context, &self.handle, agent.clone());
        let link = match (launched, address.zip(password)) {
            (false, Some((address, password))) => {
                AgentLink::add(context, handle, id, ((address, password, ca_pem), kept))
            }
            _ => AgentLink::adopt(context, handle, id, kept),
        };
        self.links.insert(agent, link);
    }

    fn take_up(
        &mut self,
        id: JobId,
        mut record: JobRecord,
        parts: &PartsOfFrame,
        kept: Vec<SavedFrame>,
    ) {
        let folder = JobFolder::new(&self.context.jobs_dir, &id);
        if let Err(error) = folder.prepare() {
            tracing::error!(job = %id, %error, "the job's folder can't be made");
        }
        let spec = &record.spec;
        let Ok(scene) = crate::scene_id(&spec.scene) else { return };
        let mut job = Job::new(record.number, scene, spec.hold, spec.max_agents);
        (job.priority, job.limits) = (spec.priority, spec.limits);
        job.state = record.state;
        job.resume_spent(record.spent.map_or(0, |spent| spent.usd_micros));
        self.farm.jobs.insert(id.clone(), job);
        if let (Some(info), Some(split)) = (&record.info, &record.split) {
            let plan = plan_of(spec, info, split);
            let mut resumed = Vec::new();
            for &frame in plan.frames.iter().filter(|frame| !record.results.contains_key(frame)) {
                let parts = parts.get(&frame).map(Vec::as_slice).unwrap_or_default();
                let film = (info.film, plan.total_samples);
                let found = self.context.merger.recover(&id, frame, film, parts);
                self.changes.extend(found.changes);
                record.messages.extend(found.lost);
                let bounds = plan.bounds();
                resumed.extend(bounds.and_then(|bounds| {
                    Some((frame, Coverage::resumed(bounds, &found.covered).ok()?))
                }));
            }
            self.apply(Event::JobInspected { job: id.clone(), plan, resumed });
        }
        folder.empty_parts();
        for SavedFrame { job, frame, kept } in kept {
            self.apply(Event::FrameKept { job, frame, kept });
        }
        for &frame in record.results.keys() {
            self.apply(Event::FrameCompleted { job: id.clone(), frame });
        }
        if let Some(job) = self.farm.jobs.get_mut(&id) {
            job.failure.clone_from(&record.failure);
            job.state = state_of(record.state, job);
        }
        self.jobs.insert(id, record);
    }
}

fn task_of(kind: &WorkKind) -> Task {
    match *kind {
        WorkKind::Inspect => Task::Inspect,
        WorkKind::Part { frame, region, .. } => Task::Part { frame, region },
        WorkKind::Whole { frame } => Task::Whole { frame },
        WorkKind::Finish { frame, .. } => Task::Finish { frame },
    }
}

/// A job that ran runs again, unless all of it is done.
fn state_of(before: JobState, job: &Job) -> JobState {
    let ran = matches!(before, JobState::Queued | JobState::Running);
    match &job.plan {
        None if ran => JobState::Inspecting,
        Some(_) if ran && job.frames.values().any(Frame::is_open) => JobState::Queued,
        Some(_) if ran => job.state,
        _ => before,
    }
}

//! Carries out what the scheduler decided. No decisions here.

use super::Input;
use super::owner::Owner;
use super::record::JobRecord;
use crate::reconcile::{AgentLink, Command, failure_of};
use crate::store::{Change, SavedWork};
use blendnet_protocol::{AgentId, BlobId, FilmRect, JobId, Split, Work, WorkId, WorkKind};
use blendnet_scheduler::{Action, Assignment, Event, Task};

/// What must be written down before it is done.
pub(crate) enum Deed {
    /// Launch an agent under this name.
    Launch(AgentId),
    /// Tell an agent what to do.
    Send(AgentId, Command),
    /// Remove what a deleted job had.
    Forget(JobId, Box<JobRecord>),
}

impl Owner {
    /// Does what was decided; it is written down.
    pub(crate) fn perform(&mut self) {
        for deed in std::mem::take(&mut self.deeds) {
            match deed {
                Deed::Launch(agent) => {
                    let link = AgentLink::launch(&self.context, &self.handle, agent.clone());
                    self.links.insert(agent, link);
                }
                Deed::Forget(job, record) => self.forget(&job, &record),
                Deed::Send(agent, command) => {
                    if let Some(link) = self.links.get(&agent) {
                        link.send(command);
                    }
                }
            }
        }
    }

    pub(crate) fn execute(&mut self, action: Action) {
        tracing::debug!(?action, "decided");
        match action {
            Action::Launch { agent, .. } => {
                self.changes.push(self.launched(&agent, None));
                self.deeds.push(Deed::Launch(agent));
            }
            Action::Terminate { agent } => self.end_agent(&agent),
            Action::SendScene { agent, scene, job } => {
                let spec = self.jobs.get(&job).map(|record| record.spec.scene.clone());
                if let (Some(link), Some(spec)) = (self.links.get(&agent), spec) {
                    link.send(Command::SendScene { scene, spec: Box::new(spec) });
                }
            }
            Action::Start { agent, assignment, save_secs } => {
                self.start_work(&agent, assignment, save_secs);
            }
            Action::Cancel { agent, work } => {
                self.changes.push(Change::WorkEnded(work.clone()));
                self.deeds.push(Deed::Send(agent, Command::Cancel(work)));
            }
            Action::Shutdown => {
                tracing::info!("nothing to do for long; the manager ends");
                self.context.shutdown.cancel();
            }
        }
    }

    pub(crate) fn end_agent(&mut self, id: &AgentId) {
        let launched = self.farm.agents.get(id).is_some_and(|agent| agent.launched);
        if let Some(link) = self.links.get(id) {
            link.end();
        }
        if !launched {
            self.links.remove(id);
            self.apply(Event::AgentEnded(id.clone(), None));
        }
    }

    fn start_work(&mut self, agent: &AgentId, assignment: Assignment, save_secs: Option<f64>) {
        let Some(job) = self.farm.jobs.get(&assignment.job) else { return };
        let (scene, plan) = (job.scene.clone(), job.plan.clone());
        let margin_px = match plan.as_ref().map(|plan| plan.split) {
            Some(Split::Tiles { margin_px }) => margin_px,
            _ => 0,
        };
        let kind = match assignment.task {
            Task::Inspect => WorkKind::Inspect,
            Task::Part { frame, region } => WorkKind::Part {
                frame,
                region,
                margin_px,
                total_samples: plan.map_or(1, |plan| plan.total_samples),
            },
            Task::Whole { frame } => WorkKind::Whole { frame },
            Task::Finish { frame } => return self.write_merged(agent, &assignment, frame),
        };
        let save_secs = save_secs.map(|secs| self.context.config.save_secs.unwrap_or(secs));
        let work = Work { save_secs, ..Work::new(assignment.work.clone(), scene, kind) };
        let rect = self.jobs.get(&assignment.job).and_then(|r| Some(r.info.as_ref()?.film));
        self.give(agent, work, assignment, rect);
    }

    fn give(
        &mut self,
        agent: &AgentId,
        work: Work,
        assignment: Assignment,
        rect: Option<FilmRect>,
    ) {
        self.changes.push(Change::Given(SavedWork {
            agent: agent.clone(),
            job: assignment.job.clone(),
            work: work.clone(),
        }));
        let start = Command::Start { work: Box::new(work), assignment, rect };
        self.deeds.push(Deed::Send(agent.clone(), start));
    }

    /// Writes the merged frame, then tells [`Self::start_finish`].
    fn write_merged(&self, agent: &AgentId, assignment: &Assignment, frame: i32) {
        let (context, handle) = (self.context.clone(), self.handle.clone());
        let (agent, Assignment { work, job, .. }) = (agent.clone(), assignment.clone());
        self.context.tasks.spawn(async move {
            match context.merger.write_image(&job, frame, &context.blobs).await {
                Ok(merged) => handle.tell(Input::ToFinish { agent, work, merged }).await,
                Err(error) => {
                    let failure = failure_of(&format!("writing merged frame {frame}"), &error);
                    handle.tell(Input::Event(Event::Failed { work, failure })).await;
                }
            }
        });
    }

    /// The merged frame is a blob: let the agent finish it.
    pub(crate) fn start_finish(&mut self, agent: &AgentId, work: &WorkId, merged: BlobId) {
        let queue = self.farm.agents.get(agent).map(|agent| agent.queue.as_slice());
        let found = queue.unwrap_or_default().iter().find(|a| &a.work == work).cloned();
        let Some(assignment) = found else { return };
        let (Some(frame), Some(job)) =
            (assignment.task.frame(), self.farm.jobs.get(&assignment.job))
        else {
            return;
        };
        let kind = WorkKind::Finish { frame, merged };
        let work = Work::new(work.clone(), job.scene.clone(), kind);
        self.give(agent, work, assignment, None);
    }
}

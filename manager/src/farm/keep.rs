//! Writes down what was decided, before anybody acts on it or is told.

use super::owner::Owner;
use super::request::FarmError;
use crate::reconcile::failure_of;
use crate::store::{Change, SavedFrame, StoreError};
use blendnet_protocol::JobId;
use blendnet_scheduler::{Event, Unsaved};
use std::time::Duration;

/// Pause before a database that took nothing is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Owner {
    /// Notes a job with its submission.
    pub(crate) fn save(&mut self, id: &JobId) {
        let spec = self.jobs.get(id).map(|record| serde_json::to_string(&record.spec));
        self.save_with(id, spec.and_then(Result::ok));
    }

    /// Notes what is known of a job.
    pub(super) fn save_state(&mut self, id: &JobId) {
        self.save_with(id, None);
    }

    fn save_with(&mut self, id: &JobId, spec: Option<String>) {
        let spent = self.spent(id);
        let Some(record) = self.jobs.get_mut(id) else { return };
        record.spent = spent.or(record.spent);
        match serde_json::to_string(record) {
            Ok(state) => self.changes.push(Change::Job { job: id.clone(), spec, state }),
            Err(error) => tracing::error!(job = %id, %error, "the job can't be written down"),
        }
    }

    /// What an event means for works and agents.
    pub(super) fn note(&mut self, event: &Event) {
        self.changes.extend(match event {
            Event::Failed { work, .. }
            | Event::ResultUnusable { work, .. }
            | Event::GaveBack { work, .. }
            | Event::Merged { work, .. } => Some(Change::WorkEnded(work.clone())),
            Event::AgentLost(agent) => Some(Change::AgentLost(agent.clone())),
            Event::AgentEnded(agent, _) => Some(Change::AgentGone(agent.clone())),
            _ => None,
        });
    }

    /// Notes what the scheduler says that must be known after a restart.
    pub(super) fn note_unsaved(&mut self) {
        let Unsaved { frames, payers, costs } = self.farm.take_unsaved();
        for (job, frame) in frames {
            if self.jobs.contains_key(&job) {
                let kept = self.farm.kept_frame(&job, frame);
                self.changes.push(Change::FrameKept(SavedFrame { job, frame, kept }));
            }
        }
        for agent in payers.iter().filter(|agent| self.farm.agents.contains_key(agent)) {
            let address = self.links.get(agent).map(|link| link.address.clone());
            self.changes.push(self.launched(agent, address.filter(|a| !a.is_empty())));
        }
        // What they owe until now: their agents are billed from here on.
        for job in &costs {
            self.save_state(job);
        }
    }

    /// Writes all notes down. While the disk takes nothing the farm decides nothing more: it would
    /// forget what it does. Agents go on with what they have. A full disk fails the jobs that run, since it
    /// is for people to make room; what is merged is kept.
    pub(super) async fn commit(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        let mut told = false;
        while let Err(error) = self.context.store.commit(changes.clone()).await {
            if !told {
                told = true;
                self.tell_trouble(&error);
            }
            if self.context.shutdown.is_cancelled() {
                return;
            }
            tokio::time::sleep(RETRY).await;
        }
        if told {
            tracing::info!("the farm's database takes changes again");
            for record in self.jobs.values_mut() {
                record.messages.retain(|message| !message.starts_with(TROUBLE));
            }
        }
    }

    /// Tells everybody who waits, and the jobs.
    fn tell_trouble(&mut self, error: &StoreError) {
        let cause = crate::chain(error);
        tracing::error!(error = cause, "nothing can be written down; the farm waits");
        for (reply, _) in self.answers.drain(..) {
            let _gone = reply.send(Err(FarmError::Store(cause.clone())));
        }
        for record in self.jobs.values_mut() {
            record.messages.push(format!("{TROUBLE}: {cause}"));
        }
        if error.is_disk_full() {
            let failure = failure_of("keeping what is decided", error);
            for job in self.farm.active_jobs() {
                self.apply(Event::JobFailed(job, failure.clone()));
            }
        }
        self.publish();
    }
}

/// How the message begins that a job has meanwhile.
const TROUBLE: &str =
    "the farm waits until its database can be written: free some space on its disk";

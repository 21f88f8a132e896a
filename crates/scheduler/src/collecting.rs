//! Results that an agent has and that are not ours yet: it must not be ended before.

use crate::farm::{Agent, Farm, Task};
use blendnet_protocol::{JobId, WorkId};
use std::time::Duration;

/// A result that is not fetched after this long never will be.
const LONGEST: Duration = Duration::from_mins(5);

impl Farm {
    /// A result, or what is left of a piece of work, is ours or lost.
    pub(crate) fn collected(&mut self, work: &WorkId) {
        let Some(id) = self.round.holders.get(work) else { return };
        let Some(agent) = self.agents.get_mut(id) else { return };
        agent.collecting.retain(|result| result.work != *work);
        if !agent.queue.iter().any(|assignment| assignment.work == *work) {
            self.round.holders.remove(work);
        }
    }

    /// The files of a frame are ours.
    pub(crate) fn frame_collected(&mut self, job: &JobId, number: i32) {
        let finishers = self.round.finishers.remove(&(job.clone(), number));
        for id in finishers.unwrap_or_default() {
            let Some(agent) = self.agents.get_mut(&id) else { continue };
            let works = agent.collecting.extract_if(.., |result| match result.task {
                Task::Whole { frame } | Task::Finish { frame } => {
                    result.job == *job && frame == number
                }
                Task::Inspect | Task::Part { .. } => false,
            });
            for collected in works {
                self.round.holders.remove(&collected.work);
            }
        }
    }

    /// Nobody wants the results of a job any more.
    pub(crate) fn job_collected(&mut self, job: &JobId) {
        for agent in self.agents.values_mut() {
            agent.collecting.retain(|result| result.job != *job);
        }
        let agents = &self.agents;
        self.round.holders.retain(|work, id| {
            agents.get(id).is_some_and(|agent| {
                agent.queue.iter().chain(&agent.collecting).any(|a| a.work == *work)
            })
        });
        self.round.finishers.retain(|(of, _), _| of != job);
        self.round.inspecting.remove(job);
    }
}

impl Agent {
    /// Whether it has nothing to do, and nothing that we still want.
    pub(crate) fn can_go(&self, now: Duration) -> bool {
        let waited = now.saturating_sub(self.idle_since);
        self.queue.is_empty() && (self.collecting.is_empty() || waited >= LONGEST)
    }
}

//! Results that an agent has and that are not ours yet: it must not be ended before.

use crate::farm::{Agent, Assignment, Farm, Task};
use blendnet_protocol::{JobId, WorkId};
use std::time::Duration;

/// A result that is not fetched after this long never will be.
const LONGEST: Duration = Duration::from_mins(5);

impl Farm {
    /// A result, or what is left of a piece of work, is ours or lost.
    pub(crate) fn collected(&mut self, work: &WorkId) {
        self.forget_collecting(|result| result.work == *work);
    }

    /// The files of a frame are ours.
    pub(crate) fn frame_collected(&mut self, job: &JobId, number: i32) {
        self.forget_collecting(|result| match result.task {
            Task::Whole { frame } | Task::Finish { frame } => result.job == *job && frame == number,
            Task::Inspect | Task::Part { .. } => false,
        });
    }

    /// Nobody wants the results of a job any more.
    pub(crate) fn job_collected(&mut self, job: &JobId) {
        self.forget_collecting(|result| result.job == *job);
    }

    fn forget_collecting(&mut self, is_ours: impl Fn(&Assignment) -> bool) {
        for agent in self.agents.values_mut() {
            agent.collecting.retain(|result| !is_ours(result));
        }
    }
}

impl Agent {
    /// Whether it has nothing to do, and nothing that we still want.
    pub(crate) fn can_go(&self, now: Duration) -> bool {
        let waited = now.saturating_sub(self.idle_since);
        self.queue.is_empty() && (self.collecting.is_empty() || waited >= LONGEST)
    }
}

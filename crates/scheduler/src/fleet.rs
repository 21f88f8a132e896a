//! How many agents there are: launched while there is work, ended when there is none.

use crate::farm::{Agent, AgentPhase, Farm};
use crate::plan::Action;
use blendnet_protocol::{AgentId, WorkFailure};
use std::time::Duration;

/// Launches that fail in a row before the farm gives up.
const MOST_LAUNCH_FAILURES: u32 = 3;

/// An agent of ours that does not answer for this long is ended, and another one launched.
const LOST_FOR_GOOD: Duration = Duration::from_secs(30);

impl Farm {
    /// Agents to launch and to end, and whether the manager is done.
    pub(crate) fn plan_fleet(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let wanted = self.wanted_agents(now);
        let alive =
            |a: &Agent| a.launched && matches!(a.phase, AgentPhase::Starting | AgentPhase::Online);
        let count = self.agents.values().filter(|a| alive(a)).count();
        if count < wanted && now >= self.next_launch {
            for _ in count..wanted {
                let Some(agent) = self.fresh::<AgentId>("agent") else { break };
                self.lifetimes.began(false, now);
                self.agents.insert(agent.clone(), Agent::new(true, now));
                actions.push(Action::Launch { agent });
            }
        }
        self.end_agents(count.saturating_sub(wanted), now, actions);
        let idle = now.saturating_sub(self.last_activity);
        if !self.has_work() && idle >= self.limits.idle {
            actions.push(Action::Shutdown);
        }
    }

    fn wanted_agents(&self, now: Duration) -> usize {
        let rested = now.saturating_sub(self.last_activity) >= self.limits.agent_idle;
        if self.has_work() || !rested { self.limits.launched_agents as usize } else { 0 }
    }

    fn end_agents(&mut self, mut surplus: usize, now: Duration, actions: &mut Vec<Action>) {
        for (id, agent) in self.agents.iter_mut().filter(|(_, a)| a.launched) {
            let end = match agent.phase {
                AgentPhase::Online | AgentPhase::Starting => surplus > 0 && agent.queue.is_empty(),
                AgentPhase::Lost(since) => now.saturating_sub(since) >= LOST_FOR_GOOD,
                AgentPhase::Leaving(by) => now.saturating_sub(by) >= LOST_FOR_GOOD,
                AgentPhase::Draining => false,
            };
            if end {
                if !matches!(agent.phase, AgentPhase::Lost(_) | AgentPhase::Leaving(_)) {
                    surplus -= 1;
                }
                agent.phase = AgentPhase::Draining;
                actions.push(Action::Terminate { agent: id.clone() });
            }
        }
    }

    /// Waits longer after every launch that gave no agent; at last the jobs are told why.
    pub(crate) fn launch_failed(&mut self, failure: &WorkFailure, now: Duration) {
        self.launch_failures += 1;
        self.next_launch = now + Duration::from_secs(1 << self.launch_failures.min(6));
        let nobody = self.agents.values().all(|a| a.phase != AgentPhase::Online);
        if self.launch_failures >= MOST_LAUNCH_FAILURES && nobody {
            for job in self.active_jobs() {
                self.job_failed(&job, failure.clone());
            }
        }
    }
}

//! How often an agent hands in what it has: Young and Daly's interval.
//!
//! Saving often costs time, saving rarely loses much with an agent: the least is lost at
//! `sqrt(2 · cost · mean time between losses)`.

use crate::Assignment;
use crate::farm::{Agent, AgentPhase, Farm, Task};
use blendnet_protocol::{AgentId, JobId, Split};
use std::collections::BTreeMap;
use std::time::Duration;

/// Bounds of the interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavingLimits {
    /// Never more often than this.
    pub shortest: Duration,
    /// Never more rarely than this.
    pub longest: Duration,
    /// What is begun ends within a preemption notice of this length.
    pub notice: Duration,
}

impl Default for SavingLimits {
    fn default() -> Self {
        Self {
            shortest: Duration::from_secs(10),
            longest: Duration::from_mins(10),
            notice: Duration::from_secs(30),
        }
    }
}

/// How long agents of a kind live, as far as was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lifetimes(BTreeMap<bool, Lives>);

/// What was seen of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Lives {
    ended_secs: f64,
    losses: f64,
    alive: f64,
    /// Sum of when those alive began.
    since_secs: f64,
}

/// Before anything was seen: as if one agent had been lost in so many seconds.
const PRIOR_SPOT_SECS: f64 = 2.0 * 3600.0;
const PRIOR_KEPT_SECS: f64 = 48.0 * 3600.0;

impl Lifetimes {
    pub(crate) fn began(&mut self, interruptible: bool, now: Duration) {
        let lives = self.0.entry(interruptible).or_default();
        lives.alive += 1.0;
        lives.since_secs += now.as_secs_f64();
    }

    /// One that we did not end ourselves is a loss; one that never answered had no life.
    pub(crate) fn ended(&mut self, agent: &Agent, now: Duration) {
        let lives = self.0.entry(agent.interruptible).or_default();
        lives.alive -= 1.0;
        lives.since_secs -= agent.since.as_secs_f64();
        if agent.phase == AgentPhase::Starting {
            return;
        }
        lives.ended_secs += now.saturating_sub(agent.since).as_secs_f64();
        lives.losses += f64::from(u8::from(agent.phase != AgentPhase::Draining));
    }

    /// Mean seconds between losses of one agent.
    pub fn mean_secs(&self, interruptible: bool, now: Duration) -> f64 {
        let lives = self.0.get(&interruptible).copied().unwrap_or_default();
        let prior = if interruptible { PRIOR_SPOT_SECS } else { PRIOR_KEPT_SECS };
        let seen = lives.ended_secs + lives.alive * now.as_secs_f64() - lives.since_secs;
        (prior + seen.max(0.0)) / (1.0 + lives.losses)
    }
}

impl Farm {
    /// The interval for a piece of work; `None`: it is handed in whole.
    pub(crate) fn save_secs(&self, id: &AgentId, assignment: &Assignment) -> Option<f64> {
        let Task::Part { .. } = assignment.task else { return None };
        self.saving_interval_secs(self.agents.get(id)?, &assignment.job)
    }

    /// Young and Daly's interval for an agent and a job that is split by samples.
    pub(crate) fn saving_interval_secs(&self, agent: &Agent, job: &JobId) -> Option<f64> {
        let planned = self.jobs.get(job)?;
        if planned.plan.as_ref()?.split != Split::Samples {
            return None;
        }
        let overhead = agent.speeds.get(job).map_or(0.0, |s| s.overhead_secs());
        let mean = self.lifetimes.mean_secs(agent.interruptible, self.now);
        Some(interval(overhead + planned.merge_secs, mean, self.limits.saving))
    }
}

/// Seconds between two savings of `cost_secs` each, for an agent that lives `mean_secs`.
fn interval(cost_secs: f64, mean_secs: f64, limits: SavingLimits) -> f64 {
    let cost = cost_secs.max(0.1);
    let notice = (limits.notice.as_secs_f64() - 2.0 * cost).max(0.0);
    let longest = limits.longest.as_secs_f64().min(notice);
    let shortest = limits.shortest.as_secs_f64().max(4.0 * cost);
    (2.0 * cost * mean_secs).sqrt().min(longest).max(shortest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_grows_with_the_cost_and_with_the_life_of_an_agent() {
        let limits = SavingLimits { notice: Duration::from_hours(1), ..SavingLimits::default() };
        let base = interval(0.5, 3600.0, limits);
        assert!((base - 60.0).abs() < 1e-9);
        assert!(interval(2.0, 3600.0, limits) > base);
        assert!(interval(0.5, 36_000.0, limits) > base);
    }

    #[test]
    fn what_is_begun_ends_within_a_notice_and_is_worth_its_cost() {
        let limits = SavingLimits::default();
        assert!(interval(1.0, 1e9, limits) <= 28.0);
        assert!(interval(20.0, 1e9, limits) >= 80.0, "saving takes no more than a fifth");
        assert!(interval(0.0, 1.0, limits) >= 10.0);
    }

    #[test]
    fn losses_shorten_the_expected_life() {
        let at = Duration::from_secs;
        let mut lives = Lifetimes::default();
        let before = lives.mean_secs(true, at(0));
        for _ in 0..4 {
            lives.began(true, at(0));
        }
        let refused = Agent { interruptible: true, ..Agent::new(true, at(0)) };
        let agent = Agent { phase: AgentPhase::Online, ..refused.clone() };
        for _ in 0..100 {
            lives.began(true, at(0));
            lives.ended(&refused, at(2));
        }
        assert!(lives.mean_secs(true, at(0)) >= before, "nothing was lost yet");
        for _ in 0..4 {
            lives.ended(&agent, at(600));
        }
        assert!(lives.mean_secs(true, at(600)) < before / 3.0);
        let mut calm = Lifetimes::default();
        calm.began(true, at(0));
        assert!(calm.mean_secs(true, at(36_000)) > before);
    }
}

//! How many agents there are: launched while there is work, ended when there is none.

use crate::farm::{Agent, AgentPhase, Farm};
use crate::job::Job;
use crate::offer::Offer;
use crate::plan::Action;
use blendnet_protocol::{AgentId, JobId, WorkFailure};
use std::time::Duration;

/// Launches that fail in a row before the farm gives up.
const MOST_LAUNCH_FAILURES: u32 = 3;

/// An agent of ours that does not answer for this long is ended, and another one launched.
const LOST_FOR_GOOD: Duration = Duration::from_secs(30);

/// Others than spot are launched when the deadline needs more than this share of all agents.
const IN_TIME_SHARE: f64 = 0.8;

impl Farm {
    /// Agents to launch and to end, and whether the manager is done.
    pub(crate) fn plan_fleet(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let wanted = self.wanted_agents(now);
        let alive =
            |a: &Agent| a.launched && matches!(a.phase, AgentPhase::Starting | AgentPhase::Online);
        let count = self.agents.values().filter(|a| alive(a)).count();
        if !self.offers.is_empty() {
            self.end_slow_boots(now, actions);
            self.launch_to_finish(now, actions);
            self.launch_offered(wanted, now, actions);
        } else if count < wanted && now >= self.next_launch {
            for _ in count..wanted {
                self.launch(None, now, actions);
            }
        }
        self.end_agents(count.saturating_sub(wanted), now, actions);
        let idle = now.saturating_sub(self.last_activity);
        if !self.has_work() && idle >= self.limits.idle {
            actions.push(Action::Shutdown);
        }
    }

    fn launch(&mut self, offer: Option<Offer>, now: Duration, actions: &mut Vec<Action>) {
        let Some(agent) = self.fresh::<AgentId>("agent") else { return };
        let launched = Agent {
            interruptible: offer.as_ref().is_some_and(|offer| offer.spot),
            offer: offer.clone(),
            ..Agent::new(true, now)
        };
        self.lifetimes.began(launched.interruptible, now);
        self.agents.insert(agent.clone(), launched);
        actions.push(Action::Launch { agent, offer });
    }

    /// Spot first; others as far as the deadline needs them while spot is dry.
    fn launch_offered(&mut self, wanted: usize, now: Duration, actions: &mut Vec<Action>) {
        let payer = self
            .active_jobs()
            .into_iter()
            .find(|id| self.jobs.get(id).is_some_and(|job| job.wants_agents() && !job.exhausted));
        let Some(payer) = payer else { return };
        let spot_only = self.offers.iter().any(|offer| offer.spot);
        let wanted = wanted.min(self.useful_agents(&payer));
        while let Some(offer) = self.best_offer(spot_only, now) {
            let kind = |a: &Agent| a.interruptible == spot_only;
            if self.launched(kind) >= wanted || !self.can_afford(&payer, &offer, now) {
                break;
            }
            self.launch_for(&payer, offer, now, actions);
        }
        if !spot_only {
            return;
        }
        let needed = self.agents_for_deadline(&payer, now).min(wanted);
        while self.launched(|_| true) < needed && self.best_offer(true, now).is_none() {
            let Some(offer) = self.best_offer(false, now) else { break };
            if !self.can_afford(&payer, &offer, now) {
                break;
            }
            self.launch_for(&payer, offer, now, actions);
        }
        self.retire_dear_ones(needed);
    }

    /// What a used-up budget bought is finished: one comes for that when all others are gone.
    fn launch_to_finish(&mut self, now: Duration, actions: &mut Vec<Action>) {
        for id in self.active_jobs() {
            let finishes = self.jobs.get(&id).is_some_and(Job::has_to_finish);
            if !finishes || self.limits.launched_agents == 0 {
                continue;
            }
            let offer = [true, false]
                .into_iter()
                .filter_map(|spot| self.best_offer(spot, now))
                .find(|offer| self.can_afford(&id, offer, now));
            if let Some(offer) = offer {
                self.launch_for(&id, offer, now, actions);
            }
        }
    }

    fn launch_for(
        &mut self,
        payer: &JobId,
        offer: Offer,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        self.launch(Some(offer), now, actions);
        if let Some(Action::Launch { agent, .. }) = actions.last().cloned() {
            self.pay_launch(&agent, payer);
        }
    }

    fn launched(&self, kind: impl Fn(&Agent) -> bool) -> usize {
        let counts = |a: &&Agent| {
            a.launched
                && !a.retiring
                && matches!(a.phase, AgentPhase::Starting | AgentPhase::Online)
                && kind(a)
        };
        self.agents.values().filter(counts).count()
    }

    /// Agents that need no spot are let go when spot alone keeps the deadline.
    fn retire_dear_ones(&mut self, needed: usize) {
        let spot = |a: &&Agent| a.interruptible && a.phase == AgentPhase::Online;
        let mut spare = self.agents.values().filter(spot).count().saturating_sub(needed);
        if needed == 0 || spare == 0 {
            return;
        }
        for agent in self.agents.values_mut() {
            if agent.launched && !agent.interruptible && !agent.retiring && spare > 0 {
                agent.retiring = true;
                spare -= 1;
            }
        }
    }

    /// Agents that have something to do for longer than they take to boot.
    fn useful_agents(&self, id: &JobId) -> usize {
        let boot = self.offers.iter().map(|offer| offer.boot).max().unwrap_or_default();
        match self.rest_agent_secs(id) {
            Some(rest) => ceil(rest / (boot.as_secs_f64() + 60.0)),
            None => usize::MAX,
        }
    }

    /// Agents that must render all the time from now on; 0: there is time.
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    fn agents_for_deadline(&self, id: &JobId, now: Duration) -> usize {
        let deadline = self.jobs.get(id).and_then(|job| job.limits.deadline_unix_secs);
        let Some(deadline) = deadline else { return 0 };
        // One of them measures how long it will take.
        let Some(rest) = self.rest_agent_secs(id) else { return 1 };
        let deadline = Duration::from_secs(deadline.saturating_sub(self.started_unix_secs));
        let boot = self.offers.iter().map(|offer| offer.boot).max().unwrap_or_default();
        let left = deadline.saturating_sub(now).as_secs_f64() - 2.0 * boot.as_secs_f64() - 60.0;
        let needed = rest / left.max(1.0);
        let all = self.limits.launched_agents as usize;
        // Spot may come back: as long as all together could still do it with ease, wait for it.
        if needed < IN_TIME_SHARE * all as f64 { 0 } else { ceil(needed).min(all) }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn rest_agent_secs(&self, id: &JobId) -> Option<f64> {
        let speed = self.mean_speed(id)?;
        Some(self.jobs.get(id)?.open_pixel_samples() as f64 / speed.rate())
    }

    /// A boot that takes too long has failed.
    fn end_slow_boots(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let slow = |a: &Agent| {
            let limit = a.offer.as_ref().filter(|_| a.phase == AgentPhase::Starting)?.boot_limit();
            (now.saturating_sub(a.since) >= limit).then(|| a.offer.clone())?
        };
        let slow: Vec<(AgentId, Offer)> =
            self.agents.iter().filter_map(|(id, a)| Some((id.clone(), slow(a)?))).collect();
        for (agent, offer) in slow {
            self.offer_failed(&offer, now);
            self.agent_lost(&agent, AgentPhase::Draining);
            actions.push(Action::Terminate { agent });
        }
    }

    fn wanted_agents(&self, now: Duration) -> usize {
        let rested = now.saturating_sub(self.last_activity) >= self.limits.agent_idle;
        if self.has_work() || !rested { self.limits.launched_agents as usize } else { 0 }
    }

    fn end_agents(&mut self, mut surplus: usize, now: Duration, actions: &mut Vec<Action>) {
        let has_work = self.has_work();
        for (id, agent) in self.agents.iter_mut().filter(|(_, a)| a.launched) {
            let end = match agent.phase {
                AgentPhase::Online | AgentPhase::Starting => {
                    let too_dear = !has_work && agent.waits_too_dearly(now);
                    (surplus > 0 || agent.retiring || too_dear) && agent.can_go(now)
                }
                AgentPhase::Lost(since) => now.saturating_sub(since) >= LOST_FOR_GOOD,
                AgentPhase::Leaving(by) => now.saturating_sub(by) >= LOST_FOR_GOOD,
                AgentPhase::Draining => false,
            };
            if end {
                if !matches!(agent.phase, AgentPhase::Lost(_) | AgentPhase::Leaving(_)) {
                    surplus = surplus.saturating_sub(1);
                }
                agent.phase = AgentPhase::Draining;
                actions.push(Action::Terminate { agent: id.clone() });
            }
        }
    }

    /// An agent will be taken away by then.
    pub(crate) fn leaves(&mut self, agent: &AgentId, by: Duration) {
        if let Some(agent) = self.agents.get_mut(agent)
            && !matches!(agent.phase, AgentPhase::Draining)
        {
            agent.phase = AgentPhase::Leaving(by);
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

impl Agent {
    /// Whether waiting for more work has cost as much as starting another one would.
    fn waits_too_dearly(&self, now: Duration) -> bool {
        let paid = self.offer.as_ref().filter(|offer| offer.usd_micros_per_hour > 0);
        let idle = now.saturating_sub(self.idle_since);
        paid.is_some_and(|offer| idle >= offer.boot && now >= self.since + offer.min_billed)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn ceil(agents: f64) -> usize {
    agents.ceil().clamp(0.0, 1e6) as usize
}

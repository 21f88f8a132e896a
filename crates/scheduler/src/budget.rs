//! What jobs cost, and the ceiling that none goes over.
//!
//! Each instance is billed as its provider does it: from the launch, boot and idle time included,
//! and for a least time that is owed with the launch. The job that it last worked for pays.
//! Kept back is what finishing the frames and ending the instances will cost: when only that is
//! left, the job ends with what the money bought.

use crate::farm::{Agent, AgentPhase, Farm, Task};
use crate::job::{Frame, Job};
use crate::offer::Offer;
use crate::plan::Action;
use blendnet_protocol::{
    AgentId, CostView, FailureKind, Fault, FrameState, JobId, JobState, WorkFailure,
};
use std::time::Duration;

/// Money: millionths of a dollar an hour, times milliseconds.
pub(crate) type Money = u128;
const MILLIS_PER_HOUR: Money = 3_600_000;

/// For at most so long an instance may still cost something from the decision to end it.
const LONGEST_ENDING: Duration = Duration::from_mins(1);
/// Taken for denoising and composing a frame before it was measured, and at least.
const FINISHING: Duration = Duration::from_mins(1);

/// What is quick to start is quick to end; a price that jumps meanwhile has room in it.
fn ending(offer: &Offer) -> Duration {
    (6 * offer.boot).min(LONGEST_ENDING)
}

fn price(offer: &Offer, time: Duration) -> Money {
    Money::from(offer.usd_micros_per_hour) * time.as_millis()
}

impl Agent {
    fn price(&self, time: Duration) -> Money {
        self.offer.as_ref().map_or(0, |offer| price(offer, time))
    }

    fn unbilled(&self, now: Duration) -> Money {
        self.price(now.saturating_sub(self.billed_until))
    }

    /// All that it has cost, in millionths of a dollar.
    pub fn cost_usd_micros(&self, now: Duration) -> u64 {
        micros(self.billed + self.unbilled(now))
    }
}

fn micros(money: Money) -> u64 {
    u64::try_from(money.div_ceil(MILLIS_PER_HOUR)).unwrap_or(u64::MAX)
}

impl Farm {
    /// What a job has cost, and what must still be paid for it whatever happens.
    pub fn job_cost(&self, id: &JobId, now: Duration) -> CostView {
        let spent = self.spent(id, now);
        let committed = spent + self.ending_cost(id);
        CostView { spent_usd_micros: micros(spent), committed_usd_micros: micros(committed) }
    }

    /// An instance is launched for a job, which owes its least time at once.
    pub(crate) fn pay_launch(&mut self, id: &AgentId, job: &JobId) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        let Some(offer) = &agent.offer else { return };
        let least = price(offer, offer.min_billed);
        agent.billed = least;
        agent.billed_until = agent.since + offer.min_billed;
        agent.payer = Some(job.clone());
        if let Some(job) = self.jobs.get_mut(job) {
            job.spent += least;
        }
        self.payer_changed(id, None);
    }

    /// An instance that an earlier manager launched; it has cost this long already.
    pub(crate) fn pay_kept(
        &mut self,
        id: &AgentId,
        offer: Offer,
        payer: Option<JobId>,
        unbilled: Duration,
    ) {
        let now = self.now;
        let owed = price(&offer, unbilled);
        if let Some(job) = payer.as_ref().and_then(|payer| self.jobs.get_mut(payer)) {
            job.spent += owed;
        }
        let Some(agent) = self.agents.get_mut(id) else { return };
        agent.interruptible = offer.spot;
        (agent.offer, agent.payer) = (Some(offer), payer);
        (agent.billed, agent.billed_until) = (owed, now);
    }

    /// Books what an instance has cost until now.
    pub(crate) fn bill(&mut self, id: &AgentId) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(id) else { return };
        let money = agent.unbilled(now);
        agent.billed += money;
        agent.billed_until = agent.billed_until.max(now);
        if let Some(job) = agent.payer.as_ref().and_then(|payer| self.jobs.get_mut(payer)) {
            job.spent += money;
        }
    }

    /// The provider had none: nothing is owed.
    pub(crate) fn refund(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        let owed = std::mem::take(&mut agent.billed);
        if let Some(job) = agent.payer.as_ref().and_then(|payer| self.jobs.get_mut(payer)) {
            job.spent -= owed.min(job.spent);
        }
    }

    /// From now on this job pays.
    pub(crate) fn pays(&mut self, id: &AgentId, job: &JobId) {
        let paid_by = self.agents.get(id).and_then(|agent| agent.payer.as_ref());
        if paid_by != Some(job) {
            self.bill(id);
            let Some(agent) = self.agents.get_mut(id) else { return };
            let before = agent.payer.replace(job.clone());
            self.payer_changed(id, before);
        }
    }

    fn paid_by<'a>(&'a self, job: &'a JobId) -> impl Iterator<Item = (&'a AgentId, &'a Agent)> {
        self.agents.iter().filter(move |(_, a)| a.offer.is_some() && a.payer.as_ref() == Some(job))
    }

    fn spent(&self, id: &JobId, now: Duration) -> Money {
        let running: Money = self.paid_by(id).map(|(_, agent)| agent.unbilled(now)).sum();
        self.jobs.get(id).map_or(0, |job| job.spent) + running
    }

    fn ending_cost(&self, id: &JobId) -> Money {
        let offers = self.paid_by(id).filter_map(|(_, agent)| agent.offer.as_ref());
        offers.map(|offer| price(offer, ending(offer))).sum()
    }

    /// What denoising and composing the frames that have something will cost.
    fn finishing_cost(&self, id: &JobId, dearest: u64) -> Money {
        let Some(job) = self.jobs.get(id) else { return 0 };
        let begun = |f: &&Frame| f.is_open() && !f.coverage.is_untouched();
        let frames = job.frames.values().filter(begun).count() as Money;
        let each = job.finish_secs.max(FINISHING);
        // Those that render may be taken away: one more must be able to come and finish.
        let again = self.offers.iter().map(|offer| 2 * offer.boot + ending(offer)).max();
        let again = again.filter(|_| frames > 0).unwrap_or_default().as_millis();
        Money::from(dearest) * (frames * each.as_millis() + again)
    }

    fn dearest(&self, id: &JobId) -> u64 {
        let rate = |(_, a): (&AgentId, &Agent)| a.offer.as_ref().map(|o| o.usd_micros_per_hour);
        self.paid_by(id).filter_map(rate).max().unwrap_or(0)
    }

    /// Whether a job can pay for one more instance, and for what that is to do.
    pub(crate) fn can_afford(&self, id: &JobId, offer: &Offer, now: Duration) -> bool {
        let Some(job) = self.jobs.get(id) else { return false };
        let Some(ceiling) = ceiling(job) else { return true };
        let useful = 2 * (offer.boot + ending(offer));
        let one_more = price(offer, offer.min_billed.max(useful) + ending(offer));
        if job.exhausted {
            let rate = offer.usd_micros_per_hour;
            let alone = self.paid_by(id).next().is_none();
            let finishing = self.finishing_cost(id, rate) + price(offer, ending(offer));
            return alone
                && self.spent(id, now) + finishing.max(price(offer, offer.min_billed)) <= ceiling;
        }
        let dearest = self.dearest(id).max(offer.usd_micros_per_hour);
        let kept_back = self.ending_cost(id) + self.finishing_cost(id, dearest);
        self.spent(id, now) + kept_back + one_more <= ceiling
    }

    /// Ends what can't be paid any more.
    pub(crate) fn keep_budgets(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let limited = |(id, job): (&JobId, &Job)| Some((id.clone(), ceiling(job)?));
        let limited: Vec<(JobId, Money)> = self.jobs.iter().filter_map(limited).collect();
        for (id, ceiling) in limited {
            let least = self.spent(&id, now) + self.ending_cost(&id);
            let exhausted = self.jobs.get(&id).is_some_and(|job| job.exhausted);
            let kept_back = self.finishing_cost(&id, self.dearest(&id));
            if !exhausted && least + kept_back >= ceiling && self.paid_by(&id).next().is_some() {
                self.exhaust(&id);
            }
            let alone = self.paid_by(&id).next().is_none();
            if alone && !exhausted && self.is_broke(&id, now) {
                self.exhaust(&id);
            }
            if least >= ceiling || alone && exhausted && self.is_broke(&id, now) {
                self.cut_off(&id, actions);
            }
        }
    }

    /// Whether there are offers, and the rest of the money pays for none of them.
    fn is_broke(&self, id: &JobId, now: Duration) -> bool {
        let active = self.jobs.get(id).is_some_and(Job::is_active);
        active
            && !self.offers.is_empty()
            && !self.offers.iter().any(|offer| self.can_afford(id, offer, now))
    }

    /// The job ends with the best image that the money bought.
    fn exhaust(&mut self, id: &JobId) {
        let rest = self.rest_cost_usd(id);
        let Some(job) = self.jobs.get_mut(id) else { return };
        job.exhausted = true;
        if !job.is_active() || job.plan.is_none() {
            return;
        }
        if !job.frames.values().any(|frame| !frame.is_open() || frame.can_settle()) {
            let message = "the budget is too small for one picture; what is rendered is kept: raise \
                           the budget and go on with the job";
            self.job_failed(id, out_of_money(message));
            return;
        }
        let rest = rest
            .map_or_else(String::new, |usd| format!("; the rest would cost about {usd:.2} USD"));
        job.money_message = Some(format!(
            "the budget is used up: the job ends with what it bought{rest}. Raise the budget and render again for more"
        ));
        self.settle_with_what_is_there(id);
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn rest_cost_usd(&self, id: &JobId) -> Option<f64> {
        let rate = self.mean_speed(id)?.rate();
        let hours = self.jobs.get(id)?.open_pixel_samples() as f64 / rate / 3600.0;
        Some(hours * self.dearest(id) as f64 / 1e6)
    }

    /// Not even finishing can be paid: its instances end now.
    fn cut_off(&mut self, id: &JobId, actions: &mut Vec<Action>) {
        if self.jobs.get(id).is_some_and(Job::is_active) {
            let message = "the budget is used up before all frames were finished; what is rendered \
                           is kept: raise the budget and go on with the job";
            self.job_failed(id, out_of_money(message));
        }
        let ending: Vec<AgentId> = self
            .paid_by(id)
            .filter(|(_, agent)| agent.phase != AgentPhase::Draining)
            .map(|(id, _)| id.clone())
            .collect();
        for agent in ending {
            self.agent_lost(&agent, AgentPhase::Draining);
            actions.push(Action::Terminate { agent });
        }
    }

    /// Instances of jobs that are used up end as soon as nothing is left for them to finish.
    pub(crate) fn end_unpaid(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let used_up = |(id, job): (&JobId, &Job)| job.exhausted.then(|| id.clone());
        for id in self.jobs.iter().filter_map(used_up).collect::<Vec<_>>() {
            let to_finish = self.jobs.get(&id).is_some_and(Job::has_to_finish);
            let idle: Vec<AgentId> = self
                .paid_by(&id)
                .filter(|(_, a)| a.can_go(now) && a.phase != AgentPhase::Draining)
                .map(|(id, _)| id.clone())
                .collect();
            for agent in idle.into_iter().skip(usize::from(to_finish)) {
                self.agent_lost(&agent, AgentPhase::Draining);
                actions.push(Action::Terminate { agent });
            }
        }
    }

    /// Learns how long finishing takes.
    pub(crate) fn finished(&mut self, id: &JobId, task: Task, secs: f64) {
        if let (Task::Finish { .. }, Some(job)) = (task, self.jobs.get_mut(id))
            && let Ok(time) = Duration::try_from_secs_f64(secs)
        {
            job.finish_secs = job.finish_secs.max(time);
        }
    }
}

fn out_of_money(message: &str) -> WorkFailure {
    WorkFailure {
        kind: FailureKind::Internal,
        fault: Fault::Attempt,
        message: message.to_owned(),
        last_lines: vec![],
    }
}

fn ceiling(job: &Job) -> Option<Money> {
    job.limits.budget_usd_micros.map(|micros| Money::from(micros) * MILLIS_PER_HOUR)
}

impl Job {
    /// It has cost this much before, in millionths of a dollar.
    pub fn resume_spent(&mut self, usd_micros: u64) {
        self.spent = Money::from(usd_micros) * MILLIS_PER_HOUR;
    }

    /// Whether its budget is used up, and something that it bought waits for being finished.
    pub(crate) fn has_to_finish(&self) -> bool {
        let waits = |frame: &Frame| frame.is_open() && frame.finishing.is_none();
        self.exhausted && self.is_active() && self.frames.values().any(waits)
    }

    /// Whether only what is rendered already is to be finished.
    pub(crate) fn only_finishes(&self) -> bool {
        self.exhausted && self.state != JobState::Inspecting
    }

    /// Frames that are done, of those that it still has.
    pub fn completed_frames(&self) -> usize {
        self.frames.values().filter(|f| f.state == FrameState::Completed).count()
    }
}

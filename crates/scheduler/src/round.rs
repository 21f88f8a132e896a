//! Who must be looked at now, and what is known of all agents together.
//!
//! A decision for an agent must not cost more the more agents there are. Routine events (something is
//! rendered, merged, sent) concern one agent, which is asked at once. All others, and whatever time alone
//! changes, are looked at in a sweep: after every event that is no routine, after a second, and after as many
//! events as make the sweep a fixed cost for each. Small farms are swept every time.

use crate::farm::{Agent, Farm};
use crate::plan::MOST_QUEUED;
use crate::seed::{Seed, speed_or};
use crate::speed::Speed;
use crate::{AgentPhase, Assignment, Event, Task};
use blendnet_protocol::{AgentId, JobId, WorkId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// A sweep looks at so many agents for each event since the last one.
const AGENTS_PER_EVENT: usize = 32;
/// What is known of all agents together is counted anew for so many of them for each use of it.
const AGENTS_PER_USE: usize = 8;
/// At least so often all are looked at.
const LONGEST: Duration = Duration::from_secs(1);

/// What the next plan must look at.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    /// Something happened that may concern everybody.
    pub(crate) restless: bool,
    /// Agents that may take something.
    pub(crate) hungry: BTreeSet<AgentId>,
    events: usize,
    swept: Duration,
    /// Who has a piece of work, or its result.
    pub(crate) holders: HashMap<WorkId, AgentId>,
    /// By which work a job was last looked into.
    pub(crate) inspecting: BTreeMap<JobId, WorkId>,
    /// Who has files of a frame.
    pub(crate) finishers: BTreeMap<(JobId, i32), Vec<AgentId>>,
    paces: BTreeMap<JobId, Pace>,
}

impl Default for Round {
    fn default() -> Self {
        Self {
            restless: true,
            hungry: BTreeSet::new(),
            events: 0,
            swept: Duration::ZERO,
            holders: HashMap::new(),
            inspecting: BTreeMap::new(),
            finishers: BTreeMap::new(),
            paces: BTreeMap::new(),
        }
    }
}

/// What a plan looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sweep {
    /// Agents of which something was heard.
    Hungry,
    /// All agents.
    Everybody,
    /// All agents, and whether what they have is still wanted.
    Everything,
}

impl Round {
    /// An agent has this now.
    pub(crate) fn hold(&mut self, agent: &AgentId, assignment: &Assignment) {
        let Assignment { work, job, task } = assignment;
        self.holders.insert(work.clone(), agent.clone());
        if *task == Task::Inspect {
            self.inspecting.insert(job.clone(), work.clone());
        }
    }
}

/// A job's agents together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Agents that answer and can do it.
    fit: usize,
    /// How many of them it may use, at least 1.
    pub(crate) agents: usize,
    /// The middle one of the speeds that were measured.
    pub(crate) mean: Option<Speed>,
    /// How its speeds relate to those with the reference scene.
    pub(crate) seed: Option<Seed>,
    /// Pixel samples a second of all that it may use.
    pub(crate) rate: f64,
    /// Seconds that the fastest takes for one sample of all pixels.
    pub(crate) fastest_sample_secs: f64,
    /// When all would be done at once, since the manager's start: what is given out does not change that.
    pub(crate) ends_secs: f64,
    /// Decisions that were made by it.
    uses: usize,
}

impl Event {
    /// Whether it concerns one agent, and changes nothing for others.
    fn is_routine(&self) -> bool {
        matches!(
            self,
            Self::Rendered { .. }
                | Self::Merged { .. }
                | Self::PartMerged { .. }
                | Self::Noise { .. }
                | Self::FrameCompleted { .. }
                | Self::GaveBack { .. }
                | Self::SceneSent { .. }
                | Self::Reference { .. }
                | Self::Activity
        )
    }
}

impl Farm {
    pub(crate) fn count_event(&mut self, event: &Event) {
        self.round.events += 1;
        self.round.restless |= !event.is_routine();
        if let Event::SceneSent { agent, .. } = event {
            self.round.hungry.insert(agent.clone());
        }
    }

    /// How many are to be looked at now; the next time counts from here.
    pub(crate) fn begin_sweep(&mut self, now: Duration) -> Sweep {
        let round = &mut self.round;
        let late = now.saturating_sub(round.swept) >= LONGEST;
        if !round.restless
            && !late
            && round.events.saturating_mul(AGENTS_PER_EVENT) < self.agents.len()
        {
            return Sweep::Hungry;
        }
        (round.events, round.swept) = (0, now);
        if std::mem::take(&mut round.restless) {
            round.paces.clear();
            return Sweep::Everything;
        }
        Sweep::Everybody
    }

    /// What is known of a job's agents; counted anew once so much was decided that it may be wrong.
    pub(crate) fn pace(&mut self, job: &JobId) -> Option<Pace> {
        let known = self
            .round
            .paces
            .get_mut(job)
            .filter(|pace| pace.uses.saturating_mul(AGENTS_PER_USE) < pace.fit);
        if let Some(pace) = known {
            pace.uses += 1;
            return Some(*pace);
        }
        let pace = self.count_pace(job)?;
        self.round.paces.insert(job.clone(), pace);
        Some(pace)
    }

    /// The same without keeping it.
    pub(crate) fn count_pace(&self, id: &JobId) -> Option<Pace> {
        let job = self.jobs.get(id)?;
        let fit = self.fit(id).count();
        let (mean, seed) = (self.mean_speed(id), self.seed(id));
        let most = job.max_agents.map_or(usize::MAX, |most| most as usize);
        let mut pace = Pace {
            fit,
            agents: fit.min(most).max(1),
            mean,
            seed,
            rate: 0.0,
            fastest_sample_secs: f64::INFINITY,
            ends_secs: f64::INFINITY,
            uses: 1,
        };
        let Some(mean) = mean else { return Some(pace) };
        let sample = job.plan.as_ref().map_or(0, |plan| plan.tile.pixel_count());
        let mut each: Vec<(f64, f64)> = Vec::with_capacity(fit);
        for agent in self.fit(id) {
            let expected = speed_or(agent, id, seed, mean);
            let ready = self.busy_secs(agent, id, expected) + expected.overhead_secs();
            each.push((ready, expected.rate()));
            if let Some(measured) = agent.speeds.get(id) {
                pace.fastest_sample_secs = pace.fastest_sample_secs.min(measured.secs_for(sample));
            }
        }
        pace.rate = fastest(&each, most);
        pace.ends_secs = self.now.as_secs_f64() + ends(each, pace.agents, job.frames.sums().free);
        Some(pace)
    }

    /// How long this agent would render of what nobody works on yet, if all agents, each after what it
    /// already has, were to end at the same moment.
    pub(crate) fn share_secs(&self, agent: &Agent, job: &JobId, pace: &Pace) -> Option<f64> {
        let speed = speed_or(agent, job, pace.seed, pace.mean?);
        let end = pace.ends_secs - self.now.as_secs_f64();
        Some((end - self.busy_secs(agent, job, speed)).max(0.0))
    }
}

/// The middle one by some order.
pub(crate) fn middle<T: Copy>(
    all: &mut [T],
    order: impl FnMut(&T, &T) -> std::cmp::Ordering,
) -> Option<T> {
    let at = all.len() / 2;
    (!all.is_empty()).then(|| *all.select_nth_unstable_by(at, order).1)
}

/// Pixel samples a second of the fastest agents.
fn fastest(each: &[(f64, f64)], most: usize) -> f64 {
    if most >= each.len() {
        return each.iter().map(|(_, rate)| rate).sum();
    }
    let mut rates: Vec<f64> = each.iter().map(|(_, rate)| *rate).collect();
    rates.sort_unstable_by(|a, b| b.total_cmp(a));
    rates.into_iter().take(most).sum()
}

/// Seconds until all are done with what is free: each in turn, by when it is ready.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn ends(mut each: Vec<(f64, f64)>, most: usize, free: u64) -> f64 {
    each.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rate, mut head_start, mut end) = (0.0, 0.0, f64::INFINITY);
    for (ready, of_one) in each.into_iter().take(most) {
        if ready >= end {
            break;
        }
        rate += of_one;
        head_start += of_one * ready;
        end = (free as f64 + head_start) / rate;
    }
    end
}

impl Agent {
    /// Whether it gets something new, and has room for it.
    pub(crate) fn may_take_more(&self) -> bool {
        self.phase == AgentPhase::Online && !self.retiring && self.queue.len() < MOST_QUEUED
    }
}

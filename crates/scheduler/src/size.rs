//! How much an agent gets at once.

use crate::Speed;
use crate::farm::{Agent, Assignment, Farm, Task};
use crate::seed::speed_or;
use blendnet_protocol::{AgentId, JobId, Split};

/// A frame that takes less than this is not worth cutting.
const SHORT_FRAME_SECS: f64 = 1.5;
/// A frame of an animation that takes longer than this is cut, so that less is lost with an agent.
const LONG_FRAME_SECS: f64 = 300.0;
/// The same for agents that may be taken away: a notice should leave time to end it.
const LONG_FRAME_ON_SPOT_SECS: f64 = 30.0;
/// No tile is meant to take longer, where the frame can be cut so finely.
const LONGEST_TILE_SECS: f64 = 30.0;
/// No chunk is meant to take longer.
const LONGEST_CHUNK_SECS: f64 = 1800.0;
/// What an agent has to do at the end is not cut further when it takes no longer.
const LAST_CHUNK_SECS: f64 = 4.0;
/// Chunks grow by this factor while the speed is being learned.
pub(crate) const GROWTH: f64 = 4.0;
/// Chunks take at least so many times what each costs whatever its size.
const OVERHEAD_SHARE: f64 = 40.0;
/// Tiles for each agent: so that those with easy ones take more of them.
const TILES_PER_AGENT: u32 = 8;

impl Farm {
    /// Agents that a job can use, at least 1.
    pub(crate) fn job_agents(&self, job: &JobId) -> usize {
        let most = self.jobs.get(job).and_then(|job| job.max_agents);
        self.fit_agents(job).min(most.map_or(usize::MAX, |most| most as usize)).max(1)
    }

    pub(crate) fn whole_frame_secs(&self, id: &AgentId, job: &JobId) -> Option<f64> {
        let speed = self.speed_of(id, job).or_else(|| self.mean_speed(job))?;
        Some(speed.secs_for(self.jobs.get(job)?.plan.as_ref()?.bounds()?.pixel_samples()))
    }

    /// Whether even one sample would take the agent longer than the others need for the rest
    /// and the fastest of them for this sample.
    pub(crate) fn is_too_slow(&self, id: &AgentId, job: &JobId) -> bool {
        let speed = self.agents.get(id).and_then(|agent| agent.speeds.get(job));
        let plan = self.jobs.get(job).and_then(|job| job.plan.as_ref());
        let (Some(speed), Some(plan), Some(rest)) = (speed, plan, self.remaining_secs(job)) else {
            return false;
        };
        let sample = plan.tile.pixel_count();
        let fastest = self.fit(job).filter_map(|a| a.speeds.get(job)).map(|s| s.secs_for(sample));
        let fastest = fastest.min_by(f64::total_cmp).unwrap_or(f64::INFINITY);
        plan.split == Split::Samples && speed.secs_for(sample) > rest + fastest
    }

    /// Whether an agent should have its next piece before it has done this one. Not near the
    /// end: another agent may be free sooner.
    pub(crate) fn is_worth_queueing(&self, id: &AgentId, job: &JobId) -> bool {
        let target = self.target_secs(id, job).zip(self.whole_frame_secs(id, job));
        let (Some(rest), Some((target, whole))) = (self.free_secs(job), target) else {
            return false;
        };
        // A slow agent must not hold what others would have done long before.
        let share = self.share_secs(id, job).unwrap_or(0.0);
        share >= target && rest > 3.0 * target.max(whole.min(SHORT_FRAME_SECS))
    }

    /// Seconds that all agents together take for what nobody works on yet.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn free_secs(&self, job: &JobId) -> Option<f64> {
        let frames = &self.jobs.get(job)?.frames;
        let free: u64 = frames.values().map(|f| f.coverage.free_pixel_samples()).sum();
        Some(free as f64 / self.job_rate(job)?)
    }

    /// How long the next chunk of this agent should take: long enough that its overhead does
    /// not matter, and short enough that all agents end together.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn target_secs(&self, id: &AgentId, job: &JobId) -> Option<f64> {
        let speed = self.speed_of(id, job)?;
        let planned = self.jobs.get(job)?;
        let agents = self.job_agents(job) as f64;
        let overhead = speed.overhead_secs();
        // The manager merges all parts alone: it must not fall behind.
        let longest = (OVERHEAD_SHARE * overhead).max(4.0 * planned.merge_secs * agents).max(12.0);
        // Calls of Blender that are paid for are no shorter than what saving calls for.
        let paid = self.agents.get(id)?.offer.is_some();
        let saving = self.saving_interval_secs(id, job).filter(|_| paid);
        let longest = longest.max(saving.unwrap_or(0.0));
        let shortest = (4.0 * overhead).max(1.0);
        let share = self.share_secs(id, job)?;
        let one_sample = match planned.plan.as_ref()?.split {
            Split::Samples => speed.secs_for(planned.plan.as_ref()?.tile.pixel_count()),
            Split::Tiles { .. } | Split::Frames => 0.0,
        };
        // A short share is taken whole: the estimate is good enough, and small chunks are dear.
        let part = if share <= LAST_CHUNK_SECS.max(shortest) { share } else { share / 2.0 };
        let chunk = part.min(longest).max(shortest).min(LONGEST_CHUNK_SECS);
        Some(chunk.max(one_sample))
    }

    /// How long this agent would render of what nobody works on yet, if all agents, each after
    /// what it already has, were to end at the same moment.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn share_secs(&self, id: &AgentId, job: &JobId) -> Option<f64> {
        let mean = self.mean_speed(job)?;
        let known = self.seed(job);
        let mut others: Vec<(f64, f64)> = self
            .fit(job)
            .map(|agent| {
                let speed = speed_or(agent, job, known, mean);
                (self.busy_secs(agent, job, speed) + speed.overhead_secs(), speed.rate())
            })
            .collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0));
        let frames = &self.jobs.get(job)?.frames;
        let free: u64 = frames.values().map(|f| f.coverage.free_pixel_samples()).sum();
        // Each agent in turn, by when it is free: with those so far, when would all be done?
        let (mut rate, mut head_start, mut end) = (0.0, 0.0, f64::INFINITY);
        for (ready, each) in others.into_iter().take(self.job_agents(job)) {
            if ready >= end {
                break;
            }
            rate += each;
            head_start += each * ready;
            end = (free as f64 + head_start) / rate;
        }
        let agent = self.agents.get(id)?;
        let speed = speed_or(agent, job, known, mean);
        Some((end - self.busy_secs(agent, job, speed)).max(0.0))
    }

    /// Seconds until an agent has done what it was given; work for other jobs is not counted.
    fn busy_secs(&self, agent: &Agent, job: &JobId, speed: Speed) -> f64 {
        let bounds = self.jobs.get(job).and_then(|job| job.plan.as_ref()?.bounds());
        let whole = bounds.map_or(0.0, |bounds| speed.secs_for(bounds.pixel_samples()));
        let secs = |assignment: &Assignment| match assignment.task {
            _ if assignment.job != *job => 0.0,
            Task::Part { region, .. } => speed.secs_for(region.pixel_samples()),
            Task::Whole { .. } => whole,
            Task::Inspect | Task::Finish { .. } => 0.0,
        };
        let gone = self.now.saturating_sub(agent.began).as_secs_f64();
        let mut queue = agent.queue.iter().map(secs);
        let first = queue.next().map_or(0.0, |secs| (secs - gone).max(0.0));
        first + queue.sum::<f64>()
    }
}

pub(crate) fn is_rendered_whole(
    whole_secs: Option<f64>,
    untouched: usize,
    agents: usize,
    interruptible: bool,
) -> bool {
    let longest = if interruptible { LONG_FRAME_ON_SPOT_SECS } else { LONG_FRAME_SECS };
    match whole_secs {
        Some(secs) if secs < SHORT_FRAME_SECS => untouched > 0,
        Some(secs) => secs < longest && untouched >= 2 * agents,
        None => false,
    }
}

/// So many tiles that none takes much longer than half a minute, and each agent gets several.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
pub(crate) fn tiles_wanted(agents: usize, whole_secs: Option<f64>) -> u32 {
    let for_agents = u32::try_from(agents).unwrap_or(u32::MAX).saturating_mul(TILES_PER_AGENT);
    let for_time = (whole_secs.unwrap_or(0.0) / LONGEST_TILE_SECS).clamp(0.0, 1024.0) as u32;
    for_agents.max(for_time).clamp(8, 1024)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a number of samples; casts of floats saturate"
)]
pub(crate) fn samples_of(pixel_samples: f64, pixels: u64) -> u32 {
    ((pixel_samples / pixels as f64).ceil() as u32).max(1)
}

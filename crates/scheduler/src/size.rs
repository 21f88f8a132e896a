//! How much an agent gets at once.

use crate::Speed;
use crate::farm::{Agent, Assignment, Farm, Task};
use crate::round::Pace;
use blendnet_protocol::{JobId, Split};

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
    /// Seconds of a whole frame, for an agent whose speed is known or expected, or for a usual one.
    pub(crate) fn whole_frame_secs(&self, agent: &Agent, job: &JobId, pace: &Pace) -> Option<f64> {
        let speed = pace.speed_of(agent, job).or(pace.mean)?;
        Some(speed.secs_for(self.jobs.get(job)?.plan.as_ref()?.bounds()?.pixel_samples()))
    }

    /// Whether even one sample would take the agent longer than the others need for the rest
    /// and the fastest of them for this sample.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn is_too_slow(&self, agent: &Agent, id: &JobId, pace: &Pace) -> bool {
        let job = self.jobs.get(id);
        let plan = job.and_then(|job| job.plan.as_ref());
        let (Some(speed), Some(plan), Some(job)) = (agent.speeds.get(id), plan, job) else {
            return false;
        };
        let rest = job.open_pixel_samples() as f64 / pace.rate;
        let secs = speed.secs_for(plan.tile.pixel_count());
        plan.split == Split::Samples && pace.rate > 0.0 && secs > rest + pace.fastest_sample_secs
    }

    /// Whether an agent should have its next piece before it has done this one. Not near the
    /// end: another agent may be free sooner.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn is_worth_queueing(&self, agent: &Agent, id: &JobId, pace: &Pace) -> bool {
        let target = self.target_secs(agent, id, pace);
        let (Some(target), Some(whole), Some(job)) =
            (target, self.whole_frame_secs(agent, id, pace), self.jobs.get(id))
        else {
            return false;
        };
        // A slow agent must not hold what others would have done long before.
        let share = self.share_secs(agent, id, pace).unwrap_or(0.0);
        let rest = job.frames.sums().free as f64 / pace.rate;
        share >= target && rest > 3.0 * target.max(whole.min(SHORT_FRAME_SECS))
    }

    /// How long the next chunk of this agent should take: long enough that its overhead does
    /// not matter, and short enough that all agents end together.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn target_secs(&self, agent: &Agent, job: &JobId, pace: &Pace) -> Option<f64> {
        let speed = pace.speed_of(agent, job)?;
        let planned = self.jobs.get(job)?;
        let overhead = speed.overhead_secs();
        // The manager merges all parts alone: it must not fall behind.
        let merging = 4.0 * planned.merge_secs * pace.agents as f64;
        let longest = (OVERHEAD_SHARE * overhead).max(merging).max(12.0);
        // Calls of Blender that are paid for are no shorter than what saving calls for.
        let saving = self.saving_interval_secs(agent, job).filter(|_| agent.offer.is_some());
        let longest = longest.max(saving.unwrap_or(0.0));
        let shortest = (4.0 * overhead).max(1.0);
        let share = self.share_secs(agent, job, pace)?;
        let one_sample = match planned.plan.as_ref()?.split {
            Split::Samples => speed.secs_for(planned.plan.as_ref()?.tile.pixel_count()),
            Split::Tiles { .. } | Split::Frames => 0.0,
        };
        // A short share is taken whole: the estimate is good enough, and small chunks are dear.
        let part = if share <= LAST_CHUNK_SECS.max(shortest) { share } else { share / 2.0 };
        let chunk = part.min(longest).max(shortest).min(LONGEST_CHUNK_SECS);
        Some(chunk.max(one_sample))
    }

    /// Seconds until an agent has done what it was given; work for other jobs is not counted.
    pub(crate) fn busy_secs(&self, agent: &Agent, job: &JobId, speed: Speed) -> f64 {
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

//! What is expected of an agent that has not rendered anything of a job yet, from its speed with the
//! reference scene that all agents render once.

use crate::Speed;
use crate::farm::{Agent, Farm};
use crate::round::{Pace, middle};
use crate::size::samples_of;
use blendnet_protocol::{AgentId, JobId};

/// A first chunk is meant to take no longer: the estimate may be wrong, and others wait for its end.
const FIRST_CHUNK_SECS: f64 = 2.0;
/// The same where nobody has rendered anything of the job, and a first picture is waited for.
const FIRST_PICTURE_SECS: f64 = 0.5;
/// What a sample of a real scene is taken to cost, in samples of the reference scene.
const REAL_COST: f64 = 100.0;
/// Agents are not taken to differ more than this: the reference scene is small, and says nothing of
/// memory or of textures.
const MOST_APART: f64 = 16.0;

/// How fast a job is rendered by an agent that renders the reference scene at a known speed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed {
    speed: Speed,
    reference: f64,
}

impl Seed {
    /// What is expected of an agent whose speed with the job is not measured.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn expects(self, agent: &Agent) -> Option<Speed> {
        let times_as_fast = agent.reference? as f64 / self.reference;
        Some(self.speed.of_other(times_as_fast.clamp(1.0 / MOST_APART, MOST_APART)))
    }
}

impl Farm {
    /// Notes how fast an agent rendered the reference scene.
    pub(crate) fn reference_known(&mut self, agent: &AgentId, pixel_samples_per_sec: u64) {
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.reference = Some(pixel_samples_per_sec).filter(|&rate| rate > 0);
        }
    }

    /// The measured agent whose speeds with job and reference scene relate as those of most do.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn seed(&self, job: &JobId) -> Option<Seed> {
        let seed = |agent: &Agent| {
            let reference = agent.reference? as f64;
            Some(Seed { speed: *agent.speeds.get(job)?, reference })
        };
        let mut seeds: Vec<Seed> = self.agents.values().filter_map(seed).collect();
        let relation = |seed: &Seed| seed.speed.rate() / seed.reference;
        middle(&mut seeds, |a, b| relation(a).total_cmp(&relation(b)))
    }
}

impl Agent {
    /// Samples of the first chunk of a job that an agent gets. `target_secs` is how long its next one
    /// should take by what is expected of it, where anything is.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn first_samples(
        &self,
        job: &JobId,
        pace: &Pace,
        target_secs: Option<f64>,
        pixels: u64,
    ) -> u32 {
        let expected = pace.speed_of(self, job).zip(target_secs);
        if let Some((speed, secs)) = expected {
            return samples_of(speed.pixel_samples_in(secs.min(FIRST_CHUNK_SECS)), pixels);
        }
        let Some(rate) = self.reference.filter(|_| pace.mean.is_none()) else { return 1 };
        // Whole samples that fit.
        let fit = (rate as f64 / REAL_COST * FIRST_PICTURE_SECS / pixels as f64).floor();
        samples_of(fit * pixels as f64, pixels)
    }
}

impl Pace {
    /// How fast an agent renders the job: as measured, or as expected of it; `None`: nothing can be said.
    pub(crate) fn speed_of(&self, agent: &Agent, job: &JobId) -> Option<Speed> {
        agent.speeds.get(job).copied().or_else(|| self.seed?.expects(agent))
    }
}

/// What a measured or expected agent does in a second.
pub(crate) fn speed_or(agent: &Agent, job: &JobId, seed: Option<Seed>, mean: Speed) -> Speed {
    let measured = agent.speeds.get(job).copied();
    measured.or_else(|| seed?.expects(agent)).unwrap_or(mean)
}

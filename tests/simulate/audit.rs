//! What must hold after every event, checked against the world and not against the farm's word.

use crate::world::World;
use blendnet_protocol::Region;
use blendnet_scheduler::AgentPhase;
use std::collections::{BTreeMap, BTreeSet};

/// Violations, by sentence, with how often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audit {
    /// What was seen.
    pub(crate) found: BTreeMap<String, u64>,
    films: BTreeMap<i32, Vec<Region>>,
}

impl Audit {
    /// How many.
    pub(crate) fn count(&self) -> u64 {
        self.found.values().sum()
    }

    pub(crate) fn note(&mut self, what: &str) {
        *self.found.entry(what.to_owned()).or_default() += 1;
    }

    /// Whether a film has some of a region.
    pub(crate) fn film_has_some_of(&self, frame: i32, region: Region) -> bool {
        self.films.get(&frame).is_some_and(|film| film.iter().any(|r| r.overlaps(region)))
    }

    /// A film takes a region once.
    pub(crate) fn film_takes(&mut self, frame: i32, region: Region) -> bool {
        let film = self.films.entry(frame).or_default();
        if film.iter().any(|r| r.overlaps(region)) {
            return false;
        }
        film.push(region);
        true
    }

    /// The film and the ledger say the same of a frame.
    pub(crate) fn compare(&mut self, frame: i32, ledger_pixel_samples: u64) {
        let film = self.films.get(&frame).map_or(0, |f| f.iter().map(|r| r.pixel_samples()).sum());
        if film != ledger_pixel_samples {
            self.note("film and ledger differ");
        }
    }
}

/// Checks a world whose farm has just planned.
pub(crate) fn check(world: &World, audit: &mut Audit) {
    if world.ceiling_usd_micros.is_some_and(|most| world.billed_usd_micros() > most as f64 + 0.5) {
        audit.note("spent more than the ceiling");
    }
    for id in world.instances.keys() {
        if !world.farm.agents.contains_key(id) {
            audit.note("an instance that the farm does not know");
        }
    }
    let Some(job) = world.farm.jobs.get(&world.job) else { return };
    let mut regions = 0;
    for frame in job.frames.values() {
        let coverage = &frame.coverage;
        regions += coverage.free().len() + coverage.done().len() + coverage.held().len();
    }
    if regions > job.frames.len() * 4 + world.farm.agents.len() * 8 + world.losses * 2 {
        audit.note("the ledger grows without bound");
    }
    let free: u64 = job
        .frames
        .values()
        .filter(|f| f.is_open() && !f.paused)
        .map(|f| f.coverage.free_pixel_samples())
        .sum();
    if !job.is_active() || job.exhausted || free == 0 {
        return;
    }
    let ready: BTreeSet<_> = world
        .farm
        .agents
        .iter()
        .filter(|(_, a)| {
            a.phase == AgentPhase::Online
                && !a.retiring
                && a.queue.is_empty()
                && a.scenes.get(&job.scene) == Some(&true)
        })
        .map(|(id, _)| id)
        .collect();
    // Near the end a slow agent would only delay what others do sooner.
    let rest = world.farm.remaining_secs(&world.job).unwrap_or(0.0);
    for id in ready {
        let one = world.instances.get(id).map_or(0.0, |i| world.costs.sample_secs / i.speed);
        if one < rest / 2.0 {
            audit.note("an agent idles while work waits");
        }
    }
}

//! The simulated provider: lends instances while the trace has any, bills them, takes them back.

use crate::instance::Instance;
use crate::world::{Spot, What, World, at};
use blendnet_protocol::AgentId;
use blendnet_scheduler::{Event, Offer};
use rand::RngExt as _;

/// Spot instances are taken away with so much notice.
pub(crate) const NOTICE_SECS: f64 = 120.0;

impl World {
    pub(crate) fn spot_running(&self) -> u32 {
        let spot = |i: &&Instance| i.offer.as_ref().is_some_and(|offer| offer.spot);
        u32::try_from(self.instances.values().filter(spot).count()).unwrap_or(u32::MAX)
    }

    /// Spot capacity now, and what is left of it when falls that are known come.
    pub(crate) fn spot_capacity(&self) -> u32 {
        let Some(Spot { trace, start }) = &self.spot else { return u32::MAX };
        let point = (self.now / trace.gap_secs) as usize;
        let soon = ((self.now + NOTICE_SECS) / trace.gap_secs) as usize;
        (point..=soon).map(|point| trace.at(start + point)).min().unwrap_or(0)
    }

    pub(crate) fn launch(&mut self, id: AgentId, offer: Option<Offer>) {
        let is_spot = offer.as_ref().is_some_and(|offer| offer.spot);
        if is_spot && self.spot_running() >= self.spot_capacity() {
            return self.later(2.0, What::Refused(id));
        }
        if self.trouble() {
            return self.later(2.0, What::Refused(id));
        }
        let boot = self.boot_secs * (0.75 + 0.5 * self.dice.random::<f64>());
        let turn = self.number as usize % self.speeds.len().max(1);
        let least_secs = offer.as_ref().map_or(0.0, |offer| offer.min_billed.as_secs_f64());
        let instance = Instance {
            owed: price(offer.as_ref(), least_secs),
            paid_until: self.now + least_secs,
            offer,
            speed: self.speeds.get(turn).copied().unwrap_or(1.0),
            up: None,
            warm: self.boot_secs == 0.0,
            queue: std::collections::VecDeque::new(),
            current: None,
            step: None,
            epoch: 0,
            leaving: false,
            ending: false,
            last_saved: None,
        };
        self.instances.insert(id.clone(), instance);
        if self.trouble() {
            return; // It never answers.
        }
        self.later(boot, What::Booted(id));
    }

    pub(crate) fn gone(&mut self, id: &AgentId) {
        if let Some(instance) = self.instances.remove(id) {
            self.billed += bill(&instance, self.now);
            if let (true, Some(up)) = (instance.leaving, instance.up) {
                self.wasted_secs.push(self.now - instance.last_saved.unwrap_or(up));
            }
            self.tell(Event::AgentEnded(id.clone(), None));
        }
    }

    pub(crate) fn point(&mut self, point: usize) {
        let Some(Spot { trace, start }) = &self.spot else { return };
        let (nodes, gap) = (trace.at(start + point), trace.gap_secs);
        let next = (point + 1) as f64 * gap - self.now;
        self.later(next, What::Point(point + 1));
        let spot = |(id, i): (&AgentId, &Instance)| {
            let spot = i.offer.as_ref().is_some_and(|offer| offer.spot);
            spot.then(|| (!i.leaving, id.clone()))
        };
        let mut running: Vec<(bool, AgentId)> = self.instances.iter().filter_map(spot).collect();
        running.sort();
        let surplus = running.len().saturating_sub(nodes as usize);
        for (_, id) in running.into_iter().take(surplus) {
            self.losses += 1;
            self.gone(&id);
        }
    }

    /// The instances that a fall will take are told.
    pub(crate) fn give_notice(&mut self, point: usize) {
        let Some(Spot { trace, start }) = &self.spot else { return };
        let (nodes, gap) = (trace.at(start + point), trace.gap_secs);
        let secs_left = (point as f64 * gap - self.now).max(0.0) as u64;
        let next = (point + 1) as f64 * gap - NOTICE_SECS - self.now;
        self.later(next.max(0.0), What::Fall(point + 1));
        let spot = |(id, i): (&AgentId, &Instance)| {
            let spot = i.offer.as_ref().is_some_and(|offer| offer.spot);
            (spot && !i.leaving && !i.ending).then(|| id.clone())
        };
        let mut staying: Vec<AgentId> = self.instances.iter().filter_map(spot).collect();
        while staying.len() > nodes as usize {
            let which = self.dice.random_range(0..staying.len());
            let id = staying.swap_remove(which);
            self.losses += 1;
            let Some(instance) = self.instances.get_mut(&id) else { continue };
            instance.leaving = true;
            let idle = instance.step.is_none();
            self.tell(Event::AgentLeaving { agent: id.clone(), secs_left });
            if idle {
                self.later(1.0, What::Gone(id));
            }
        }
    }

    /// Whether this goes wrong, where things do.
    pub(crate) fn trouble(&mut self) -> bool {
        self.trouble > 0.0 && self.dice.random_bool(self.trouble)
    }

    /// Instances die without a word, and prices jump.
    pub(crate) fn make_trouble(&mut self) {
        let nth = self.dice.random_range(0..self.instances.len().max(1));
        match self.dice.random_range(0..50) {
            0 => {
                if let Some(id) = self.instances.keys().nth(nth).cloned() {
                    self.gone(&id);
                }
            }
            1 => self.prices_jump(),
            _ => {}
        }
    }

    fn prices_jump(&mut self) {
        let mut offers = self.farm.offers.clone();
        for offer in &mut offers {
            let new = offer.usd_micros_per_hour as f64 * self.dice.random_range(0.5..2.0);
            offer.usd_micros_per_hour = new.max(1.0) as u64;
        }
        for instance in self.instances.values_mut() {
            instance.owed = bill(instance, self.now);
            instance.paid_until = instance.paid_until.max(self.now);
            let same = |old: &Offer| offers.iter().find(|new| new.is_same(old)).cloned();
            instance.offer = instance.offer.as_ref().and_then(same);
        }
        // The price is asked for, and known with the next look at the clock.
        self.farm.apply(Event::Offers(offers), at(self.now));
    }
}

fn price(offer: Option<&Offer>, secs: f64) -> f64 {
    offer.map_or(0.0, |offer| offer.usd_micros_per_hour as f64 * secs / 3600.0)
}

pub(crate) fn bill(instance: &Instance, now: f64) -> f64 {
    instance.owed + price(instance.offer.as_ref(), (now - instance.paid_until).max(0.0))
}

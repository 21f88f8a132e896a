//! What can be launched at which price, and what was learned of it.

use crate::farm::Farm;
use std::time::Duration;

/// A type of instance at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who lends it.
    pub provider: String,
    /// The provider's name of the type.
    pub instance_type: String,
    /// Where.
    pub zone: String,
    /// Whether the provider may take it back.
    pub spot: bool,
    /// Its price, in millionths of a dollar.
    pub usd_micros_per_hour: u64,
    /// Shorter use is billed as this.
    pub min_billed: Duration,
    /// From the launch to the first answer.
    pub boot: Duration,
}

/// What was learned of an offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Market {
    failures: u32,
    next_try: Duration,
}

/// After a first failure; doubled with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(15);
/// Capacity comes back at any time, and asking costs nothing.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// An instance that dies sooner counts as a failure of its offer.
const SHORT_LIFE: Duration = Duration::from_mins(2);
/// From so many failures in a row on, an offer is left alone for long.
const FLAPPING: u32 = 12;
const FLAPPING_WAIT: Duration = Duration::from_mins(10);

impl Offer {
    /// Whether both are the same thing, at whatever price.
    pub fn is_same(&self, other: &Self) -> bool {
        let name = |o: &Self| (o.provider.clone(), o.instance_type.clone(), o.zone.clone(), o.spot);
        name(self) == name(other)
    }

    /// A boot that takes longer has failed.
    pub(crate) fn boot_limit(&self) -> Duration {
        (4 * self.boot).max(Duration::from_mins(5))
    }
}

impl Farm {
    /// Takes new offers and prices; instances that run cost the new price from now on.
    pub(crate) fn set_offers(&mut self, offers: Vec<Offer>) {
        for id in self.agents.keys().cloned().collect::<Vec<_>>() {
            self.bill(&id);
            let Some(agent) = self.agents.get_mut(&id) else { continue };
            let now_offered = |old: &Offer| offers.iter().find(|new| new.is_same(old)).cloned();
            if let Some(offer) = agent.offer.as_ref().and_then(now_offered) {
                agent.offer = Some(offer);
            }
        }
        self.offers = offers;
    }

    /// The cheapest offer of a kind that is not known to be dry.
    pub(crate) fn best_offer(&self, spot: bool, now: Duration) -> Option<Offer> {
        let ready = |o: &&Offer| o.spot == spot && self.market(o).next_try <= now;
        self.offers.iter().filter(ready).min_by_key(|o| o.usd_micros_per_hour).cloned()
    }

    fn market(&self, offer: &Offer) -> Market {
        let known = self.markets.iter().find(|(known, _)| known.is_same(offer));
        known.map(|(_, market)| *market).unwrap_or_default()
    }

    /// Waits longer after each failure in a row, by a time that is not the same for everybody.
    pub(crate) fn offer_failed(&mut self, offer: &Offer, now: Duration) {
        let mut market = self.market(offer);
        if now < market.next_try {
            return;
        }
        market.failures += 1;
        let wait = match market.failures {
            FLAPPING.. if !offer.spot => FLAPPING_WAIT,
            failures => (FIRST_WAIT * (1 << (failures - 1).min(4))).min(LONGEST_WAIT),
        };
        market.next_try = now + wait.mul_f64(0.75 + 0.5 * self.dice());
        self.markets.retain(|(known, _)| !known.is_same(offer));
        self.markets.push((offer.clone(), market));
    }

    /// What an instance did is forgiven or held against its offer.
    pub(crate) fn offer_lived(&mut self, offer: &Offer, life: Duration, now: Duration) {
        if life < SHORT_LIFE {
            self.offer_failed(offer, now);
        } else {
            self.markets.retain(|(known, _)| !known.is_same(offer));
        }
    }

    /// From 0 to 1, another one each time; the seed is told.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn dice(&mut self) -> f64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

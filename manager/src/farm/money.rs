//! What agents cost, over restarts of the manager.

use super::owner::{Context, Owner};
use crate::store::{Change, SavedAgent};
use blendnet_protocol::{AgentId, JobId};
use blendnet_scheduler::{Event, Offer};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often the cost of running jobs is written down.
const SAVE_INTERVAL: Duration = Duration::from_secs(30);

/// Where launched agents have one price: what is told of them.
const ONE_PRICE: &str = "agent";

/// What an agent was launched for, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    provider: String,
    instance_type: String,
    zone: String,
    spot: bool,
    usd_micros_per_hour: u64,
    min_billed_secs: u64,
    boot_secs: u64,
    launched_unix_secs: u64,
    /// Until then it is in what its payer has cost.
    #[serde(default)]
    billed_unix_secs: u64,
    payer: Option<JobId>,
}

/// What a job had cost at some time, with what ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spent {
    pub(crate) usd_micros: u64,
    pub(crate) at_unix_secs: u64,
}

/// What the farm can launch at a price; nothing where it has none.
fn offers(context: &Context) -> Vec<Offer> {
    let provider = &context.provider;
    let one = |usd_per_hour: f64| Offer {
        provider: provider.name().to_owned(),
        instance_type: ONE_PRICE.to_owned(),
        zone: String::new(),
        spot: false,
        usd_micros_per_hour: micros(usd_per_hour),
        min_billed: Duration::ZERO,
        boot: provider.boot(),
    };
    context.config.lender.usd_per_hour.map(one).into_iter().collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be small")]
fn micros(usd: f64) -> u64 {
    (usd * 1e6).ceil().max(0.0) as u64
}

pub(crate) fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Owner {
    /// Tells the scheduler what there is to pay.
    pub(super) fn set_prices(&mut self) {
        self.farm.started_unix_secs = unix_secs();
        let offers = offers(&self.context);
        if !offers.is_empty() {
            self.apply(Event::Offers(offers));
        }
    }

    /// An agent of ours as it is written down, before it has an address or after.
    pub(crate) fn launched(&self, agent: &AgentId, address: Option<String>) -> Change {
        let lease = self.farm.agents.get(agent).and_then(|known| {
            let offer = known.offer.clone()?;
            let age = self.now().saturating_sub(known.since);
            let billed = self.farm.billed_until(agent)?.saturating_sub(known.since);
            let launched_unix_secs = unix_secs().saturating_sub(age.as_secs());
            let lease = Lease {
                provider: offer.provider,
                instance_type: offer.instance_type,
                zone: offer.zone,
                spot: offer.spot,
                usd_micros_per_hour: offer.usd_micros_per_hour,
                min_billed_secs: offer.min_billed.as_secs(),
                boot_secs: offer.boot.as_secs(),
                launched_unix_secs,
                billed_unix_secs: launched_unix_secs + billed.as_secs(),
                payer: known.payer.clone(),
            };
            serde_json::to_string(&lease).ok()
        });
        Change::Agent(SavedAgent {
            agent: agent.clone(),
            launched: true,
            address,
            password: None,
            ca_pem: None,
            lease,
        })
    }

    /// An agent that an earlier manager launched costs since then, until it is known to be gone.
    pub(super) fn bill_kept(&mut self, agent: &AgentId, lease: &str) {
        let lease: Lease = match serde_json::from_str(lease) {
            Ok(lease) => lease,
            Err(error) => return tracing::error!(%agent, %error, "its price can't be read"),
        };
        let payer = lease.payer.as_ref().and_then(|payer| self.jobs.get(payer)?.spent);
        let billed = payer.map_or(0, |spent| spent.at_unix_secs);
        let billed = billed.max(lease.launched_unix_secs).max(lease.billed_unix_secs);
        self.apply(Event::AgentPriced {
            agent: agent.clone(),
            offer: Offer {
                provider: lease.provider,
                instance_type: lease.instance_type,
                zone: lease.zone,
                spot: lease.spot,
                usd_micros_per_hour: lease.usd_micros_per_hour,
                min_billed: Duration::from_secs(lease.min_billed_secs),
                boot: Duration::from_secs(lease.boot_secs),
            },
            payer: lease.payer,
            unbilled: Duration::from_secs(unix_secs().saturating_sub(billed)),
        });
    }

    /// Writes down from time to time what the jobs cost that run.
    pub(super) fn note_costs(&mut self) {
        let now = self.now();
        if self.farm.offers.is_empty() || now.saturating_sub(self.costs_noted) < SAVE_INTERVAL {
            return;
        }
        self.costs_noted = now;
        for job in self.farm.active_jobs() {
            self.save_state(&job);
        }
    }

    /// What a job has cost until now; `None` where nothing has a price.
    pub(super) fn spent(&self, job: &JobId) -> Option<Spent> {
        let usd_micros = self.farm.job_cost(job, self.now()).spent_usd_micros;
        let has_price = !self.farm.offers.is_empty() || usd_micros > 0;
        has_price.then(|| Spent { usd_micros, at_unix_secs: unix_secs() })
    }
}

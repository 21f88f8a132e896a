//! How much each agent did, seen from outside: the time it was busy, weighed by its speed.

use std::collections::BTreeMap;

use blendnet_protocol::FarmView;

use super::event::AgentShare;

/// Adds up what agents do between two looks at the farm. Pure: it is told the time.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    last_secs: Option<f64>,
    agents: BTreeMap<String, Work>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Work {
    busy: bool,
    busy_secs: f64,
    samples_per_sec: Option<f64>,
}

impl Shares {
    /// Takes a look at the farm at `now_secs`, on any clock that only goes forward.
    pub(super) fn look(&mut self, view: &FarmView, now_secs: f64) {
        let passed_secs = self.last_secs.map_or(0.0, |last| (now_secs - last).max(0.0));
        self.last_secs = Some(now_secs);
        for work in self.agents.values_mut().filter(|work| work.busy) {
            work.busy_secs += passed_secs;
            work.busy = false;
        }
        for agent in &view.agents {
            let work = self.agents.entry(agent.id.to_string()).or_default();
            work.busy = !agent.doing.is_empty();
            work.samples_per_sec = agent.samples_per_sec.or(work.samples_per_sec);
        }
    }

    /// The share of each agent that did anything. Without all speeds, time alone counts.
    pub(super) fn shares(&self) -> Vec<AgentShare> {
        let busy: Vec<(&String, &Work)> =
            self.agents.iter().filter(|(_, work)| work.busy_secs > 0.0).collect();
        let speeds_known = busy.iter().all(|(_, work)| work.samples_per_sec.is_some());
        let weight = |work: &Work| {
            let speed = work.samples_per_sec.filter(|_| speeds_known).unwrap_or(1.0);
            work.busy_secs * speed
        };
        let total: f64 = busy.iter().map(|(_, work)| weight(work)).sum();
        busy.into_iter()
            .filter(|_| total > 0.0)
            .map(|(id, work)| AgentShare { id: id.clone(), share: weight(work) / total })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::recorded::{agent, farm};

    fn shares_of(speeds: [Option<f64>; 2]) -> Vec<f64> {
        let mut shares = Shares::default();
        let mut view = farm(vec![agent("a-1", "frame 1"), agent("a-2", "frame 1")], Vec::new());
        for (agent, speed) in view.agents.iter_mut().zip(speeds) {
            agent.samples_per_sec = speed;
        }
        shares.look(&view, 10.0);
        view.agents[1].doing.clear();
        shares.look(&view, 20.0);
        shares.look(&view, 30.0);
        shares.shares().iter().map(|share| share.share).collect()
    }

    #[test]
    fn busy_time_is_weighed_by_speed() {
        assert_eq!(shares_of([Some(3.0), Some(2.0)]), [0.75, 0.25]);
    }

    #[test]
    fn without_all_speeds_time_counts() {
        let shares = shares_of([Some(3.0), None]);
        assert!((shares[0] - 2.0 / 3.0).abs() < 1e-9, "{shares:?}");
    }

    #[test]
    fn an_idle_farm_has_no_shares() {
        let mut shares = Shares::default();
        let view = farm(vec![agent("a-1", "")], Vec::new());
        shares.look(&view, 0.0);
        shares.look(&view, 5.0);
        assert_eq!(shares.shares(), []);
    }
}

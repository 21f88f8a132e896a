//! Ends what carries this farm's tag and belongs to no agent that the farm knows.
//!
//! A manager may die between a launch and its answer, or be given an old folder; what it launched
//! then costs money and renders nothing.

use crate::farm::{Context, FarmHandle};
use blendnet_cloud::{Instance, InstanceState};
use blendnet_protocol::FarmView;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Between two sweeps.
const INTERVAL: Duration = Duration::from_mins(1);

/// Sweeps until the manager ends.
pub(crate) async fn run(context: Arc<Context>, farm: FarmHandle) {
    let mut suspects = BTreeSet::new();
    loop {
        match context.provider.list(&context.farm_tag).await {
            Ok(listed) => {
                let (stray, seen) = strays(&listed, &farm.view(), &suspects);
                suspects = seen;
                for instance in stray {
                    tracing::warn!(instance = %instance.id, token = %instance.token, "nobody's");
                    super::launch::terminate(&context, instance).await;
                }
            }
            Err(error) => tracing::warn!(%error, "the farm's instances can't be listed"),
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = context.shutdown.cancelled() => return,
        }
    }
}

/// Instances of no agent that the farm knows, seen like that twice in a row: the view that they are
/// compared with may be older than the list. Gives what to end, and all that were seen like that.
fn strays<'a>(
    listed: &'a [Instance],
    view: &FarmView,
    suspects: &BTreeSet<String>,
) -> (Vec<&'a Instance>, BTreeSet<String>) {
    let known = |instance: &&Instance| {
        view.agents.iter().any(|agent| agent.id.as_str() == instance.token.0)
    };
    let strays: Vec<&Instance> = listed
        .iter()
        .filter(|instance| instance.state != InstanceState::Ended && !known(instance))
        .collect();
    let seen = strays.iter().map(|instance| instance.id.0.clone()).collect();
    (strays.into_iter().filter(|i| suspects.contains(&i.id.0)).collect(), seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use blendnet_cloud::{Choice, InstanceId, LaunchToken};

    fn instance(name: &str, state: InstanceState) -> Instance {
        Instance {
            id: InstanceId(format!("i-{name}")),
            token: LaunchToken(name.to_owned()),
            state,
            address: None,
            pid: None,
            what: Choice { instance_type: "t".to_owned(), zone: None, spot: true },
            launched_unix_secs: None,
        }
    }

    fn view(agents: &[&str]) -> FarmView {
        let agent = |id: &&str| serde_json::json!({ "id": id, "address": "", "state": "starting", "doing": "" });
        let agents: Vec<serde_json::Value> = agents.iter().map(agent).collect();
        serde_json::from_value(serde_json::json!({
            "generation": 0, "version": "", "terminating": false, "agents": agents, "jobs": [],
        }))
        .unwrap()
    }

    #[test]
    fn what_no_agent_explains_twice_is_ended_and_nothing_else() {
        let listed = [
            instance("agent-1", InstanceState::Running),
            instance("agent-2", InstanceState::Pending),
            instance("agent-3", InstanceState::Ended),
        ];
        let view = view(&["agent-1"]);
        let (first, seen) = strays(&listed, &view, &BTreeSet::new());
        assert!(first.is_empty(), "{first:?}");
        let (second, _) = strays(&listed, &view, &seen);
        assert_eq!(second.iter().map(|i| i.token.0.as_str()).collect::<Vec<_>>(), ["agent-2"]);
    }
}

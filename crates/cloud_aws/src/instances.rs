//! Instances as Amazon tells of them, in our words.

use crate::error::failed;
use crate::provider::{AwsProvider, FARM_TAG, TOKEN_TAG, named};
use aws_sdk_ec2::types::{
    Filter, Instance as Theirs, InstanceLifecycleType, InstanceStateName, Reservation,
};
use blendnet_cloud::startup::AGENT_PORT;
use blendnet_cloud::{
    Choice, FarmTag, Instance, InstanceId, InstanceState, LaunchToken, ProviderError,
};

/// States of instances that are not ended.
const ALIVE: [&str; 4] = ["pending", "running", "stopping", "stopped"];

impl AwsProvider {
    /// Instances of a farm that are not ended; of one launch only, if that is said.
    pub(crate) async fn alive(
        &self,
        farm: &FarmTag,
        token: Option<&LaunchToken>,
    ) -> Result<Vec<Instance>, ProviderError> {
        let states = ALIVE.map(str::to_owned).to_vec();
        let alive = Filter::builder().name("instance-state-name").set_values(Some(states)).build();
        let mut ask = self
            .ec2
            .describe_instances()
            .filters(named(&format!("tag:{FARM_TAG}"), &farm.0))
            .filters(alive);
        if let Some(token) = token {
            ask = ask.filters(named(&format!("tag:{TOKEN_TAG}"), &token.0));
        }
        let pages = ask.into_paginator().page_size(self.page_size).send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await;
        let pages = pages.map_err(|e| failed("listing instances", e))?;
        let theirs = pages.iter().flat_map(
            aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput::reservations,
        );
        let theirs = theirs.flat_map(Reservation::instances);
        Ok(theirs.map(|instance| self.ours(instance)).collect())
    }

    pub(crate) async fn one(&self, id: &InstanceId) -> Result<Instance, ProviderError> {
        let found = self.ec2.describe_instances().instance_ids(&id.0).send().await;
        let found = found.map_err(|e| failed("asking for an instance", e))?;
        let mut all = found.reservations().iter().flat_map(Reservation::instances);
        let unknown = || ProviderError::Unknown { id: id.to_string() };
        all.next().map(|instance| self.ours(instance)).ok_or_else(unknown)
    }

    fn ours(&self, theirs: &Theirs) -> Instance {
        let tagged = |name: &str| {
            let found = theirs.tags().iter().find(|tag| tag.key() == Some(name));
            found.and_then(|tag| tag.value()).unwrap_or_default().to_owned()
        };
        let state = match theirs.state().and_then(|state| state.name()) {
            Some(InstanceStateName::Pending) => InstanceState::Pending,
            Some(InstanceStateName::Running) => InstanceState::Running,
            // A stopped one still costs its disk, and is to be ended.
            Some(InstanceStateName::Stopped | InstanceStateName::Stopping) => {
                InstanceState::Running
            }
            _ => InstanceState::Ended,
        };
        let ip = if self.wanted.private_addresses {
            theirs.private_ip_address()
        } else {
            theirs.public_ip_address()
        };
        let address = ip.filter(|ip| !ip.is_empty()).map(|ip| format!("{ip}:{AGENT_PORT}"));
        Instance {
            id: InstanceId(theirs.instance_id().unwrap_or_default().to_owned()),
            token: LaunchToken(tagged(TOKEN_TAG)),
            state,
            address: address.filter(|_| state != InstanceState::Ended),
            pid: None,
            what: Choice {
                instance_type: theirs.instance_type().map_or("", |t| t.as_str()).to_owned(),
                zone: theirs
                    .placement()
                    .and_then(|place| place.availability_zone())
                    .map(str::to_owned),
                spot: theirs.instance_lifecycle() == Some(&InstanceLifecycleType::Spot),
            },
            launched_unix_secs: theirs.launch_time().and_then(|t| u64::try_from(t.secs()).ok()),
        }
    }
}

//! Where instances are: subnets of the default network, and a firewall that lets nobody but the
//! manager in.

use crate::error::failed;
use crate::provider::{AwsProvider, FARM_TAG, named, tag};
use aws_sdk_ec2::error::ProvideErrorMetadata as _;
use aws_sdk_ec2::types::{IpPermission, IpRange, ResourceType, Subnet, TagSpecification};
use blendnet_cloud::startup::AGENT_PORT;
use blendnet_cloud::{FarmTag, ProviderError};

impl AwsProvider {
    /// The subnets that instances may be in: one for each zone.
    pub(crate) async fn subnets(&self) -> Result<Vec<Subnet>, ProviderError> {
        let found = self.ec2.describe_subnets().filters(named("default-for-az", "true"));
        let found = found.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let found = found.map_err(|e| failed("asking for subnets", e))?;
        if found.is_empty() {
            return Err(ProviderError::Failed {
                doing: format!("looking for a network in {}", self.wanted.region),
                reason: "the region has no default network; `aws ec2 create-default-vpc` makes one"
                    .to_owned(),
            });
        }
        Ok(found)
    }

    /// The farm's security group, if there is one.
    pub(crate) async fn group(&self, farm: &FarmTag) -> Result<Option<String>, ProviderError> {
        let found = self.ec2.describe_security_groups();
        let found = found.filters(named(&format!("tag:{FARM_TAG}"), &farm.0)).send().await;
        let found = found.map_err(|e| failed("asking for the security group", e))?;
        Ok(found.security_groups().first().and_then(|g| g.group_id()).map(str::to_owned))
    }

    /// Makes the security group unless it is there.
    pub(crate) async fn make_group(
        &self,
        farm: &FarmTag,
        vpc: &str,
    ) -> Result<String, ProviderError> {
        let Some(cidr) = &self.wanted.manager_cidr else {
            return Err(ProviderError::Setting {
                name: "manager-cidr".to_owned(),
                reason: "say from where the manager reaches its agents, such as 203.0.113.7/32; \
                         nobody else is let in"
                    .to_owned(),
            });
        };
        let group = match self.group(farm).await? {
            Some(group) => group,
            None => self.create_group(farm, vpc).await?,
        };
        let let_in = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(i32::from(AGENT_PORT))
            .to_port(i32::from(AGENT_PORT))
            .ip_ranges(IpRange::builder().cidr_ip(cidr).description("manager").build())
            .build();
        let rule = self.ec2.authorize_security_group_ingress().group_id(&group);
        match rule.ip_permissions(let_in).send().await {
            // Whoever made the group may have died before this, or not.
            Err(error) if error.code() != Some("InvalidPermission.Duplicate") => {
                Err(failed("letting the manager in", error))
            }
            _ => Ok(group),
        }
    }

    async fn create_group(&self, farm: &FarmTag, vpc: &str) -> Result<String, ProviderError> {
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::SecurityGroup)
            .tags(tag(FARM_TAG, &farm.0))
            .build();
        let made = self
            .ec2
            .create_security_group()
            .group_name(format!("blendnet-{farm}"))
            .description("Agents of a BlendNet farm: only their manager reaches them")
            .vpc_id(vpc)
            .tag_specifications(tags)
            .send()
            .await;
        match made {
            Ok(made) => Ok(made.group_id().unwrap_or_default().to_owned()),
            Err(error) => {
                let found = self.group(farm).await?;
                found.ok_or_else(|| failed("making the security group", error))
            }
        }
    }

    /// Removes the security group. Gives its id, if there was one.
    pub(crate) async fn remove_group(
        &self,
        farm: &FarmTag,
    ) -> Result<Option<String>, ProviderError> {
        let Some(group) = self.group(farm).await? else { return Ok(None) };
        let gone = self.ec2.delete_security_group().group_id(&group).send().await;
        gone.map_err(|e| failed("removing the security group", e))?;
        Ok(Some(group))
    }
}

//! One instance: an EC2 fleet of type `instant`, which tries all types and zones in one request,
//! spot first, on-demand at last.

use crate::error::{failed, of_code};
use crate::provider::{AwsProvider, FARM_TAG, TOKEN_TAG, named, tag};
use crate::storage::internal;
use aws_sdk_ec2::operation::create_fleet::CreateFleetOutput;
use aws_sdk_ec2::types::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest as Card;
use aws_sdk_ec2::types::{
    DefaultTargetCapacityType, FleetLaunchTemplateConfigRequest,
    FleetLaunchTemplateOverridesRequest, FleetLaunchTemplateSpecificationRequest,
    FleetOnDemandAllocationStrategy, FleetType, InstanceType,
    LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest,
    LaunchTemplateHttpTokensState, LaunchTemplateInstanceMetadataEndpointState,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateTagSpecificationRequest,
    OnDemandOptionsRequest, RequestLaunchTemplateData, ResourceType, ShutdownBehavior,
    SpotAllocationStrategy, SpotOptionsRequest, Subnet, TagSpecification,
    TargetCapacitySpecificationRequest, VolumeType,
};
use base64::Engine as _;
use blendnet_cloud::startup::{AGENT_PORT, Startup};
use blendnet_cloud::{
    Choice, FarmTag, Instance, InstanceId, InstanceState, LaunchRequest, LaunchToken, ProviderError,
};
use sha2::{Digest as _, Sha256};

/// Debian's own account at Amazon.
pub(crate) const DEBIAN: &str = "136693071363";
/// Its images of Debian 12 for x86-64.
pub(crate) const DEBIAN_12: &str = "debian-12-amd64-*";

impl AwsProvider {
    pub(crate) async fn launch_one(
        &self,
        request: &LaunchRequest,
    ) -> Result<Instance, ProviderError> {
        if let Some(before) = self.alive(&request.farm, Some(&request.token)).await?.pop() {
            return Ok(before);
        }
        let subnets = self.subnets().await?;
        let vpc = subnets.first().and_then(|subnet| subnet.vpc_id()).unwrap_or_default();
        let group = self.make_group(&request.farm, vpc).await?;
        let template = self.make_template(request, &group).await?;
        let launched = self.try_choices(request, &subnets, &template).await;
        let id = match launched {
            Ok(id) => id,
            Err(error) => {
                // Another try is another request.
                self.remove_template(&request.farm, &request.token).await?;
                return Err(error);
            }
        };
        match self.one(&id).await {
            // What was launched a moment ago is not known everywhere.
            Err(ProviderError::Unknown { .. }) => Ok(just_launched(id, request)),
            told => told,
        }
    }

    async fn try_choices(
        &self,
        request: &LaunchRequest,
        subnets: &[Subnet],
        template: &str,
    ) -> Result<InstanceId, ProviderError> {
        let (spot, on_demand) = self.choices(request);
        let mut refused = ProviderError::NoCapacity { tried: "nothing is allowed".to_owned() };
        for (choices, class) in [
            (spot, DefaultTargetCapacityType::Spot),
            (on_demand, DefaultTargetCapacityType::OnDemand),
        ] {
            if choices.is_empty() {
                continue;
            }
            match self.fleet(request, &choices, subnets, template, class).await {
                Ok(id) => return Ok(id),
                Err(error @ (ProviderError::NoCapacity { .. } | ProviderError::Quota { .. })) => {
                    tracing::info!(token = %request.token, %error, "the next class is tried");
                    refused = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }

    /// What may be launched as spot, and what on-demand.
    fn choices(&self, request: &LaunchRequest) -> (Vec<Choice>, Vec<Choice>) {
        if !request.choices.is_empty() {
            return request.choices.iter().cloned().partition(|choice| choice.spot);
        }
        let all = |spot: bool, wanted: bool| {
            let types = self.wanted.types.iter().filter(|_| wanted);
            let choice = |t: &String| Choice { instance_type: t.clone(), zone: None, spot };
            types.map(choice).collect()
        };
        (all(true, self.wanted.spot), all(false, self.wanted.on_demand))
    }

    async fn fleet(
        &self,
        request: &LaunchRequest,
        choices: &[Choice],
        subnets: &[Subnet],
        template: &str,
        class: DefaultTargetCapacityType,
    ) -> Result<InstanceId, ProviderError> {
        let spec = FleetLaunchTemplateSpecificationRequest::builder()
            .launch_template_id(template)
            .version("$Latest")
            .build();
        let config = FleetLaunchTemplateConfigRequest::builder()
            .launch_template_specification(spec)
            .set_overrides(Some(overrides(choices, subnets)))
            .build();
        let capacity = TargetCapacitySpecificationRequest::builder()
            .total_target_capacity(1)
            .default_target_capacity_type(class.clone())
            .build();
        let spot = SpotOptionsRequest::builder()
            .allocation_strategy(SpotAllocationStrategy::PriceCapacityOptimized)
            .build();
        let on_demand = OnDemandOptionsRequest::builder()
            .allocation_strategy(FleetOnDemandAllocationStrategy::LowestPrice)
            .build();
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::Instance)
            .tags(tag(FARM_TAG, &request.farm.0))
            .tags(tag(TOKEN_TAG, &request.token.0))
            .tags(tag("Name", &format!("blendnet {}", request.token)))
            .build();
        let made = self
            .ec2
            .create_fleet()
            .client_token(client_token(request, template, class.as_str()))
            .r#type(FleetType::Instant)
            .launch_template_configs(config)
            .target_capacity_specification(capacity)
            .spot_options(spot)
            .on_demand_options(on_demand)
            .tag_specifications(tags)
            .send()
            .await
            .map_err(|e| failed("launching an instance", e))?;
        launched(&made)
    }

    /// The template of this launch. One that a caller made who died is used as it is: another one
    /// would be another launch.
    async fn make_template(
        &self,
        request: &LaunchRequest,
        group: &str,
    ) -> Result<String, ProviderError> {
        if let Some(before) = self.template(&request.farm, &request.token).await? {
            return Ok(before);
        }
        let files = self.upload(&request.farm, &request.token, &request.agent).await?;
        let script = Startup {
            name: request.token.0.clone(),
            listen: ([0, 0, 0, 0], AGENT_PORT).into(),
            files,
            blender: self.wanted.blender.clone(),
            threads: request.agent.threads,
            notices: Some("aws"),
            life_minutes: self.wanted.life_minutes,
        }
        .script();
        let image = self.image().await?;
        let template_tags = TagSpecification::builder()
            .resource_type(ResourceType::LaunchTemplate)
            .tags(tag(FARM_TAG, &request.farm.0))
            .tags(tag(TOKEN_TAG, &request.token.0))
            .build();
        let made = self
            .ec2
            .create_launch_template()
            .launch_template_name(format!("blendnet-{}-{}", request.farm, request.token))
            .tag_specifications(template_tags)
            .launch_template_data(self.template_data(&request.farm, image, group, &script))
            .send()
            .await;
        let made = match made {
            Ok(made) => {
                made.launch_template().and_then(|t| t.launch_template_id()).map(str::to_owned)
            }
            Err(error) => {
                let found = self.template(&request.farm, &request.token).await?;
                Some(found.ok_or_else(|| failed("making a launch template", error))?)
            }
        };
        made.ok_or_else(|| internal("making a launch template", &"it has no id"))
    }

    fn template_data(
        &self,
        farm: &FarmTag,
        image: String,
        group: &str,
        script: &str,
    ) -> RequestLaunchTemplateData {
        let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
            .http_tokens(LaunchTemplateHttpTokensState::Required)
            .http_put_response_hop_limit(1)
            .http_endpoint(LaunchTemplateInstanceMetadataEndpointState::Enabled)
            .build();
        let disk = LaunchTemplateEbsBlockDeviceRequest::builder()
            .volume_size(self.wanted.disk_gib)
            .volume_type(VolumeType::Gp3)
            .delete_on_termination(true)
            .encrypted(true)
            .build();
        let disk = LaunchTemplateBlockDeviceMappingRequest::builder()
            .device_name("/dev/xvda")
            .ebs(disk)
            .build();
        let card = Card::builder()
            .device_index(0)
            .associate_public_ip_address(!self.wanted.private_addresses)
            .delete_on_termination(true)
            .groups(group)
            .build();
        let volume_tags = LaunchTemplateTagSpecificationRequest::builder()
            .resource_type(ResourceType::Volume)
            .tags(tag(FARM_TAG, &farm.0))
            .build();
        RequestLaunchTemplateData::builder()
            .image_id(image)
            .network_interfaces(card)
            .user_data(base64::engine::general_purpose::STANDARD.encode(script))
            .instance_initiated_shutdown_behavior(ShutdownBehavior::Terminate)
            .metadata_options(metadata)
            .block_device_mappings(disk)
            .tag_specifications(volume_tags)
            .build()
    }

    /// The image that is set, or the newest of Debian's own.
    pub(crate) async fn image(&self) -> Result<String, ProviderError> {
        if let Some(image) = &self.wanted.image {
            return Ok(image.clone());
        }
        let found = self.ec2.describe_images().owners(DEBIAN).filters(named("name", DEBIAN_12));
        let found = found.send().await.map_err(|e| failed("looking for an image", e))?;
        let newest = found.images().iter().max_by_key(|image| image.creation_date());
        let id = newest.and_then(|image| image.image_id()).map(str::to_owned);
        id.ok_or_else(|| ProviderError::Failed {
            doing: format!("looking for Debian 12 in {}", self.wanted.region),
            reason: "Debian's account has none there; set `image` to an AMI of Debian 12"
                .to_owned(),
        })
    }

    /// The template of a launch, if there is one.
    async fn template(
        &self,
        farm: &FarmTag,
        token: &LaunchToken,
    ) -> Result<Option<String>, ProviderError> {
        Ok(self.templates(farm, Some(token)).await?.pop())
    }

    async fn templates(
        &self,
        farm: &FarmTag,
        token: Option<&LaunchToken>,
    ) -> Result<Vec<String>, ProviderError> {
        let mut ask = self.ec2.describe_launch_templates();
        ask = ask.filters(named(&format!("tag:{FARM_TAG}"), &farm.0));
        if let Some(token) = token {
            ask = ask.filters(named(&format!("tag:{TOKEN_TAG}"), &token.0));
        }
        let found = ask.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let found = found.map_err(|e| failed("listing launch templates", e))?;
        Ok(found.iter().filter_map(|t| t.launch_template_id()).map(str::to_owned).collect())
    }

    /// Removes the template of a launch: the instance runs, or never will.
    pub(crate) async fn remove_template(
        &self,
        farm: &FarmTag,
        token: &LaunchToken,
    ) -> Result<(), ProviderError> {
        for id in self.templates(farm, Some(token)).await? {
            self.delete_template(&id).await?;
        }
        Ok(())
    }

    /// Removes templates that were left. Gives their ids.
    pub(crate) async fn remove_templates(
        &self,
        farm: &FarmTag,
    ) -> Result<Vec<String>, ProviderError> {
        let all = self.templates(farm, None).await?;
        for id in &all {
            self.delete_template(id).await?;
        }
        Ok(all)
    }

    async fn delete_template(&self, id: &str) -> Result<(), ProviderError> {
        let gone = self.ec2.delete_launch_template().launch_template_id(id).send().await;
        gone.map_err(|e| failed("removing a launch template", e))?;
        Ok(())
    }
}

fn just_launched(id: InstanceId, request: &LaunchRequest) -> Instance {
    let what = Choice { instance_type: String::new(), zone: None, spot: false };
    Instance {
        id,
        token: request.token.clone(),
        state: InstanceState::Pending,
        address: None,
        pid: None,
        what: request.choices.first().cloned().unwrap_or(what),
        launched_unix_secs: None,
    }
}

/// Every choice in every zone where it may be.
fn overrides(choices: &[Choice], subnets: &[Subnet]) -> Vec<FleetLaunchTemplateOverridesRequest> {
    let place = |choice: &Choice, subnet: &Subnet| {
        let fits = choice.zone.is_none() || choice.zone.as_deref() == subnet.availability_zone();
        fits.then(|| {
            FleetLaunchTemplateOverridesRequest::builder()
                .instance_type(InstanceType::from(choice.instance_type.as_str()))
                .set_subnet_id(subnet.subnet_id().map(str::to_owned))
                .build()
        })
    };
    let places = choices.iter().flat_map(|c| subnets.iter().filter_map(move |s| place(c, s)));
    places.collect()
}

/// The instance of a fleet, or why there is none.
fn launched(made: &CreateFleetOutput) -> Result<InstanceId, ProviderError> {
    let ids =
        made.instances().iter().flat_map(aws_sdk_ec2::types::CreateFleetInstance::instance_ids);
    if let Some(id) = ids.into_iter().next() {
        return Ok(InstanceId(id.clone()));
    }
    let mut errors: Vec<ProviderError> = made
        .errors()
        .iter()
        .map(|error| {
            let (code, message) = (error.error_code(), error.error_message());
            of_code("launching", code.unwrap_or_default(), message.unwrap_or_default())
        })
        .collect();
    // One type may be out of capacity and another out of quota: what a person can act on first.
    errors.sort_by_key(ProviderError::is_transient);
    let none = || ProviderError::NoCapacity { tried: "the fleet is empty".to_owned() };
    Err(errors.into_iter().next().unwrap_or_else(none))
}

/// The same for the same launch from the same template, within Amazon's 64 characters.
fn client_token(request: &LaunchRequest, template: &str, class: &str) -> String {
    let text = format!("{}/{}/{template}/{class}", request.farm, request.token);
    hex::encode(Sha256::digest(text.as_bytes())).chars().take(32).collect()
}

//! The provider: its clients, and the trait on top of the other files.

use crate::error::failed;
use crate::settings::{SETTINGS, Wanted};
use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::types::{Filter, Tag};
use base64::Engine as _;
use blendnet_cloud::{
    Check, FarmTag, Instance, InstanceId, LaunchRequest, LaunchToken, Offer, Provider,
    ProviderError, Setting, Settings,
};
use std::collections::BTreeSet;
use std::sync::Mutex;
use tokio::sync::OnceCell;

/// Tag with the farm's name, on everything that is made for it.
pub const FARM_TAG: &str = "blendnet-farm";
/// Tag with the launch token, on instances and what only they need.
pub const TOKEN_TAG: &str = "blendnet-launch";

/// Instances in one answer.
const PAGE: i32 = 200;

/// Amazon Web Services in one region.
#[derive(Debug)]
pub struct AwsProvider {
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) quotas: aws_sdk_servicequotas::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    pub(crate) wanted: Wanted,
    pub(crate) page_size: i32,
    account: OnceCell<String>,
    /// Buckets that are as they should be.
    pub(crate) ready: Mutex<BTreeSet<String>>,
}

impl AwsProvider {
    /// Finds the credentials, unless they come from a service: then with the first request.
    /// `AWS_ENDPOINT_URL`, as for Amazon's own tools, leads to a service that speaks like theirs.
    pub async fn open(settings: &Settings) -> Result<Self, ProviderError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = settings.text("profile") {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = settings.text("region") {
            loader = loader.region(Region::new(region.to_owned()));
        }
        Self::new(&loader.load().await, settings)
    }

    /// With what is known of credentials and region. No request is made.
    pub fn new(config: &SdkConfig, settings: &Settings) -> Result<Self, ProviderError> {
        let Some(region) = config.region().map(ToString::to_string) else {
            return Err(ProviderError::Setting {
                name: "region".to_owned(),
                reason: "name one, such as eu-central-1; the profile names none".to_owned(),
            });
        };
        // Services that are not Amazon's have no names for buckets.
        let s3 = aws_sdk_s3::config::Builder::from(config)
            .force_path_style(config.endpoint_url().is_some())
            .build();
        Ok(Self {
            ec2: aws_sdk_ec2::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            quotas: aws_sdk_servicequotas::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
            wanted: Wanted::new(settings, region)?,
            page_size: PAGE,
            account: OnceCell::new(),
            ready: Mutex::default(),
        })
    }

    /// With so many instances in an answer at most; Amazon takes 5 to 1,000.
    #[must_use]
    pub fn with_page_size(mut self, instances: i32) -> Self {
        self.page_size = instances;
        self
    }

    /// The account's number.
    pub(crate) async fn account(&self) -> Result<&str, ProviderError> {
        let ask = || async {
            let who = self.sts.get_caller_identity().send().await;
            let who = who.map_err(|e| failed("asking who we are", e))?;
            Ok(who.account().unwrap_or_default().to_owned())
        };
        self.account.get_or_try_init(ask).await.map(String::as_str)
    }
}

/// A filter for one value.
pub(crate) fn named(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

pub(crate) fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

#[async_trait]
impl Provider for AwsProvider {
    fn name(&self) -> &'static str {
        "aws"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    async fn check(&self) -> Vec<Check> {
        self.all_checks().await
    }

    async fn offers(&self) -> Result<Vec<Offer>, ProviderError> {
        self.spot_offers().await
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<Instance, ProviderError> {
        self.launch_one(request).await
    }

    async fn list(&self, farm: &FarmTag) -> Result<Vec<Instance>, ProviderError> {
        self.alive(farm, None).await
    }

    async fn describe(&self, id: &InstanceId) -> Result<Instance, ProviderError> {
        self.one(id).await
    }

    async fn console(&self, id: &InstanceId) -> Result<String, ProviderError> {
        let output = self.ec2.get_console_output().instance_id(&id.0).send().await;
        let output = output.map_err(|e| failed("reading the console", e))?;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(output.output().unwrap_or_default())
            .unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn terminate(&self, id: &InstanceId) -> Result<(), ProviderError> {
        let ended = self.ec2.terminate_instances().instance_ids(&id.0).send().await;
        match ended.map_err(|e| failed("ending an instance", e)) {
            Ok(_) | Err(ProviderError::Unknown { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn arrived(&self, farm: &FarmTag, token: &LaunchToken) -> Result<(), ProviderError> {
        self.remove_template(farm, token).await?;
        self.forget(farm, token).await
    }

    async fn destroy(&self, farm: &FarmTag) -> Result<Vec<String>, ProviderError> {
        let mut removed = self.remove_templates(farm).await?;
        removed.extend(self.remove_group(farm).await?);
        removed.extend(self.remove_bucket(farm).await?);
        Ok(removed)
    }
}

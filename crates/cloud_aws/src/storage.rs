//! The farm's bucket: the agent's program by its content, and for each agent the files of its
//! folder, which go as soon as it has them. What is forgotten expires after a week.

use crate::error::failed;
use crate::provider::AwsProvider;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketLocationConstraint, CreateBucketConfiguration,
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
    PublicAccessBlockConfiguration,
};
use blendnet_cloud::startup::Fetched;
use blendnet_cloud::{AgentProgram, FarmTag, LaunchToken, ProviderError};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

/// How long an instance may take to fetch what it starts with.
const URL_LIFE: Duration = Duration::from_mins(30);
/// Days after which what is in the bucket goes by itself.
const KEPT_DAYS: i32 = 7;
/// What an agent's folder needs.
const AGENT_FILES: [&str; 4] = ["ca.pem", "server.pem", "server.key", "password"];

impl AwsProvider {
    /// The bucket's name: the account is in it, because the name is everybody's.
    pub(crate) async fn bucket(&self, farm: &FarmTag) -> Result<String, ProviderError> {
        Ok(format!("blendnet-{farm}-{}", self.account().await?))
    }

    /// Makes the bucket unless it is there: private, and what is in it expires.
    async fn make_bucket(&self, bucket: &str) -> Result<(), ProviderError> {
        let ready = || self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready().contains(bucket) {
            return Ok(());
        }
        if self.s3.head_bucket().bucket(bucket).send().await.is_err() {
            self.create_bucket(bucket).await?;
        }
        // Whoever made it may have died before this.
        self.close_bucket(bucket).await?;
        ready().insert(bucket.to_owned());
        Ok(())
    }

    async fn create_bucket(&self, bucket: &str) -> Result<(), ProviderError> {
        let mut create = self.s3.create_bucket().bucket(bucket);
        // The oldest region has no name here.
        if self.wanted.region != "us-east-1" {
            let region = BucketLocationConstraint::from(self.wanted.region.as_str());
            let place = CreateBucketConfiguration::builder().location_constraint(region).build();
            create = create.create_bucket_configuration(place);
        }
        if let Err(error) = create.send().await {
            let ours = error
                .as_service_error()
                .is_some_and(aws_sdk_s3::operation::create_bucket::CreateBucketError::is_bucket_already_owned_by_you);
            if !ours {
                return Err(failed("making the farm's bucket", error));
            }
        }
        Ok(())
    }

    async fn close_bucket(&self, bucket: &str) -> Result<(), ProviderError> {
        let closed = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .block_public_policy(true)
            .ignore_public_acls(true)
            .restrict_public_buckets(true)
            .build();
        let close = self.s3.put_public_access_block().bucket(bucket);
        let closing = close.public_access_block_configuration(closed).send().await;
        closing.map_err(|e| failed("closing the bucket to the public", e))?;
        let rule = LifecycleRule::builder()
            .id("blendnet")
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix("").build())
            .expiration(LifecycleExpiration::builder().days(KEPT_DAYS).build())
            .build()
            .map_err(|e| internal("the rule for expiry", &e))?;
        let rules = BucketLifecycleConfiguration::builder()
            .rules(rule)
            .build()
            .map_err(|e| internal("the rules for expiry", &e))?;
        let expire = self.s3.put_bucket_lifecycle_configuration().bucket(bucket);
        let expiring = expire.lifecycle_configuration(rules).send().await;
        expiring.map_err(|e| failed("letting the bucket's contents expire", e))?;
        Ok(())
    }

    /// Uploads what an agent starts with. Gives addresses that are good for half an hour.
    pub(crate) async fn upload(
        &self,
        farm: &FarmTag,
        token: &LaunchToken,
        agent: &AgentProgram,
    ) -> Result<Vec<Fetched>, ProviderError> {
        let bucket = self.bucket(farm).await?;
        self.make_bucket(&bucket).await?;
        let program = read(&agent.program).await?;
        let sha256 = hex::encode(Sha256::digest(&program));
        let key = format!("programs/{sha256}");
        if self.s3.head_object().bucket(&bucket).key(&key).send().await.is_err() {
            self.put(&bucket, &key, program).await?;
        }
        let url = self.presign(&bucket, &key).await?;
        let mut files = vec![Fetched { name: "blendnet-agent".to_owned(), url, sha256 }];
        for name in AGENT_FILES {
            let bytes = read(&agent.dir.join(name)).await?;
            let sha256 = hex::encode(Sha256::digest(&bytes));
            let key = format!("agents/{token}/{name}");
            self.put(&bucket, &key, bytes).await?;
            let url = self.presign(&bucket, &key).await?;
            files.push(Fetched { name: name.to_owned(), url, sha256 });
        }
        Ok(files)
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), ProviderError> {
        let put = self.s3.put_object().bucket(bucket).key(key);
        let put = put.body(ByteStream::from(bytes)).send().await;
        put.map_err(|e| failed("uploading what an agent starts with", e))?;
        Ok(())
    }

    async fn presign(&self, bucket: &str, key: &str) -> Result<String, ProviderError> {
        let life = PresigningConfig::expires_in(URL_LIFE)
            .map_err(|e| internal("the life of an address", &e))?;
        let get = self.s3.get_object().bucket(bucket).key(key).presigned(life).await;
        Ok(get.map_err(|e| failed("signing an address", e))?.uri().to_owned())
    }

    /// Removes an agent's files: it has them, or never will.
    pub(crate) async fn forget(
        &self,
        farm: &FarmTag,
        token: &LaunchToken,
    ) -> Result<(), ProviderError> {
        let bucket = self.bucket(farm).await?;
        for name in AGENT_FILES {
            let key = format!("agents/{token}/{name}");
            let gone = self.s3.delete_object().bucket(&bucket).key(key).send().await;
            gone.map_err(|e| failed("removing an agent's files", e))?;
        }
        Ok(())
    }

    /// Removes the bucket with all that is in it. Gives its name, if there was one.
    pub(crate) async fn remove_bucket(
        &self,
        farm: &FarmTag,
    ) -> Result<Option<String>, ProviderError> {
        let bucket = self.bucket(farm).await?;
        if self.s3.head_bucket().bucket(&bucket).send().await.is_err() {
            return Ok(None);
        }
        loop {
            // What was listed is deleted, so the next list begins with the rest.
            let list = self.s3.list_objects_v2().bucket(&bucket).send().await;
            let list = list.map_err(|e| failed("listing the bucket", e))?;
            if list.contents().is_empty() {
                break;
            }
            for key in list.contents().iter().filter_map(|object| object.key()) {
                let gone = self.s3.delete_object().bucket(&bucket).key(key).send().await;
                gone.map_err(|e| failed("emptying the bucket", e))?;
            }
        }
        let gone = self.s3.delete_bucket().bucket(&bucket).send().await;
        gone.map_err(|e| failed("removing the bucket", e))?;
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).remove(&bucket);
        Ok(Some(bucket))
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, ProviderError> {
    fs_err::tokio::read(path).await.map_err(|error| ProviderError::Failed {
        doing: "reading what an agent starts with".to_owned(),
        reason: error.to_string(),
    })
}

/// Something that can't be, unless there is a mistake here.
pub(crate) fn internal(doing: &str, error: &dyn std::fmt::Display) -> ProviderError {
    ProviderError::Failed { doing: doing.to_owned(), reason: error.to_string() }
}

//! Whether a launch would work: each thing that can be in the way, with what to do about it.

use crate::error::failed;
use crate::provider::AwsProvider;
use aws_sdk_ec2::error::ProvideErrorMetadata as _;
use aws_sdk_servicequotas::types::ServiceQuota;
use blendnet_cloud::{Check, ProviderError};

/// Service Quotas' name for vCPUs of standard spot instances, and of on-demand ones.
const VCPU_QUOTAS: [(&str, &str, bool); 2] =
    [("L-34B43A08", "spot vCPUs", true), ("L-1216C47A", "on-demand vCPUs", false)];

impl AwsProvider {
    pub(crate) async fn all_checks(&self) -> Vec<Check> {
        let who = self.sts.get_caller_identity().send().await;
        let who = match who.map_err(|e| failed("asking who we are", e)) {
            Ok(who) => Check::passed("credentials", who.arn().unwrap_or("accepted").to_owned()),
            Err(error) => {
                let remedy = "set AWS_PROFILE or the setting `profile`, log in again (SSO), or \
                              renew the access key";
                return vec![Check::failed("credentials", error.to_string(), remedy)];
            }
        };
        let (network, image) = tokio::join!(self.subnets(), self.image());
        let mut checks = vec![who, self.check_network(network.as_ref().map(Vec::len))];
        let set = "set `image` to an AMI of Debian 12";
        checks.push(match &image {
            Ok(image) => Check::passed("image", image.clone()),
            Err(error) => Check::failed("image", error.to_string(), set),
        });
        if let (Ok(image), Ok(subnets)) = (image, network) {
            let subnet = subnets.first().and_then(|s| s.subnet_id()).unwrap_or_default();
            checks.push(self.check_permission(&image, subnet).await);
        }
        for (code, name, spot) in VCPU_QUOTAS {
            if (spot && self.wanted.spot) || (!spot && self.wanted.on_demand) {
                checks.push(self.check_quota(code, name).await);
            }
        }
        checks
    }

    fn check_network(&self, zones: Result<usize, &ProviderError>) -> Check {
        match zones {
            Err(error) => Check::failed("network", error.to_string(), "make a default VPC"),
            Ok(_) if self.wanted.manager_cidr.is_none() => Check::failed(
                "network",
                "nothing says from where the manager reaches its agents",
                "set `manager-cidr`, such as 203.0.113.7/32",
            ),
            Ok(zones) => {
                Check::passed("network", format!("{zones} zones in {}", self.wanted.region))
            }
        }
    }

    /// Asks Amazon whether an instance could be started, without starting one.
    async fn check_permission(&self, image: &str, subnet: &str) -> Check {
        let first = self.wanted.types.first().map_or("", String::as_str);
        let dry = self
            .ec2
            .run_instances()
            .dry_run(true)
            .image_id(image)
            .subnet_id(subnet)
            .instance_type(first.into())
            .min_count(1)
            .max_count(1)
            .send()
            .await;
        let Err(error) = dry else {
            return Check::warned(
                "permissions",
                "a dry run was not taken as one",
                "the service is not Amazon's",
            );
        };
        if error.code() == Some("DryRunOperation") {
            return Check::passed("permissions", "instances may be started");
        }
        let error = failed("starting an instance", error).to_string();
        let remedy = "give the user the rights of docs/aws-policy.json";
        Check::failed("permissions", error, remedy)
    }

    async fn check_quota(&self, code: &str, name: &str) -> Check {
        let region = &self.wanted.region;
        let asked = self.quotas.get_service_quota().service_code("ec2").quota_code(code);
        let remedy = format!(
            "ask for more: https://{region}.console.aws.amazon.com/servicequotas/home/services/ec2/\
             quotas/{code}"
        );
        match asked.send().await.map_err(|e| failed("asking for quotas", e)) {
            Ok(answer) => match answer.quota().and_then(ServiceQuota::value) {
                Some(limit) if limit < 1.0 => Check::failed(
                    "quota",
                    format!("your limit for {name} in {region} is {limit}"),
                    remedy,
                ),
                Some(limit) => Check::passed("quota", format!("{limit} {name} in {region}")),
                None => Check::warned("quota", format!("no limit for {name} is known"), remedy),
            },
            Err(error) => Check::warned("quota", error.to_string(), remedy),
        }
    }
}

//! The whole life of a farm at Amazon, through Amazon's SDK, against moto.
#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use async_trait::async_trait;
use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region};
use blendnet_cloud::conformance::{self, Fault, Outcome, Subject};
use blendnet_cloud::{
    AgentProgram, Choice, FarmTag, InstanceState, LaunchRequest, LaunchToken, Provider, Settings,
    Verdict,
};
use blendnet_cloud_aws::{AwsProvider, FARM_TAG, SETTINGS};
use blendnet_tests::{Moto, Wrong};
use std::path::Path;
use std::sync::Arc;

/// One of moto's images.
const IMAGE: &str = "ami-12c6146b";
const SECRETS: [&str; 2] = ["the-key-of-the-agent", "the-password-of-the-agent"];

struct Amazon {
    moto: Arc<Moto>,
    dir: tempfile::TempDir,
}

async fn amazon() -> Option<Amazon> {
    let moto = Moto::start().await?;
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("blendnet-agent", "the program"),
        ("ca.pem", "the authority"),
        ("server.pem", "the certificate"),
        ("server.key", SECRETS[0]),
        ("password", SECRETS[1]),
    ] {
        fs_err::write(dir.path().join(name), text).unwrap();
    }
    Some(Amazon { moto, dir })
}

fn config(url: &str) -> aws_config::SdkConfig {
    let key = Credentials::new("AKIATEST", "secret-of-the-account", None, None, "test");
    aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(aws_sdk_ec2::config::SharedCredentialsProvider::new(key))
        .endpoint_url(url)
        .build()
}

fn request(dir: &Path, farm: &FarmTag, token: &LaunchToken) -> LaunchRequest {
    let choice = |spot| Choice { instance_type: "c5.large".to_owned(), zone: None, spot };
    LaunchRequest {
        token: token.clone(),
        farm: farm.clone(),
        choices: vec![choice(true), choice(false)],
        agent: AgentProgram {
            program: dir.join("blendnet-agent"),
            dir: dir.to_owned(),
            threads: 0,
            blenders: vec![],
        },
    }
}

fn s3(amazon: &Amazon) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&config(&amazon.moto.url));
    aws_sdk_s3::Client::from_conf(config.force_path_style(true).build())
}

impl Amazon {
    fn provider(&self) -> AwsProvider {
        let image = format!("image={IMAGE}");
        let pairs = [
            image.as_str(),
            "manager-cidr=203.0.113.7/32",
            "types=c5.large,m5.large",
            "private-addresses=yes",
        ];
        let settings = Settings::parse(SETTINGS, pairs).unwrap();
        let provider = AwsProvider::new(&config(&self.moto.url), &settings).unwrap();
        provider.with_page_size(5)
    }
}

#[async_trait]
impl Subject for Amazon {
    async fn caller(&self) -> Arc<dyn Provider> {
        Arc::new(self.provider())
    }

    fn request(&self, farm: &FarmTag, token: &LaunchToken) -> LaunchRequest {
        request(self.dir.path(), farm, token)
    }

    async fn inject(&self, fault: Fault) -> bool {
        match fault {
            Fault::Throttle => self.moto.set(|wrong| wrong.throttled = 2),
            Fault::FirstChoiceTaken => self.moto.set(|wrong| wrong.taken = 1),
            Fault::AllTaken => self.moto.set(|wrong| wrong.taken = 2),
            Fault::ListsLate => self.moto.set(|wrong| wrong.late = 5),
            Fault::CredentialsExpired => self.moto.set(|wrong| wrong.expired = true),
            Fault::SmallPages => {}
            Fault::ClockSkew => return false,
        }
        true
    }

    async fn mend(&self) {
        self.moto.set(|wrong| *wrong = Wrong::default());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn amazon_conforms() {
    let Some(amazon) = amazon().await else { return };
    let outcomes = conformance::run(&amazon).await.unwrap();
    let skipped: Vec<&str> =
        outcomes.iter().filter(|(_, o)| *o == Outcome::Skipped).map(|(name, _)| *name).collect();
    assert_eq!(skipped, ["clock skew"], "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_farm_leaves_nothing_with_its_tag() {
    let Some(amazon) = amazon().await else { return };
    let (provider, farm) = (amazon.provider(), FarmTag("whole-life".to_owned()));
    let token = LaunchToken("agent-1".to_owned());
    let made = provider.launch(&amazon.request(&farm, &token)).await.unwrap();
    assert!(made.what.spot && made.address.is_some(), "{made:?}");
    let ec2 = aws_sdk_ec2::Client::new(&config(&amazon.moto.url));
    let group = ec2.describe_security_groups().group_names("blendnet-whole-life");
    let group = group.send().await.unwrap();
    let rules = group.security_groups()[0].ip_permissions();
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert_eq!(rules[0].ip_ranges()[0].cidr_ip(), Some("203.0.113.7/32"));
    provider.arrived(&farm, &token).await.unwrap();
    provider.terminate(&made.id).await.unwrap();
    let removed = provider.destroy(&farm).await.unwrap();
    assert_eq!(removed.len(), 2, "the group and the bucket: {removed:?}");
    // Amazon is asked for each kind of thing itself: moto's list of tags keeps those of what is gone.
    let ours = || aws_sdk_ec2::types::Filter::builder().name("tag-key").values(FARM_TAG).build();
    let groups = ec2.describe_security_groups().filters(ours()).send().await.unwrap();
    assert_eq!(groups.security_groups(), []);
    let templates = ec2.describe_launch_templates().filters(ours()).send().await.unwrap();
    assert_eq!(templates.launch_templates(), []);
    let volumes = ec2.describe_volumes().filters(ours()).send().await.unwrap();
    assert_eq!(volumes.volumes(), []);
    let buckets = s3(&amazon).list_buckets().send().await.unwrap();
    assert_eq!(buckets.buckets(), []);
    let left = ec2.describe_instances().filters(ours()).send().await.unwrap();
    let left: Vec<_> =
        left.reservations().iter().flat_map(aws_sdk_ec2::types::Reservation::instances).collect();
    let ended = |i: &&aws_sdk_ec2::types::Instance| {
        let name = i.state().and_then(|state| state.name());
        name == Some(&aws_sdk_ec2::types::InstanceStateName::Terminated)
    };
    assert!(left.len() == 1 && left.iter().all(ended), "{left:?}");
    let state = provider.describe(&made.id).await.unwrap().state;
    assert_eq!(state, InstanceState::Ended);
    assert!(provider.destroy(&farm).await.unwrap().is_empty(), "destroying twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn user_data_holds_no_secret_and_its_addresses_die_with_the_agents_arrival() {
    let Some(amazon) = amazon().await else { return };
    let (provider, farm) = (amazon.provider(), FarmTag("secrets".to_owned()));
    let token = LaunchToken("agent-1".to_owned());
    let made = provider.launch(&amazon.request(&farm, &token)).await.unwrap();
    let ec2 = aws_sdk_ec2::Client::new(&config(&amazon.moto.url));
    let template = ec2.describe_launch_template_versions().versions("$Latest");
    let template = template.launch_template_name("blendnet-secrets-agent-1").send().await.unwrap();
    let data = template.launch_template_versions()[0].launch_template_data().unwrap();
    let metadata = data.metadata_options().unwrap();
    assert_eq!(metadata.http_tokens().unwrap().as_str(), "required");
    let script = {
        use base64::Engine as _;
        let data = data.user_data().unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert!(script.len() < 16 * 1024, "{} bytes", script.len());
    let account = "secret-of-the-account";
    for secret in SECRETS.iter().chain([&account]) {
        assert!(!script.contains(secret), "{secret}");
    }
    let s3 = s3(&amazon);
    let key =
        || s3.get_object().bucket("blendnet-secrets-123456789012").key("agents/agent-1/password");
    assert!(key().send().await.is_ok());
    provider.arrived(&farm, &token).await.unwrap();
    assert!(key().send().await.is_err());
    provider.terminate(&made.id).await.unwrap();
    provider.destroy(&farm).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_say_what_is_in_the_way_and_what_to_do() {
    let Some(amazon) = amazon().await else { return };
    let good = amazon.provider().check().await;
    let verdict = |name: &str| good.iter().find(|c| c.name == name).map(|c| c.verdict);
    for name in ["credentials", "network", "image", "permissions"] {
        assert_eq!(verdict(name), Some(Verdict::Passed), "{name}: {good:?}");
    }
    // moto knows no quotas of EC2.
    assert_eq!(verdict("quota"), Some(Verdict::Warned), "{good:?}");
    amazon.moto.set(|wrong| wrong.expired = true);
    let bad = amazon.provider().check().await;
    assert_eq!(bad.len(), 1);
    assert_eq!((bad[0].name, bad[0].verdict), ("credentials", Verdict::Failed));
    assert!(bad[0].remedy.as_ref().unwrap().contains("AWS_PROFILE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_have_a_price_and_its_date() {
    let Some(amazon) = amazon().await else { return };
    let offers = amazon.provider().offers().await.unwrap();
    assert!(!offers.is_empty());
    for offer in offers {
        assert!(offer.vcpus >= 2 && offer.memory_mib > 0 && offer.usd_micros_per_hour > 0);
        assert_eq!((offer.architecture.as_str(), offer.what.spot), ("x86_64", true));
        assert!(offer.priced_unix_secs > 0);
    }
}

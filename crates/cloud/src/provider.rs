//! The trait that everybody who lends machines implements, and the words it is written in.

use crate::{Check, ProviderError, Setting};
use async_trait::async_trait;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How often an instance is asked whether it still runs, where nobody tells.
const END_POLL: Duration = Duration::from_secs(30);

/// A farm's name at a provider. Whatever is made for a farm carries it, so that a stray thing can be
/// found and ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct FarmTag(pub String);

/// Names one launch, and the agent that comes of it; chosen by us and stored before the call.
///
/// Launching twice with the same token gives the same instance: a manager that dies between the
/// call and its answer does not pay twice. Lower-case letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct LaunchToken(pub String);

/// The provider's own name for an instance, such as `i-0abc`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct InstanceId(pub String);

impl fmt::Display for FarmTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for LaunchToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that would do for an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The provider's name for the type, such as `c7a.8xlarge`, or a partition.
    pub instance_type: String,
    /// Where; `None` is wherever there is room.
    pub zone: Option<String>,
    /// Whether the provider may take it back.
    pub spot: bool,
}

/// The agent to run, as it lies on this computer.
#[derive(Clone, Debug)]
pub struct AgentProgram {
    /// The agent's executable.
    pub program: PathBuf,
    /// The agent's folder with its `ca.pem`, `server.pem`, `server.key` and `password`. The
    /// certificate holds the launch token as a name.
    pub dir: PathBuf,
    /// Threads that its Blender may use; 0 is all.
    pub threads: u32,
    /// Blenders to use besides those that it finds.
    pub blenders: Vec<PathBuf>,
}

/// One instance that is wanted.
#[derive(Clone, Debug)]
pub struct LaunchRequest {
    /// Which launch this is.
    pub token: LaunchToken,
    /// For which farm.
    pub farm: FarmTag,
    /// What would do, best first; all may be tried. Without any, the provider chooses.
    pub choices: Vec<Choice>,
    /// What to run on it.
    pub agent: AgentProgram,
}

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    /// Asked for, or booting.
    Pending,
    /// Running.
    Running,
    /// Ended, or on its way there; it costs nothing any more.
    Ended,
}

/// A machine that was launched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instance {
    /// Who it is.
    pub id: InstanceId,
    /// Which launch made it.
    pub token: LaunchToken,
    /// Where it is in its life.
    pub state: InstanceState,
    /// `host:port` of the agent, as soon as it is known.
    pub address: Option<String>,
    /// The agent's process, where it runs on this computer.
    pub pid: Option<u32>,
    /// What it is.
    pub what: Choice,
    /// When it was launched, in seconds since 1970.
    pub launched_unix_secs: Option<u64>,
}

/// A type of instance at a place, and its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// What it is.
    pub what: Choice,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// `x86_64` or `aarch64`.
    pub architecture: String,
    /// Its graphics card, if it has one.
    pub gpu: Option<String>,
    /// Price of an hour, in millionths of a US dollar.
    pub usd_micros_per_hour: u64,
    /// When this was the price, in seconds since 1970.
    pub priced_unix_secs: u64,
    /// The shortest time that is billed, in seconds.
    pub min_billed_secs: u32,
}

/// Somebody who lends machines.
#[async_trait]
pub trait Provider: Send + Sync + fmt::Debug {
    /// Short name for logs and settings, such as `aws`.
    fn name(&self) -> &'static str;

    /// About how long an agent takes from its launch to its first answer.
    fn boot(&self) -> Duration {
        Duration::from_mins(1)
    }

    /// What it wants to be told.
    fn settings(&self) -> &'static [Setting];

    /// Whether a launch would work: all checks, each with its result and remedy.
    async fn check(&self) -> Vec<Check>;

    /// What can be launched, and at which price. Cheapest for each vCPU first.
    async fn offers(&self) -> Result<Vec<Offer>, ProviderError>;

    /// Launches one instance, or gives the one that was launched with this token before.
    async fn launch(&self, request: &LaunchRequest) -> Result<Instance, ProviderError>;

    /// All instances of a farm that are not ended, whoever launched them. One that was launched a
    /// moment ago may be missing.
    async fn list(&self, farm: &FarmTag) -> Result<Vec<Instance>, ProviderError>;

    /// One instance as it is now; [`ProviderError::Unknown`] when the provider has forgotten it.
    async fn describe(&self, id: &InstanceId) -> Result<Instance, ProviderError>;

    /// What the instance wrote to its console, or its log.
    async fn console(&self, id: &InstanceId) -> Result<String, ProviderError>;

    /// Ends an instance. Ending one that is gone is a success.
    async fn terminate(&self, id: &InstanceId) -> Result<(), ProviderError>;

    /// Told as soon as the manager speaks with the agent: what only its start needed can go.
    async fn arrived(&self, farm: &FarmTag, token: &LaunchToken) -> Result<(), ProviderError> {
        let (_farm, _token) = (farm, token);
        Ok(())
    }

    /// Removes everything of a farm but its instances: storage, firewall rules, templates. Says what
    /// was removed. Call it when [`Self::list`] is empty.
    async fn destroy(&self, farm: &FarmTag) -> Result<Vec<String>, ProviderError> {
        let _farm = farm;
        Ok(vec![])
    }

    /// Waits until an instance has ended by itself; says how.
    async fn ended(&self, id: &InstanceId) -> String {
        loop {
            tokio::time::sleep(END_POLL).await;
            match self.describe(id).await {
                Ok(instance) if instance.state == InstanceState::Ended => {
                    return "the provider ended it".to_owned();
                }
                Err(ProviderError::Unknown { .. }) => return "it is gone".to_owned(),
                Ok(_) => {}
                Err(error) => tracing::debug!(%id, %error, "it is not known whether it runs"),
            }
        }
    }
}

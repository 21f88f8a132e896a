//! Command line of the manager.

use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Plans and merges renders, and gives the work to agents.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "blendnet-manager",
    version,
    about,
    after_help = "`blendnet-manager providers` lists who lends machines, `blendnet-manager check` tries one out."
)]
pub struct Config {
    /// Folder of the farm: certificates, password, blobs, jobs.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Further names or addresses under which clients reach this server.
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
    /// Agents to launch while there is work.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub agents: u32,
    /// Where agents are launched.
    #[command(flatten)]
    pub lender: Lender,
    /// Threads of each launched agent; 0 is all.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub threads_per_agent: u32,
    /// The agent program; by default the one beside this program.
    #[arg(long, value_name = "PATH")]
    pub agent_program: Option<PathBuf>,
    /// Blender, or a Python with the bpy module, for launched agents.
    #[arg(long = "blender", value_name = "PATH")]
    pub blenders: Vec<PathBuf>,
    /// Folder of Blenders that agents are sent if they lack them: `blendnet blender install` puts them there.
    #[arg(long, value_name = "DIR")]
    pub shelf: Option<PathBuf>,
    /// End when standard input is closed.
    #[arg(long)]
    pub exit_with_parent: bool,
    /// End a launched agent that had no work for this long.
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    pub agent_idle_secs: u64,
    /// Agents that are launched on this computer end when a killed manager was not started again
    /// within this time.
    #[arg(long, default_value_t = 60, value_name = "SECONDS",
          env = "BLENDNET_MANAGER_TIMEOUT_SECS", value_parser = clap::value_parser!(u64).range(1..))]
    pub manager_timeout_secs: u64,
    /// Agents hand in what they have rendered about this often, so that no more is lost with one;
    /// otherwise as often as costs least, by how long agents live.
    #[arg(long, value_name = "SECONDS", env = "BLENDNET_SAVE_SECS")]
    pub save_secs: Option<f64>,
    /// End the manager when it had no work for this long.
    #[arg(long, default_value_t = 1800, value_name = "SECONDS")]
    pub idle_secs: u64,
    /// Largest file that it accepts.
    #[arg(long, default_value_t = 64 << 30, value_name = "BYTES")]
    pub max_blob_bytes: u64,
}

/// Who lends machines.
#[derive(Clone, Debug, clap::Args)]
pub struct Lender {
    /// Who lends the machines of launched agents: `local` is this computer.
    #[arg(long, default_value = "local", value_name = "NAME")]
    pub provider: String,
    /// A setting of the provider; may be given several times.
    #[arg(long = "provider-set", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// What an hour of a launched agent costs, in US dollars: electricity, or what a cluster bills.
    /// Jobs can have a budget then.
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub usd_per_hour: Option<f64>,
}

fn usd(text: &str) -> Result<f64, String> {
    let usd: f64 = text.parse().map_err(|_not| format!("`{text}` is no number"))?;
    if (0.0..=10_000.0).contains(&usd) { Ok(usd) } else { Err("it is from 0 to 10000".to_owned()) }
}

impl Config {
    /// What the farm may do.
    pub fn limits(&self) -> blendnet_scheduler::Limits {
        blendnet_scheduler::Limits {
            launched_agents: self.agents,
            agent_idle: Duration::from_secs(self.agent_idle_secs),
            idle: Duration::from_secs(self.idle_secs),
            saving: blendnet_scheduler::SavingLimits::default(),
        }
    }
}

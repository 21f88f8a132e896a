//! Options of the farm, shared by the commands that may start one.

use std::path::PathBuf;

use clap::Args;

use crate::workflow::data_dir::DataDir;
use crate::workflow::event::Events;
use crate::workflow::farm::Farm;
use crate::workflow::launch::{StartOptions, named_blender, processor_count};
use crate::workflow::problem::Problem;

/// Most agents on one machine.
const MAX_AGENTS: i64 = 256;

/// How to start a farm on this machine.
#[derive(Args, Clone, Debug)]
pub(super) struct FarmArgs {
    /// Agents to launch [default: 2, or 1 on a single processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_AGENTS))]
    agents: Option<u32>,
    /// Threads of each agent [default: the processors, shared evenly]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads_per_agent: Option<u32>,
    /// A Blender, or a Python with the bpy module; may be given several times
    #[arg(long = "blender", value_name = "PATH")]
    blenders: Vec<PathBuf>,
    /// Who lends the agents' machines, such as `slurm` [default: this machine]
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// A setting of the provider, such as `partition=night`; may be given several times
    #[arg(long = "provider-set", value_name = "NAME=VALUE", requires = "provider")]
    provider_settings: Vec<String>,
    /// What an hour of an agent costs, in US dollars: electricity, or what a cluster bills. Renders
    /// can have a budget then
    #[arg(long, value_name = "USD", value_parser = crate::limits::usd_micros)]
    usd_per_hour: Option<u64>,
}

impl FarmArgs {
    /// As the workflow wants them; Blenders are checked to be there.
    pub(super) fn start_options(&self) -> Result<StartOptions, Problem> {
        let blenders =
            self.blenders.iter().map(|path| named_blender(path)).collect::<Result<_, _>>()?;
        Ok(StartOptions {
            agents: self.agents.unwrap_or_else(|| processor_count().min(2)),
            threads_per_agent: self.threads_per_agent,
            blenders,
            idle: None,
            provider: self.provider.clone(),
            provider_settings: self.provider_settings.clone(),
            usd_micros_per_hour: self.usd_per_hour,
        })
    }

    /// Agents, if said.
    pub(super) fn agents(&self) -> Option<u32> {
        self.agents
    }

    /// Says when a farm runs already, so that options of its start change nothing.
    pub(super) async fn warn_if_ignored(&self, data: &DataDir, events: &Events) {
        let given = [
            (self.threads_per_agent.is_some(), "--threads-per-agent"),
            (!self.blenders.is_empty(), "--blender"),
            (self.provider.is_some(), "--provider"),
            (self.usd_per_hour.is_some(), "--usd-per-hour"),
        ];
        let given: Vec<&str> = given.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
        if given.is_empty() || !matches!(Farm::join(data).await, Ok(Some(_))) {
            return;
        }
        let given = given.join(" and ");
        events
            .warn(format!(
                "a farm runs already, so {given} changes nothing; `blendnet farm stop` ends it"
            ))
            .await;
    }
}

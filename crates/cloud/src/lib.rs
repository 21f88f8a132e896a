//! Machines to render on: one trait for all who lend them, this computer, and Slurm clusters.
//!
//! Adding a provider is one crate or folder with a [`Provider`] in it, and one test that runs
//! `conformance::run` (feature `conformance`).

mod check;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod local;
mod local_provider;
mod process;
mod provider;
mod setting;
mod slurm;
pub mod startup;

pub use check::{Check, Verdict};
pub use error::ProviderError;
pub use local::{LaunchError, LocalInstance, LocalLaunch};
pub use local_provider::LocalProvider;
pub use provider::{
    AgentProgram, Choice, FarmTag, Instance, InstanceId, InstanceState, LaunchRequest, LaunchToken,
    Offer, Provider,
};
pub use setting::{Setting, SettingKind, Settings};
pub use slurm::SlurmProvider;

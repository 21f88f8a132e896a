//! The server of a farm: plans frames and sample ranges, gives them to agents, merges what
//! comes back.
//!
//! One owner ([`farm`]) holds the state and lets the scheduler decide; [`reconcile`] has a task
//! for each agent and the merging; [`server`] is the HTTP edge. A manager needs no Blender:
//! looking into scenes, denoising and composing are work of agents.

pub mod asked;
pub mod config;
mod crash;
pub mod farm;
pub mod providers;
pub mod reconcile;
pub mod room;
mod run;
pub mod server;
mod shelf;
pub mod store;
pub mod tasks;

pub use run::run;

use blendnet_protocol::{SceneId, SceneSpec};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;

/// Eight random hexadecimal digits.
pub(crate) fn random_name() -> String {
    let mut bytes = [0; 4];
    if getrandom::fill(&mut bytes).is_err() {
        bytes = std::process::id().to_le_bytes();
    }
    format!("{:08x}", u32::from_le_bytes(bytes))
}

/// A scene's name: the hash of its JSON.
pub(crate) fn scene_id(spec: &SceneSpec) -> Result<SceneId, serde_json::Error> {
    let json = serde_json::to_vec(spec)?;
    SceneId::new(hex::encode(Sha256::digest(&json))).map_err(serde::de::Error::custom)
}

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The agent program: as configured, or the one beside our own.
pub(crate) fn agent_program(config: &config::Config) -> PathBuf {
    if let Some(path) = &config.agent_program {
        return path.clone();
    }
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("blendnet-agent"));
    beside.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("blendnet-agent"))
}

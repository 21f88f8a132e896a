//! What an agent says of itself.

use crate::{BlobId, SceneId, WorkStatus};
use serde::{Deserialize, Serialize};

/// A Blender that an agent can run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlenderBuild {
    /// Such as `3.4.1`.
    pub version: String,
    /// Executable, or the Python that has `bpy`.
    pub path: String,
    /// Whether `path` is a Python with the `bpy` module.
    pub is_module: bool,
}

/// The machine under an agent or manager.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// Load averages of 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Memory in MB by the names of `/proc/meminfo`: `MemTotal`, `MemFree`, `MemAvailable`.
    pub memory: std::collections::BTreeMap<String, f64>,
    /// Disk of the data folder in MB: `total`, `available`.
    pub disk: std::collections::BTreeMap<String, f64>,
}

/// A scene that an agent was told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SceneState {
    /// Which.
    pub id: SceneId,
    /// Blobs that the agent still lacks.
    pub missing: Vec<BlobId>,
}

/// An agent's state; waited for with `GET work?after={generation}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentReport {
    /// Grows with every change, so that nobody misses one.
    pub generation: u64,
    /// Version of the agent.
    pub version: String,
    /// Threads that Blender may use.
    pub threads: u32,
    /// How Blender is kept from the rest of the machine: `landlock`, or `none` with the reason.
    pub isolation: String,
    /// Blenders found, best first.
    pub blenders: Vec<BlenderBuild>,
    /// The machine.
    pub host: Host,
    /// Process id of the warm Blender, if one runs.
    pub blender_pid: Option<u32>,
    /// All work that was not deleted, oldest first.
    pub works: Vec<WorkStatus>,
}

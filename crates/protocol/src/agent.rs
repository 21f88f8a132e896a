//! What an agent says of itself.

use crate::{AgentId, BlobId, SceneId, WorkStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A Blender that an agent can run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlenderBuild {
    /// Such as `3.4.1`.
    pub version: String,
    /// Executable, or the Python that has `bpy`.
    pub path: String,
    /// Whether `path` is a Python with the `bpy` module.
    pub is_module: bool,
}

/// What a Blender made of patches whose colours are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Parity {
    /// Version of the Blender.
    pub version: String,
    /// As in [`BlenderBuild`].
    pub path: String,
    /// What Cycles rendered on, such as `CPU` or `OPTIX: NVIDIA RTX 4090`.
    pub device: String,
    /// On a tiny picture with one thread.
    pub pixel_samples_per_sec: u64,
    /// Why it may not render; `None`: it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit: Option<String>,
}

/// The machine under an agent or manager.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SceneState {
    /// Which.
    pub id: SceneId,
    /// Blobs that the agent still lacks.
    pub missing: Vec<BlobId>,
}

/// An agent's state; waited for with `GET work?after={generation}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
    /// Why it wants no work now, such as its working hours; what it has is to be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<String>,
    /// Seconds until its machine is taken away: it hands in what it has, and takes nothing new. `None`: it
    /// stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving_secs: Option<u64>,
    /// What its Blenders made of patches of known colours, as far as they were tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parity: Vec<Parity>,
    /// All work that was not deleted, oldest first.
    pub works: Vec<WorkStatus>,
}

/// A machine of the room, as the farm remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoomMachine {
    /// What the farm calls it.
    pub name: AgentId,
    /// Where it listens, such as `192.168.1.20:9443`.
    pub address: String,
}

/// How to pair with a machine of the room.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PairRequest {
    /// Host name or address, with or without a port.
    pub address: String,
    /// The code that the machine shows.
    pub code: String,
    /// What to call it; its own name unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<AgentId>,
}

/// Without the code, which is nobody's business.
impl std::fmt::Debug for PairRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("PairRequest");
        shown.field("address", &self.address).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether a machine of the room that the farm let go of knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unpaired {
    /// Why it could not be told.
    pub untold: Option<String>,
}

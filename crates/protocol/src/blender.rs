//! Blenders that a farm keeps for agents that lack them.

use crate::{BlenderBuild, BlobId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A Blender on the shelf of a farm: a tar archive, packed with Zstandard, of one folder with `blender`, or
/// `bin/python` for the `bpy` module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeptBlender {
    /// The archive.
    pub blob: BlobId,
    /// Its size.
    pub size_bytes: u64,
    /// Size of all files in it.
    pub unpacked_bytes: u64,
    /// Such as `4.5.15`.
    pub version: String,
    /// Whether it is a Python with the `bpy` module.
    pub is_module: bool,
    /// Where it runs, as [`platform`] says it there.
    pub platform: String,
}

/// Operating system and processor of this program, such as `linux-x86_64`.
pub fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// What an agent will open a scene with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlenderState {
    /// An archive that it lacks; to be sent, and then asked again.
    pub missing: Option<BlobId>,
    /// The Blender, as far as nothing is missing.
    pub build: Option<BlenderBuild>,
    /// Why it is not the one of the farm that would fit better.
    pub instead_because: Option<String>,
}

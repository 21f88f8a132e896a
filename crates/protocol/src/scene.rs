//! A scene and its files, as submitted.

use crate::{BlobId, FrameSet, PackPath};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A file of a scene.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Where it lies, in the layout of the artist's disk.
    pub path: PackPath,
    /// Its content.
    pub blob: BlobId,
    /// Its size.
    pub size_bytes: u64,
    /// The frames that need it; without them, all do, and so does opening the scene.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<FrameSet>,
}

impl ManifestFile {
    /// A file that every frame needs.
    pub fn new(path: PackPath, blob: BlobId, size_bytes: u64) -> Self {
        Self { path, blob, size_bytes, frames: None }
    }

    /// Whether it is needed for nothing but some frames, and this is one of them.
    pub fn is_only_for(&self, frame: i32) -> bool {
        self.frames.as_ref().is_some_and(|frames| frames.contains(frame))
    }
}

/// Folder among a scene's files that holds add-ons, each a module of Python.
pub const ADD_ONS: &str = ".blendnet/add-ons";

/// A .blend and all that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Path of the .blend among `files`.
    pub project: PackPath,
    /// All files, the .blend among them.
    pub files: Vec<ManifestFile>,
}

impl Manifest {
    /// The files of the add-ons that travel with the scene.
    pub fn add_ons(&self) -> impl Iterator<Item = &ManifestFile> {
        let inside = |file: &&ManifestFile| {
            file.path.as_str().strip_prefix(ADD_ONS).is_some_and(|rest| rest.starts_with('/'))
        };
        self.files.iter().filter(inside)
    }
}

/// What the user changes for this render without touching the file. `None` or empty: as saved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Overrides {
    /// Name of the scene to render.
    pub scene: Option<String>,
    /// Name of the camera object; markers that bind cameras are then ignored.
    pub camera: Option<String>,
    /// Names of the view layers to render; the others are off.
    pub view_layers: Vec<String>,
    /// Cycles samples of a frame, at least 1.
    pub samples: Option<u32>,
    /// Cycles seed.
    pub seed: Option<i32>,
    /// Whether the scene's compositor runs.
    pub compositor: Option<bool>,
    /// Modules of the add-ons that are turned on before the scene is opened. Those that Blender does
    /// not bring lie in [`ADD_ONS`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_ons: Vec<String>,
}

/// Everything that decides what is rendered, but for the frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SceneSpec {
    /// The files.
    pub manifest: Manifest,
    /// The user's changes.
    #[serde(default)]
    pub overrides: Overrides,
}

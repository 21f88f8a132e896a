//! What a trace tells.

use super::Frames;
use serde::{Serialize, Serializer};
use std::path::{Path, PathBuf};

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A .blend that datablocks are linked from.
    BlendLibrary,
    /// A single image.
    Image,
    /// One image of an animated sequence.
    ImageSequence,
    /// One tile of a UDIM image.
    UdimTile,
    /// A movie used as an image.
    Movie,
    /// A movie or image sequence for tracking, masks or compositing.
    MovieClip,
    /// A font.
    Font,
    /// A sound.
    Sound,
    /// An image or movie of the sequencer.
    Strip,
    /// An `OpenVDB` file.
    Vdb,
    /// Alembic or USD.
    CacheFile,
    /// MDD or PC2 of a mesh cache modifier.
    MeshCache,
    /// Displacements of a multires modifier that are kept outside.
    Multires,
    /// A baked ocean.
    Ocean,
    /// A cache of particles, cloth, soft bodies, rigid bodies or dynamic paint.
    PointCache,
    /// A cache of a fluid or smoke domain.
    FluidCache,
    /// A bake of geometry nodes.
    SimulationBake,
    /// A file that geometry nodes import.
    NodesImport,
    /// The light distribution of a lamp.
    Ies,
    /// A script of an Open Shading Language node or camera.
    Script,
    /// A text; the .blend has a copy of it, so that it may be missing.
    Text,
}

impl Kind {
    /// Whether Blender reads it only when a frame shows it. Of caches it also looks which frames
    /// there are, when it opens the scene.
    pub fn is_picture_by_picture(self) -> bool {
        matches!(self, Self::ImageSequence)
    }

    /// Whether a render does without it.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::Text)
    }
}

/// A file that a scene needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// Where it is on this disk; for what is missing, where it should be. A folder or a pattern
    /// if nothing is there that would tell the names.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Whether it is there, and a file.
    pub exists: bool,
    /// What it is for.
    pub kind: Kind,
    /// Who needs it: `Image wood`, `Object Smoke, modifier Fluid (library set.blend)`.
    pub used_by: Vec<String>,
    /// The path as the .blend has it.
    pub as_written: String,
    /// Whether that is relative to the .blend which names it.
    pub relative: bool,
    /// Which .blend names it.
    #[serde(serialize_with = "lossy")]
    pub named_in: PathBuf,
    /// The frames which need it; without them, all do.
    pub frames: Option<Frames>,
    /// Its length in bytes; 0 if it is missing.
    #[serde(rename = "size")]
    pub size_bytes: u64,
    /// Where it really is, if its name is a symbolic link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_target: Option<PathBuf>,
}

/// Everything that a scene needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Trace {
    /// The files, by path; the .blend itself is not among them.
    pub files: Vec<Dependency>,
    /// What is odd, in sentences: other spelling on disk, unreadable libraries, gaps.
    pub warnings: Vec<String>,
}

impl Trace {
    /// What a render can't do without and is not there.
    pub fn missing(&self) -> impl Iterator<Item = &Dependency> {
        self.files.iter().filter(|file| !file.exists && !file.kind.is_optional())
    }
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

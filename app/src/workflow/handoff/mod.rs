//! A scene that Blender hands over: a copy of what is open there, and what only Blender knows.
//!
//! ```text
//! Blender: blendnet handoff   ─► an empty folder in the data folder, named by a fresh id
//!          saves a copy there, and handoff.json last
//!          blendnet open --handoff FOLDER/handoff.json
//!            a window is open ─► its door takes the hand-over       (door, client)
//!            none is          ─► one is started first
//! the window shows the scene, and does no more
//! ```

pub mod board;
pub mod client;
pub mod door;
pub mod folder;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::problem::{Problem, ProblemKind};

/// What we understand. Grows when an older program would misread a newer file.
pub const FORMAT: u32 = 1;

/// Largest description that is read.
const MOST_BYTES: u64 = 4 << 20;

/// Letters of an id: 192 bits, as of a password.
const ID_LETTERS: usize = 32;

/// What the add-on writes beside the copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Described {
    /// [`FORMAT`] of the add-on.
    pub format: u32,
    /// File name of the copy, in the same folder.
    pub blend: String,
    /// The user's own file; `None`: it was never saved.
    #[serde(default)]
    pub original: Option<PathBuf>,
    /// Whether the copy has changes that the user's own file lacks.
    #[serde(default)]
    pub unsaved_changes: bool,
    /// Render all frames instead of the current one.
    #[serde(default)]
    pub animation: bool,
    /// Name of the scene that is open.
    #[serde(default)]
    pub scene: Option<String>,
    /// The current frame.
    pub frame: i32,
    /// First frame of the animation.
    pub frame_start: i32,
    /// Last frame of the animation.
    pub frame_end: i32,
    /// Only every so many frames.
    pub frame_step: i32,
    /// Name of the camera; `None` where markers choose it, or there is none.
    #[serde(default)]
    pub camera: Option<String>,
    /// View layers that Blender would render now.
    #[serde(default)]
    pub view_layers: Vec<String>,
    /// Add-ons that are on and that Blender does not bring.
    #[serde(default)]
    pub add_ons: Vec<String>,
    /// Simulations without a bake, such as `Cloth of Flag`.
    #[serde(default)]
    pub unbaked: Vec<String>,
    /// How many files are packed into the .blend.
    #[serde(default)]
    pub packed_count: usize,
    /// Version of Blender.
    #[serde(default)]
    pub blender: String,
}

/// A hand-over that was read and fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Handoff {
    /// Name of its folder.
    pub id: String,
    /// The copy.
    pub blend: PathBuf,
    /// What Blender says of it.
    pub said: Described,
}

impl Handoff {
    /// Reads `handoff.json` and checks that it means a file beside itself.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let refused = |why: String| {
            Problem::input(format!("{} is no hand-over: {why}", path.display()))
                .hint("send the scene from Blender once more")
        };
        let named = |e: std::io::Error| Problem::local_file(&e, ProblemKind::Input);
        let path = fs_err::canonicalize(path).map_err(named)?;
        if fs_err::metadata(&path).map_err(named)?.len() > MOST_BYTES {
            return Err(refused("it is too large".to_owned()));
        }
        let bytes = fs_err::read(&path).map_err(named)?;
        let form: Form = serde_json::from_slice(&bytes).map_err(|e| refused(e.to_string()))?;
        if form.format != FORMAT {
            return Err(other_format(form.format));
        }
        let said: Described = serde_json::from_slice(&bytes).map_err(|e| refused(e.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let id = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !is_id(&id) {
            return Err(refused("its folder was not made by `blendnet handoff`".to_owned()));
        }
        if Path::new(&said.blend).file_name() != Some(said.blend.as_ref()) {
            return Err(refused(format!("`{}` is not beside it", said.blend)));
        }
        let blend = folder.join(&said.blend);
        // A link could mean any file of the user's.
        if !fs_err::symlink_metadata(&blend).map_err(named)?.is_file() {
            return Err(refused(format!("`{}` is no file", said.blend)));
        }
        Ok(Self { id, blend, said })
    }

    /// The frames to render, as `--frames` takes them.
    pub fn frames(&self) -> String {
        let Described { frame, frame_start, frame_end, frame_step, .. } = self.said;
        match (self.said.animation, frame_step.max(1)) {
            (false, _) => frame.to_string(),
            (true, _) if frame_end <= frame_start => frame_start.to_string(),
            (true, 1) => format!("{frame_start}-{frame_end}"),
            (true, step) => format!("{frame_start}-{frame_end}:{step}"),
        }
    }

    /// Where the pictures go: beside the user's own file, or among the user's pictures.
    pub fn output(&self) -> PathBuf {
        let beside = self.said.original.as_deref().and_then(Path::parent);
        let pictures = || {
            let dirs = directories::UserDirs::new()?;
            Some(dirs.picture_dir().unwrap_or(dirs.home_dir()).join("BlendNet"))
        };
        let folder = beside.map(Path::to_owned).or_else(pictures);
        folder.unwrap_or_else(|| PathBuf::from(".")).join("render")
    }

    /// Where it comes from, in a sentence.
    pub fn origin(&self) -> String {
        let said = &self.said;
        let from = format!("Sent by Blender {}", said.blender);
        match (&said.original, said.unsaved_changes) {
            (None, _) => format!("{from}, from a file that was never saved"),
            (Some(path), true) => format!("{from}, with changes that {} lacks", path.display()),
            (Some(path), false) => format!("{from}, from {}", path.display()),
        }
    }

    /// What to know of it, in sentences.
    pub fn notes(&self) -> Vec<String> {
        let said = &self.said;
        let mut notes = Vec::new();
        if !said.unbaked.is_empty() {
            notes.push(format!(
                "not baked, so each agent simulates it anew: {}",
                said.unbaked.join(", ")
            ));
        }
        if !said.add_ons.is_empty() {
            let names = said.add_ons.join(", ");
            notes.push(format!(
                "add-ons that are on in Blender: {names}; those that go along stand in the field Add-ons"
            ));
        }
        notes
    }
}

/// What every format has.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

fn other_format(format: u32) -> Problem {
    let ours = env!("CARGO_PKG_VERSION");
    let message = format!(
        "the add-on hands over in form {format}, and BlendNet {ours} takes form {FORMAT} only"
    );
    Problem::input(message).hint("install the add-on that came with this BlendNet in Blender")
}

fn is_id(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.len() == ID_LETTERS && name.bytes().all(fits)
}

#[cfg(test)]
mod tests;

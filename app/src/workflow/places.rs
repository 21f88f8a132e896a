//! Where a scene's files are: on the artist's disk, and inside the job.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use blendnet_pack::pack::Pack;
use blendnet_protocol::PackPath;

use super::blend_file::pack_path;

/// The folder of the job that holds the pack; beside it lies what is named by absolute paths.
const INSIDE: &str = "scene";

/// Translates between paths of the artist's disk and of the job.
#[derive(Clone, Debug)]
pub struct Places {
    pack: Option<Arc<Pack>>,
}

impl Places {
    /// Those of a pack. Without one, everything lies in the job as it does on the disk.
    pub fn new(pack: Option<Arc<Pack>>) -> Self {
        Self { pack }
    }

    /// Where a place of the pack is in the job; `None`: it can't be sent.
    pub fn inside(place: &str) -> Option<PackPath> {
        PackPath::new(format!("{INSIDE}/{place}")).ok()
    }

    /// The path on the disk of a file that Blender lists by its path in the job.
    pub(super) fn on_disk(&self, listed: &str) -> String {
        let found = self.packed(listed).map(|(pack, place)| pack.path_of(place));
        found.map_or_else(|| listed.to_owned(), |path: PathBuf| path.to_string_lossy().into())
    }

    /// The place in the job of a file on the disk that belongs to a path which Blender lists.
    pub(super) fn in_job(&self, listed: &str, path: &Path) -> Option<PackPath> {
        match self.packed(listed) {
            Some((pack, _)) => Self::inside(&pack.place_of(path)),
            None => path.to_str().and_then(pack_path),
        }
    }

    fn packed<'a>(&self, listed: &'a str) -> Option<(&Pack, &'a str)> {
        let place = listed.strip_prefix('/')?.strip_prefix(INSIDE)?.strip_prefix('/')?;
        Some((self.pack.as_deref()?, place))
    }
}

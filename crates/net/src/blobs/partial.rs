//! What came of a large upload before its connection broke, kept so that the rest is enough.
//!
//! A partial is `.incoming/<sha256>.part`. Who goes on with it takes it away by renaming it, so that
//! there is never more than one writer; when the connection breaks again it is put back.

use super::{BlobError, BlobStore};
use blendnet_protocol::BlobId;
use fs_err as fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::NamedTempFile;

/// Less is sent again sooner than it is asked for.
const WORTH_KEEPING_BYTES: u64 = 1 << 20;
/// Nobody comes back for it after this.
const KEPT: Duration = Duration::from_hours(24);
/// Ending of their names.
const ENDING: &str = "part";

impl BlobStore {
    pub(super) fn partial(&self, id: &BlobId) -> PathBuf {
        self.incoming().join(id.as_str()).with_extension(ENDING)
    }

    /// How many bytes of a blob are here, from its beginning on; 0 if there is nothing of it.
    pub fn received_bytes(&self, id: &BlobId) -> u64 {
        if let Some(all) = self.size_bytes(id) {
            return all;
        }
        fs::metadata(self.partial(id)).map_or(0, |data| data.len())
    }

    /// Keeps the beginning of a blob for whoever sends the rest. What can't be kept is dropped.
    pub(super) fn keep_partial(&self, id: &BlobId, file: NamedTempFile) {
        let long_enough =
            file.as_file().metadata().is_ok_and(|data| data.len() >= WORTH_KEEPING_BYTES);
        let place = self.partial(id);
        if long_enough && self.received_bytes(id) == 0 && file.persist(&place).is_err() {
            tracing::warn!(path = %place.display(), "the beginning of an upload is not kept");
        }
        remove_old_partials(&self.incoming());
    }

    /// Takes the beginning of a blob away, to go on with it. It must be `start` bytes long.
    pub(super) fn take_partial(&self, id: &BlobId, start: u64) -> Result<NamedTempFile, BlobError> {
        let place = self.partial(id);
        let taken = tempfile::Builder::new().make_in(self.incoming(), |to| {
            std::fs::rename(&place, to)?;
            std::fs::OpenOptions::new().read(true).append(true).open(to)
        });
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BlobError::NoSuchBeginning { start, received_bytes: 0 });
            }
            Err(error) => return Err(error.into()),
        };
        let received_bytes = taken.as_file().metadata()?.len();
        if received_bytes == start {
            return Ok(taken);
        }
        self.keep_partial(id, taken);
        Err(BlobError::NoSuchBeginning { start, received_bytes })
    }
}

/// Whether a file in the folder may be gone on with after a restart.
pub(super) fn is_kept(path: &Path) -> bool {
    let modified = || fs::metadata(path).and_then(|data| data.modified());
    path.extension().is_some_and(|ending| ending == ENDING)
        && modified()
            .is_ok_and(|at| SystemTime::now().duration_since(at).unwrap_or_default() < KEPT)
}

fn remove_old_partials(incoming: &Path) {
    let Ok(entries) = fs::read_dir(incoming) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|ending| ending == ENDING) && !is_kept(&path) {
            let _gone = fs::remove_file(path);
        }
    }
}

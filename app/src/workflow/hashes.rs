//! The names of files that were hashed before, so that an unchanged scene is not read again.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use blendnet_net::secret::write_private;
use blendnet_protocol::BlobId;
use serde::{Deserialize, Serialize};

use super::data_dir::DataDir;

/// A file that was changed less than this before it was hashed may have been changed again within
/// the same tick of the disk's clock.
const SETTLED: Duration = Duration::from_secs(2);
/// More are not kept: what was not asked for in this run goes first.
const MAX_FILES: usize = 200_000;

/// What tells that a file is still the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size_bytes: u64,
    modified_nanos: u128,
    inode: u64,
    device: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let data = fs_err::metadata(path).ok()?;
        let modified = data.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self {
            size_bytes: data.len(),
            modified_nanos: modified.as_nanos(),
            inode: data.ino(),
            device: data.dev(),
        })
    }

    fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.modified_nanos + SETTLED.as_nanos() < now.as_nanos()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    stamp: Stamp,
    blob: BlobId,
    #[serde(skip)]
    used: bool,
}

/// Names of files, kept in the data folder. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Hashes {
    known: Arc<Mutex<BTreeMap<PathBuf, Entry>>>,
    /// Since they were saved.
    changed: Arc<AtomicBool>,
    file: Option<PathBuf>,
}

impl Hashes {
    /// Those of earlier runs. A file that can't be read is as good as none.
    pub fn load(data: &DataDir) -> Self {
        let file = data.root().join("hashes.json");
        let text = fs_err::read(&file).unwrap_or_default();
        let known: Vec<(PathBuf, Entry)> = serde_json::from_slice(&text).unwrap_or_default();
        let known = Arc::new(Mutex::new(known.into_iter().collect()));
        Self { known, file: Some(file), ..Self::default() }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Entry>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of a file, and its size, if it is the file that was hashed before.
    pub fn look_up(&self, path: &Path) -> Option<(BlobId, u64)> {
        let stamp = Stamp::of(path)?;
        let mut known = self.known();
        let entry = known.get_mut(path).filter(|entry| entry.stamp == stamp)?;
        entry.used = true;
        Some((entry.blob.clone(), stamp.size_bytes))
    }

    /// The name of a file, and its size; reads it only if it may have changed. Blocks.
    pub fn hash(&self, path: &Path) -> std::io::Result<(BlobId, u64)> {
        if let Some(known) = self.look_up(path) {
            return Ok(known);
        }
        let before = Stamp::of(path);
        let (blob, size_bytes) = blendnet_net::blobs::hash_file(path)?;
        let now = SystemTime::now();
        if let Some(stamp) = before.filter(|stamp| stamp.is_settled(now))
            && Stamp::of(path) == Some(stamp)
        {
            let entry = Entry { stamp, blob: blob.clone(), used: true };
            self.known().insert(path.to_owned(), entry);
            self.changed.store(true, Ordering::Relaxed);
        }
        Ok((blob, size_bytes))
    }

    /// Keeps them for the next run. That they are not kept costs time only.
    pub fn save(&self) {
        let Some(file) = &self.file else { return };
        if !self.changed.swap(false, Ordering::Relaxed) {
            return;
        }
        let mut entries: Vec<(PathBuf, Entry)> =
            self.known().iter().map(|(path, entry)| (path.clone(), entry.clone())).collect();
        entries.sort_by_key(|(_, entry)| !entry.used);
        entries.truncate(MAX_FILES);
        if let Ok(text) = serde_json::to_vec(&entries) {
            let _not_kept = write_private(file, &text).is_err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(path: &Path, content: &str) {
        fs_err::write(path, content).unwrap();
        let hour_ago = SystemTime::now() - Duration::from_hours(1);
        let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
        file.file().set_modified(hour_ago).unwrap();
    }

    #[test]
    fn an_unchanged_file_is_not_read_again_and_a_changed_one_is() {
        let outer = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(&outer.path().join("data"))).unwrap();
        let file = outer.path().join("wood.png");
        settled(&file, "oak");
        let hashes = Hashes::load(&data);
        let oak = hashes.hash(&file).unwrap();
        hashes.save();
        let again = Hashes::load(&data);
        assert_eq!(again.known().len(), 1);
        assert_eq!(again.hash(&file).unwrap(), oak);
        settled(&file, "elm");
        assert_ne!(again.hash(&file).unwrap(), oak, "of the same size, but another file");
    }

    #[test]
    fn a_file_that_was_just_written_is_not_trusted() {
        let outer = tempfile::tempdir().unwrap();
        let file = outer.path().join("wood.png");
        fs_err::write(&file, "oak").unwrap();
        let hashes = Hashes::default();
        hashes.hash(&file).unwrap();
        assert!(hashes.known().is_empty());
    }

    #[test]
    fn a_list_that_is_damaged_is_begun_anew() {
        let outer = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(outer.path())).unwrap();
        fs_err::write(outer.path().join("hashes.json"), "[[").unwrap();
        assert!(Hashes::load(&data).known().is_empty());
    }
}

//! Disk space that is promised to uploads before they come.

use super::BlobError;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What uploads leave free for everything else: logs, journals, jobs.
pub(crate) const RESERVE_BYTES: u64 = 64 << 20;

/// A disk and what of its free space is promised.
pub(super) struct Space {
    promised_bytes: Mutex<u64>,
    free_bytes: Box<dyn Fn() -> std::io::Result<u64> + Send + Sync>,
}

impl std::fmt::Debug for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Space").field("promised_bytes", &*self.promised()).finish_non_exhaustive()
    }
}

impl Space {
    pub(super) fn of_disk(dir: &Path) -> Self {
        let dir: PathBuf = dir.to_owned();
        Self::measured_by(move || crate::host::free_bytes(&dir))
    }

    pub(super) fn measured_by(
        free_bytes: impl Fn() -> std::io::Result<u64> + Send + Sync + 'static,
    ) -> Self {
        Self { promised_bytes: Mutex::new(0), free_bytes: Box::new(free_bytes) }
    }

    fn promised(&self) -> MutexGuard<'_, u64> {
        self.promised_bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that are promised and not written yet.
    #[cfg(test)]
    pub(super) fn promised_bytes(&self) -> u64 {
        *self.promised()
    }

    /// Promises room, or says that there is none.
    pub(super) fn reserve(space: &Arc<Self>, wanted_bytes: u64) -> Result<Reserved, BlobError> {
        let mut promised = space.promised();
        let free = (space.free_bytes)()?;
        let free_bytes = free.saturating_sub(RESERVE_BYTES).saturating_sub(*promised);
        if wanted_bytes > free_bytes {
            return Err(BlobError::NoRoom { wanted_bytes, free_bytes });
        }
        *promised += wanted_bytes;
        Ok(Reserved { space: Arc::clone(space), left_bytes: wanted_bytes })
    }
}

/// A promise. What is written is no longer promised, since the disk counts it; the rest is given
/// back when this goes.
#[derive(Debug)]
pub struct Reserved {
    space: Arc<Space>,
    left_bytes: u64,
}

impl Reserved {
    /// So many of the bytes are on the disk now.
    pub fn written(&mut self, bytes: u64) {
        let bytes = bytes.min(self.left_bytes);
        self.left_bytes -= bytes;
        let mut promised = self.space.promised();
        *promised = promised.saturating_sub(bytes);
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.written(self.left_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(free_bytes: u64) -> Arc<Space> {
        Arc::new(Space::measured_by(move || Ok(free_bytes)))
    }

    #[test]
    fn promises_count_against_each_other_and_are_given_back() {
        let space = disk(RESERVE_BYTES + 100);
        let first = Space::reserve(&space, 60).unwrap();
        let refused = Space::reserve(&space, 41).unwrap_err();
        assert!(matches!(refused, BlobError::NoRoom { wanted_bytes: 41, free_bytes: 40 }));
        let second = Space::reserve(&space, 40).unwrap();
        drop((first, second));
        assert_eq!(space.promised_bytes(), 0);
        assert!(Space::reserve(&space, 100).is_ok());
    }

    #[test]
    fn what_is_written_is_no_longer_promised() {
        let space = disk(RESERVE_BYTES + 100);
        let mut reserved = Space::reserve(&space, 60).unwrap();
        reserved.written(50);
        assert_eq!(space.promised_bytes(), 10);
        reserved.written(50);
        assert_eq!(space.promised_bytes(), 0);
    }

    #[test]
    fn absurd_sizes_are_refused_and_change_nothing() {
        let space = disk(1 << 40);
        for wanted in [1_000_000_000_000_000, u64::MAX] {
            assert!(Space::reserve(&space, wanted).unwrap_err().is_disk_full());
        }
        assert_eq!(space.promised_bytes(), 0);
        assert!(Space::reserve(&disk(1000), 1).is_err(), "the reserve is never touched");
    }
}

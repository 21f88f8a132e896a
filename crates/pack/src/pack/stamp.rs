//! What tells whether a file changed.

use std::path::Path;
use std::time::SystemTime;

/// What a file was like when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size_bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Stamp {
    /// `None` if there is no such file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let data = fs_err::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        let modified = data.modified().ok();
        Some(Self { size_bytes: data.len(), modified, inode: inode(&data) })
    }
}

#[cfg(unix)]
fn inode(data: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(data)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

//! Unpacks a Blender that the farm sent. The archive may come from anybody, so nothing of it is trusted: it
//! has files, folders, and links to a neighbour in the same folder, all below one folder, and no more bytes
//! than were announced.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use fs_err::os::unix::fs::{OpenOptionsExt as _, symlink};
use tar::{Archive, Entry, EntryType};

/// Most files and links; a Blender with all its add-ons has about ten thousand.
const MAX_ENTRIES: usize = 300_000;

/// Why an archive is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It can't be read to its end.
    #[error("the archive is damaged: {0}")]
    Damaged(#[source] io::Error),
    /// Something in it that has no business there.
    #[error("the archive has `{path}`, {why}")]
    Forbidden {
        /// As it is written there.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More than was said.
    #[error("the archive has more than the announced {announced_bytes} bytes")]
    TooLarge {
        /// What was said.
        announced_bytes: u64,
    },
    /// Files can't be written.
    #[error(transparent)]
    Disk(io::Error),
}

/// Unpacks a tar archive, packed with Zstandard, into `folder`, which is there and empty. The archive's one top
/// folder is left out. `written` hears of bytes on the disk. What fails leaves a part of it there. Blocks.
pub(super) fn unpack(
    archive: &Path,
    announced_bytes: u64,
    folder: &Path,
    mut written: impl FnMut(u64),
) -> Result<(), UnpackError> {
    let file = fs_err::File::open(archive).map_err(UnpackError::Disk)?;
    let decoder = ruzstd::decoding::StreamingDecoder::new(io::BufReader::new(file))
        .map_err(|error| UnpackError::Damaged(io::Error::other(error)))?;
    let mut archive = Archive::new(decoder);
    let mut left_bytes = announced_bytes;
    for (count, entry) in archive.entries().map_err(UnpackError::Damaged)?.enumerate() {
        let mut entry = entry.map_err(UnpackError::Damaged)?;
        left_bytes = left_bytes
            .checked_sub(entry.size())
            .filter(|_| count < MAX_ENTRIES)
            .ok_or(UnpackError::TooLarge { announced_bytes })?;
        place(&mut entry, folder)?;
        written(entry.size());
    }
    // What follows the end of the archive is part of what its checksum is about.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(UnpackError::Damaged)?;
    Ok(())
}

fn place(entry: &mut Entry<'_, impl Read>, folder: &Path) -> Result<(), UnpackError> {
    let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let forbidden = |why| UnpackError::Forbidden { path: shown.clone(), why };
    let path = entry.path().map_err(UnpackError::Damaged)?.into_owned();
    let Some(inner) = below_the_top(&path).map_err(forbidden)? else { return Ok(()) };
    let target = folder.join(&inner);
    make_folders(folder, inner.parent().unwrap_or(Path::new(""))).map_err(|error| match error {
        FolderError::Taken => forbidden("which lies in something that is no folder"),
        FolderError::Disk(error) => UnpackError::Disk(error),
    })?;
    match entry.header().entry_type() {
        EntryType::Directory => make_folders(folder, &inner).map_err(|error| match error {
            FolderError::Taken => forbidden("which is there already"),
            FolderError::Disk(error) => UnpackError::Disk(error),
        }),
        EntryType::Regular | EntryType::Continuous => write(entry, &target),
        EntryType::Symlink => {
            let link = entry.link_name().map_err(UnpackError::Damaged)?;
            let link = link.ok_or_else(|| forbidden("a link to nothing"))?;
            let parts: Vec<Component<'_>> = link.components().collect();
            if !matches!(parts.as_slice(), [Component::Normal(_)]) {
                return Err(forbidden("a link to something outside its own folder"));
            }
            symlink(&link, &target).map_err(UnpackError::Disk)
        }
        _ => Err(forbidden("which is neither a file nor a folder nor a link to a neighbour")),
    }
}

/// The path without its first part; `None` for the top folder itself.
fn below_the_top(path: &Path) -> Result<Option<PathBuf>, &'static str> {
    let mut inner = PathBuf::new();
    let mut parts = path.components().filter(|part| *part != Component::CurDir);
    let plain = |part: &Component<'_>| matches!(part, Component::Normal(_));
    if !parts.next().as_ref().is_some_and(plain) {
        return Err("which is not below one folder");
    }
    for part in parts {
        if !plain(&part) {
            return Err("which leads out of its folder");
        }
        inner.push(part);
    }
    Ok((!inner.as_os_str().is_empty()).then_some(inner))
}

enum FolderError {
    Taken,
    Disk(io::Error),
}

/// Makes folders below `root`, through no link.
fn make_folders(root: &Path, inner: &Path) -> Result<(), FolderError> {
    let mut folder = root.to_owned();
    for part in inner {
        folder.push(part);
        match fs_err::symlink_metadata(&folder) {
            Ok(there) if there.is_dir() => {}
            Ok(_) => return Err(FolderError::Taken),
            Err(_) => fs_err::create_dir(&folder).map_err(FolderError::Disk)?,
        }
    }
    Ok(())
}

fn write(entry: &mut Entry<'_, impl Read>, target: &Path) -> Result<(), UnpackError> {
    let runs = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
    let modified = entry.header().mtime().unwrap_or(0);
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true).mode(if runs { 0o700 } else { 0o600 });
    let mut file = options.open(target).map_err(UnpackError::Disk)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = entry.read(&mut buffer).map_err(UnpackError::Damaged)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        io::Write::write_all(&mut file, bytes).map_err(UnpackError::Disk)?;
    }
    // What is known of a Blender is kept by the times of its files.
    let modified = UNIX_EPOCH.checked_add(Duration::from_secs(modified)).unwrap_or(UNIX_EPOCH);
    file.file().set_modified(modified).map_err(UnpackError::Disk)?;
    let mode = if runs { 0o500 } else { 0o400 };
    file.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(UnpackError::Disk)
}

#[cfg(test)]
mod tests;

//! A pack as a folder.

use super::{Pack, PackFile, Progress};
use crate::PackError;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes a pack as a folder that is not there yet, or empty. Until it is complete it has another
/// name beside its own.
///
/// # Errors
/// When the folder is there with something in it, or a file can't be read, written or changed
/// meanwhile. What was written by then is removed.
pub fn write_folder(
    pack: &Pack,
    folder: &Path,
    progress: &mut Progress<'_>,
) -> Result<(), PackError> {
    let error = |source| PackError::Write { path: folder.to_owned(), source };
    let is_used = fs_err::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if is_used || folder.is_file() {
        return Err(PackError::Exists { path: folder.to_owned() });
    }
    let beside = parent(folder);
    fs_err::create_dir_all(&beside).map_err(error)?;
    let unfinished = tempfile::Builder::new().prefix(".pack-").tempdir_in(&beside);
    let unfinished = unfinished.map_err(error)?;
    for file in &pack.files {
        write_one(file, unfinished.path())?;
        progress(file, file.size_bytes);
    }
    open_to_all(unfinished.path()).map_err(error)?;
    if folder.is_dir() {
        fs_err::remove_dir(folder).map_err(error)?;
    }
    fs_err::rename(unfinished.path(), folder).map_err(error)?;
    // It has another name now, so that nothing is left to remove.
    let _renamed = unfinished.keep();
    Ok(())
}

fn write_one(file: &PackFile, folder: &Path) -> Result<(), PackError> {
    let path = folder.join(&file.place);
    let error = |source| PackError::Write { path: path.clone(), source };
    fs_err::create_dir_all(parent(&path)).map_err(error)?;
    let out = fs_err::OpenOptions::new().write(true).create_new(true).open(&path).map_err(error)?;
    let mut out = BufWriter::with_capacity(256 << 10, out);
    file.write(&mut out)?;
    out.flush().map_err(error)
}

fn parent(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// As a folder that is made the usual way: temporary ones are for their owner alone.
#[cfg(unix)]
fn open_to_all(folder: &Path) -> std::io::Result<()> {
    let usual = folder.join(".usual");
    fs_err::create_dir(&usual)?;
    let permissions = fs_err::metadata(&usual)?.permissions();
    fs_err::remove_dir(&usual)?;
    fs_err::set_permissions(folder, permissions)
}

#[cfg(not(unix))]
fn open_to_all(_: &Path) -> std::io::Result<()> {
    Ok(())
}

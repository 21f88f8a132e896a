//! A pack as a zip. The same files give the same bytes: no times, no owners, one order.

use super::{Pack, PackFile, Progress};
use crate::PackError;
use std::io::BufWriter;
use std::path::Path;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

/// Endings of what only becomes larger by packing.
const PACKED: [&str; 18] = [
    "png", "jpg", "jpeg", "exr", "webp", "mp4", "mov", "mkv", "avi", "webm", "mp3", "ogg", "flac",
    "vdb", "abc", "gz", "zip", "usdz",
];
/// Beyond this a zip needs the larger form of its entries.
const LARGE_BYTES: u64 = 0xf000_0000;

/// Writes a pack as a zip; what was there under that name is replaced when it is complete.
///
/// # Errors
/// When a file can't be read, written or changed meanwhile.
pub fn write_zip(pack: &Pack, path: &Path, progress: &mut Progress<'_>) -> Result<(), PackError> {
    let error = |source| PackError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder).map_err(error)?;
    let mut builder = tempfile::Builder::new();
    let unfinished = usual_permissions(builder.prefix(".pack-").suffix(".zip"));
    let unfinished = unfinished.tempfile_in(folder).map_err(error)?;
    let mut zip = ZipWriter::new(BufWriter::with_capacity(256 << 10, unfinished));
    for file in &pack.files {
        zip.start_file(&*file.place, options(file)).map_err(|source| error(source.into()))?;
        file.write(&mut zip)?;
        progress(file, file.size_bytes);
    }
    let out = zip.finish().map_err(|source| error(source.into()))?;
    let unfinished = out.into_inner().map_err(|failed| error(failed.into_error()))?;
    unfinished.as_file().sync_all().map_err(error)?;
    unfinished.persist(path).map_err(|failed| error(failed.error))?;
    Ok(())
}

fn options(file: &PackFile) -> SimpleFileOptions {
    let ending = file.place.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_packed = PACKED.contains(&&*ending);
    let method = if is_packed { CompressionMethod::Stored } else { CompressionMethod::Deflated };
    SimpleFileOptions::default()
        .compression_method(method)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .large_file(file.size_bytes > LARGE_BYTES)
}

#[cfg(unix)]
fn usual_permissions<'a, 'b>(
    builder: &'a mut tempfile::Builder<'b, 'b>,
) -> &'a mut tempfile::Builder<'b, 'b> {
    // What the system takes away from that is the user's choice.
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
}

#[cfg(not(unix))]
fn usual_permissions<'a, 'b>(
    builder: &'a mut tempfile::Builder<'b, 'b>,
) -> &'a mut tempfile::Builder<'b, 'b> {
    builder
}

//! Files named by the SHA-256 of their content.
//!
//! ```text
//! <dir>/<sha256>     a blob, mode 0400: whoever links it can't change it
//! <dir>/.incoming/   files on their way in, and beginnings of those that broke off
//! ```
//! What is there is whole and is what its name says: it was hashed on the way in, brought to the
//! disk, and only then given its name. One process has a store; its clones share everything.

mod bundle;
mod error;
mod file;
mod partial;
mod receive;
mod routes;
mod space;
#[cfg(test)]
mod tests;

pub use bundle::{BUNDLE_BYTES, BUNDLED_BYTES, Bundle};
pub use error::BlobError;
pub use file::file_response;
pub use receive::Expect;
pub use routes::routes;
pub use space::Reserved;

pub(crate) use receive::check_sha256;
pub(crate) use routes::RECEIVED;
pub(crate) use space::RESERVE_BYTES;

use crate::secret::{create_private_dir, sync_dir};
use blendnet_protocol::BlobId;
use fs_err as fs;
use receive::{Intake, sha256_reader};
use space::Space;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folder for files on their way in. No blob is called so.
const INCOMING: &str = ".incoming";

/// A folder of blobs. Clones share it.
#[derive(Clone, Debug)]
pub struct BlobStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    max_blob_bytes: u64,
    space: Arc<Space>,
}

impl BlobStore {
    /// Opens a folder, or makes it; removes what an earlier process left half done.
    /// `max_blob_bytes` is the size of the largest blob that is taken from clients.
    pub fn open(dir: &Path, max_blob_bytes: u64) -> Result<Self, BlobError> {
        let space = Space::of_disk(dir);
        Self::with_space(dir, max_blob_bytes, space)
    }

    fn with_space(dir: &Path, max_blob_bytes: u64, space: Space) -> Result<Self, BlobError> {
        let incoming = dir.join(INCOMING);
        create_private_dir(&incoming).map_err(io::Error::other)?;
        for entry in fs::read_dir(&incoming)? {
            let path = entry?.path();
            if !partial::is_kept(&path) {
                fs::remove_file(path)?;
            }
        }
        let space = Arc::new(space);
        Ok(Self(Arc::new(Inner { dir: dir.to_owned(), max_blob_bytes, space })))
    }

    fn place(&self, id: &BlobId) -> PathBuf {
        self.0.dir.join(id.as_str())
    }

    fn incoming(&self) -> PathBuf {
        self.0.dir.join(INCOMING)
    }

    /// Where a blob lies, if it is there. It must not be changed; link or copy it.
    pub fn path(&self, id: &BlobId) -> Option<PathBuf> {
        let path = self.place(id);
        path.is_file().then_some(path)
    }

    /// Whether a blob is there.
    pub fn contains(&self, id: &BlobId) -> bool {
        self.place(id).is_file()
    }

    /// Those of `ids` that are not there, in their order.
    pub fn missing(&self, ids: &[BlobId]) -> Vec<BlobId> {
        ids.iter().filter(|id| !self.contains(id)).cloned().collect()
    }

    /// Size of a blob, if it is there.
    pub fn size_bytes(&self, id: &BlobId) -> Option<u64> {
        fs::metadata(self.place(id)).ok().map(|data| data.len())
    }

    /// Moves a file of ours into the store: afterwards it is gone from `path`, and a blob.
    pub async fn adopt(&self, path: &Path) -> Result<(BlobId, u64), BlobError> {
        let (store, path) = (self.clone(), path.to_owned());
        joined(tokio::task::spawn_blocking(move || store.adopt_now(&path)).await)
    }

    /// Copies a file into the store; `path` stays as it is, and later changes of it don't matter.
    pub async fn copy_in(&self, path: &Path) -> Result<(BlobId, u64), BlobError> {
        let (store, path) = (self.clone(), path.to_owned());
        joined(tokio::task::spawn_blocking(move || store.copy_now(&path)).await)
    }

    fn adopt_now(&self, path: &Path) -> Result<(BlobId, u64), BlobError> {
        check_regular(path, &fs::symlink_metadata(path)?)?;
        let moved = tempfile::Builder::new().make_in(self.incoming(), |to| {
            // Straight, since a rename to another disk is a wanted error here.
            std::fs::rename(path, to)
        });
        let moved = match moved {
            Ok(moved) => moved.into_temp_path(),
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                let copied = self.copy_now(path)?;
                fs::remove_file(path)?;
                return Ok(copied);
            }
            Err(error) => {
                let message = format!("{} can't be moved: {error}", path.display());
                return Err(io::Error::new(error.kind(), message).into());
            }
        };
        // It may have been swapped for a link or a pipe meanwhile.
        check_regular(path, &fs::symlink_metadata(&moved)?)?;
        let (id, size_bytes) = hash_file(&moved)?;
        self.keep(moved, &id)?;
        Ok((id, size_bytes))
    }

    fn copy_now(&self, path: &Path) -> Result<(BlobId, u64), BlobError> {
        let data = fs::metadata(path)?;
        check_regular(path, &data)?;
        let mut source = fs::File::open(path)?;
        let reserved = Space::reserve(&self.0.space, data.len())?;
        let mut intake = Intake::begin(&self.incoming(), reserved, false)?;
        io::copy(&mut source, &mut intake).map_err(BlobError::of_write)?;
        intake.finish(self, &Expect::default())
    }

    /// Stores bytes. Blocks.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<BlobId, BlobError> {
        let reserved = Space::reserve(&self.0.space, bytes.len() as u64)?;
        let mut intake = Intake::begin(&self.incoming(), reserved, false)?;
        intake.absorb(bytes)?;
        intake.finish(self, &Expect::default()).map(|(id, _)| id)
    }

    /// Promises room on the store's disk for files of ours, so that uploads don't take it.
    pub fn reserve(&self, bytes: u64) -> Result<Reserved, BlobError> {
        Space::reserve(&self.0.space, bytes)
    }

    /// Removes a blob; one that is not there is a success. Who has it open or linked keeps it.
    pub fn remove(&self, id: &BlobId) -> Result<(), BlobError> {
        match fs::remove_file(self.place(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// All blobs, in the order of their names.
    pub fn list(&self) -> Result<Vec<BlobId>, BlobError> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.0.dir)? {
            ids.extend(entry?.file_name().to_str().and_then(|name| BlobId::new(name).ok()));
        }
        ids.sort();
        Ok(ids)
    }

    /// Gives a file that is written and hashed its name, to last.
    fn keep(&self, file: tempfile::TempPath, id: &BlobId) -> Result<(), BlobError> {
        if self.contains(id) {
            return Ok(());
        }
        let written = fs::File::open(&file)?;
        written.sync_all().map_err(BlobError::of_write)?;
        self.give_name(file, id)?;
        sync_dir(&self.0.dir)?;
        Ok(())
    }

    /// Gives a file that is on the disk its name.
    fn give_name(&self, file: tempfile::TempPath, id: &BlobId) -> Result<(), BlobError> {
        fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400))?;
        file.persist(self.place(id)).map_err(|error| error.error)?;
        Ok(())
    }
}

fn joined<T>(done: Result<Result<T, BlobError>, tokio::task::JoinError>) -> Result<T, BlobError> {
    done.map_err(io::Error::other)?
}

/// A pipe or a device would be read for ever, a folder not at all.
fn check_regular(path: &Path, data: &std::fs::Metadata) -> io::Result<()> {
    if data.is_file() {
        return Ok(());
    }
    let message = format!("{} is not a file", path.display());
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// The name that a file has as a blob, and its size. Blocks.
pub fn hash_file(path: &Path) -> io::Result<(BlobId, u64)> {
    check_regular(path, &fs::metadata(path)?)?;
    sha256_reader(&mut fs::File::open(path)?)
}

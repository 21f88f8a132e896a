//! Blenders that the farm sent, for a machine that lacks them.
//!
//! ```text
//! <agent's folder>/blenders/<sha256 of the archive>/blender, or bin/python
//!                  blenders/.new-…      one that is not whole, or not tried out
//! ```
//! They stay until the agent leaves its farm. Who sends a Blender decides what runs here, so one is never taken
//! over by another farm, and it sees nothing of this machine but the system's programs and its own folder.

use std::io;
use std::path::{Path, PathBuf};

use blendnet_net::blobs::{BlobError, BlobStore};
use blendnet_net::secret::create_private_dir;
use blendnet_protocol::{BlobId, KeptBlender, Parity};
use tempfile::TempDir;

use super::find::{self, Found};
use super::parity;
use super::unpack::{UnpackError, unpack};

/// Beginning of the names of folders that are not whole.
const UNFINISHED: &str = ".new-";

/// Why a Blender that was sent is not used.
#[derive(Debug, thiserror::Error)]
pub enum SentError {
    /// Its archive.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// No room for it.
    #[error(transparent)]
    Room(#[from] BlobError),
    /// A folder or file.
    #[error(transparent)]
    Disk(#[from] io::Error),
    /// What was written does not come to the disk.
    #[error("bringing it to the disk: {0}")]
    Sync(#[from] rustix::io::Errno),
    /// It is another one than was said.
    #[error("it is Blender {found}")]
    Other {
        /// What it says.
        found: String,
    },
    /// It does not run on this machine.
    #[error("it does not run here: {0}")]
    Unusable(#[source] io::Error),
    /// It renders wrong colours.
    #[error("{0}")]
    Unfit(String),
}

impl SentError {
    /// Whether there is no room on the disk.
    pub fn is_disk_full(&self) -> bool {
        let full = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        };
        match self {
            Self::Room(error) => error.is_disk_full(),
            Self::Unpack(UnpackError::Disk(error)) | Self::Disk(error) => full(error),
            _ => false,
        }
    }
}

/// The folder of all of them, in an agent's folder.
pub fn folder_in(dir: &Path) -> PathBuf {
    dir.join("blenders")
}

/// Folder and program of each that is whole.
pub fn all(sent: &Path) -> Vec<(PathBuf, PathBuf)> {
    let entries = fs_err::read_dir(sent).into_iter().flatten().flatten();
    let named = |entry: &fs_err::DirEntry| {
        entry.file_name().to_str().is_some_and(|name| BlobId::new(name).is_ok())
    };
    let mut folders: Vec<PathBuf> = entries.filter(named).map(|entry| entry.path()).collect();
    folders.sort();
    let with_program = |folder: PathBuf| {
        let programs = [true, false].map(|is_module| program_in(&folder, is_module));
        let program = programs.into_iter().find(|program| program.is_file())?;
        Some((folder, program))
    };
    folders.into_iter().filter_map(with_program).collect()
}

fn program_in(folder: &Path, is_module: bool) -> PathBuf {
    folder.join(if is_module { "bin/python" } else { "blender" })
}

/// Removes what was not unpacked to its end.
pub fn clean(sent: &Path) {
    for entry in fs_err::read_dir(sent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let _stays = fs_err::remove_dir_all(entry.path()).is_err();
        }
    }
}

/// Removes all of them.
pub fn forget(sent: &Path) -> io::Result<()> {
    match fs_err::remove_dir_all(sent) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Unpacks a Blender whose archive is a blob here, asks it for its version, and tries it out with known
/// colours. Only then it lies where [`all`] finds it. `work` is for files of the trial.
pub async fn install(
    kept: &KeptBlender,
    blobs: &BlobStore,
    (sent, work): (&Path, &Path),
    agent_program: &Path,
) -> Result<(Found, Parity), SentError> {
    let unpacked = unpacked(kept, blobs, sent).await?;
    let target = sent.join(kept.blob.as_str());
    // It says where its files are, so it is asked where it will stay; all others see it when it is known to work.
    let program = program_in(unpacked.path(), kept.is_module);
    let tried = ask(unpacked.path(), &program, kept, agent_program).await?;
    let parity =
        parity::measured(&tried, agent_program, work).await.map_err(SentError::Unusable)?;
    if let Some(unfit) = parity.unfit {
        return Err(SentError::Unfit(unfit));
    }
    forget(&target)?;
    fs_err::rename(unpacked.path(), &target)?;
    let _moved = unpacked.keep();
    let program = program_in(&target, kept.is_module);
    let found = ask(&target, &program, kept, agent_program).await?;
    let parity = Parity { path: found.build.path.clone(), ..parity };
    Ok((found, parity))
}

async fn unpacked(
    kept: &KeptBlender,
    blobs: &BlobStore,
    sent: &Path,
) -> Result<TempDir, SentError> {
    create_private_dir(sent).map_err(io::Error::other)?;
    let archive = blobs.path(&kept.blob);
    let archive = archive.ok_or_else(|| io::Error::other("its archive is gone"))?;
    let mut reserved = blobs.reserve(kept.unpacked_bytes)?;
    let folder = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(sent)?;
    let (into, bytes) = (folder.path().to_owned(), kept.unpacked_bytes);
    let unpacked = move || {
        unpack(&archive, bytes, &into, |bytes| reserved.written(bytes))?;
        // It gets its name when it is on the disk, so that it is whole after a power cut too.
        Ok::<_, SentError>(rustix::fs::syncfs(fs_err::File::open(&into)?)?)
    };
    tokio::task::spawn_blocking(unpacked).await.map_err(io::Error::other)??;
    Ok(folder)
}

async fn ask(
    folder: &Path,
    program: &Path,
    kept: &KeptBlender,
    agent_program: &Path,
) -> Result<Found, SentError> {
    let found = find::ask_within(folder, program, agent_program).await;
    let found = found.map_err(SentError::Unusable)?;
    if found.build.version == kept.version {
        Ok(found)
    } else {
        Err(SentError::Other { found: found.build.version })
    }
}

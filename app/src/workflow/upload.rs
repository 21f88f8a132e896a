//! Names files by their content and sends what the farm lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use blendnet_protocol::{Manifest, ManifestFile, PackPath};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::event::{Event, Events, Upload};
use super::manager::Manager;
use super::problem::{Problem, ProblemKind};

/// Files hashed or sent at the same time.
const AT_ONCE: usize = 4;

/// A file on this disk, named by its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFile {
    /// What the farm knows of it.
    pub file: ManifestFile,
    /// Where it lies here.
    pub path: PathBuf,
}

/// Reads a file to its end to learn its name.
pub async fn hash(place: PackPath, path: PathBuf) -> Result<LocalFile, Problem> {
    let of_path = path.clone();
    let hashed =
        tokio::task::spawn_blocking(move || blendnet_net::blobs::hash_file(&of_path)).await;
    match hashed {
        Ok(Ok((blob, size_bytes))) => {
            Ok(LocalFile { file: ManifestFile { path: place, blob, size_bytes }, path })
        }
        Ok(Err(error)) => Err(cannot_read(&path, &error)),
        Err(error) => Err(cannot_read(&path, &std::io::Error::other(error))),
    }
}

/// Names several files, in the order of their places.
pub async fn hash_all(files: BTreeMap<PackPath, PathBuf>) -> Result<Vec<LocalFile>, Problem> {
    stream::iter(files.into_iter().map(|(place, path)| hash(place, path)))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Problem {
    Problem::input(format!("{} can't be read: {error}", path.display()))
        .hint("see that the file is still there and that you may read it, then try again")
}

/// Sends what the farm lacks of `files`.
pub async fn send(manager: &Manager, files: &[LocalFile], events: &Events) -> Result<(), Problem> {
    let by_blob: BTreeMap<_, _> = files.iter().map(|local| (&local.file.blob, local)).collect();
    let blobs: Vec<_> = by_blob.keys().map(|blob| (*blob).clone()).collect();
    let missing = manager.missing(&blobs).await;
    let missing = missing.map_err(|e| manager.problem("asking what the farm lacks", &e))?;
    let missing: BTreeSet<_> = missing.iter().collect();
    let lacking: Vec<&LocalFile> = by_blob
        .into_iter()
        .filter(|(blob, _)| missing.contains(blob))
        .map(|(_, local)| local)
        .collect();
    let mut upload = Upload {
        files: lacking.len(),
        bytes: lacking.iter().map(|local| local.file.size_bytes).sum(),
        ..Upload::default()
    };
    if upload.files == 0 {
        return Ok(());
    }
    events.tell(Event::Upload(upload)).await;
    let mut sends = stream::iter(lacking.into_iter().map(|local| send_one(manager, local)))
        .buffer_unordered(AT_ONCE);
    while let Some(sent) = sends.next().await {
        upload.files_done += 1;
        upload.bytes_done += sent?;
        events.tell(Event::Upload(upload)).await;
    }
    Ok(())
}

async fn send_one(manager: &Manager, local: &LocalFile) -> Result<u64, Problem> {
    match manager.send(&local.file.blob, &local.path, local.file.size_bytes).await {
        Ok(()) => Ok(local.file.size_bytes),
        Err(error) => {
            let problem = manager.problem(&format!("sending {}", local.path.display()), &error);
            Err(if problem.kind == ProblemKind::Input {
                problem.hint("if the file was saved in the meantime, just render again")
            } else {
                problem
            })
        }
    }
}

/// The manifest of these files.
pub fn manifest(project: &PackPath, files: &[LocalFile]) -> Manifest {
    let mut files: Vec<ManifestFile> = files.iter().map(|local| local.file.clone()).collect();
    files.sort();
    Manifest { project: project.clone(), files }
}

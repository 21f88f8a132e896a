//! Names files by their content and sends what the farm lacks: many small ones at once, of a large
//! one only what the farm does not have of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use blendnet_net::blobs::{BUNDLE_BYTES, BUNDLED_BYTES, Bundle};
use blendnet_net::client::Sent;
use blendnet_protocol::{BlobId, Manifest, ManifestFile, PackPath};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::event::{Event, Events, Upload};
use super::hashes::Hashes;
use super::manager::Manager;
use super::problem::{Problem, ProblemKind};

/// Files hashed or sent at the same time.
const AT_ONCE: usize = 4;
/// How often it is told how far a large file is.
const TOLD: Duration = Duration::from_millis(500);

/// A file on this disk, named by its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFile {
    /// What the farm knows of it.
    pub file: ManifestFile,
    /// Where it lies here.
    pub path: PathBuf,
}

/// Reads a file to its end to learn its name, unless it is known.
pub async fn hash(hashes: Hashes, place: PackPath, path: PathBuf) -> Result<LocalFile, Problem> {
    let of_path = path.clone();
    let named = tokio::task::spawn_blocking(move || hashes.hash(&of_path)).await;
    match named {
        Ok(Ok((blob, size_bytes))) => {
            Ok(LocalFile { file: ManifestFile::new(place, blob, size_bytes), path })
        }
        Ok(Err(error)) => Err(cannot_read(&path, &error)),
        Err(error) => Err(cannot_read(&path, &std::io::Error::other(error))),
    }
}

/// Names several files. Those that are known are named at once.
pub async fn hash_all(
    hashes: &Hashes,
    files: BTreeMap<PackPath, PathBuf>,
) -> Result<Vec<LocalFile>, Problem> {
    let known = hashes.clone();
    let sort = move || {
        let (mut named, mut others) = (Vec::new(), Vec::new());
        for (place, path) in files {
            match known.look_up(&path) {
                Some((blob, size_bytes)) => {
                    named
                        .push(LocalFile { file: ManifestFile::new(place, blob, size_bytes), path });
                }
                None => others.push((place, path)),
            }
        }
        (named, others)
    };
    let sorted = tokio::task::spawn_blocking(sort).await;
    let (mut named, others) =
        sorted.map_err(|error| Problem::input(format!("reading the scene's files: {error}")))?;
    let others = stream::iter(others).map(|(at, path)| hash(hashes.clone(), at, path));
    let others: Result<Vec<_>, _> = others.buffered(AT_ONCE).try_collect().await;
    hashes.save();
    named.extend(others?);
    Ok(named)
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
    let meter = Meter::new(&lacking);
    if lacking.is_empty() {
        return Ok(());
    }
    events.tell(Event::Upload(meter.read())).await;
    let mut sends = stream::iter(shipments(lacking))
        .map(|shipment| send_one(manager, shipment, &meter))
        .buffer_unordered(AT_ONCE);
    let mut tick = tokio::time::interval_at((Instant::now() + TOLD).into(), TOLD);
    loop {
        tokio::select! {
            sent = sends.next() => match sent {
                Some(sent) => sent?,
                None => break,
            },
            _now = tick.tick() => {}
        }
        events.tell(Event::Upload(meter.read())).await;
    }
    Ok(())
}

/// What travels in one request.
#[derive(Debug, PartialEq, Eq)]
enum Shipment<'f> {
    One(&'f LocalFile),
    Many(Vec<&'f LocalFile>),
}

/// Small files together, large ones alone and first.
fn shipments(files: Vec<&LocalFile>) -> Vec<Shipment<'_>> {
    let is_small = |local: &&LocalFile| local.file.size_bytes <= BUNDLED_BYTES;
    let (small, large): (Vec<_>, Vec<_>) = files.into_iter().partition(is_small);
    let mut shipments: Vec<Shipment<'_>> = large.into_iter().map(Shipment::One).collect();
    let mut together: Vec<&LocalFile> = Vec::new();
    let mut bytes = 0;
    // Room for the names beside the contents.
    let room = BUNDLE_BYTES as u64 / 2;
    for local in small {
        if bytes + local.file.size_bytes > room || together.len() >= 2000 {
            shipments.push(Shipment::Many(std::mem::take(&mut together)));
            bytes = 0;
        }
        bytes += local.file.size_bytes;
        together.push(local);
    }
    shipments.extend((!together.is_empty()).then_some(Shipment::Many(together)));
    shipments
}

async fn send_one(manager: &Manager, shipment: Shipment<'_>, meter: &Meter) -> Result<(), Problem> {
    let (sent, what) = match &shipment {
        Shipment::One(local) => {
            let ManifestFile { blob, size_bytes, .. } = &local.file;
            let sent = meter.sent(blob);
            (
                manager.send(blob, &local.path, *size_bytes, &sent).await,
                local.path.display().to_string(),
            )
        }
        Shipment::Many(files) => {
            let bundle = bundled(files).await?;
            (manager.send_bundle(bundle).await, format!("{} small files", files.len()))
        }
    };
    match sent {
        Ok(()) => meter.done(&shipment),
        Err(error) => {
            let problem = manager.problem(&format!("sending {what}"), &error);
            return Err(if problem.kind == ProblemKind::Input {
                problem.hint("if a file was saved in the meantime, just render again")
            } else {
                problem
            });
        }
    }
    Ok(())
}

/// Reads small files.
async fn bundled(files: &[&LocalFile]) -> Result<Bundle, Problem> {
    let files: Vec<LocalFile> = files.iter().map(|local| (*local).clone()).collect();
    let read = move || {
        let mut bundle = Bundle::default();
        for local in files {
            let content =
                fs_err::read(&local.path).map_err(|error| cannot_read(&local.path, &error))?;
            if !bundle.add(&local.file.blob, &content) {
                return Err(Problem::input(format!("{} has grown", local.path.display()))
                    .hint("it was saved while it was sent; just render again"));
            }
        }
        Ok(bundle)
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|error| Err(Problem::input(format!("reading small files: {error}"))))
}

/// How far an upload is.
struct Meter {
    began: Instant,
    files: usize,
    bytes: u64,
    files_done: AtomicU64,
    /// Of files that are done, or small.
    bytes_done: AtomicU64,
    /// Of large files on their way, by blob.
    on_their_way: Mutex<BTreeMap<BlobId, Sent>>,
}

impl Meter {
    fn new(files: &[&LocalFile]) -> Self {
        Self {
            began: Instant::now(),
            files: files.len(),
            bytes: files.iter().map(|local| local.file.size_bytes).sum(),
            files_done: AtomicU64::default(),
            bytes_done: AtomicU64::default(),
            on_their_way: Mutex::default(),
        }
    }

    fn ways(&self) -> MutexGuard<'_, BTreeMap<BlobId, Sent>> {
        self.on_their_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sent(&self, blob: &BlobId) -> Sent {
        self.ways().entry(blob.clone()).or_default().clone()
    }

    fn done(&self, shipment: &Shipment<'_>) {
        let files = match shipment {
            Shipment::One(local) => std::slice::from_ref(local),
            Shipment::Many(files) => files.as_slice(),
        };
        for local in files {
            self.ways().remove(&local.file.blob);
            self.files_done.fetch_add(1, Ordering::Relaxed);
            self.bytes_done.fetch_add(local.file.size_bytes, Ordering::Relaxed);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn read(&self) -> Upload {
        let moving: u64 = self.ways().values().map(|sent| sent.load(Ordering::Relaxed)).sum();
        let bytes_done = (self.bytes_done.load(Ordering::Relaxed) + moving).min(self.bytes);
        let secs = self.began.elapsed().as_secs_f64();
        let rate = (bytes_done > 0 && secs > 0.2).then(|| bytes_done as f64 / secs);
        Upload {
            files_done: usize::try_from(self.files_done.load(Ordering::Relaxed)).unwrap_or(0),
            files: self.files,
            bytes_done,
            bytes: self.bytes,
            bytes_per_sec: rate,
            remaining_secs: rate.map(|rate| (self.bytes - bytes_done) as f64 / rate),
        }
    }
}

/// The manifest of these files.
pub fn manifest(project: &PackPath, files: &[LocalFile]) -> Manifest {
    let mut files: Vec<ManifestFile> = files.iter().map(|local| local.file.clone()).collect();
    files.sort();
    Manifest { project: project.clone(), files }
}

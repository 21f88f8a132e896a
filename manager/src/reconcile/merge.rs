//! Parts into films, one after the other for each frame, off the async threads.

use super::claim::Claims;
use crate::farm::JobFolder;
use crate::store::StoreError;
use blendnet_film::{Film, FilmError, Look};
use blendnet_net::blobs::{BlobError, BlobStore};
use blendnet_protocol::{BlobId, FilmRect, JobId, Region};
use fs_err as fs;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longer side of a preview.
const PREVIEW_PX: u32 = 1024;

/// Least time between two previews of a frame.
const PREVIEW_INTERVAL: Duration = Duration::from_millis(700);

/// Why a part is not merged, or a frame not written.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The film refuses.
    #[error(transparent)]
    Film(#[from] FilmError),
    /// The merged frame can't be kept.
    #[error("keeping the merged frame")]
    Keep(#[from] BlobError),
    /// It can't be written down.
    #[error("writing down a result")]
    Store(#[from] StoreError),
    /// Nothing of the frame is merged.
    #[error("nothing is merged of frame {0}")]
    Empty(i32),
    /// The merging thread died.
    #[error("merging was interrupted")]
    Interrupted,
}

/// By job and frame.
pub(super) type Films = BTreeMap<(JobId, i32), Arc<Mutex<Slot>>>;

/// All films. Cheap to clone.
#[derive(Clone)]
pub struct Merger {
    pub(super) jobs_dir: PathBuf,
    pub(super) films: Arc<Mutex<Films>>,
    pub(super) claims: Arc<Mutex<Claims>>,
    /// How noisy frames were at their last preview.
    noises: Arc<Mutex<BTreeMap<(JobId, i32), f64>>>,
}

/// A film in use.
pub(super) struct Slot {
    pub(super) film: Film,
    look: Option<Look>,
    look_path: PathBuf,
    preview_at: Option<Instant>,
    /// When the noise was last told, and how long that took.
    noise_told: (Instant, Duration),
}

impl Merger {
    /// For the jobs in a folder.
    pub fn new(jobs_dir: &Path) -> Self {
        let jobs_dir = jobs_dir.to_owned();
        Self { jobs_dir, films: Arc::default(), claims: Arc::default(), noises: Arc::default() }
    }

    /// Adds a part to its frame's film. Says whether there is a new preview.
    pub async fn add(
        &self,
        job: &JobId,
        frame: i32,
        (rect, total_samples): (FilmRect, u32),
        region: Region,
        part: &Path,
    ) -> Result<bool, MergeError> {
        let (this, job, part) = (self.clone(), job.clone(), part.to_owned());
        blocking(move || {
            let folder = JobFolder::new(&this.jobs_dir, &job);
            let slot = this.slot(&job, frame, &folder, || {
                Film::create(&folder.film(frame), rect, total_samples)
            })?;
            let mut slot = lock(&slot);
            slot.film.add(&part, region)?;
            let is_new = slot.preview(&folder.preview(frame));
            if is_new && let Some(noise) = slot.noise(&folder.noise_map(frame)) {
                lock(&this.noises).insert((job, frame), noise);
            }
            Ok(is_new)
        })
        .await
    }

    /// How noisy a frame was when its preview was last renewed; `None`: nobody knows.
    pub(crate) fn noise(&self, job: &JobId, frame: i32) -> Option<f64> {
        lock(&self.noises).get(&(job.clone(), frame)).copied()
    }

    /// Whether adding a part was begun, and failed on its way.
    pub(super) fn is_half_added(&self, job: &JobId, frame: i32, region: Region) -> bool {
        let slot = lock(&self.films).get(&(job.clone(), frame)).cloned();
        slot.is_some_and(|slot| lock(&slot).film.unfinished() == Some(region))
    }

    /// Writes what is merged of a frame as a blob.
    pub async fn write_image(
        &self,
        job: &JobId,
        frame: i32,
        blobs: &BlobStore,
    ) -> Result<BlobId, MergeError> {
        let (this, job) = (self.clone(), job.clone());
        let path = blocking(move || {
            let folder = JobFolder::new(&this.jobs_dir, &job);
            let slot = lock(&this.films).get(&(job, frame)).cloned();
            let slot = slot.ok_or(MergeError::Empty(frame))?;
            let path = folder.film(frame).with_extension("exr");
            lock(&slot).film.write_image(&path)?;
            Ok(path)
        })
        .await?;
        let (blob, _size) = blobs.adopt(&path).await?;
        Ok(blob)
    }

    /// The frame is finished: its film is not needed any more.
    pub fn forget(&self, job: &JobId, frame: i32) {
        lock(&self.claims).finish(job, frame);
        lock(&self.films).remove(&(job.clone(), frame));
        lock(&self.noises).remove(&(job.clone(), frame));
        let path = JobFolder::new(&self.jobs_dir, job).film(frame);
        if path.exists() {
            let _gone = fs::remove_file(path);
        }
    }

    /// The job is deleted.
    pub fn forget_job(&self, job: &JobId) {
        lock(&self.films).retain(|(of, _), _| of != job);
        lock(&self.claims).forget(job);
        lock(&self.noises).retain(|(of, _), _| of != job);
    }

    fn slot(
        &self,
        job: &JobId,
        frame: i32,
        folder: &JobFolder,
        create: impl FnOnce() -> Result<Film, FilmError>,
    ) -> Result<Arc<Mutex<Slot>>, FilmError> {
        let mut films = lock(&self.films);
        let key = (job.clone(), frame);
        if let Some(found) = films.get(&key) {
            return Ok(found.clone());
        }
        let made = Arc::new(slot(create()?, folder));
        films.insert(key, made.clone());
        Ok(made)
    }
}

pub(super) fn slot(film: Film, folder: &JobFolder) -> Mutex<Slot> {
    Mutex::new(Slot {
        film,
        look: None,
        look_path: folder.look(),
        preview_at: None,
        noise_told: (Instant::now(), Duration::ZERO),
    })
}

impl Slot {
    /// Renews the preview unless it is new enough. A preview that fails fails alone.
    fn preview(&mut self, path: &Path) -> bool {
        let fresh = self.preview_at.is_some_and(|at| at.elapsed() < PREVIEW_INTERVAL);
        if fresh && !self.film.is_complete() {
            return false;
        }
        self.preview_at = Some(Instant::now());
        // It comes after the first parts when the scene's agent is slow to make it.
        if self.look.is_none() && self.look_path.exists() {
            self.look = Look::read(&self.look_path)
                .inspect_err(|error| tracing::warn!(%error, "previews are in plain sRGB"))
                .ok();
        }
        let written = self
            .film
            .preview(self.look.as_ref(), PREVIEW_PX)
            .map_err(|e| crate::chain(&e))
            .and_then(|png| {
                blendnet_net::secret::write_private(path, &png).map_err(|e| crate::chain(&e))
            });
        if let Err(error) = &written {
            tracing::warn!(error, "no preview");
        }
        written.is_ok()
    }
}

impl Slot {
    /// How noisy the picture is, unless telling it again would take more than a tenth of the time. Writes
    /// down the map of it; both fail alone.
    fn noise(&mut self, map: &Path) -> Option<f64> {
        let (told, took) = self.noise_told;
        let began = Instant::now();
        if began.duration_since(told) < 10 * took {
            return None;
        }
        let noise = self.film.noise(PREVIEW_PX).map_err(|e| crate::chain(&e));
        self.noise_told = (Instant::now(), began.elapsed());
        let written = noise.and_then(|noise| {
            let Some(noise) = noise else { return Ok(None) };
            blendnet_net::secret::write_private(map, &noise.map).map_err(|e| crate::chain(&e))?;
            Ok(Some(noise.level))
        });
        written.inspect_err(|error| tracing::warn!(error, "the noise is not told")).ok()?
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, MergeError> + Send + 'static,
) -> Result<T, MergeError> {
    tokio::task::spawn_blocking(act).await.unwrap_or(Err(MergeError::Interrupted))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

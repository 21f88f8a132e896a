//! What of a job is kept on disk besides its rows in the database.
//!
//! ```text
//! jobs/<job>/look.png          the scene's view transform, for previews
//!            frames/<n>.film   what is merged; says itself which regions it holds
//!            frames/<n>.png    preview
//!            frames/<n>.noise.png  where it is noisy
//!            parts/            parts on their way into a film
//! ```

use super::money::Spent;
use blendnet_protocol::{
    BlobId, ExternalFile, JobId, JobSpec, JobState, ResultFile, SceneInfo, SplitPlan, WorkFailure,
};
use fs_err as fs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Paths of a job.
#[derive(Clone, Debug)]
pub struct JobFolder(PathBuf);

/// The finished files of a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameResult {
    /// Lossless multilayer EXR.
    pub image: ResultFile,
    /// The scene's own output, then what File Output nodes wrote.
    pub composed: Vec<ResultFile>,
}

/// A job but for what the scheduler knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    pub(crate) number: u64,
    /// Kept by itself: it may be long, and seldom changes.
    #[serde(skip_serializing)]
    pub(crate) spec: JobSpec,
    pub(crate) created_secs: u64,
    pub(crate) state: JobState,
    pub(crate) info: Option<SceneInfo>,
    pub(crate) split: Option<SplitPlan>,
    pub(crate) missing: Vec<ExternalFile>,
    pub(crate) messages: Vec<String>,
    pub(crate) failure: Option<WorkFailure>,
    pub(crate) elapsed_secs: f64,
    /// What it had cost when this was written down.
    #[serde(default)]
    pub(crate) spent: Option<Spent>,
    #[serde(skip)]
    pub(crate) results: BTreeMap<i32, FrameResult>,
    #[serde(skip)]
    pub(crate) previews: BTreeMap<i32, u64>,
    /// When it began to run, since the manager's start.
    #[serde(skip)]
    pub(crate) running_since: Option<f64>,
}

impl JobFolder {
    /// The folder of a job among those of all jobs.
    pub fn new(jobs: &Path, job: &JobId) -> Self {
        Self(jobs.join(job.as_str()))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The scene's look.
    pub fn look(&self) -> PathBuf {
        self.0.join("look.png")
    }

    /// What is merged of a frame.
    pub fn film(&self, frame: i32) -> PathBuf {
        self.0.join("frames").join(format!("{frame}.film"))
    }

    /// The preview of a frame.
    pub fn preview(&self, frame: i32) -> PathBuf {
        self.0.join("frames").join(format!("{frame}.png"))
    }

    /// Where a frame is noisy.
    pub(crate) fn noise_map(&self, frame: i32) -> PathBuf {
        self.0.join("frames").join(format!("{frame}.noise.png"))
    }

    /// Where parts are on their way into films.
    pub(crate) fn parts(&self) -> PathBuf {
        self.0.join("parts")
    }

    /// Makes the folder.
    pub(crate) fn prepare(&self) -> std::io::Result<()> {
        fs::create_dir_all(self.parts())?;
        fs::create_dir_all(self.0.join("frames"))
    }

    /// Removes parts that nobody waits for: half downloads, and those that were merged.
    pub(crate) fn empty_parts(&self) {
        for entry in fs::read_dir(self.parts()).into_iter().flatten().flatten() {
            if let Err(error) = fs::remove_file(entry.path()) {
                tracing::warn!(%error, "a part that is merged stays");
            }
        }
    }
}

impl JobRecord {
    /// From the submission and the rest, as JSON.
    pub(crate) fn read(spec: &str, state: &str) -> serde_json::Result<Self> {
        let mut all: serde_json::Value = serde_json::from_str(state)?;
        if let Some(fields) = all.as_object_mut() {
            fields.insert("spec".to_owned(), serde_json::from_str(spec)?);
        }
        serde_json::from_value(all)
    }

    /// All blobs that the job needs or made.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &BlobId> {
        let files = self.spec.scene.manifest.files.iter().map(|file| &file.blob);
        let results = self.results.values();
        files.chain(
            results.flat_map(|r| std::iter::once(&r.image).chain(&r.composed)).map(|f| &f.blob),
        )
    }
}

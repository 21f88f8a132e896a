//! What of a job is kept on disk, so that it survives the manager.
//!
//! ```text
//! jobs/<job>/job.json          the submission, what the inspection said, its state
//!            look.png          the scene's view transform, for previews
//!            frames/<n>.film   what is merged; says itself which regions it holds
//!            frames/<n>.png    preview
//!            frames/<n>.json   the finished files, once there are any
//!            parts/            parts on their way into a film
//! ```

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
    pub(crate) spec: JobSpec,
    pub(crate) created_secs: u64,
    pub(crate) state: JobState,
    pub(crate) info: Option<SceneInfo>,
    pub(crate) split: Option<SplitPlan>,
    pub(crate) missing: Vec<ExternalFile>,
    pub(crate) messages: Vec<String>,
    pub(crate) failure: Option<WorkFailure>,
    pub(crate) elapsed_secs: f64,
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

    /// A part on its way into the film.
    pub fn part(&self, work: &blendnet_protocol::WorkId) -> PathBuf {
        self.0.join("parts").join(work.as_str())
    }

    fn result(&self, frame: i32) -> PathBuf {
        self.0.join("frames").join(format!("{frame}.json"))
    }

    fn record(&self) -> PathBuf {
        self.0.join("job.json")
    }

    /// Makes the folder, and empties it of parts that nobody waits for any more.
    pub(crate) fn prepare(&self) -> std::io::Result<()> {
        let parts = self.0.join("parts");
        if parts.exists() {
            fs::remove_dir_all(&parts)?;
        }
        fs::create_dir_all(parts)?;
        fs::create_dir_all(self.0.join("frames"))
    }

    pub(crate) fn save(&self, record: &JobRecord) -> Result<(), String> {
        write_json(&self.record(), record)
    }

    pub(crate) fn save_result(&self, frame: i32, result: &FrameResult) -> Result<(), String> {
        write_json(&self.result(frame), result)
    }

    /// Reads a job as it was written down; what is not readable is said and left alone.
    pub(crate) fn load(&self) -> Result<JobRecord, String> {
        let mut record: JobRecord = read_json(&self.record())?;
        let frames = fs::read_dir(self.0.join("frames")).map_err(|e| e.to_string())?;
        for entry in frames.flatten() {
            let path = entry.path();
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<i32>().ok());
            if let (Some(number), Some("json")) =
                (number, path.extension().and_then(|e| e.to_str()))
            {
                record.results.insert(number, read_json(&path)?);
            }
        }
        Ok(record)
    }
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), String> {
    let json = serde_json::to_vec(value).map_err(|e| e.to_string())?;
    blendnet_net::secret::write_private(path, &json).map_err(|e| e.to_string())
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    let json = fs::read(path).map_err(|e| e.to_string())?;
    serde_json::from_slice(&json).map_err(|e| format!("{}: {e}", path.display()))
}

impl JobRecord {
    /// All blobs that the job needs or made.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &BlobId> {
        let files = self.spec.scene.manifest.files.iter().map(|file| &file.blob);
        let results = self.results.values();
        files.chain(
            results.flat_map(|r| std::iter::once(&r.image).chain(&r.composed)).map(|f| &f.blob),
        )
    }
}

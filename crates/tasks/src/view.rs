//! Tasks as clients see them: the field names and types of 0.3.

use crate::host::{RunFile, RunProgress, TaskState};
use crate::task::{Task, TaskFile};
use blendnet_protocol::BlobId;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// `GET task/{task}`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskInfo {
    name: String,
    create_time: u64,
    start_time: Option<u64>,
    end_time: Option<u64>,
    state: TaskState,
    frame: Option<i32>,
    done: f64,
    /// Each names who failed and why.
    state_error_info: Vec<BTreeMap<String, String>>,
}

/// `GET task/{task}/status`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskStatus {
    #[serde(flatten)]
    info: TaskInfo,
    project: Option<String>,
    samples: u32,
    seed: Option<i32>,
    samples_done: u64,
    remaining: Option<u64>,
    result: ResultIds,
    compose_filepath: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ResultIds {
    preview: Option<BlobId>,
    render: Option<BlobId>,
    compose: Option<BlobId>,
}

/// `GET task/{task}/file/{path}`, and the answer to an upload.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileInfo {
    id: BlobId,
    path: String,
    blob: BlobInfo,
}

#[derive(Debug, Serialize, ToSchema)]
struct BlobInfo {
    id: BlobId,
    size: u64,
    sha1: Option<String>,
}

impl TaskInfo {
    pub(crate) fn new(task: &Task, progress: &RunProgress) -> Self {
        let named = |error: &String| BTreeMap::from([(task.name.clone(), error.clone())]);
        let done = if task.state == TaskState::Completed { 1.0 } else { progress.done };
        Self {
            name: task.name.clone(),
            create_time: task.create_time,
            start_time: task.start_time,
            end_time: task.end_time,
            state: task.state,
            frame: task.config.frame,
            done: if done.is_finite() { done.clamp(0.0, 1.0) } else { 0.0 },
            state_error_info: task.errors.iter().map(named).collect(),
        }
    }
}

impl TaskStatus {
    pub(crate) fn new(task: &Task, progress: &RunProgress) -> Self {
        let samples = task.config.samples();
        let completed = task.state == TaskState::Completed;
        let samples_done = if completed { f64::from(samples) } else { progress.samples_done };
        let id = |file: &Option<RunFile>| file.as_ref().map(|file| file.blob.clone());
        let composed_name = || Some(task.results.compose.as_ref()?.file_name.clone());
        Self {
            info: TaskInfo::new(task, progress),
            project: task.config.project.as_ref().map(|path| path.as_str().to_owned()),
            samples,
            seed: task.config.seed,
            samples_done: whole(samples_done),
            remaining: progress.remaining_secs.filter(|_| task.state.is_active()).map(whole),
            result: ResultIds {
                preview: id(&task.results.preview),
                render: id(&task.results.render),
                compose: id(&task.results.compose),
            },
            compose_filepath: task.config.compose_filepath.clone().or_else(composed_name),
        }
    }
}

impl FileInfo {
    pub(crate) fn new(path: &str, file: &TaskFile) -> Self {
        let blob =
            BlobInfo { id: file.blob.clone(), size: file.size_bytes, sha1: file.sha1.clone() };
        Self { id: file.blob.clone(), path: path.to_owned(), blob }
    }
}

/// `GET task/{task}/messages`: by who said them.
pub(crate) fn messages(task: &Task, progress: &RunProgress) -> Value {
    let all: Vec<&String> = task.messages.iter().chain(&progress.messages).collect();
    json!({ &task.name: all })
}

/// `GET task/{task}/details`: by whom they are about.
pub(crate) fn details(task: &Task, progress: &RunProgress) -> Value {
    let details = match &progress.details {
        Value::Null => json!([]),
        Value::Array(_) => progress.details.clone(),
        one => json!([one]),
    };
    json!({ &task.name: details })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and negative or undefined numbers count as 0"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

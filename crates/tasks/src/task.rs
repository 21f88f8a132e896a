//! A task as it is stored, and what may happen to it.
//!
//! ```text
//!            run              host              host
//! CREATED ────────► PENDING ───────► RUNNING ───────► COMPLETED
//!                    ▲   │ stop        │  │ host
//!                run │   ▼             │  └─────────► ERROR ── run: a fresh run
//!                   STOPPED ◄──────────┘
//!                              stop, restart of the server
//! ```
//!
//! Identity is content and a fresh run id: a run goes on only with the very scene and settings
//! that it began with; anything else, also under the same name, is another run.

use crate::config::TaskConfig;
use crate::host::{RunFiles, RunProgress, TaskRun, TaskState};
use crate::paths::ClientPath;
use blendnet_net::answer::ApiError;
use blendnet_protocol::{BlobId, Manifest, ManifestFile, Overrides, PackPath, SceneSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Messages kept of a task; the oldest go first.
const MAX_MESSAGES: usize = 200;

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskFile {
    pub(crate) blob: BlobId,
    pub(crate) size_bytes: u64,
    /// As the client announced it and we checked it.
    pub(crate) sha1: Option<String>,
}

/// All that is known of a task.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) create_time: u64,
    pub(crate) start_time: Option<u64>,
    pub(crate) end_time: Option<u64>,
    pub(crate) state: TaskState,
    pub(crate) errors: Vec<String>,
    pub(crate) messages: Vec<String>,
    pub(crate) config: TaskConfig,
    pub(crate) files: BTreeMap<ClientPath, TaskFile>,
    pub(crate) run: Option<TaskRun>,
    pub(crate) results: RunFiles,
    /// Removed while somebody waited for it.
    #[serde(skip)]
    pub(crate) deleted: bool,
}

/// What a request to run means.
pub(crate) enum RunPlan {
    /// It is under way already.
    Active,
    /// It is done, and nothing has changed since.
    Done,
    /// Go on with the run that was stopped.
    Continue(TaskRun),
    /// Begin anew.
    Fresh(TaskRun),
}

impl Task {
    pub(crate) fn new(name: &str, now_secs: u64) -> Self {
        Self { name: name.to_owned(), create_time: now_secs, ..Self::default() }
    }

    /// An error unless files and config may be changed.
    pub(crate) fn check_changeable(&self) -> Result<(), ApiError> {
        if !self.state.is_active() {
            return Ok(());
        }
        Err(ApiError::conflict(format!("task `{}` is running and can't be changed", self.name))
            .hint("stop it first, or use another task name"))
    }

    /// All that it needs kept.
    pub(crate) fn blobs(&self) -> Vec<BlobId> {
        let RunFiles { preview, render, compose } = &self.results;
        let results = [preview, render, compose].into_iter().flatten().map(|file| &file.blob);
        self.files.values().map(|file| &file.blob).chain(results).cloned().collect()
    }

    pub(crate) fn say(&mut self, message: String) {
        if self.messages.last() != Some(&message) {
            self.messages.push(message);
        }
        let surplus = self.messages.len().saturating_sub(MAX_MESSAGES);
        self.messages.drain(..surplus);
    }

    /// What to do when the client asks to run it.
    pub(crate) fn plan(&self, is_manager: bool) -> Result<RunPlan, ApiError> {
        if self.state.is_active() {
            return Ok(RunPlan::Active);
        }
        let scene = self.scene(is_manager)?;
        let run = TaskRun {
            run_id: fresh_run_id(&self.name)?,
            scene,
            frame: self.config.frame,
            max_agents: self.config.agents_num,
        };
        let Some(last) = &self.run else { return Ok(RunPlan::Fresh(run)) };
        let unchanged = *last == TaskRun { run_id: last.run_id.clone(), ..run.clone() };
        Ok(match self.state {
            TaskState::Stopped if unchanged => RunPlan::Continue(last.clone()),
            TaskState::Completed if unchanged => RunPlan::Done,
            _ => RunPlan::Fresh(run),
        })
    }

    /// Files and settings as the renderer wants them.
    fn scene(&self, is_manager: bool) -> Result<SceneSpec, ApiError> {
        let project = self.config.project.as_ref().ok_or_else(|| {
            ApiError::bad_request(format!("task `{}` has no project", self.name)).hint(
                "PUT its config with `project`, the file name of the .blend below project_path",
            )
        })?;
        let roots = self.config.roots();
        let refused = |error: crate::paths::PathError| ApiError::bad_request(error.to_string());
        let mut placed: BTreeMap<PackPath, (&ClientPath, &TaskFile)> = BTreeMap::new();
        for (path, file) in &self.files {
            let place = roots.place(path).map_err(refused)?;
            if let Some((other, _)) =
                placed.insert(place, (path, file)).filter(|(_, other)| other.blob != file.blob)
            {
                return Err(ApiError::bad_request(format!(
                    "files `{}` and `{}` are the same place with different content; upload the right one to both paths",
                    other.as_str(),
                    path.as_str()
                )));
            }
        }
        let project_path = roots.place_project(project).map_err(refused)?;
        if !placed.contains_key(&project_path) {
            return Err(ApiError::bad_request(format!(
                "project `{}` is not among the {} files of task `{}`: nothing was uploaded to `/{project_path}`",
                project.as_str(),
                self.files.len(),
                self.name
            ))
            .hint("upload the .blend, or correct project, project_path and cwd_path"));
        }
        let files = placed
            .into_iter()
            .map(|(path, (_, file))| ManifestFile::new(path, file.blob.clone(), file.size_bytes))
            .collect();
        let no_compositor = is_manager && self.config.use_compositing_nodes == Some(false);
        let overrides = Overrides {
            samples: Some(self.config.samples()),
            seed: self.config.seed,
            compositor: no_compositor.then_some(false),
            ..Overrides::default()
        };
        Ok(SceneSpec { manifest: Manifest { project: project_path, files }, overrides })
    }

    /// The state from the moment that the host is asked to run.
    pub(crate) fn begin(&mut self, run: TaskRun, fresh: bool, now_secs: u64) {
        self.state = TaskState::Pending;
        self.end_time = None;
        self.errors.clear();
        if fresh || self.start_time.is_none() {
            self.start_time = Some(now_secs);
            self.results = RunFiles::default();
        }
        self.run = Some(run);
    }

    /// Takes over what the host says of the run. Answers whether the stored part changed.
    pub(crate) fn observe(&mut self, progress: &RunProgress, now_secs: u64) -> bool {
        let before = self.state;
        let was_open = before.is_active() || before == TaskState::Stopped;
        match progress.state {
            TaskState::Created if before.is_active() => {
                self.state = TaskState::Stopped;
                self.say("the run is gone from the server; run the task again".to_owned());
            }
            TaskState::Completed if was_open => self.state = TaskState::Completed,
            TaskState::Error if was_open => {
                self.state = TaskState::Error;
                let unknown = || "the run failed; see the server's log".to_owned();
                self.errors.push(progress.error.clone().unwrap_or_else(unknown));
            }
            state if before.is_active() => self.state = state,
            _ => {}
        }
        let mut results_changed = false;
        for (known, seen) in [
            (&mut self.results.preview, &progress.files.preview),
            (&mut self.results.render, &progress.files.render),
            (&mut self.results.compose, &progress.files.compose),
        ] {
            if seen.is_some() && known != seen {
                known.clone_from(seen);
                results_changed = true;
            }
        }
        if self.state == before {
            // A running task's previews change all the time and are worth no disk write.
            return results_changed && !before.is_active();
        }
        if !self.state.is_active() {
            self.end_time = Some(progress.ended_secs.unwrap_or(now_secs));
        }
        true
    }

    /// After a restart of the server nothing runs.
    pub(crate) fn come_back(&mut self, now_secs: u64) {
        if self.state.is_active() {
            self.state = TaskState::Stopped;
            self.end_time = Some(now_secs);
            self.say("the server was restarted while the task ran; run it to go on".to_owned());
        }
    }
}

/// A run id that never was before, with the task's name in it for people.
fn fresh_run_id(task: &str) -> Result<String, ApiError> {
    let mut dice = [0_u8; 4];
    getrandom::fill(&mut dice).map_err(|error| ApiError::internal(&error))?;
    let readable = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = task.chars().take(80).map(readable).collect();
    Ok(format!("{name}-{}", hex::encode(dice)))
}

#[cfg(test)]
mod tests;

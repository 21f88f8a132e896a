//! The tasks of BlendNet 0.3 clients, done by this agent alone.
//!
//! ```text
//! start ─► inspect ─► part: all pixels and samples ─► preview ─► finish ─► completed
//!                └──► whole, where a frame can't be put together ──────►
//! ```
//! A run that is stopped begins anew when it goes on: one agent has nothing of it to keep.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use blendnet_film::{Film, Look};
use blendnet_net::answer::ApiError;
use blendnet_protocol::{
    BlobId, Outcome, Region, ResultFile, SampleRange, SceneId, SceneInfo, Timing, Work,
    WorkFailure, WorkId, WorkKind, WorkState,
};
use blendnet_tasks::{RunFile, RunFiles, RunProgress, ServiceInfo, TaskHost, TaskRun, TaskState};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::render::Engine;

/// Longest side of a preview.
const PREVIEW_PX: u32 = 1024;

/// The agent, as the task API sees it. Clones are the same.
#[derive(Clone)]
pub(crate) struct AgentTasks(Arc<Inner>);

struct Inner {
    engine: Engine,
    dir: PathBuf,
    shutdown: CancellationToken,
    runs: Mutex<BTreeMap<String, Run>>,
    /// Works named so far: names are unique for ever.
    works: AtomicU64,
}

struct Run {
    scene: SceneId,
    /// Sent so far, the last one is under way.
    works: Vec<WorkId>,
    total_samples: u32,
    /// What is known for sure; the work under way knows more.
    known: RunProgress,
    stop: CancellationToken,
    ended: CancellationToken,
}

fn now_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn explained(failure: &WorkFailure) -> String {
    let lines = failure.last_lines.join("\n");
    format!("{}\n{lines}", failure.message).trim().to_owned()
}

impl AgentTasks {
    /// Runs tasks on `engine`; `dir` is the agent's folder.
    pub(crate) fn new(engine: Engine, dir: PathBuf, shutdown: CancellationToken) -> Self {
        let (runs, works) = (Mutex::default(), AtomicU64::new(1));
        Self(Arc::new(Inner { engine, dir, shutdown, runs, works }))
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<String, Run>> {
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, run_id: &str, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.runs().get_mut(run_id) {
            change(run);
        }
    }

    /// Does a run until it is done or stopped, and frees what it needed on the way.
    async fn drive(self, run: TaskRun, scene: SceneId, stop: CancellationToken) {
        let id = run.run_id.clone();
        let (state, error) = tokio::select! {
            biased;
            () = stop.cancelled() => (TaskState::Stopped, None),
            rendered = self.render(&run, &scene) => match rendered {
                Ok(()) => (TaskState::Completed, None),
                Err(error) => (TaskState::Error, Some(error)),
            },
        };
        let (mut works, mut ended) = (Vec::new(), None);
        self.change(&id, |run| {
            run.known.state = state;
            run.known.error = error;
            run.known.ended_secs = Some(now_secs());
            works = std::mem::take(&mut run.works);
            ended = Some(run.ended.clone());
        });
        for work in &works {
            self.0.engine.delete(work);
        }
        self.leave(&scene);
        if let Some(ended) = ended {
            ended.cancel();
        }
    }

    /// Forgets a scene that no run needs any more.
    fn leave(&self, scene: &SceneId) {
        let runs = self.runs();
        if !runs.values().any(|run| run.scene == *scene && run.known.state.is_active()) {
            self.0.engine.delete_scene(scene);
        }
    }

    async fn render(&self, run: &TaskRun, scene: &SceneId) -> Result<(), String> {
        let id = &run.run_id;
        let Outcome::Inspected { info, look } = self.work(id, scene, WorkKind::Inspect).await?
        else {
            return Err("the inspection gave something else".to_owned());
        };
        self.change(id, |run| {
            run.total_samples = info.samples;
            run.known.messages.clone_from(&info.warnings);
        });
        let frame = run.frame.unwrap_or(info.frame_current);
        let whole = WorkKind::Whole { frame };
        let (preview, rendered, image) = if info.whole_frames_because.is_some() {
            (None, None, self.work(id, scene, whole).await?)
        } else {
            let (preview, merged, timing) = self.part(id, scene, frame, &info, look).await?;
            let finish = WorkKind::Finish { frame, merged };
            (preview, Some(timing), self.work(id, scene, finish).await?)
        };
        let Outcome::Image { image, composed, timing } = image else {
            return Err("the frame gave something else".to_owned());
        };
        let files = RunFiles {
            preview,
            render: self.kept(&image),
            compose: composed.first().and_then(|file| self.kept(file)),
        };
        self.keep(id, files);
        let blender = &info.blender_version;
        let details = json!({ "blender": blender, "render": rendered, "finish": timing });
        self.change(id, |run| run.known.details = details);
        Ok(())
    }

    /// Renders all pixels and samples; shows them before they are finished.
    async fn part(
        &self,
        id: &str,
        scene: &SceneId,
        frame: i32,
        info: &SceneInfo,
        look: Option<ResultFile>,
    ) -> Result<(Option<RunFile>, BlobId, Timing), String> {
        let samples = SampleRange::new(0, info.samples).map_err(|error| error.to_string())?;
        let region = Region { tile: info.film.rendered, samples };
        let kind = WorkKind::Part { frame, region, margin_px: 0, total_samples: info.samples };
        let Outcome::Part { image, timing } = self.work(id, scene, kind).await? else {
            return Err("the part gave something else".to_owned());
        };
        let preview = self.preview(&image, info, region, look).await;
        self.keep(id, RunFiles { preview: preview.clone(), ..RunFiles::default() });
        Ok((preview, image.blob, timing))
    }

    /// Does one work to its end.
    async fn work(&self, id: &str, scene: &SceneId, kind: WorkKind) -> Result<Outcome, String> {
        let number = self.0.works.fetch_add(1, Ordering::Relaxed);
        let work = WorkId::new(format!("{id}-{number}")).map_err(|error| error.to_string())?;
        self.change(id, |run| run.works.push(work.clone()));
        let engine = &self.0.engine;
        engine
            .submit(Work::new(work.clone(), scene.clone(), kind))
            .map_err(|error| error.to_string())?;
        match engine.finished(&work).await {
            Some(WorkState::Completed(outcome)) => Ok(outcome),
            Some(WorkState::Failed(failure)) => Err(explained(&failure)),
            _ => Err("the work was deleted; run the task again".to_owned()),
        }
    }

    fn kept(&self, file: &ResultFile) -> Option<RunFile> {
        let content_type = match file.name.rsplit('.').next() {
            Some("png") => "image/png",
            Some("jpg" | "jpeg") => "image/jpeg",
            Some("exr") => "image/x-exr",
            Some("tif" | "tiff") => "image/tiff",
            _ => "application/octet-stream",
        };
        Some(RunFile {
            blob: file.blob.clone(),
            path: self.0.engine.blobs().path(&file.blob)?,
            content_type: content_type.to_owned(),
            file_name: file.name.clone(),
        })
    }

    /// Shows results, and has the engine keep them until the run is forgotten.
    fn keep(&self, id: &str, files: RunFiles) {
        let all = [&files.preview, &files.render, &files.compose];
        let blobs = all.into_iter().flatten().map(|file| file.blob.clone()).collect();
        self.0.engine.hold(&results_of(id), blobs);
        self.change(id, |run| run.known.files = files);
    }

    /// A display-ready image of a part; a run is no worse without.
    async fn preview(
        &self,
        part: &ResultFile,
        info: &SceneInfo,
        region: Region,
        look: Option<ResultFile>,
    ) -> Option<RunFile> {
        let blobs = self.0.engine.blobs().clone();
        let (part, look) = (blobs.path(&part.blob)?, look.and_then(|look| blobs.path(&look.blob)));
        let (work_dir, rect, samples) = (self.0.dir.join("work"), info.film, info.samples);
        let making = tokio::task::spawn_blocking(move || -> anyhow::Result<BlobId> {
            let dir = tempfile::tempdir_in(work_dir)?;
            let mut film = Film::create(&dir.path().join("film"), rect, samples)?;
            film.add(&part, region)?;
            let look = look.map(|path| Look::read(&path)).transpose()?;
            Ok(blobs.put_bytes(&film.preview(look.as_ref(), PREVIEW_PX)?)?)
        });
        match making.await.map_err(anyhow::Error::from).flatten() {
            Ok(blob) => {
                self.kept(&ResultFile { name: "preview.png".to_owned(), blob, size_bytes: 0 })
            }
            Err(error) => {
                tracing::warn!("no preview: {error:#}");
                None
            }
        }
    }
}

/// Name of the set of blobs that are a run's results.
fn results_of(run_id: &str) -> String {
    format!("results of {run_id}")
}

#[async_trait]
impl TaskHost for AgentTasks {
    fn is_manager(&self) -> bool {
        false
    }

    fn service(&self) -> ServiceInfo {
        let blenders = self.0.engine.report().blenders;
        ServiceInfo {
            engine: "Agent".to_owned(),
            blender_versions: blenders.into_iter().map(|build| build.version).collect(),
        }
    }

    fn terminating(&self) -> bool {
        self.0.shutdown.is_cancelled()
    }

    fn hold(&self, task: &str, blobs: Vec<BlobId>) {
        self.0.engine.hold(&format!("task {task}"), blobs);
    }

    async fn start(&self, run: TaskRun) -> Result<(), ApiError> {
        let scene = Engine::scene_id(&run.scene)
            .ok_or_else(|| ApiError::bad_request("the scene can't be named"))?;
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let entry = Run {
            scene: scene.clone(),
            works: Vec::new(),
            total_samples: 0,
            known: RunProgress { state: TaskState::Pending, ..RunProgress::default() },
            stop: stop.clone(),
            ended,
        };
        {
            let mut runs = self.runs();
            let put = self.0.engine.put_scene(scene.clone(), run.scene.clone());
            put.map_err(|error| ApiError::bad_request(error.to_string()))?;
            runs.insert(run.run_id.clone(), entry);
        }
        tokio::spawn(self.clone().drive(run, scene, stop));
        Ok(())
    }

    async fn stop(&self, run_id: &str) -> Result<(), ApiError> {
        let tokens = self.runs().get(run_id).map(|run| (run.stop.clone(), run.ended.clone()));
        if let Some((stop, ended)) = tokens {
            stop.cancel();
            ended.cancelled().await;
        }
        Ok(())
    }

    async fn progress(&self, run_id: &str) -> RunProgress {
        let runs = self.runs();
        let Some(run) = runs.get(run_id) else { return RunProgress::default() };
        let mut progress = run.known.clone();
        let total = f64::from(run.total_samples.max(1));
        // After the inspection and the part, all samples are there.
        let rendered = matches!(run.works.len(), 3..) || progress.state == TaskState::Completed;
        progress.samples_done = if rendered { total } else { 0.0 };
        let status = run.works.last().and_then(|work| self.0.engine.status(work));
        if progress.state.is_active() && run.works.len() > 1 {
            progress.state = TaskState::Running;
        }
        if let Some(WorkState::Running(work)) = status.map(|status| status.state) {
            progress.state = TaskState::Running;
            if run.works.len() == 2 {
                progress.samples_done = f64::from(work.samples_done).min(total);
                progress.remaining_secs = work.remaining_secs;
            }
            progress.messages.extend((!work.message.is_empty()).then_some(work.message));
        }
        progress.done = progress.samples_done / total;
        progress
    }

    async fn forget(&self, run_id: &str) {
        let _always_stops = self.stop(run_id).await.is_err();
        self.runs().remove(run_id);
        self.0.engine.hold(&results_of(run_id), Vec::new());
    }
}

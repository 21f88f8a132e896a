//! The tasks of BlendNet 0.3 clients, as jobs of this farm: one task is a job with one frame.

use crate::farm::{Context, FarmError, FarmHandle, JobFolder, Request};
use crate::server::content_type;
use async_trait::async_trait;
use blendnet_net::answer::ApiError;
use blendnet_net::blobs::hash_file;
use blendnet_net::log::RecentLog;
use blendnet_protocol::{
    FrameSet, FrameView, JobId, JobSpec, JobState, JobView, ResultFile, SplitChoice,
};
use blendnet_tasks::{
    RunFile, RunFiles, RunProgress, ServiceInfo, TaskHost, TaskRun, TaskState, Tasks,
};
use serde_json::json;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// This farm, as the task API sees it.
pub struct FarmTasks {
    farm: FarmHandle,
    context: Arc<Context>,
}

/// The routes of the task API.
pub async fn router(
    context: &Arc<Context>,
    farm: &FarmHandle,
    log: RecentLog,
) -> anyhow::Result<OpenApiRouter> {
    let host = FarmTasks { farm: farm.clone(), context: context.clone() };
    let tasks = Arc::new(Tasks::open(&context.config.dir, context.blobs.clone(), log, host).await?);
    let _set_once = context.task_api.set(tasks.clone());
    Ok(blendnet_tasks::router(tasks))
}

#[async_trait]
impl TaskHost for FarmTasks {
    fn is_manager(&self) -> bool {
        true
    }

    fn service(&self) -> ServiceInfo {
        let view = self.farm.view();
        let mut versions: Vec<String> = view
            .jobs
            .iter()
            .filter_map(|job| Some(job.info.as_ref()?.blender_version.clone()))
            .collect();
        versions.sort();
        versions.dedup();
        ServiceInfo { engine: "Manager".to_owned(), blender_versions: versions }
    }

    fn terminating(&self) -> bool {
        self.farm.view().terminating
    }

    async fn start(&self, run: TaskRun) -> Result<(), ApiError> {
        let id = JobId::new(run.run_id).map_err(|e| ApiError::bad_request(e.to_string()))?;
        let name = run.scene.manifest.project.file_name().to_owned();
        let spec = JobSpec {
            name,
            scene: run.scene,
            frames: run.frame.map(FrameSet::one),
            split: SplitChoice::Auto,
            max_agents: run.max_agents,
            hold: false,
            priority: 0,
            limits: blendnet_protocol::JobLimits::default(),
        };
        let request = Request::Submit { spec: Box::new(spec), id: Some(id.clone()) };
        match self.farm.ask(request).await {
            Err(FarmError::JobExists(_)) => self.farm.ask(Request::Run(id)).await?,
            other => other?,
        };
        Ok(())
    }

    async fn stop(&self, run_id: &str) -> Result<(), ApiError> {
        let Ok(id) = JobId::new(run_id) else { return Ok(()) };
        match self.farm.ask(Request::Stop(id)).await {
            Err(FarmError::UnknownJob(_)) | Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn progress(&self, run_id: &str) -> RunProgress {
        let job = JobId::new(run_id).ok().and_then(|id| self.farm.job(&id).ok());
        match job {
            Some(job) => self.run_progress(&job).await,
            None => RunProgress::default(),
        }
    }

    async fn forget(&self, run_id: &str) {
        let Ok(id) = JobId::new(run_id) else { return };
        let _not_running = self.farm.ask(Request::Stop(id.clone())).await;
        if let Err(error) = self.farm.ask(Request::Delete(id)).await
            && !matches!(error, FarmError::UnknownJob(_))
        {
            tracing::warn!(run_id, %error, "a run's job was not deleted");
        }
    }
}

impl FarmTasks {
    async fn run_progress(&self, job: &JobView) -> RunProgress {
        let frame = job.frames.first();
        let failure = job.failure.as_ref().or_else(|| frame?.failure.as_ref());
        let mut messages = job.messages.clone();
        messages.extend(job.split.iter().map(|split| split.reason.clone()));
        let error = (job.state == JobState::Failed).then(|| {
            failure.map_or_else(
                || "the frame failed".to_owned(),
                |f| format!("{} {}", f.message, f.last_lines.join("\n")).trim().to_owned(),
            )
        });
        RunProgress {
            state: task_state(job.state),
            done: job.done,
            samples_done: frame.map_or(0.0, |frame| frame.samples_done),
            remaining_secs: job.remaining_secs,
            ended_secs: None,
            files: match frame {
                Some(frame) => self.files(&job.id, frame).await,
                None => RunFiles::default(),
            },
            error,
            messages,
            details: json!({ "job": job.id, "elapsed_secs": job.elapsed_secs, "split": job.split }),
        }
    }

    async fn files(&self, job: &JobId, frame: &FrameView) -> RunFiles {
        RunFiles {
            preview: if frame.preview > 0 { self.preview(job, frame.frame).await } else { None },
            render: frame.image.as_ref().and_then(|file| self.kept(file)),
            compose: frame.composed.first().and_then(|file| self.kept(file)),
        }
    }

    fn kept(&self, file: &ResultFile) -> Option<RunFile> {
        Some(RunFile {
            blob: file.blob.clone(),
            path: self.context.blobs.path(&file.blob)?,
            content_type: content_type(&file.name).to_owned(),
            file_name: file.name.clone(),
        })
    }

    async fn preview(&self, job: &JobId, frame: i32) -> Option<RunFile> {
        let path = JobFolder::new(&self.context.jobs_dir, job).preview(frame);
        let hashed = path.clone();
        let hash = tokio::task::spawn_blocking(move || hash_file(&hashed)).await;
        let (blob, _size) = hash.ok()?.ok()?;
        Some(RunFile {
            blob,
            path,
            content_type: "image/png".to_owned(),
            file_name: format!("{frame:04}-preview.png"),
        })
    }
}

fn task_state(state: JobState) -> TaskState {
    match state {
        JobState::Inspecting | JobState::Ready | JobState::Queued => TaskState::Pending,
        JobState::Running => TaskState::Running,
        JobState::Paused => TaskState::Stopped,
        JobState::Completed => TaskState::Completed,
        JobState::Failed => TaskState::Error,
    }
}

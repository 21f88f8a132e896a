//! Jobs: submit, look, run, stop, delete, and fetch what came out.

use super::Edge;
use crate::farm::{FrameWish, JobFolder, Request};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use blendnet_net::answer::{ApiError, ApiResult, JsonBody, done, ok};
use blendnet_net::blobs::file_response;
use blendnet_protocol::{FrameView, JobId, JobLimits, JobSpec, JobView, Manifest, ResultFile};
use serde::Deserialize;

/// A manifest of a hundred thousand files fits.
const LARGEST_JOB_BYTES: usize = 64 << 20;

pub(super) fn routes() -> Router<Edge> {
    Router::new()
        .route("/job", get(list).post(submit))
        .route("/job/{job}", get(show).delete(delete))
        .route("/job/{job}/files", put(files))
        .route("/job/{job}/run", post(run))
        .route("/job/{job}/stop", post(stop))
        .route("/job/{job}/settle", post(settle))
        .route("/job/{job}/priority", put(priority))
        .route("/job/{job}/limits", put(limits))
        .route("/job/{job}/frame/{frame}/first", post(frame_first))
        .route("/job/{job}/frame/{frame}/pause", post(frame_pause))
        .route("/job/{job}/frame/{frame}/resume", post(frame_resume))
        .route("/job/{job}/frame/{frame}/preview", get(preview))
        .route("/job/{job}/frame/{frame}/image", get(image))
        .route("/job/{job}/frame/{frame}/composed/{*name}", get(composed))
}

fn job_id(text: String) -> Result<JobId, ApiError> {
    JobId::new(text).map_err(|error| ApiError::bad_request(error.to_string()))
}

async fn list(State(edge): State<Edge>) -> ApiResult<Vec<JobView>> {
    Ok(ok(edge.farm.view().jobs.clone()))
}

async fn submit(
    State(edge): State<Edge>,
    JsonBody(spec): JsonBody<JobSpec, LARGEST_JOB_BYTES>,
) -> Result<Response, ApiError> {
    let request = Request::Submit { spec: Box::new(spec), id: None };
    let job = edge.farm.ask_job(request).await?;
    Ok((StatusCode::CREATED, ok(job)).into_response())
}

async fn show(State(edge): State<Edge>, Path(job): Path<String>) -> ApiResult<JobView> {
    Ok(ok(edge.farm.job(&job_id(job)?)?))
}

async fn delete(State(edge): State<Edge>, Path(job): Path<String>) -> ApiResult<()> {
    edge.farm.ask(Request::Delete(job_id(job)?)).await?;
    Ok(done())
}

async fn files(
    State(edge): State<Edge>,
    Path(job): Path<String>,
    JsonBody(manifest): JsonBody<Manifest, LARGEST_JOB_BYTES>,
) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Files(job_id(job)?, manifest)).await?))
}

async fn run(State(edge): State<Edge>, Path(job): Path<String>) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Run(job_id(job)?)).await?))
}

async fn stop(State(edge): State<Edge>, Path(job): Path<String>) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Stop(job_id(job)?)).await?))
}

async fn settle(State(edge): State<Edge>, Path(job): Path<String>) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Settle(job_id(job)?)).await?))
}

#[derive(Deserialize)]
struct Priority {
    priority: i32,
}

async fn priority(
    State(edge): State<Edge>,
    Path(job): Path<String>,
    JsonBody(Priority { priority }): JsonBody<Priority>,
) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Priority(job_id(job)?, priority)).await?))
}

async fn limits(
    State(edge): State<Edge>,
    Path(job): Path<String>,
    JsonBody(limits): JsonBody<JobLimits>,
) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Limits(job_id(job)?, limits)).await?))
}

type FramePath = Path<(String, String)>;

async fn frame_first(State(edge): State<Edge>, path: FramePath) -> ApiResult<JobView> {
    frame_wish(&edge, path, FrameWish::First).await
}

async fn frame_pause(State(edge): State<Edge>, path: FramePath) -> ApiResult<JobView> {
    frame_wish(&edge, path, FrameWish::Pause).await
}

async fn frame_resume(State(edge): State<Edge>, path: FramePath) -> ApiResult<JobView> {
    frame_wish(&edge, path, FrameWish::Resume).await
}

async fn frame_wish(
    edge: &Edge,
    Path((job, frame)): FramePath,
    wish: FrameWish,
) -> ApiResult<JobView> {
    let job = job_id(job)?;
    let frame = frame_of(edge, &job, &frame)?.frame;
    Ok(ok(edge.farm.ask_job(Request::Frame(job, frame, wish)).await?))
}

fn frame_of(edge: &Edge, job: &JobId, frame: &str) -> Result<FrameView, ApiError> {
    let number: i32 = frame
        .parse()
        .map_err(|_error| ApiError::bad_request(format!("`{frame}` is not a frame number")))?;
    let view = edge.farm.job(job)?;
    view.frames
        .into_iter()
        .find(|frame| frame.frame == number)
        .ok_or_else(|| ApiError::not_found(format!("job `{job}` has no frame {number}")))
}

async fn preview(
    State(edge): State<Edge>,
    Path((job, frame)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let job = job_id(job)?;
    let frame = frame_of(&edge, &job, &frame)?;
    let path = JobFolder::new(&edge.context.jobs_dir, &job).preview(frame.frame);
    if !path.exists() {
        return Err(ApiError::not_found(format!("frame {} has no preview yet", frame.frame))
            .hint("it comes with the first samples; frames rendered whole have none"));
    }
    Ok(file_response(&path, &headers, "image/png").await)
}

async fn image(
    State(edge): State<Edge>,
    Path((job, frame)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let frame = frame_of(&edge, &job_id(job)?, &frame)?;
    result(&edge, frame.image.as_ref(), frame.frame, &headers).await
}

async fn composed(
    State(edge): State<Edge>,
    Path((job, frame, name)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let frame = frame_of(&edge, &job_id(job)?, &frame)?;
    let file = frame.composed.iter().find(|file| file.name == name);
    result(&edge, file, frame.frame, &headers).await
}

async fn result(
    edge: &Edge,
    file: Option<&ResultFile>,
    frame: i32,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let path = file.and_then(|file| edge.context.blobs.path(&file.blob));
    let (Some(file), Some(path)) = (file, path) else {
        return Err(ApiError::not_found(format!("frame {frame} has no such file"))
            .hint("`GET job/{job}` lists the files of a completed frame"));
    };
    Ok(file_response(&path, headers, content_type(&file.name)).await)
}

/// By the ending of a file's name.
pub(crate) fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().map(str::to_ascii_lowercase).as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("exr") => "image/x-exr",
        Some("tif" | "tiff") => "image/tiff",
        Some("webp") => "image/webp",
        _ => "application/octet-stream",
    }
}

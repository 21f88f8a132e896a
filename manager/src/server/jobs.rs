//! Jobs: submit, look, run, stop, delete, and fetch what came out.

use super::Edge;
use crate::farm::{FrameWish, JobFolder, Request};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use blendnet_net::answer::{ApiError, ApiResult, JsonBody, UrlPath, done, ok};
use blendnet_net::blobs::file_response;
use blendnet_protocol::{
    Answer, Done, FrameView, JobId, JobLimits, JobSpec, JobView, Manifest, ResultFile,
};
use serde::Deserialize;
use std::path::PathBuf;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A manifest of a hundred thousand files fits.
const LARGEST_JOB_BYTES: usize = 64 << 20;

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new()
        .routes(routes!(list, submit))
        .routes(routes!(show, delete))
        .routes(routes!(files))
        .routes(routes!(run))
        .routes(routes!(stop))
        .routes(routes!(settle))
        .routes(routes!(priority))
        .routes(routes!(limits))
        .routes(routes!(frame_first))
        .routes(routes!(frame_pause))
        .routes(routes!(frame_resume))
        .routes(routes!(preview))
        .routes(routes!(noise))
        .routes(routes!(image))
        .routes(routes!(composed))
}

fn job_id(text: String) -> Result<JobId, ApiError> {
    JobId::new(text).map_err(|error| ApiError::bad_request(error.to_string()))
}

/// All jobs, oldest first.
#[utoipa::path(get, path = "/job", tag = "jobs",
    responses((status = 200, description = "Done", body = Answer<Vec<JobView>>)))]
async fn list(State(edge): State<Edge>) -> ApiResult<Vec<JobView>> {
    Ok(ok(edge.farm.view().jobs.clone()))
}

/// Submits a job.
#[utoipa::path(post, path = "/job", tag = "jobs",
    request_body = JobSpec,
    responses((status = 201, description = "Submitted", body = Answer<JobView>),
        (status = 400, description = "The job can't be rendered"),
        (status = 409, description = "Files that it names are not here"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn submit(
    State(edge): State<Edge>,
    JsonBody(spec): JsonBody<JobSpec, LARGEST_JOB_BYTES>,
) -> Result<Response, ApiError> {
    let request = Request::Submit { spec: Box::new(spec), id: None };
    let job = edge.farm.ask_job(request).await?;
    Ok((StatusCode::CREATED, ok(job)).into_response())
}

/// A job.
#[utoipa::path(get, path = "/job/{job}", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job")),
    responses((status = 200, description = "Done", body = Answer<JobView>),
        (status = 404, description = "There is no such job")))]
async fn show(State(edge): State<Edge>, UrlPath(job): UrlPath<String>) -> ApiResult<JobView> {
    Ok(ok(edge.farm.job(&job_id(job)?)?))
}

/// Deletes a job and what is rendered of it.
#[utoipa::path(delete, path = "/job/{job}", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job")),
    responses((status = 200, description = "Done", body = Done),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn delete(State(edge): State<Edge>, UrlPath(job): UrlPath<String>) -> ApiResult<()> {
    edge.farm.ask(Request::Delete(job_id(job)?)).await?;
    Ok(done())
}

/// Gives a held job the scene's other files.
#[utoipa::path(put, path = "/job/{job}/files", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job")),
    request_body = Manifest,
    responses((status = 200, description = "Done", body = Answer<JobView>),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn files(
    State(edge): State<Edge>,
    UrlPath(job): UrlPath<String>,
    JsonBody(manifest): JsonBody<Manifest, LARGEST_JOB_BYTES>,
) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Files(job_id(job)?, manifest)).await?))
}

/// Runs a job, or goes on with it.
#[utoipa::path(post, path = "/job/{job}/run", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job")),
    responses((status = 200, description = "Done", body = Answer<JobView>),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn run(State(edge): State<Edge>, UrlPath(job): UrlPath<String>) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Run(job_id(job)?)).await?))
}

/// Stops a job and keeps what is rendered.
#[utoipa::path(post, path = "/job/{job}/stop", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job")),
    responses((status = 200, description = "Done", body = Answer<JobView>),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn stop(State(edge): State<Edge>, UrlPath(job): UrlPath<String>) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Stop(job_id(job)?)).await?))
}

/// Good enough: finishes frames with what they have.
#[utoipa::path(post, path = "/job/{job}/settle", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job")),
    responses((status = 200, description = "Done", body = Answer<JobView>),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn settle(State(edge): State<Edge>, UrlPath(job): UrlPath<String>) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Settle(job_id(job)?)).await?))
}

#[derive(Deserialize, ToSchema)]
struct Priority {
    priority: i32,
}

/// Jobs with a larger priority come first.
#[utoipa::path(put, path = "/job/{job}/priority", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job")),
    request_body = Priority,
    responses((status = 200, description = "Done", body = Answer<JobView>),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn priority(
    State(edge): State<Edge>,
    UrlPath(job): UrlPath<String>,
    JsonBody(Priority { priority }): JsonBody<Priority>,
) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Priority(job_id(job)?, priority)).await?))
}

/// Budget, deadline and noise target.
#[utoipa::path(put, path = "/job/{job}/limits", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job")),
    request_body = JobLimits,
    responses((status = 200, description = "Done", body = Answer<JobView>),
        (status = 404, description = "There is no such job"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn limits(
    State(edge): State<Edge>,
    UrlPath(job): UrlPath<String>,
    JsonBody(limits): JsonBody<JobLimits>,
) -> ApiResult<JobView> {
    Ok(ok(edge.farm.ask_job(Request::Limits(job_id(job)?, limits)).await?))
}

type FramePath = UrlPath<(String, String)>;

/// This frame before the others.
#[utoipa::path(post, path = "/job/{job}/frame/{frame}/first", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job"),
        ("frame" = i32, Path, description = "Number of the frame")),
    responses((status = 200, description = "Done", body = Answer<JobView>),
        (status = 404, description = "There is no such job or frame"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn frame_first(State(edge): State<Edge>, path: FramePath) -> ApiResult<JobView> {
    frame_wish(&edge, path, FrameWish::First).await
}

/// Renders nothing of this frame until it is resumed.
#[utoipa::path(post, path = "/job/{job}/frame/{frame}/pause", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job"),
        ("frame" = i32, Path, description = "Number of the frame")),
    responses((status = 200, description = "Done", body = Answer<JobView>),
        (status = 404, description = "There is no such job or frame"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn frame_pause(State(edge): State<Edge>, path: FramePath) -> ApiResult<JobView> {
    frame_wish(&edge, path, FrameWish::Pause).await
}

/// Goes on with a paused frame.
#[utoipa::path(post, path = "/job/{job}/frame/{frame}/resume", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job"),
        ("frame" = i32, Path, description = "Number of the frame")),
    responses((status = 200, description = "Done", body = Answer<JobView>),
        (status = 404, description = "There is no such job or frame"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn frame_resume(State(edge): State<Edge>, path: FramePath) -> ApiResult<JobView> {
    frame_wish(&edge, path, FrameWish::Resume).await
}

async fn frame_wish(
    edge: &Edge,
    UrlPath((job, frame)): FramePath,
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

/// A small picture of what is rendered so far.
#[utoipa::path(get, path = "/job/{job}/frame/{frame}/preview", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job"),
        ("frame" = i32, Path, description = "Number of the frame")),
    responses((status = 200, description = "The image", body = Vec<u8>, content_type = "image/png"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "image/png"),
        (status = 304, description = "It has not changed"),
        (status = 404, description = "There is no such job, frame or file"),
        (status = 416, description = "The range is not in it")))]
async fn preview(
    State(edge): State<Edge>,
    UrlPath((job, frame)): UrlPath<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let none = |number| {
        ApiError::not_found(format!("frame {number} has no preview yet"))
            .hint("it comes with the first samples; frames rendered whole have none")
    };
    small_picture(&edge, (job, &frame), &headers, (JobFolder::preview, none)).await
}

/// Where what is rendered so far is noisy: black is clean, white a noise of 0.1 or more.
#[utoipa::path(get, path = "/job/{job}/frame/{frame}/noise", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job"),
        ("frame" = i32, Path, description = "Number of the frame")),
    responses((status = 200, description = "The image", body = Vec<u8>, content_type = "image/png"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "image/png"),
        (status = 304, description = "It has not changed"),
        (status = 404, description = "There is no such job, frame or file"),
        (status = 416, description = "The range is not in it")))]
async fn noise(
    State(edge): State<Edge>,
    UrlPath((job, frame)): UrlPath<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let none = |number| {
        ApiError::not_found(format!("nothing tells the noise of frame {number}"))
            .hint("two parts of a frame that is split by samples tell it")
    };
    small_picture(&edge, (job, &frame), &headers, (JobFolder::noise_map, none)).await
}

/// A picture that the job's folder has of a frame, or what to say when it has none.
async fn small_picture(
    edge: &Edge,
    (job, frame): (String, &str),
    headers: &HeaderMap,
    (path, none): (fn(&JobFolder, i32) -> PathBuf, impl FnOnce(i32) -> ApiError),
) -> Result<Response, ApiError> {
    let job = job_id(job)?;
    let number = frame_of(edge, &job, frame)?.frame;
    let path = path(&JobFolder::new(&edge.context.jobs_dir, &job), number);
    if !path.exists() {
        return Err(none(number));
    }
    Ok(file_response(&path, headers, "image/png").await)
}

/// The lossless multilayer EXR of a frame.
#[utoipa::path(get, path = "/job/{job}/frame/{frame}/image", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job"),
        ("frame" = i32, Path, description = "Number of the frame")),
    responses((status = 200, description = "The image", body = Vec<u8>, content_type = "image/x-exr"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "image/x-exr"),
        (status = 304, description = "It has not changed"),
        (status = 404, description = "There is no such job, frame or file"),
        (status = 416, description = "The range is not in it")))]
async fn image(
    State(edge): State<Edge>,
    UrlPath((job, frame)): UrlPath<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let frame = frame_of(&edge, &job_id(job)?, &frame)?;
    result(&edge, frame.image.as_ref(), frame.frame, &headers).await
}

/// The scene's own output.
#[utoipa::path(get, path = "/job/{job}/frame/{frame}/composed/{*name}", tag = "jobs",
    params(("job" = JobId, Path, description = "Name of the job"),
        ("frame" = i32, Path, description = "Number of the frame"),
        ("name" = String, Path, description = "Name of the file")),
    responses((status = 200, description = "The image", body = Vec<u8>, content_type = "image/*"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "image/*"),
        (status = 304, description = "It has not changed"),
        (status = 404, description = "There is no such job, frame or file"),
        (status = 416, description = "The range is not in it")))]
async fn composed(
    State(edge): State<Edge>,
    UrlPath((job, frame, name)): UrlPath<(String, String, String)>,
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

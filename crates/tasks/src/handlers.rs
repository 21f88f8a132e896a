//! Requests about one task or all of them, files and results left out.

use crate::config::{ConfigError, TaskConfig};
use crate::host::TaskHost;
use crate::store::Tasks;
use crate::view::{self, TaskInfo, TaskStatus};
use axum::Json;
use axum::extract::State;
use blendnet_net::answer::{ApiError, ApiResult, JsonBody, UrlPath, ok};
use blendnet_protocol::Answer;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest config.
const MAX_CONFIG_BYTES: usize = 512 * 1024;

/// 0.3 clients take `null` for a failure, so an answer without data says `true`.
fn done(message: String) -> Json<Answer<bool>> {
    Json(Answer::said(message, true))
}

/// All tasks, by name.
#[utoipa::path(get, path = "/task", tag = "tasks",
    responses((status = 200, description = "Done", body = Answer<BTreeMap<String, TaskInfo>>)))]
pub(crate) async fn list<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
) -> ApiResult<BTreeMap<String, TaskInfo>> {
    let all = tasks.look_at_all().await?;
    Ok(ok(all.iter().map(|(task, run)| (task.name.clone(), TaskInfo::new(task, run))).collect()))
}

/// A task.
#[utoipa::path(get, path = "/task/{task}", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task")),
    responses((status = 200, description = "Done", body = Answer<TaskInfo>),
        (status = 404, description = "There is no such task")))]
pub(crate) async fn info<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath(name): UrlPath<String>,
) -> ApiResult<TaskInfo> {
    let (task, progress) = tasks.look(&name).await?;
    Ok(ok(TaskInfo::new(&task, &progress)))
}

/// A task, how far it is, and its images.
#[utoipa::path(get, path = "/task/{task}/status", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task")),
    responses((status = 200, description = "Done", body = Answer<TaskStatus>),
        (status = 404, description = "There is no such task")))]
pub(crate) async fn status<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath(name): UrlPath<String>,
) -> ApiResult<TaskStatus> {
    let (task, progress) = tasks.look(&name).await?;
    Ok(ok(TaskStatus::new(&task, &progress)))
}

/// How it is rendered, for people.
#[utoipa::path(get, path = "/task/{task}/details", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task")),
    responses((status = 200, description = "Done", body = Answer<Value>),
        (status = 404, description = "There is no such task")))]
pub(crate) async fn details<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath(name): UrlPath<String>,
) -> ApiResult<Value> {
    let (task, progress) = tasks.look(&name).await?;
    Ok(ok(view::details(&task, &progress)))
}

/// What the user should know.
#[utoipa::path(get, path = "/task/{task}/messages", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task")),
    responses((status = 200, description = "Done", body = Answer<Value>),
        (status = 404, description = "There is no such task")))]
pub(crate) async fn messages<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath(name): UrlPath<String>,
) -> ApiResult<Value> {
    let (task, progress) = tasks.look(&name).await?;
    Ok(ok(view::messages(&task, &progress)))
}

/// Runs the task, or goes on with it. `GET` is for clients of 0.3.
#[utoipa::path(method(get, post), path = "/task/{task}/run", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task")),
    responses((status = 200, description = "Done", body = Answer<bool>),
        (status = 404, description = "There is no such task"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The server is shutting down"),
        (status = 507, description = "It can't be stored")))]
pub(crate) async fn run<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath(name): UrlPath<String>,
) -> ApiResult<bool> {
    Ok(done(tasks.run(&name).await?))
}

/// Stops the task and keeps what is rendered. `GET` is for clients of 0.3.
#[utoipa::path(method(get, post), path = "/task/{task}/stop", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task")),
    responses((status = 200, description = "Done", body = Answer<bool>),
        (status = 404, description = "There is no such task"),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The server is shutting down"),
        (status = 507, description = "It can't be stored")))]
pub(crate) async fn stop<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath(name): UrlPath<String>,
) -> ApiResult<bool> {
    Ok(done(tasks.stop(&name).await?))
}

/// Removes the task and all that belongs to it.
#[utoipa::path(delete, path = "/task/{task}", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task")),
    responses((status = 200, description = "Done", body = Answer<bool>),
        (status = 404, description = "There is no such task"),
        (status = 409, description = "Not in this state")))]
pub(crate) async fn delete<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath(name): UrlPath<String>,
) -> ApiResult<bool> {
    tasks.delete(&name).await?;
    Ok(done(format!("task `{name}` is removed")))
}

/// Lays a config over the one before.
#[utoipa::path(put, path = "/task/{task}/config", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task")),
    request_body = TaskConfig,
    responses((status = 200, description = "Done", body = Answer<bool>),
        (status = 409, description = "Not in this state")))]
pub(crate) async fn configure<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath(name): UrlPath<String>,
    JsonBody(given): JsonBody<Map<String, Value>, MAX_CONFIG_BYTES>,
) -> ApiResult<bool> {
    let is_manager = tasks.host.is_manager();
    let unknown = tasks
        .change(&name, |task| {
            task.check_changeable()?;
            let (config, unknown) =
                task.config.with(&given, is_manager).map_err(|error| refused(&error))?;
            task.config = config;
            for field in &unknown {
                task.say(format!("config field `{field}` is unknown here and was ignored"));
            }
            Ok(unknown)
        })
        .await?;
    let ignored = match unknown.as_slice() {
        [] => String::new(),
        fields => format!("; unknown and ignored: {}", fields.join(", ")),
    };
    Ok(done(format!("task `{name}` is configured{ignored}")))
}

fn refused(error: &ConfigError) -> ApiError {
    match error {
        ConfigError::Value { .. } => ApiError::unprocessable(error.to_string()),
        ConfigError::Path(_) => ApiError::bad_request(error.to_string()),
    }
}

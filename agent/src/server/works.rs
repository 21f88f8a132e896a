//! `work` and `work/{id}`: what to do, and how it goes.

use std::time::Duration;

use axum::extract::State;
use blendnet_net::answer::{ApiError, ApiResult, JsonBody, UrlPath, UrlQuery, done, ok};
use blendnet_protocol::{AgentReport, Answer, Done, Work, WorkId, WorkStatus};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Agent;
use crate::render::SubmitError;

/// Longest that a report is waited for.
const MAX_WAIT_SECS: u64 = 60;

/// When a report is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Generation that is known already.
    #[serde(default)]
    after: u64,
    /// How long to wait for another one.
    #[serde(default)]
    wait_secs: u64,
}

/// The agent's state, once it is another one than the caller knows.
#[utoipa::path(get, path = "/work", tag = "agent",
    params(Wanted),
    responses((status = 200, description = "Done", body = Answer<AgentReport>)))]
pub(super) async fn report(
    State(agent): State<Agent>,
    UrlQuery(wanted): UrlQuery<Wanted>,
) -> ApiResult<AgentReport> {
    let wait = Duration::from_secs(wanted.wait_secs.min(MAX_WAIT_SECS));
    Ok(ok(agent.engine.report_after(wanted.after, wait).await))
}

/// One work.
#[utoipa::path(get, path = "/work/{id}", tag = "agent",
    params(("id" = WorkId, Path, description = "Name of the work")),
    responses((status = 200, description = "Done", body = Answer<WorkStatus>),
        (status = 404, description = "There is no such work")))]
pub(super) async fn get(
    State(agent): State<Agent>,
    UrlPath(id): UrlPath<WorkId>,
) -> ApiResult<WorkStatus> {
    let status = agent.engine.status(&id);
    status.map(ok).ok_or_else(|| ApiError::not_found(format!("there is no work `{id}`")))
}

/// Queues a work; the same one again changes nothing.
#[utoipa::path(put, path = "/work/{id}", tag = "agent",
    params(("id" = WorkId, Path, description = "Name of the work")),
    request_body = Work,
    responses((status = 200, description = "Done", body = Answer<WorkStatus>),
        (status = 409, description = "The scene or files of it are not here, or another work has that name"),
        (status = 503, description = "The agent is ending")))]
pub(super) async fn put(
    State(agent): State<Agent>,
    UrlPath(id): UrlPath<WorkId>,
    JsonBody(work): JsonBody<Work>,
) -> ApiResult<WorkStatus> {
    if work.id != id {
        let message = format!("the path names work `{id}` and the body `{}`", work.id);
        return Err(ApiError::bad_request(message));
    }
    agent.engine.submit(work).map(ok).map_err(|error| refused(&error))
}

fn refused(error: &SubmitError) -> ApiError {
    let api = ApiError::conflict(error.to_string());
    match error {
        SubmitError::MissingBlobs(_) => ApiError { code: "missing_blobs", ..api }
            .hint("PUT them to blob/{id} and send the work again"),
        SubmitError::NoScene(_) => ApiError { code: "unknown_scene", ..api }
            .hint("PUT it to scene/{id} and send the work again"),
        SubmitError::Stopping => ApiError::unavailable(error.to_string()),
        SubmitError::Conflict(_) => api,
    }
}

/// Stops a work and frees its results; one that is unknown is no error.
#[utoipa::path(delete, path = "/work/{id}", tag = "agent",
    params(("id" = WorkId, Path, description = "Name of the work")),
    responses((status = 200, description = "Done", body = Done)))]
pub(super) async fn delete(
    State(agent): State<Agent>,
    UrlPath(id): UrlPath<WorkId>,
) -> ApiResult<()> {
    agent.engine.delete(&id);
    Ok(done())
}

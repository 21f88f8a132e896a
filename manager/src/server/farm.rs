//! The farm as a whole: what it does, how many agents it launches, its end.

use super::Edge;
use crate::farm::Request;
use axum::extract::State;
use blendnet_net::answer::{ApiResult, JsonBody, UrlQuery, done, ok};
use blendnet_protocol::{Answer, Done, FarmView};
use serde::Deserialize;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Longest time that a request for news is kept open.
const LONGEST_WAIT_SECS: u64 = 60;

pub(super) fn routes() -> OpenApiRouter<Edge> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(agents)).routes(routes!(shutdown))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct News {
    /// What the client knows already.
    after: Option<u64>,
    /// How long to wait for more, at most 60.
    #[serde(default)]
    wait_secs: u64,
}

/// All agents and jobs, once there is more than the client knows.
#[utoipa::path(get, path = "/farm", tag = "farm",
    params(News),
    responses((status = 200, description = "Done", body = Answer<FarmView>)))]
async fn show(State(edge): State<Edge>, UrlQuery(news): UrlQuery<News>) -> ApiResult<FarmView> {
    if let Some(after) = news.after {
        let limit = Duration::from_secs(news.wait_secs.min(LONGEST_WAIT_SECS));
        let _time_out = tokio::time::timeout(limit, edge.farm.view_after(after)).await;
    }
    Ok(ok((*edge.farm.view()).clone()))
}

#[derive(Deserialize, ToSchema)]
struct Agents {
    count: u32,
}

/// How many agents the farm launches.
#[utoipa::path(put, path = "/farm/agents", tag = "farm",
    request_body = Agents,
    responses((status = 400, description = "More than the farm may launch"),
        (status = 200, description = "Done", body = Done),
        (status = 409, description = "Not in this state"),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn agents(
    State(edge): State<Edge>,
    JsonBody(Agents { count }): JsonBody<Agents>,
) -> ApiResult<()> {
    edge.farm.ask(Request::LaunchedAgents(count)).await?;
    Ok(done())
}

#[derive(Deserialize, ToSchema)]
struct Shutdown {
    #[serde(default)]
    when_idle: bool,
}

/// Ends the farm.
#[utoipa::path(post, path = "/farm/shutdown", tag = "farm",
    request_body = Shutdown,
    responses((status = 200, description = "Done", body = Done),
        (status = 503, description = "The manager is ending"),
        (status = 507, description = "It can't be stored")))]
async fn shutdown(
    State(edge): State<Edge>,
    JsonBody(Shutdown { when_idle }): JsonBody<Shutdown>,
) -> ApiResult<()> {
    edge.farm.ask(Request::Shutdown { when_idle }).await?;
    Ok(done())
}

//! The farm as a whole: what it does, how many agents it launches, its end.

use super::Edge;
use crate::farm::Request;
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::{get, post, put};
use blendnet_net::answer::{ApiResult, JsonBody, done, ok};
use blendnet_protocol::FarmView;
use serde::Deserialize;
use std::time::Duration;

/// Longest time that a request for news is kept open.
const LONGEST_WAIT_SECS: u64 = 60;

pub(super) fn routes() -> Router<Edge> {
    Router::new()
        .route("/farm", get(show))
        .route("/farm/agents", put(agents))
        .route("/farm/shutdown", post(shutdown))
}

#[derive(Deserialize)]
struct News {
    /// What the client knows already.
    after: Option<u64>,
    #[serde(default)]
    wait_secs: u64,
}

async fn show(State(edge): State<Edge>, Query(news): Query<News>) -> ApiResult<FarmView> {
    if let Some(after) = news.after {
        let limit = Duration::from_secs(news.wait_secs.min(LONGEST_WAIT_SECS));
        let _time_out = tokio::time::timeout(limit, edge.farm.view_after(after)).await;
    }
    Ok(ok((*edge.farm.view()).clone()))
}

#[derive(Deserialize)]
struct Agents {
    count: u32,
}

async fn agents(
    State(edge): State<Edge>,
    JsonBody(Agents { count }): JsonBody<Agents>,
) -> ApiResult<()> {
    edge.farm.ask(Request::LaunchedAgents(count)).await?;
    Ok(done())
}

#[derive(Deserialize)]
struct Shutdown {
    #[serde(default)]
    when_idle: bool,
}

async fn shutdown(
    State(edge): State<Edge>,
    JsonBody(Shutdown { when_idle }): JsonBody<Shutdown>,
) -> ApiResult<()> {
    edge.farm.ask(Request::Shutdown { when_idle }).await?;
    Ok(done())
}

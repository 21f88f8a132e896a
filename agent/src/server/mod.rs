//! The agent's REST API: scenes, works, blobs. The task API of 0.3 is merged in `serve.rs`.

mod scenes;
mod works;

use axum::extract::State;
use blendnet_net::answer::{ApiResult, done};
use blendnet_net::blobs;
use blendnet_protocol::Done;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::render::Engine;

/// What the handlers work on.
#[derive(Clone)]
struct Agent {
    engine: Engine,
    shutdown: CancellationToken,
}

/// All routes but those of the task API. Passwords are the caller's business.
///
/// `shutdown` is cancelled by `POST shutdown`.
pub(crate) fn router(engine: Engine, shutdown: CancellationToken) -> OpenApiRouter {
    let blob_routes = blobs::routes(engine.blobs().clone());
    OpenApiRouter::new()
        .routes(routes!(scenes::put, scenes::delete))
        .routes(routes!(scenes::provide))
        .routes(routes!(works::report))
        .routes(routes!(works::get, works::put, works::delete))
        .routes(routes!(shut_down))
        .with_state(Agent { engine, shutdown })
        .merge(blob_routes)
}

/// Ends the agent.
#[utoipa::path(post, path = "/shutdown", tag = "agent",
    responses((status = 200, description = "Done", body = Done)))]
async fn shut_down(State(agent): State<Agent>) -> ApiResult<()> {
    tracing::info!("asked to shut down");
    agent.shutdown.cancel();
    Ok(done())
}

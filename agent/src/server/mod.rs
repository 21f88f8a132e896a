//! The agent's REST API: scenes, works, blobs. The task API of 0.3 is merged in `serve.rs`.

mod scenes;
mod works;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post, put};
use blendnet_net::answer::{ApiResult, done};
use blendnet_net::blobs;
use tokio_util::sync::CancellationToken;

use crate::render::Engine;

/// What the handlers work on.
#[derive(Clone)]
struct Agent {
    engine: Engine,
    shutdown: CancellationToken,
}

/// All routes under `/api/v1` but those of the task API. Passwords are the caller's business.
///
/// `shutdown` is cancelled by `POST shutdown`.
pub(crate) fn router(engine: Engine, shutdown: CancellationToken) -> Router {
    let blob_routes = blobs::routes(engine.blobs().clone());
    let routes = Router::new()
        .route("/scene/{id}", put(scenes::put).delete(scenes::delete))
        .route("/work", get(works::report))
        .route("/work/{id}", get(works::get).put(works::put).delete(works::delete))
        .route("/shutdown", post(shut_down))
        .merge(blob_routes);
    Router::new().nest("/api/v1", routes).with_state(Agent { engine, shutdown })
}

async fn shut_down(State(agent): State<Agent>) -> ApiResult<()> {
    tracing::info!("asked to shut down");
    agent.shutdown.cancel();
    Ok(done())
}

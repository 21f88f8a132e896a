//! `scene/{id}`: what a scene is made of.

use axum::extract::State;
use blendnet_net::answer::{ApiError, ApiResult, JsonBody, UrlPath, done, ok};
use blendnet_protocol::{Answer, Done, SceneId, SceneSpec, SceneState};

use super::Agent;

/// Largest list of files: a few hundred thousand of them.
const MAX_SCENE_BYTES: usize = 64 << 20;

/// Remembers a scene and says which of its blobs are still missing.
#[utoipa::path(put, path = "/scene/{id}", tag = "agent",
    params(("id" = SceneId, Path, description = "SHA-256 of the scene's JSON")),
    request_body = SceneSpec,
    responses((status = 200, description = "Done", body = Answer<SceneState>)))]
pub(super) async fn put(
    State(agent): State<Agent>,
    UrlPath(id): UrlPath<SceneId>,
    JsonBody(spec): JsonBody<SceneSpec, MAX_SCENE_BYTES>,
) -> ApiResult<SceneState> {
    let state = agent.engine.put_scene(id, spec);
    state.map(ok).map_err(|error| ApiError::bad_request(error.to_string()))
}

/// Forgets a scene; one that is unknown is no error.
#[utoipa::path(delete, path = "/scene/{id}", tag = "agent",
    params(("id" = SceneId, Path, description = "SHA-256 of the scene's JSON")),
    responses((status = 200, description = "Done", body = Done)))]
pub(super) async fn delete(
    State(agent): State<Agent>,
    UrlPath(id): UrlPath<SceneId>,
) -> ApiResult<()> {
    agent.engine.delete_scene(&id);
    Ok(done())
}

//! `scene/{id}`: what a scene is made of.

use axum::extract::State;
use blendnet_net::answer::{ApiError, ApiResult, JsonBody, UrlPath, done, ok};
use blendnet_protocol::{Answer, BlenderState, Done, KeptBlender, SceneId, SceneSpec, SceneState};

use super::Agent;
use crate::blender::version::VersionError;
use crate::render::ProvideError;

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

/// Sees to it that the best Blender for a scene is here, of its own or of those that the farm keeps. Answers which
/// archive is missing for that, or, when it is here, installs it and answers when it has rendered known colours.
#[utoipa::path(put, path = "/scene/{id}/blender", tag = "agent",
    params(("id" = SceneId, Path, description = "SHA-256 of the scene's JSON")),
    request_body = Vec<KeptBlender>,
    responses((status = 200, description = "Done", body = Answer<BlenderState>),
        (status = 404, description = "The scene, or its .blend, is not here"),
        (status = 409, description = "No Blender fits"),
        (status = 503, description = "The agent is ending"),
        (status = 507, description = "The disk is full")))]
pub(super) async fn provide(
    State(agent): State<Agent>,
    UrlPath(id): UrlPath<SceneId>,
    JsonBody(shelf): JsonBody<Vec<KeptBlender>>,
) -> ApiResult<BlenderState> {
    // It goes on when whoever asked is gone; who asks again finds it installed.
    let provided = tokio::spawn(async move { agent.engine.provide(&id, &shelf).await }).await;
    let provided = provided.map_err(|error| ApiError::internal(&error))?;
    provided.map(ok).map_err(|error| refused(&error))
}

fn refused(error: &ProvideError) -> ApiError {
    let conflict = ApiError::conflict(error.to_string());
    match error {
        ProvideError::NoScene(_) | ProvideError::NoProject(_) => {
            ApiError::not_found(error.to_string())
        }
        ProvideError::None { source, .. } => {
            let code = match source {
                VersionError::TooOld { .. } => "blender_too_old",
                VersionError::NoBlender => "no_blender",
                VersionError::NotBlend { .. } | VersionError::Read(_) => "bad_file",
            };
            ApiError { code, ..conflict }.hint(
                "`blendnet blender install VERSION` where the farm runs keeps one for its agents",
            )
        }
        ProvideError::NoRoom { .. } => {
            ApiError::disk_full(error.to_string()).hint("free space on the agent's disk")
        }
        ProvideError::Stopping => ApiError::unavailable(error.to_string()),
    }
}

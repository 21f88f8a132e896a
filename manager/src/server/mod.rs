//! The HTTP edge: routes, and nothing that decides.

mod agents;
mod error;
mod farm;
mod jobs;
mod room;

pub(crate) use jobs::content_type;

use crate::farm::{Context, FarmHandle};
use axum::Router;
use blendnet_net::{api, auth, blobs, secret::Password};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// The user name of clients.
pub const USER: &str = "blendnet";

/// What every handler gets.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) farm: FarmHandle,
    pub(crate) context: Arc<Context>,
}

/// All routes under `/api/v1`, behind the password.
pub fn router(
    context: &Arc<Context>,
    farm: &FarmHandle,
    tasks: OpenApiRouter,
    password: Arc<Password>,
) -> Router {
    let edge = Edge { farm: farm.clone(), context: context.clone() };
    let routes = OpenApiRouter::new()
        .merge(jobs::routes())
        .merge(farm::routes())
        .merge(agents::routes())
        .merge(room::routes())
        .with_state(edge)
        .merge(blobs::routes(context.blobs.clone()))
        .merge(tasks);
    auth::require_password(api::serve(routes, "BlendNet manager"), USER, password)
}

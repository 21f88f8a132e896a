//! The HTTP edge: routes, and nothing that decides.

mod agents;
mod error;
mod farm;
mod jobs;
mod room;

pub(crate) use jobs::content_type;

use crate::farm::{Context, FarmHandle};
use axum::Router;
use blendnet_net::{answer, auth, blobs, secret::Password};
use std::sync::Arc;

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
    tasks: Router,
    password: Arc<Password>,
) -> Router {
    let edge = Edge { farm: farm.clone(), context: context.clone() };
    let api = Router::new()
        .merge(jobs::routes())
        .merge(farm::routes())
        .merge(agents::routes())
        .merge(room::routes())
        .with_state(edge)
        .merge(blobs::routes(context.blobs.clone()));
    let all = Router::new().nest("/api/v1", api).merge(tasks);
    auth::require_password(answer::fallback(all), USER, password)
}

//! The task API that BlendNet 0.3 clients speak, served by manager and agent alike.
//!
//! [`Tasks`] keeps the tasks, [`router`] serves them, and the server behind it renders by
//! implementing [`TaskHost`]. "Task" is a word of this API alone: one frame to be rendered.
//! Clients only ever name tasks and files; where things lie on disk follows from hashes of what
//! they sent, never from a name.

mod config;
mod files;
mod handlers;
mod host;
mod life;
mod paths;
mod results;
mod service;
mod store;
mod task;
mod view;

pub use host::{RunFile, RunFiles, RunProgress, ServiceInfo, TaskHost, TaskRun, TaskState};
pub use store::{Tasks, TasksError};

use axum::handler::Handler;
use axum::routing::MethodRouter;
use std::sync::Arc;
use utoipa::openapi::path::Paths;
use utoipa_axum::PathItemExt as _;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// All routes of the API. Passwords are the caller's business.
pub fn router<H: TaskHost>(tasks: Arc<Tasks<H>>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(route::<service::__path_info, _, _, _>(&service::info::<H>))
        .routes(route::<service::__path_status, _, _, _>(&service::status::<H>))
        .routes(route::<service::__path_log, _, _, _>(&service::log::<H>))
        .routes(route::<handlers::__path_list, _, _, _>(&handlers::list::<H>))
        .routes(route::<handlers::__path_info, _, _, _>(&handlers::info::<H>))
        .routes(route::<handlers::__path_delete, _, _, _>(&handlers::delete::<H>))
        .routes(route::<files::__path_list, _, _, _>(&files::list::<H>))
        .routes(route::<files::__path_info, _, _, _>(&files::info::<H>))
        .routes(route::<files::__path_upload, _, _, _>(&files::upload::<H>))
        .routes(route::<handlers::__path_configure, _, _, _>(&handlers::configure::<H>))
        .routes(route::<handlers::__path_run, _, _, _>(&handlers::run::<H>))
        .routes(route::<handlers::__path_stop, _, _, _>(&handlers::stop::<H>))
        .routes(route::<handlers::__path_status, _, _, _>(&handlers::status::<H>))
        .routes(route::<results::__path_result, _, _, _>(&results::result::<H>))
        .routes(route::<handlers::__path_details, _, _, _>(&handlers::details::<H>))
        .routes(route::<handlers::__path_messages, _, _, _>(&handlers::messages::<H>))
        .with_state(tasks)
}

/// What `routes!` does, which takes no generic handlers: the route and its description `P` in one.
fn route<P, F, T, S>(handler: &F) -> UtoipaMethodRouter<S>
where
    P: utoipa::Path + utoipa::__dev::SchemaReferences + for<'t> utoipa::__dev::Tags<'t>,
    F: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    let (methods, mut operation) = (P::methods(), P::operation());
    operation.tags = Some(P::tags().into_iter().map(str::to_owned).collect());
    let (mut paths, mut schemas) = (Paths::new(), Vec::new());
    P::schemas(&mut schemas);
    let serve = |router: MethodRouter<S>, method: &utoipa::openapi::HttpMethod| {
        router.on(method.to_method_filter(), handler.clone())
    };
    let router = methods.iter().fold(MethodRouter::new(), serve);
    paths.add_path_operation(P::path(), methods, operation);
    (schemas, paths, router)
}

#[cfg(test)]
mod tests;

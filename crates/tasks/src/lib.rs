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

use axum::Router;
use axum::routing::{get, put};
use std::sync::Arc;

/// All routes of the API under `/api/v1`. Passwords are the caller's business.
pub fn router<H: TaskHost>(tasks: Arc<Tasks<H>>) -> Router {
    let run = get(handlers::run::<H>).post(handlers::run::<H>);
    let stop = get(handlers::stop::<H>).post(handlers::stop::<H>);
    let routes = Router::new()
        .route("/info", get(service::info::<H>))
        .route("/status", get(service::status::<H>))
        .route("/log", get(service::log::<H>))
        .route("/task", get(handlers::list::<H>))
        .route("/task/{task}", get(handlers::info::<H>).delete(handlers::delete::<H>))
        .route("/task/{task}/file", get(files::list::<H>))
        .route("/task/{task}/file/{*path}", get(files::info::<H>).put(files::upload::<H>))
        .route("/task/{task}/config", put(handlers::configure::<H>))
        .route("/task/{task}/run", run)
        .route("/task/{task}/stop", stop)
        .route("/task/{task}/status", get(handlers::status::<H>))
        .route("/task/{task}/status/result/{result}", get(results::result::<H>))
        .route("/task/{task}/details", get(handlers::details::<H>))
        .route("/task/{task}/messages", get(handlers::messages::<H>));
    Router::new().nest("/api/v1", routes).with_state(tasks)
}

#[cfg(test)]
mod tests;

//! Answers in BlendNet's envelope, their errors, and JSON bodies read with a limit.

mod error;
mod extract;
#[cfg(test)]
mod tests;

pub use error::ApiError;
pub use extract::{JsonBody, UrlPath, UrlQuery};

pub(crate) use error::chain;
pub(crate) use extract::content_length;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::{Json, Router};
use blendnet_protocol::Answer;
use serde::Serialize;

/// What a handler returns.
pub type ApiResult<T> = Result<Json<Answer<T>>, ApiError>;

/// A success with data.
pub fn ok<T: Serialize>(data: T) -> Json<Answer<T>> {
    Json(Answer::ok(data))
}

/// A success of which there is nothing to tell.
pub fn done() -> Json<Answer<()>> {
    Json(Answer::done())
}

/// Answers unknown paths (404) and methods (405) of `router` in the envelope, too. To be called
/// when all routes are in it.
pub fn fallback<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.fallback(unknown_path).method_not_allowed_fallback(unknown_method)
}

async fn unknown_path(request: Request) -> ApiError {
    ApiError::not_found(format!("there is no `{}`", request.uri().path()))
        .hint("the paths of this server begin with /api/v1/")
}

async fn unknown_method(request: Request) -> ApiError {
    let (method, path) = (request.method(), request.uri().path());
    let message = format!("`{path}` can't be asked with {method}");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        .hint("the header Allow of this answer lists the methods")
}

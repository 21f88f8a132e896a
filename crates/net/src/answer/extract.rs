//! Reading requests, with errors in the envelope of all answers.

use super::ApiError;
use crate::server::BodyStalled;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// A JSON body of at most `LIMIT` bytes (512 KiB unless said). The content type is not looked at,
/// since curl sends that of a form.
#[derive(Clone, Debug)]
pub struct JsonBody<T, const LIMIT: usize = { 512 << 10 }>(pub T);

impl<S, T, const LIMIT: usize> FromRequest<S> for JsonBody<T, LIMIT>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        check_encoding(&parts.headers)?;
        if announced_bytes(&parts.headers).is_some_and(|bytes| bytes > LIMIT as u64) {
            return Err(too_large(LIMIT));
        }
        let bytes = Limited::new(body, LIMIT).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { too_large(LIMIT) } else { cut_off(error.as_ref()) }
        })?;
        parse(&bytes.to_bytes()).map(Self)
    }
}

fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Bodies are taken as they are; an unpacked one could be a thousand times as large.
fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            Err(ApiError::unsupported_media_type("a packed body is not taken")
                .hint("leave out the header Content-Encoding and send the JSON as it is"))
        }
        _ => Ok(()),
    }
}

fn too_large(limit_bytes: usize) -> ApiError {
    ApiError::too_large(format!("the body may have {limit_bytes} bytes, and this one has more"))
}

/// Why a body ended before its end.
pub(crate) fn cut_off(error: &(dyn std::error::Error + 'static)) -> ApiError {
    if BodyStalled::caused(error) {
        return ApiError::request_timeout("the rest of the body did not come in time")
            .hint("send it again over a better connection");
    }
    ApiError::bad_request("the body was cut off on its way").hint("send it again")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.is_empty() {
        return Err(ApiError::bad_request("the body is empty").hint("send JSON"));
    }
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => ApiError::unprocessable(format!("the body does not fit: {error}")),
        Category::Syntax | Category::Eof | Category::Io => {
            ApiError::bad_request(format!("the body is not JSON: {error}"))
        }
    })
}

/// The named parts of the request's path; those that can't be read are a 400.
#[derive(Clone, Debug)]
pub struct UrlPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for UrlPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(read) = Path::from_request_parts(parts, state).await.map_err(|error| {
            ApiError::bad_request(format!("the path can't be read: {}", error.body_text()))
        })?;
        Ok(Self(read))
    }
}

/// What follows `?`; what can't be read is a 400.
#[derive(Clone, Debug)]
pub struct UrlQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for UrlQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(read) = Query::from_request_parts(parts, state).await.map_err(|error| {
            ApiError::bad_request(format!("the query can't be read: {}", error.body_text()))
        })?;
        Ok(Self(read))
    }
}

/// The length that an upload must announce.
pub(crate) fn content_length(headers: &HeaderMap) -> Result<u64, ApiError> {
    if !headers.contains_key(CONTENT_LENGTH) {
        return Err(ApiError::length_required("an upload needs the header Content-Length")
            .hint("curl --upload-file sends it for files; don't upload from a pipe"));
    }
    announced_bytes(headers)
        .ok_or_else(|| ApiError::bad_request("Content-Length is not a number of bytes"))
}

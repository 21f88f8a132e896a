//! Blobs over HTTP.

use super::{BUNDLE_BYTES, BlobStore, Expect, file};
use crate::answer::{ApiError, ApiResult, JsonBody, UrlPath, content_length, ok};
use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use blendnet_protocol::{Answer, BlobId};
use bytes::Bytes;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

/// A list of over 100,000 blobs.
const MAX_LIST_BYTES: usize = 8 << 20;

const CHECKSUM: HeaderName = HeaderName::from_static("x-checksum-sha1");

/// Header of an upload that goes on: how many bytes of the blob came before.
pub(crate) const RECEIVED: HeaderName = HeaderName::from_static("x-blendnet-received");

/// To be nested under `/api/v1`:
///
/// - `GET`, `HEAD` and `PUT blob/{sha256}`
/// - `GET blob/{sha256}/received`: how many bytes are here, from its beginning on
/// - `POST blob/missing`: a list of blobs in, those that lack out
/// - `POST blob/bundle`: many small blobs at once, see [`super::Bundle`]
pub fn routes<S: Clone + Send + Sync + 'static>(store: BlobStore) -> OpenApiRouter<S> {
    OpenApiRouter::new()
        .routes(routes!(missing))
        .routes(routes!(take_bundle).layer(DefaultBodyLimit::max(BUNDLE_BYTES)))
        .routes(routes!(send, take))
        .routes(routes!(received))
        .with_state(store)
}

fn named(id: &str) -> Result<BlobId, ApiError> {
    BlobId::new(id).map_err(|error| ApiError::bad_request(error.to_string()))
}

/// Which of these blobs are not here.
#[utoipa::path(post, path = "/blob/missing", tag = "blobs", request_body = Vec<BlobId>,
    responses((status = 200, description = "Those that lack", body = Answer<Vec<BlobId>>)))]
async fn missing(
    State(store): State<BlobStore>,
    JsonBody(ids): JsonBody<Vec<BlobId>, MAX_LIST_BYTES>,
) -> ApiResult<Vec<BlobId>> {
    let looked = tokio::task::spawn_blocking(move || store.missing(&ids)).await;
    Ok(ok(looked.map_err(|error| ApiError::internal(&error))?))
}

/// How many bytes of a blob are here, from its beginning on.
#[utoipa::path(get, path = "/blob/{id}/received", tag = "blobs", params(("id" = BlobId, Path, description = "SHA-256 of the content")),
    responses((status = 200, description = "The number of bytes", body = Answer<u64>)))]
async fn received(State(store): State<BlobStore>, UrlPath(id): UrlPath<String>) -> ApiResult<u64> {
    Ok(ok(store.received_bytes(&named(&id)?)))
}

/// Many small blobs at once, each with its length before it.
#[utoipa::path(post, path = "/blob/bundle", tag = "blobs",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "How many blobs came", body = Answer<usize>),
        (status = 409, description = "Other content than was said"),
        (status = 411, description = "No Content-Length"),
        (status = 416, description = "A beginning that is not here"),
        (status = 507, description = "The disk is full")))]
async fn take_bundle(
    State(store): State<BlobStore>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> ApiResult<usize> {
    content_length(&headers)?;
    let bytes = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::too_large(format!("a bundle has at most {BUNDLE_BYTES} bytes"))
        }
        _ => ApiError::bad_request(format!("the bundle did not come whole: {error}")),
    })?;
    Ok(ok(store.receive_bundle(bytes).await?))
}

/// The content; ranges and `If-None-Match` are understood.
#[utoipa::path(get, path = "/blob/{id}", tag = "blobs", params(("id" = BlobId, Path, description = "SHA-256 of the content")),
    responses((status = 200, description = "The content", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "It has not changed"),
        (status = 404, description = "There is no such blob"),
        (status = 416, description = "The range is not in it")))]
async fn send(
    State(store): State<BlobStore>,
    UrlPath(id): UrlPath<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = named(&id)?;
    let path =
        store.path(&id).ok_or_else(|| ApiError::not_found(format!("there is no blob {id}")))?;
    file::respond(&path, Some(id.as_str()), &headers, "application/octet-stream").await
}

/// Stores a blob; answers at once if it is here. Goes on behind `X-Blendnet-Received` bytes.
#[utoipa::path(put, path = "/blob/{id}", tag = "blobs",
    params(("id" = BlobId, Path, description = "SHA-256 of the content"),
        ("X-Checksum-Sha1" = Option<String>, Header, description = "Checked where it is given"),
        ("X-Blendnet-Received" = Option<u64>, Header, description = "Bytes that came before")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "It is here", body = Answer<BlobId>),
        (status = 409, description = "Other content than was said"),
        (status = 411, description = "No Content-Length"),
        (status = 416, description = "The beginning is not here"),
        (status = 507, description = "The disk is full")))]
async fn take(
    State(store): State<BlobStore>,
    UrlPath(id): UrlPath<String>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<BlobId> {
    let id = named(&id)?;
    let announced_bytes = content_length(&headers)?;
    let sha1 = checksum(&headers)?;
    if store.contains(&id) {
        return Ok(ok(id));
    }
    let start = match headers.get(RECEIVED).map(|value| value.to_str().unwrap_or_default().parse())
    {
        None => 0,
        Some(Ok(start)) => start,
        Some(Err(_not_one)) => {
            return Err(ApiError::bad_request(format!("{RECEIVED} is not a number of bytes")));
        }
    };
    let expect = Expect { sha256: Some(id), sha1, start };
    let (id, _) = store.receive(body.into_data_stream(), announced_bytes, expect).await?;
    Ok(ok(id))
}

fn checksum(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(CHECKSUM) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let expect = Expect { sha1: Some(text), ..Expect::default() };
    expect.check_sha1()?;
    Ok(expect.sha1)
}

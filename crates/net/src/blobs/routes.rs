//! Blobs over HTTP.

use super::{BUNDLE_BYTES, BlobStore, Expect, file};
use crate::answer::{ApiError, ApiResult, JsonBody, UrlPath, content_length, ok};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use blendnet_protocol::BlobId;
use bytes::Bytes;

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
pub fn routes<S: Clone + Send + Sync + 'static>(store: BlobStore) -> Router<S> {
    Router::new()
        .route("/blob/missing", post(missing))
        .route("/blob/bundle", post(take_bundle).layer(DefaultBodyLimit::max(BUNDLE_BYTES)))
        .route("/blob/{id}", get(send).put(take))
        .route("/blob/{id}/received", get(received))
        .with_state(store)
}

fn named(id: &str) -> Result<BlobId, ApiError> {
    BlobId::new(id).map_err(|error| ApiError::bad_request(error.to_string()))
}

async fn missing(
    State(store): State<BlobStore>,
    JsonBody(ids): JsonBody<Vec<BlobId>, MAX_LIST_BYTES>,
) -> ApiResult<Vec<BlobId>> {
    let looked = tokio::task::spawn_blocking(move || store.missing(&ids)).await;
    Ok(ok(looked.map_err(|error| ApiError::internal(&error))?))
}

async fn received(State(store): State<BlobStore>, UrlPath(id): UrlPath<String>) -> ApiResult<u64> {
    Ok(ok(store.received_bytes(&named(&id)?)))
}

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

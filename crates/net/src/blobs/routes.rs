//! Blobs over HTTP.

use super::{BlobStore, Expect, file};
use crate::answer::{ApiError, ApiResult, JsonBody, UrlPath, content_length, ok};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use axum::routing::{get, post};
use blendnet_protocol::BlobId;

/// A list of over 100,000 blobs.
const MAX_LIST_BYTES: usize = 8 << 20;

const CHECKSUM: HeaderName = HeaderName::from_static("x-checksum-sha1");

/// `GET`, `HEAD` and `PUT blob/{sha256}`, and `POST blob/missing`: a list of blobs in, those that
/// lack out. To be nested under `/api/v1`.
pub fn routes<S: Clone + Send + Sync + 'static>(store: BlobStore) -> Router<S> {
    Router::new()
        .route("/blob/missing", post(missing))
        .route("/blob/{id}", get(send).put(take))
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
    let expect = Expect { sha256: Some(id), sha1 };
    let (id, _) = store.receive(body.into_data_stream(), announced_bytes, expect).await?;
    Ok(ok(id))
}

fn checksum(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(CHECKSUM) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let expect = Expect { sha256: None, sha1: Some(text) };
    expect.check_sha1()?;
    Ok(expect.sha1)
}

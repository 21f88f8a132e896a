//! Files as answers: whole or in part, and only when the client does not have them.

use crate::answer::ApiError;
use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
    RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

/// Read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// A file for the client, with `Content-Length` and `ETag`; `Range`, `If-Range` and
/// `If-None-Match` of the request are heeded. A file that is replaced has another `ETag`.
pub async fn file_response(path: &Path, headers: &HeaderMap, content_type: &str) -> Response {
    respond(path, None, headers, content_type).await.unwrap_or_else(ApiError::into_response)
}

/// As [`file_response`]; `etag` is for files whose content has a name.
pub(super) async fn respond(
    path: &Path,
    etag: Option<&str>,
    headers: &HeaderMap,
    content_type: &str,
) -> Result<Response, ApiError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => ApiError::not_found("this file is not there, or no longer"),
        _ => ApiError::internal(&error),
    };
    let file = fs_err::tokio::File::open(path).await.map_err(failed)?;
    let data = file.metadata().await.map_err(failed)?;
    if !data.is_file() {
        return Err(ApiError::not_found("this is not a file"));
    }
    let etag = etag.map_or_else(
        || {
            format!(
                "\"{:x}-{:x}-{:x}-{:x}\"",
                data.ino(),
                data.mtime(),
                data.mtime_nsec(),
                data.len()
            )
        },
        |name| format!("\"{name}\""),
    );
    let tag = HeaderValue::from_str(&etag).map_err(|error| ApiError::internal(&error))?;
    let kind = HeaderValue::from_str(content_type).map_err(|error| ApiError::internal(&error))?;
    if client_has(headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let size_bytes = data.len();
    let (status, part) = match wanted(headers, &etag, size_bytes) {
        Wanted::All => (StatusCode::OK, 0..size_bytes),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Nowhere => return Ok(out_of_range(size_bytes)),
    };
    let body = body_of(file, part.clone()).await.map_err(failed)?;
    let fixed = [
        (ETAG, tag),
        (CONTENT_TYPE, kind),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        // A file of somebody else's is never taken for a page of ours.
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    let length = [(CONTENT_LENGTH, HeaderValue::from(part.end.saturating_sub(part.start)))];
    let mut response = (status, fixed, length, body).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let last = part.end.saturating_sub(1);
        let range = format!("bytes {}-{last}/{size_bytes}", part.start);
        let range = HeaderValue::from_str(&range).map_err(|error| ApiError::internal(&error))?;
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    Ok(response)
}

async fn body_of(mut file: fs_err::tokio::File, part: Range<u64>) -> io::Result<Body> {
    if part.start > 0 {
        file.seek(io::SeekFrom::Start(part.start)).await?;
    }
    let part = file.take(part.end.saturating_sub(part.start));
    Ok(Body::from_stream(ReaderStream::with_capacity(part, CHUNK_BYTES)))
}

fn out_of_range(size_bytes: u64) -> Response {
    let message = format!("the file has {size_bytes} bytes, and none of them was asked for");
    let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", message);
    let mut response = error.into_response();
    if let Ok(size) = HeaderValue::from_str(&format!("bytes */{size_bytes}")) {
        response.headers_mut().insert(CONTENT_RANGE, size);
    }
    response
}

fn client_has(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part(Range<u64>),
    /// Bytes that the file does not have.
    Nowhere,
}

/// One range is heeded. What can't be read, several ranges, and a range of another version of the
/// file mean all of it, as the standard has it.
fn wanted(headers: &HeaderMap, etag: &str, size_bytes: u64) -> Wanted {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if headers.contains_key(IF_RANGE) && text(IF_RANGE) != Some(etag) {
        return Wanted::All;
    }
    text(RANGE).and_then(|range| parse_range(range, size_bytes)).unwrap_or(Wanted::All)
}

fn parse_range(range: &str, size_bytes: u64) -> Option<Wanted> {
    let (unit, set) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    let part = match (first, last) {
        ("", count) => size_bytes.saturating_sub(number(count)?)..size_bytes,
        (first, "") => number(first)?..size_bytes,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size_bytes)
        }
    };
    Some(if part.is_empty() { Wanted::Nowhere } else { Wanted::Part(part) })
}

/// Digits only: `parse` would take a sign, too. What is too large means the end.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (range, expected) in [
            ("bytes=0-0", Some(Wanted::Part(0..1))),
            ("bytes=2-", Some(Wanted::Part(2..10))),
            ("bytes=-3", Some(Wanted::Part(7..10))),
            ("bytes=-30", Some(Wanted::Part(0..10))),
            ("bytes=5-99999999999999999999999", Some(Wanted::Part(5..10))),
            ("bytes=10-", Some(Wanted::Nowhere)),
            ("bytes=-0", Some(Wanted::Nowhere)),
            ("bytes=5-4", None),
            ("bytes=0-1,3-4", None),
            ("bytes=+1-2", None),
            ("bytes=", None),
            ("bytes=-", None),
            ("lines=1-2", None),
            ("nonsense", None),
        ] {
            assert_eq!(parse_range(range, 10), expected, "{range}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Some(Wanted::Nowhere));
    }
}

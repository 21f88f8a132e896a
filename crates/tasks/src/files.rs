//! The files of a task: upload, list, look up.

use crate::host::TaskHost;
use crate::paths::ClientPath;
use crate::store::Tasks;
use crate::task::{Task, TaskFile};
use crate::view::FileInfo;
use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use axum::http::{HeaderMap, HeaderName};
use blendnet_net::answer::{ApiError, ApiResult, UrlPath, ok};
use blendnet_net::blobs::Expect;
use blendnet_protocol::{Answer, BlobId};
use futures_util::StreamExt as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// SHA-1 of the content in hexadecimal, on uploads and results.
pub(crate) const CHECKSUM: HeaderName = HeaderName::from_static("x-checksum-sha1");

/// How much of a body that nobody needs is still read, and for how long, so that a client that
/// sends before it reads gets the answer instead of a reset connection.
const LINGER_BYTES: usize = 4 << 20;
const LINGER: Duration = Duration::from_secs(5);

/// The files of a task.
#[utoipa::path(get, path = "/task/{task}/file", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task")),
    responses((status = 200, description = "Done", body = Answer<BTreeMap<String, BlobId>>),
        (status = 404, description = "There is no such task")))]
pub(crate) async fn list<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath(name): UrlPath<String>,
) -> ApiResult<BTreeMap<String, BlobId>> {
    let (task, _) = tasks.look(&name).await?;
    let files = task.files.into_iter();
    Ok(ok(files.map(|(path, file)| (path.into(), file.blob)).collect()))
}

/// A file of a task.
#[utoipa::path(get, path = "/task/{task}/file/{*path}", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task"),
        ("path" = String, Path, description = "Path of the file; may have slashes")),
    responses((status = 200, description = "Done", body = Answer<FileInfo>),
        (status = 404, description = "There is no such task or file")))]
pub(crate) async fn info<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath((name, path)): UrlPath<(String, String)>,
) -> ApiResult<FileInfo> {
    let (task, _) = tasks.look(&name).await?;
    let path = checked(&path)?;
    let file = task.files.get(&path).ok_or_else(|| {
        ApiError::not_found(format!("task `{name}` has no file `{}`", path.as_str()))
            .hint("GET task/{task}/file lists its files")
    })?;
    Ok(ok(FileInfo::new(path.as_str(), file)))
}

/// Uploads a file; makes the task if it is new.
#[utoipa::path(put, path = "/task/{task}/file/{*path}", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task"),
        ("path" = String, Path, description = "Path of the file; may have slashes"),
        ("X-Checksum-Sha1" = Option<String>, Header, description = "Checked where it is given")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "Done", body = Answer<FileInfo>),
        (status = 409, description = "The task runs, or other content came than was said"),
        (status = 411, description = "No Content-Length"),
        (status = 416, description = "A beginning that is not here"),
        (status = 507, description = "The disk is full")))]
pub(crate) async fn upload<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath((name, path)): UrlPath<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<FileInfo> {
    let known = match announced(&tasks, &name, &path, &headers).await {
        Ok(Announced { path, known: Some(file), .. }) => Ok((path, file)),
        Ok(upload) => return receive(&tasks, &name, upload, body, &headers).await,
        Err(error) => Err(error),
    };
    linger(body.into_data_stream(), &headers);
    let (path, file) = known?;
    attach(&tasks, &name, path, file, "is here already").await
}

/// What the head of an upload says.
struct Announced {
    path: ClientPath,
    size_bytes: u64,
    sha1: Option<String>,
    /// The file, if the server has it.
    known: Option<TaskFile>,
}

/// Checks all that can be checked before the body is read.
async fn announced<H: TaskHost>(
    tasks: &Tasks<H>,
    name: &str,
    path: &str,
    headers: &HeaderMap,
) -> Result<Announced, ApiError> {
    let path = checked(path)?;
    let size_bytes = content_length(headers)?;
    let sha1 = checksum(headers)?;
    tasks.check_upload(name, &path).await?;
    let known = sha1.as_ref().and_then(|sha1| tasks.known(sha1, size_bytes));
    Ok(Announced { path, size_bytes, sha1, known })
}

async fn receive<H: TaskHost>(
    tasks: &Tasks<H>,
    name: &str,
    upload: Announced,
    body: Body,
    headers: &HeaderMap,
) -> ApiResult<FileInfo> {
    let Announced { path, size_bytes, sha1, .. } = upload;
    let expect = Expect { sha1: sha1.clone(), ..Expect::default() };
    let mut stream = body.into_data_stream();
    let (blob, size_bytes) = match tasks.blobs.receive(&mut stream, size_bytes, expect).await {
        Ok(stored) => stored,
        Err(error) => {
            linger(stream, headers);
            return Err(error.into());
        }
    };
    let file = TaskFile { blob, size_bytes, sha1 };
    tasks.learn(&file);
    attach(tasks, name, path, file, "is uploaded").await
}

async fn attach<H: TaskHost>(
    tasks: &Tasks<H>,
    name: &str,
    path: ClientPath,
    file: TaskFile,
    what: &str,
) -> ApiResult<FileInfo> {
    let info = FileInfo::new(path.as_str(), &file);
    let message = format!("file `{}` {what}", path.as_str());
    let blob = file.blob.clone();
    let add = |task: &mut Task| {
        task.check_changeable()?;
        task.files.insert(path, file);
        Ok(())
    };
    tasks.change(name, add).await?;
    // Until here nobody kept the blob from a clean-up.
    if !tasks.blobs.contains(&blob) {
        return Err(
            ApiError::conflict("the content was removed while it came").hint("send it again")
        );
    }
    Ok(Json(Answer::said(message, info)))
}

fn checked(path: &str) -> Result<ClientPath, ApiError> {
    ClientPath::new(path).map_err(|error| ApiError::bad_request(error.to_string()))
}

fn content_length(headers: &HeaderMap) -> Result<u64, ApiError> {
    let value = headers.get(CONTENT_LENGTH).ok_or_else(|| {
        ApiError::length_required("an upload needs the header Content-Length")
            .hint("curl --upload-file sends it for files; don't upload from a pipe")
    })?;
    value
        .to_str()
        .ok()
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| ApiError::bad_request("Content-Length is not a number of bytes"))
}

fn checksum(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(CHECKSUM) else { return Ok(None) };
    let value = value.to_str().unwrap_or_default();
    if value.len() == 40 && value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Some(value.to_ascii_lowercase()));
    }
    Err(ApiError::bad_request("X-Checksum-Sha1 is not a SHA-1")
        .hint("send 40 hexadecimal digits, as sha1sum prints them, or leave it out"))
}

/// Reads on for a while beside the answer. A client that waits for `100 Continue` needs none.
fn linger(mut stream: BodyDataStream, headers: &HeaderMap) {
    if headers.contains_key(EXPECT) {
        return;
    }
    tokio::spawn(tokio::time::timeout(LINGER, async move {
        let mut left_bytes = LINGER_BYTES;
        while let Some(Ok(bytes)) = stream.next().await {
            match left_bytes.checked_sub(bytes.len()) {
                Some(left) => left_bytes = left,
                None => return,
            }
        }
    }));
}

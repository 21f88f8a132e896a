//! The images of a task.

use crate::files::CHECKSUM;
use crate::host::{RunFile, TaskHost};
use crate::store::{Tasks, lock};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use blendnet_net::answer::{ApiError, UrlPath};
use blendnet_net::blobs::file_response;
use blendnet_protocol::BlobId;
use fs_err as fs;
use sha1::{Digest, Sha1};
use std::io;
use std::sync::Arc;

/// Results whose SHA-1 is remembered.
const MAX_KNOWN: usize = 4096;

/// An image of a task.
#[utoipa::path(get, path = "/task/{task}/status/result/{result}", tag = "tasks",
    params(("task" = String, Path, description = "Name of the task"),
        ("result" = String, Path, description = "preview, render or compose")),
    responses((status = 200, description = "The image", body = Vec<u8>, content_type = "image/*"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "image/*"),
        (status = 304, description = "It has not changed"),
        (status = 404, description = "There is no such task or image"),
        (status = 416, description = "The range is not in it")))]
pub(crate) async fn result<H: TaskHost>(
    State(tasks): State<Arc<Tasks<H>>>,
    UrlPath((name, which)): UrlPath<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (task, _) = tasks.look(&name).await?;
    let file = match which.as_str() {
        "preview" => task.results.preview,
        "render" => task.results.render,
        "compose" => task.results.compose,
        _ => {
            return Err(ApiError::not_found(format!("there is no result `{which}`"))
                .hint("ask for preview, render or compose"));
        }
    };
    let file = file.ok_or_else(|| {
        ApiError::not_found(format!("task `{name}` has no {which} yet"))
            .hint("poll task/{task}/status until result names it")
    })?;
    let answer = async {
        if which == "preview" {
            return preview(&file).await;
        }
        let sha1 = sha1_of(&tasks, &file).await?;
        Ok((file_response(&file.path, &headers, &file.content_type).await, sha1))
    };
    let (mut response, sha1) = answer.await.map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            ApiError::not_found(format!("the {which} of task `{name}` is no longer there"))
                .hint("ask for the status again, or run the task again")
        }
        _ => ApiError::internal(&error),
    })?;
    let name = format!("inline; filename=\"{}\"", file.file_name.replace(['"', '\\'], "_"));
    for (header, value) in [(CHECKSUM, sha1), (CONTENT_DISPOSITION, name)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(header, value);
        }
    }
    Ok(response)
}

/// A preview is small and may be replaced at any moment: read once, so that the checksum is that
/// of what is sent.
async fn preview(file: &RunFile) -> io::Result<(Response, String)> {
    let bytes = fs::tokio::read(&file.path).await?;
    let sha1 = hex::encode(Sha1::digest(&bytes));
    let headers = [(CONTENT_TYPE, file.content_type.as_str()), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok(((headers, bytes).into_response(), sha1))
}

/// SHA-1 of a result, for clients that check it; read once for each content.
async fn sha1_of<H>(tasks: &Tasks<H>, file: &RunFile) -> io::Result<String> {
    let known = |blob: &BlobId| lock(&tasks.sha1_of_results).get(blob).cloned();
    if let Some(sha1) = known(&file.blob)
        && fs::metadata(&file.path).is_ok()
    {
        return Ok(sha1);
    }
    let path = file.path.clone();
    let hashing = tokio::task::spawn_blocking(move || {
        let mut sha1 = Sha1::new();
        let mut file = io::BufReader::with_capacity(1 << 20, fs::File::open(path)?);
        io::copy(&mut file, &mut HashWriter(&mut sha1))?;
        Ok::<_, io::Error>(hex::encode(sha1.finalize()))
    });
    let sha1 = hashing.await.map_err(io::Error::other)??;
    let mut all = lock(&tasks.sha1_of_results);
    if all.len() >= MAX_KNOWN {
        all.clear();
    }
    all.insert(file.blob.clone(), sha1.clone());
    Ok(sha1)
}

struct HashWriter<'a>(&'a mut Sha1);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

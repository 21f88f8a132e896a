//! Files to the server.

use super::{Client, ClientError, retry};
use crate::blobs::{Bundle, RECEIVED};
use blendnet_protocol::BlobId;
use futures_util::TryStreamExt as _;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Method, StatusCode};
use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

/// Read at once from a file.
const CHUNK_BYTES: usize = 256 << 10;
/// For a transfer in which nothing moves.
const STALLED: Duration = Duration::from_mins(1);
/// For the answer after the last byte: the server brings the file to its disk first.
const LAST_WORD: Duration = Duration::from_mins(5);
/// A smaller blob is sent again sooner than the server is asked how much of it it has.
const RESUMED_BYTES: u64 = 8 << 20;

/// How much of an upload is sent, for whoever shows it.
pub type Sent = Arc<AtomicU64>;

/// The part of a file that is sent.
struct Content<'f> {
    file: &'f Path,
    start: u64,
    size_bytes: u64,
}

impl Client {
    /// Sends a file of `size_bytes` bytes with its length announced. Repeated when it fails for a
    /// passing reason.
    pub async fn put_file(
        &self,
        path: &str,
        file: &Path,
        size_bytes: u64,
    ) -> Result<(), ClientError> {
        let content = Content { file, start: 0, size_bytes };
        let sent = Sent::default();
        retry::repeat(|| self.put_content(path, &content, &sent)).await
    }

    /// Sends a blob unless the server has it.
    pub async fn send_blob(&self, id: &BlobId, file: &Path) -> Result<(), ClientError> {
        if self.has(&format!("blob/{id}")).await? {
            return Ok(());
        }
        let size_bytes = fs_err::tokio::metadata(file).await?.len();
        self.put_blob(id, file, size_bytes, &Sent::default()).await
    }

    /// Sends a blob that the server lacks, of a large one only what it lacks of it. Repeated, from
    /// there on, when it fails for a passing reason. `sent` counts the bytes that are there.
    pub async fn put_blob(
        &self,
        id: &BlobId,
        file: &Path,
        size_bytes: u64,
        sent: &Sent,
    ) -> Result<(), ClientError> {
        let path = format!("blob/{id}");
        let once = || async {
            let start = match size_bytes {
                RESUMED_BYTES.. => self.get::<u64>(&format!("{path}/received")).await?,
                _ => 0,
            };
            sent.store(start.min(size_bytes), Ordering::Relaxed);
            if start == size_bytes {
                return Ok(());
            }
            // More than there is: something else, which the server will refuse.
            let start = if start > size_bytes { 0 } else { start };
            self.put_content(&path, &Content { file, start, size_bytes }, sent).await
        };
        retry::repeat(once).await
    }

    /// Sends many small blobs at once.
    pub async fn put_bundle(&self, bundle: Bundle) -> Result<(), ClientError> {
        let bytes = bytes::Bytes::from(bundle.into_bytes());
        let once = || async {
            let request = self.request(Method::POST, "blob/bundle").timeout(LAST_WORD);
            let request = request.body(bytes.clone());
            self.ask::<usize>(request).await.map(|_stored| ())
        };
        retry::repeat(once).await
    }

    async fn has(&self, path: &str) -> Result<bool, ClientError> {
        let once = || async {
            let request = self.request(Method::HEAD, path).timeout(super::REQUEST);
            let response = self.send(request).await?;
            match response.status() {
                StatusCode::NOT_FOUND => Ok(false),
                _ => self.good(response).await.map(|_| true),
            }
        };
        retry::repeat(once).await
    }

    async fn put_content(
        &self,
        path: &str,
        content: &Content<'_>,
        sent: &Sent,
    ) -> Result<(), ClientError> {
        let &Content { file, start, size_bytes } = content;
        let mut file = fs_err::tokio::File::open(file).await?;
        file.seek(SeekFrom::Start(start)).await?;
        let count = Arc::clone(sent);
        count.store(start, Ordering::Relaxed);
        let rest = file.take(size_bytes - start);
        let stream = ReaderStream::with_capacity(rest, CHUNK_BYTES).inspect_ok(move |bytes| {
            count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        });
        let mut request =
            self.request(Method::PUT, path).header(CONTENT_LENGTH, size_bytes - start);
        if start > 0 {
            request = request.header(RECEIVED, start);
        }
        tokio::select! {
            answered = self.ask::<serde_json::Value>(request.body(Body::wrap_stream(stream))) => {
                answered.map(|_| ())
            }
            () = stalled(sent, size_bytes) => {
                Err(ClientError::TimedOut { address: self.address().to_owned() })
            }
        }
    }
}

/// Ends when nothing was sent for a while.
async fn stalled(sent_bytes: &AtomicU64, size_bytes: u64) {
    let mut before = None;
    loop {
        let now = sent_bytes.load(Ordering::Relaxed);
        if before == Some(now) {
            return;
        }
        before = Some(now);
        tokio::time::sleep(if now >= size_bytes { LAST_WORD } else { STALLED }).await;
    }
}

//! Files from the server.

use super::{Client, ClientError, retry};
use crate::blobs::{BlobError, check_sha256};
use crate::secret::sync_dir;
use blendnet_protocol::BlobId;
use futures_util::StreamExt as _;
use reqwest::header::{ETAG, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Method, Response, StatusCode};
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::Path;
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;

/// For a transfer in which nothing moves.
const STALLED: Duration = Duration::from_mins(1);

impl Client {
    /// Fetches a file to `to`, which has either its old or its whole new content at any time.
    /// With `expect` the content is proven. Goes on where a broken connection stopped.
    pub async fn download(
        &self,
        path: &str,
        to: &Path,
        expect: Option<&BlobId>,
    ) -> Result<(), ClientError> {
        let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temp = tempfile::Builder::new().prefix(".download-").tempfile_in(dir)?;
        let download = tokio::sync::Mutex::new(Download::new(temp)?);
        retry::repeat(|| async { download.lock().await.go_on(self, path).await }).await?;
        let Download { temp, sha256, .. } = download.into_inner();
        let content = |source| ClientError::Content { address: self.address().to_owned(), source };
        check_sha256(expect, sha256).map_err(content)?;
        let (to, dir) = (to.to_owned(), dir.to_owned());
        let kept = tokio::task::spawn_blocking(move || keep(temp, &to, &dir)).await;
        Ok(kept.map_err(io::Error::other)??)
    }
}

fn keep(temp: NamedTempFile, to: &Path, dir: &Path) -> io::Result<()> {
    temp.as_file().sync_all()?;
    temp.persist(to).map_err(|error| error.error)?;
    sync_dir(dir)
}

/// A file that is partly here.
struct Download {
    temp: NamedTempFile,
    file: tokio::fs::File,
    sha256: Sha256,
    received_bytes: u64,
    /// Version of what is here.
    etag: Option<HeaderValue>,
}

impl Download {
    fn new(temp: NamedTempFile) -> io::Result<Self> {
        let file = tokio::fs::File::from_std(temp.as_file().try_clone()?);
        Ok(Self { temp, file, sha256: Sha256::new(), received_bytes: 0, etag: None })
    }

    /// Fetches what lacks.
    async fn go_on(&mut self, client: &Client, path: &str) -> Result<(), ClientError> {
        let mut request = client.request(Method::GET, path);
        if let Some(etag) = self.etag.clone().filter(|_| self.received_bytes > 0) {
            request = request
                .header(RANGE, format!("bytes={}-", self.received_bytes))
                .header(IF_RANGE, etag);
        }
        let in_time = |_elapsed| ClientError::TimedOut { address: client.address().to_owned() };
        let response =
            tokio::time::timeout(STALLED, client.send(request)).await.map_err(in_time)??;
        let response = client.good(response).await?;
        if response.status() != StatusCode::PARTIAL_CONTENT {
            self.start_again().await?;
        }
        self.etag = response.headers().get(ETAG).cloned();
        self.check_room(client, &response)?;
        let mut body = response.bytes_stream();
        while let Some(bytes) = tokio::time::timeout(STALLED, body.next()).await.map_err(in_time)? {
            let bytes = bytes.map_err(|error| ClientError::of_network(client.address(), error))?;
            self.file.write_all(&bytes).await?;
            self.sha256.update(&bytes);
            self.received_bytes += bytes.len() as u64;
        }
        Ok(self.file.flush().await?)
    }

    async fn start_again(&mut self) -> io::Result<()> {
        use tokio::io::AsyncSeekExt as _;
        self.file.flush().await?;
        self.file.set_len(0).await?;
        self.file.rewind().await?;
        self.sha256 = Sha256::new();
        self.received_bytes = 0;
        Ok(())
    }

    /// Refuses what announces no length, or more than there is room for: no server fills our disk.
    fn check_room(&self, client: &Client, response: &Response) -> Result<(), ClientError> {
        let wanted_bytes = response
            .content_length()
            .ok_or_else(|| client.strange("it has no Content-Length".to_owned()))?;
        let dir = self.temp.path().parent().unwrap_or(Path::new("."));
        let free_bytes = crate::host::free_bytes(dir)?.saturating_sub(crate::blobs::RESERVE_BYTES);
        if wanted_bytes > free_bytes {
            let source = BlobError::NoRoom { wanted_bytes, free_bytes };
            return Err(ClientError::Content { address: client.address().to_owned(), source });
        }
        Ok(())
    }
}

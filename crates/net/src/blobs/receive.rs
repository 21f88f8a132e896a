//! Bytes on their way to the disk, hashed as they come.

use super::space::{Reserved, Space};
use super::{BlobError, BlobStore, joined};
use crate::answer::chain;
use crate::server::BodyStalled;
use blendnet_protocol::BlobId;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::error::Error;
use std::io::{self, Read, Write};
use std::path::Path;
use std::pin::pin;
use tempfile::NamedTempFile;
use tokio::task::JoinHandle;

/// How much is hashed and written in one go, beside the network.
const CHUNK_BYTES: usize = 1 << 20;

/// What the content must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// The blob's name.
    pub sha256: Option<BlobId>,
    /// What old clients send: 40 hexadecimal digits.
    pub sha1: Option<String>,
    /// Bytes that came before, in an upload that broke off; only for blobs whose name is given.
    pub start: u64,
}

impl Expect {
    pub(super) fn check_sha1(&self) -> Result<(), BlobError> {
        match &self.sha1 {
            Some(given)
                if given.len() != 40 || !given.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
            {
                Err(BlobError::NotSha1 { given: given.chars().take(80).collect() })
            }
            _ => Ok(()),
        }
    }
}

/// A file on its way in. Dropped, it leaves nothing behind.
pub(super) struct Intake {
    file: NamedTempFile,
    reserved: Reserved,
    sha256: Sha256,
    sha1: Option<Sha1>,
    received_bytes: u64,
}

impl Intake {
    pub(super) fn begin(
        dir: &Path,
        reserved: Reserved,
        with_sha1: bool,
    ) -> Result<Self, BlobError> {
        let file = tempfile::Builder::new().tempfile_in(dir).map_err(BlobError::of_write)?;
        Ok(Self::of(file, reserved, with_sha1))
    }

    fn of(file: NamedTempFile, reserved: Reserved, with_sha1: bool) -> Self {
        let sha1 = with_sha1.then(Sha1::new);
        Self { file, reserved, sha256: Sha256::new(), sha1, received_bytes: 0 }
    }

    /// Goes on behind what is in the file.
    fn go_on(file: NamedTempFile, reserved: Reserved, with_sha1: bool) -> Result<Self, BlobError> {
        let mut reader = file.reopen()?;
        let mut intake = Self::of(file, reserved, with_sha1);
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let count = reader.read(&mut buffer)?;
            let bytes = buffer.get(..count).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(intake);
            }
            intake.hash(bytes);
        }
    }

    fn hash(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
        self.received_bytes += bytes.len() as u64;
    }

    /// The file as it is, to be removed when this goes.
    pub(super) fn into_path(self) -> tempfile::TempPath {
        self.file.into_temp_path()
    }

    pub(super) fn absorb(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.file.write_all(bytes).map_err(BlobError::of_write)?;
        self.hash(bytes);
        self.reserved.written(bytes.len() as u64);
        Ok(())
    }

    pub(super) fn finish(
        self,
        store: &BlobStore,
        expect: &Expect,
    ) -> Result<(BlobId, u64), BlobError> {
        if let (Some(expected), Some(sha1)) = (&expect.sha1, self.sha1) {
            check("SHA-1", expected, hex::encode(sha1.finalize()))?;
        }
        let found = check_sha256(expect.sha256.as_ref(), self.sha256)?;
        store.keep(self.file.into_temp_path(), &found)?;
        Ok((found, self.received_bytes))
    }
}

impl Write for Intake {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.absorb(bytes).map(|()| bytes.len()).map_err(|error| match error {
            BlobError::DiskFull(error) | BlobError::File(error) => error,
            other => io::Error::other(other),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn check(algorithm: &'static str, expected: &str, found: String) -> Result<(), BlobError> {
    if expected.eq_ignore_ascii_case(&found) {
        return Ok(());
    }
    Err(BlobError::Checksum { algorithm, expected: expected.to_owned(), found })
}

/// The name of what was hashed, if it is the expected one.
pub(crate) fn check_sha256(expected: Option<&BlobId>, hash: Sha256) -> Result<BlobId, BlobError> {
    let found = hex::encode(hash.finalize());
    if let Some(expected) = expected {
        check("SHA-256", expected.as_str(), found.clone())?;
    }
    BlobId::new(found).map_err(|error| io::Error::other(error).into())
}

/// Reads to the end.
pub(crate) fn sha256_reader(reader: &mut impl Read) -> io::Result<(BlobId, u64)> {
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut size_bytes = 0;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        sha256.update(buffer.get(..count).unwrap_or_default());
        size_bytes += count as u64;
    }
    let id = BlobId::new(hex::encode(sha256.finalize())).map_err(io::Error::other)?;
    Ok((id, size_bytes))
}

impl BlobStore {
    /// Takes an upload: promises it room on the disk, writes and hashes it as it comes, and stores
    /// it if it is what was expected. On any error, or when this is dropped, the room is given back
    /// and nothing stays behind, but for the beginning of a blob whose name was given and whose
    /// connection broke. The same blob may come several times at once.
    ///
    /// `announced_bytes` are those that come now, without those before [`Expect::start`].
    pub async fn receive<E: Error + Send + Sync + 'static>(
        &self,
        body: impl Stream<Item = Result<Bytes, E>>,
        announced_bytes: u64,
        expect: Expect,
    ) -> Result<(BlobId, u64), BlobError> {
        expect.check_sha1()?;
        let max_bytes = self.0.max_blob_bytes;
        if announced_bytes.saturating_add(expect.start) > max_bytes {
            return Err(BlobError::TooLarge { announced_bytes, max_bytes });
        }
        let reserved = Space::reserve(&self.0.space, announced_bytes)?;
        let with_sha1 = expect.sha1.is_some();
        let mut writer = match &expect.sha256 {
            Some(id) if expect.start > 0 => {
                let beginning = self.take_partial(id, expect.start)?;
                Writer::new(move || Intake::go_on(beginning, reserved, with_sha1))
            }
            _ => {
                let incoming = self.incoming();
                Writer::new(move || Intake::begin(&incoming, reserved, with_sha1))
            }
        };
        if let Err(error) = fill(&mut writer, body, announced_bytes).await {
            let broke = matches!(error, BlobError::Cut { .. } | BlobError::Stalled { .. });
            let intake = writer.end().await;
            if let (true, Some(id), Ok(intake)) = (broke, &expect.sha256, intake) {
                self.keep_partial(id, intake.file);
            }
            return Err(error);
        }
        let intake = writer.end().await?;
        let store = self.clone();
        joined(tokio::task::spawn_blocking(move || intake.finish(&store, &expect)).await)
    }
}

async fn fill<E: Error + Send + Sync + 'static>(
    writer: &mut Writer,
    body: impl Stream<Item = Result<Bytes, E>>,
    announced_bytes: u64,
) -> Result<(), BlobError> {
    let mut received_bytes = 0_u64;
    let mut body = pin!(body);
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|error| cut(&error, received_bytes, announced_bytes))?;
        received_bytes += bytes.len() as u64;
        if received_bytes > announced_bytes {
            return Err(BlobError::TooLong { announced_bytes });
        }
        writer.take(bytes).await?;
    }
    if received_bytes < announced_bytes {
        let reason = "it ended".to_owned();
        return Err(BlobError::Cut { received_bytes, announced_bytes, reason });
    }
    Ok(())
}

fn cut(
    error: &(dyn Error + Send + Sync + 'static),
    received_bytes: u64,
    announced_bytes: u64,
) -> BlobError {
    if BodyStalled::caused(error) {
        return BlobError::Stalled { received_bytes, announced_bytes };
    }
    BlobError::Cut { received_bytes, announced_bytes, reason: chain(error) }
}

/// Hashes and writes on a thread for blocking work while the next bytes come in.
struct Writer {
    /// `None`: it failed.
    work: Option<JoinHandle<Result<Intake, BlobError>>>,
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
}

impl Writer {
    fn new(begin: impl FnOnce() -> Result<Intake, BlobError> + Send + 'static) -> Self {
        let work = Some(tokio::task::spawn_blocking(begin));
        Self { work, waiting: Vec::new(), waiting_bytes: 0 }
    }

    async fn take(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        self.waiting_bytes += bytes.len();
        self.waiting.push(bytes);
        if self.waiting_bytes >= CHUNK_BYTES { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), BlobError> {
        let mut intake = self.idle().await?;
        let chunks = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        self.work = Some(tokio::task::spawn_blocking(move || {
            for bytes in &chunks {
                intake.absorb(bytes)?;
            }
            Ok(intake)
        }));
        Ok(())
    }

    async fn idle(&mut self) -> Result<Intake, BlobError> {
        match self.work.take() {
            Some(work) => joined(work.await),
            None => Err(io::Error::other("the upload has failed before").into()),
        }
    }

    async fn end(mut self) -> Result<Intake, BlobError> {
        self.write().await?;
        self.idle().await
    }
}

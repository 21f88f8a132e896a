//! What can go wrong with blobs.

use crate::answer::ApiError;
use axum::http::StatusCode;
use std::io;

/// Why a blob was not stored, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// More than the store takes.
    #[error("{announced_bytes} bytes are more than the {max_bytes} that are taken here")]
    TooLarge {
        /// What was announced.
        announced_bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// The disk has no room, other uploads and a reserve taken into account.
    #[error("the disk has no room for {wanted_bytes} bytes, {free_bytes} can be used")]
    NoRoom {
        /// What was asked for.
        wanted_bytes: u64,
        /// What could have been had.
        free_bytes: u64,
    },
    /// The disk was full in the middle.
    #[error("the disk is full: {0}")]
    DiskFull(#[source] io::Error),
    /// The upload ended early.
    #[error("the upload was cut off after {received_bytes} of {announced_bytes} bytes: {reason}")]
    Cut {
        /// What came.
        received_bytes: u64,
        /// What was announced.
        announced_bytes: u64,
        /// Why.
        reason: String,
    },
    /// The sender stopped sending.
    #[error("the upload stopped after {received_bytes} of {announced_bytes} bytes")]
    Stalled {
        /// What came.
        received_bytes: u64,
        /// What was announced.
        announced_bytes: u64,
    },
    /// More came than was announced.
    #[error("more than the announced {announced_bytes} bytes came")]
    TooLong {
        /// What was announced.
        announced_bytes: u64,
    },
    /// Other content than was said.
    #[error("the {algorithm} of what came is {found}, not {expected}; it was not stored")]
    Checksum {
        /// `SHA-256` or `SHA-1`.
        algorithm: &'static str,
        /// What was said.
        expected: String,
        /// What came.
        found: String,
    },
    /// The beginning that an upload goes on with is not here, or has another length.
    #[error("the upload goes on at byte {start}, but {received_bytes} bytes are here")]
    NoSuchBeginning {
        /// Where it goes on.
        start: u64,
        /// What is here.
        received_bytes: u64,
    },
    /// A bundle of blobs that can't be read.
    #[error("the bundle of blobs is not understood at byte {at}: {reason}")]
    Bundle {
        /// Where.
        at: usize,
        /// Why.
        reason: &'static str,
    },
    /// A checksum that is none.
    #[error("`{given}` is not a SHA-1: 40 hexadecimal digits")]
    NotSha1 {
        /// What was given, shortened.
        given: String,
    },
    /// A file or folder.
    #[error(transparent)]
    File(#[from] io::Error),
}

impl BlobError {
    /// An error while writing: a full disk, or something else.
    pub(super) fn of_write(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(error),
            _ => Self::File(error),
        }
    }

    /// Whether there is no room on the disk.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::NoRoom { .. } | Self::DiskFull(_))
    }

    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Cut { .. }
                | Self::Stalled { .. }
                | Self::Checksum { .. }
                | Self::NoSuchBeginning { .. }
        )
    }
}

impl From<BlobError> for ApiError {
    fn from(error: BlobError) -> Self {
        let message = error.to_string();
        match error {
            BlobError::TooLarge { .. } => Self::too_large(message),
            BlobError::NoRoom { .. } => {
                Self::disk_full(message).hint("free space on the server's disk, then send it again")
            }
            BlobError::DiskFull(cause) => {
                tracing::error!(%cause, "the disk is full");
                Self::disk_full("the server's disk is full")
                    .hint("free space on the server's disk, then send it again")
            }
            BlobError::Cut { .. } | BlobError::TooLong { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "cut_off", message).hint("send it again")
            }
            BlobError::Stalled { .. } => {
                Self::request_timeout(message).hint("send it again over a better connection")
            }
            BlobError::Checksum { .. } => {
                Self::new(StatusCode::CONFLICT, "checksum_mismatch", message)
                    .hint("see whether the file changed while it was sent, then send it again")
            }
            BlobError::NoSuchBeginning { .. } => {
                Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "no_such_beginning", message)
                    .hint("ask blob/{sha256}/received, or send it from its beginning")
            }
            BlobError::Bundle { .. } => Self::bad_request(message),
            BlobError::NotSha1 { .. } => Self::bad_request(message)
                .hint("send it as sha1sum prints it, or leave out X-Checksum-Sha1"),
            BlobError::File(cause) => Self::internal(&cause),
        }
    }
}

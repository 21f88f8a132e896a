//! Tells a full disk from everything else that can go wrong with results: rendering again does not
//! help then.

use super::MergeError;
use crate::store::StoreError;
use blendnet_film::FilmError;
use blendnet_net::blobs::BlobError;
use blendnet_net::client::ClientError;
use blendnet_protocol::{AgentId, FailureKind, Fault, WorkFailure};
use std::error::Error;
use std::io;

/// Whether a server refused a file for want of room.
pub(super) fn is_full_there(error: &ClientError) -> bool {
    error.code() == Some("disk_full")
}

/// Of an agent that has no room.
pub(super) fn of_agent(agent: &AgentId, error: &ClientError) -> WorkFailure {
    WorkFailure {
        kind: FailureKind::DiskFull,
        fault: Fault::Agent,
        message: format!("the disk of agent `{agent}` is full: {}", error.message()),
        last_lines: vec![],
    }
}

/// Whether the manager's own disk is full.
pub(super) fn is_full_here(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let film = error.downcast_ref::<MergeError>();
        let full = film.is_some_and(|e| matches!(e, MergeError::Film(FilmError::DiskFull { .. })))
            || error.downcast_ref::<BlobError>().is_some_and(BlobError::is_disk_full)
            || error.downcast_ref::<StoreError>().is_some_and(StoreError::is_disk_full)
            || error.downcast_ref::<io::Error>().is_some_and(is_full);
        if full {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Why a result can't be used. `Fault::Scene`: another try can't help.
pub(crate) fn failure_of(doing: &str, error: &(dyn Error + 'static)) -> WorkFailure {
    let cause = crate::chain(error);
    let (kind, message) = if is_full_here(error) {
        (FailureKind::DiskFull, format!("the manager's disk is full: {doing}: {cause}"))
    } else {
        (FailureKind::Internal, format!("{doing}: {cause}"))
    };
    WorkFailure { kind, fault: Fault::Attempt, message, last_lines: vec![] }
}

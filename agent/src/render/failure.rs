//! Why a work failed, and whose fault that is.

use std::io;

use blendnet_protocol::{FailureKind, Fault, WorkFailure};

use crate::blender::process::AskError;
use crate::blender::version::VersionError;
use crate::workspace::LayoutError;

/// Lines of Blender that are reported.
pub(super) const REPORTED_LINES: usize = 20;

/// A failure without Blender's lines.
pub(super) fn failure(kind: FailureKind, fault: Fault, message: impl Into<String>) -> WorkFailure {
    WorkFailure { kind, fault, message: message.into(), last_lines: Vec::new() }
}

/// A mistake of ours; another try may succeed.
pub(super) fn internal(message: impl std::fmt::Display) -> WorkFailure {
    failure(FailureKind::Internal, Fault::Attempt, message.to_string())
}

/// The agent's disk is full.
pub(super) fn full(error: impl std::fmt::Display) -> WorkFailure {
    let message = format!("the agent's disk is full: {error}; free some space there");
    failure(FailureKind::DiskFull, Fault::Agent, message)
}

/// Of the disk: full, or a mistake.
pub(super) fn of_disk(error: &io::Error) -> WorkFailure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => full(error),
        _ => internal(error),
    }
}

/// Of what stands between the agent and the right Blender.
pub(super) fn of_version(error: &VersionError) -> WorkFailure {
    let (kind, fault) = match error {
        VersionError::NotBlend { .. } => (FailureKind::BadFile, Fault::Scene),
        VersionError::NoBlender => (FailureKind::NoBlender, Fault::Agent),
        VersionError::TooOld { .. } => (FailureKind::BlenderTooOld, Fault::Agent),
        VersionError::Read(error) => return of_disk(error),
    };
    failure(kind, fault, error.to_string())
}

/// Of laying out files.
pub(super) fn of_layout(error: &LayoutError) -> WorkFailure {
    match error {
        LayoutError::Missing { .. } => internal(error),
        LayoutError::Disk(error) => of_disk(error),
    }
}

/// Of asking Blender, which was `doing` something.
pub(super) fn of_ask(error: AskError, doing: &str, last_lines: Vec<String>) -> WorkFailure {
    let attempt = |kind| WorkFailure {
        kind,
        fault: Fault::Attempt,
        message: format!("{error}, while {doing}"),
        last_lines: last_lines.clone(),
    };
    match error {
        AskError::Refused(refusal) => WorkFailure {
            kind: refusal.kind,
            fault: refusal.fault,
            message: refusal.message,
            last_lines,
        },
        AskError::Start(_) => {
            WorkFailure { fault: Fault::Agent, ..attempt(FailureKind::NoBlender) }
        }
        AskError::Crashed(_) => attempt(FailureKind::Crashed),
        AskError::Hung(_) => attempt(FailureKind::Hung),
        AskError::Nonsense(_) => attempt(FailureKind::Internal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_said_to_be_the_agents() {
        let failure = of_disk(&io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!((failure.kind, failure.fault), (FailureKind::DiskFull, Fault::Agent));
    }

    #[test]
    fn a_crash_is_the_fault_of_the_attempt_and_says_what_was_done() {
        let crash = AskError::Crashed("Blender ended on its own (SIGSEGV)".to_owned());
        let failure = of_ask(crash, "rendering frame 3", vec!["last".to_owned()]);
        assert_eq!((failure.kind, failure.fault), (FailureKind::Crashed, Fault::Attempt));
        assert_eq!(failure.message, "Blender ended on its own (SIGSEGV), while rendering frame 3");
        assert_eq!(failure.last_lines, ["last"]);
    }
}

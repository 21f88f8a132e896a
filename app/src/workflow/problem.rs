//! Why the artist's wish could not be met: what happened, to which file, and what to do next.

use std::error::Error;
use std::io::ErrorKind;
use std::path::PathBuf;

use blendnet_pack::PackError;
use blendnet_pack::blend::BlendError;
use blendnet_protocol::{FailureKind, WorkFailure};
use serde::Serialize;

/// What sort of problem; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// At least one frame failed.
    Render,
    /// An option or the .blend is wrong.
    Input,
    /// The scene names files that are not there.
    MissingFiles,
    /// The farm can't be started, reached or used.
    Farm,
    /// A disk is full, here or on the farm.
    DiskFull,
    /// The user, or another program, stopped it.
    Interrupted,
}

/// A file that the scene names and that can't be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingFile {
    /// Where Blender looks for it.
    pub path: String,
    /// As written in the .blend.
    pub as_written: String,
    /// Who names it.
    pub used_by: String,
    /// Why it can't be sent.
    pub reason: String,
    /// A file that may be the one that is meant.
    pub similar: Option<PathBuf>,
}

/// A problem, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message}")]
pub struct Problem {
    /// What sort.
    pub kind: ProblemKind,
    /// What happened and where; lower case, no full stop.
    pub message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The same where there are buttons instead of options, if that is something else.
    #[serde(skip)]
    pub hint_in_window: Option<Box<str>>,
    /// Lines that tell more, such as the last ones of Blender.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// The files, for [`ProblemKind::MissingFiles`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingFile>,
}

/// An error and what caused it, in one line.
fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (**error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl Problem {
    /// Why a scene can't be packed.
    pub fn of_pack(error: &PackError) -> Self {
        let message = with_causes(error);
        match error {
            PackError::Read { path, source: BlendError::Io(error) } => {
                super::blend_file::cannot_read(path, error)
            }
            PackError::Read { path, source: BlendError::NotAFile } => {
                Self::input(format!("{} is not a file", path.display())).hint("name the .blend")
            }
            PackError::Read { .. } => Self::input(message)
                .hint("open it in Blender and save it again, or name another file"),
            PackError::Copy { source, .. } | PackError::Write { source, .. }
                if source.kind() == ErrorKind::StorageFull =>
            {
                Self::new(ProblemKind::DiskFull, message).hint("make room, or name another disk")
            }
            _ => Self::input(message),
        }
    }

    /// A problem without hint.
    pub fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            hint_in_window: None,
            details: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// A wrong option or file.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Input, message)
    }

    /// Trouble with the farm.
    pub fn farm(message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Farm, message)
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do next where there are buttons instead of options.
    #[must_use]
    pub fn in_window(mut self, hint: impl Into<String>) -> Self {
        self.hint_in_window = Some(hint.into().into_boxed_str());
        self
    }

    /// What to do next in the window.
    pub fn window_hint(&self) -> Option<&str> {
        self.hint_in_window.as_deref().or(self.hint.as_deref())
    }

    /// Adds lines that tell more.
    #[must_use]
    pub fn details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// A local file that can't be read or written; `fs-err` names it in `error`.
    pub fn local_file(error: &std::io::Error, otherwise: ProblemKind) -> Self {
        if is_disk_full(error) {
            return Self::new(ProblemKind::DiskFull, error.to_string())
                .hint("free some space on that disk, then try again");
        }
        Self::new(otherwise, error.to_string())
    }

    /// Why a job or a frame failed.
    pub fn work_failed(what: &str, failure: &WorkFailure) -> Self {
        let kind = match failure.kind {
            FailureKind::BadSettings | FailureKind::BadFile => ProblemKind::Input,
            FailureKind::NoBlender | FailureKind::BlenderTooOld => ProblemKind::Farm,
            FailureKind::DiskFull => ProblemKind::DiskFull,
            FailureKind::Crashed
            | FailureKind::Hung
            | FailureKind::Render
            | FailureKind::Internal => ProblemKind::Render,
        };
        let problem = Self::new(kind, format!("{what}: {}", failure.message))
            .details(failure.last_lines.clone());
        let problem = match next_step(failure.kind) {
            Some(hint) => problem.hint(hint),
            None => problem,
        };
        match next_in_window(failure.kind) {
            Some(hint) => problem.in_window(hint),
            None => problem,
        }
    }
}

/// What to do about a failure.
fn next_step(kind: FailureKind) -> Option<&'static str> {
    match kind {
        FailureKind::NoBlender => Some(
            "install Blender, or name one with --blender PATH (an executable, or a Python with bpy)",
        ),
        FailureKind::BlenderTooOld => {
            Some("install a Blender that is as new as the file, or name one with --blender PATH")
        }
        FailureKind::BadFile => {
            Some("open the file in Blender; if it opens there, save it again and render that")
        }
        FailureKind::BadSettings => Some("compare the options with the names in the .blend"),
        FailureKind::DiskFull => Some("free some space on that disk, then try again"),
        FailureKind::Crashed | FailureKind::Hung => Some(
            "render the frame in Blender itself; if it fails there too, the scene is the cause",
        ),
        FailureKind::Render | FailureKind::Internal => None,
    }
}

/// The same where there are fields instead of options.
fn next_in_window(kind: FailureKind) -> Option<&'static str> {
    match kind {
        FailureKind::NoBlender => Some(
            "install Blender, or name one (its executable, or a Python with bpy) in the field Blender \
             beside the scene, and render again",
        ),
        FailureKind::BlenderTooOld => Some(
            "install a Blender that is as new as the file, or name one in the field Blender beside the \
             scene, and render again",
        ),
        FailureKind::BadSettings => {
            Some("compare what is written beside the scene with the names in the .blend")
        }
        _ => None,
    }
}

/// Whether an error, or what caused it, is a full disk or quota.
pub fn is_disk_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use blendnet_protocol::Fault;

    fn failure(kind: FailureKind) -> WorkFailure {
        WorkFailure {
            kind,
            fault: Fault::Scene,
            message: "no scene `Shot`".to_owned(),
            last_lines: Vec::new(),
        }
    }

    #[test]
    fn a_wrong_name_in_the_options_is_bad_input() {
        let problem = Problem::work_failed("shot.blend", &failure(FailureKind::BadSettings));
        assert_eq!(problem.kind, ProblemKind::Input);
        assert_eq!(problem.message, "shot.blend: no scene `Shot`");
        assert!(problem.hint.is_some());
    }

    #[test]
    fn a_missing_blender_is_trouble_with_the_farm() {
        let problem = Problem::work_failed("shot.blend", &failure(FailureKind::NoBlender));
        assert_eq!(problem.kind, ProblemKind::Farm);
        assert!(problem.window_hint().unwrap().contains("the field Blender"));
        assert!(problem.hint.unwrap().contains("--blender"));
    }

    #[test]
    fn the_window_never_speaks_of_options() {
        use FailureKind::{
            BadFile, BadSettings, BlenderTooOld, Crashed, DiskFull, Hung, Internal, NoBlender,
            Render,
        };
        let kinds = [NoBlender, BlenderTooOld, BadFile, BadSettings, DiskFull];
        for kind in kinds.into_iter().chain([Crashed, Hung, Render, Internal]) {
            let problem = Problem::work_failed("shot.blend", &failure(kind));
            let hint = problem.window_hint().unwrap_or_default();
            assert!(!hint.contains("--") && !hint.contains("option"), "{kind:?}: {hint}");
        }
    }

    #[test]
    fn a_full_disk_is_told_from_other_errors() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(Problem::local_file(&full, ProblemKind::Render).kind, ProblemKind::DiskFull);
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert_eq!(Problem::local_file(&denied, ProblemKind::Render).kind, ProblemKind::Render);
    }
}

//! Exit codes, as `docs/command-line.md` promises them.

use crate::workflow::problem::ProblemKind;

/// Everything asked for was done.
pub const DONE: u8 = 0;
/// At least one frame failed.
pub const RENDER_FAILED: u8 = 1;
/// A wrong option, or a file that is not a .blend.
pub const BAD_INPUT: u8 = 2;
/// Files that the scene needs are missing.
pub const MISSING_FILES: u8 = 3;
/// The farm can't be started, reached or used.
pub const FARM: u8 = 4;
/// A disk is full.
pub const DISK_FULL: u8 = 5;
/// Stopped by Ctrl-C, SIGTERM or another program.
pub const INTERRUPTED: u8 = 130;

/// The exit code of a problem.
pub fn code(kind: ProblemKind) -> u8 {
    match kind {
        ProblemKind::Render => RENDER_FAILED,
        ProblemKind::Input => BAD_INPUT,
        ProblemKind::MissingFiles => MISSING_FILES,
        ProblemKind::Farm => FARM,
        ProblemKind::DiskFull => DISK_FULL,
        ProblemKind::Interrupted => INTERRUPTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_the_documented_code() {
        let documented = include_str!("../../../docs/command-line.md");
        for (kind, word) in [
            (ProblemKind::Render, "`render`"),
            (ProblemKind::Input, "`input`"),
            (ProblemKind::MissingFiles, "`missing_files`"),
            (ProblemKind::Farm, "`farm`"),
            (ProblemKind::DiskFull, "`disk_full`"),
            (ProblemKind::Interrupted, "`interrupted`"),
        ] {
            let row = format!("| {} | {word} |", code(kind));
            assert!(documented.contains(&row), "{row}");
        }
    }
}

//! What the manager's program is asked instead of being run: who lends machines, whether one of them
//! would, and which machines of the room a farm remembers. Each answer is JSON in one line.

use crate::config::Lender;
use crate::providers;
use crate::room::Room;
use clap::Parser;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// A question.
#[derive(Debug, Parser)]
#[command(name = "blendnet-manager", version)]
pub enum Asked {
    /// Who lends machines, and what each wants to be told.
    Providers,
    /// Whether a launch would work: each check with its result and remedy.
    Check {
        /// Of whom.
        #[command(flatten)]
        lender: Lender,
    },
    /// The machines of the room that a farm remembers, whether it runs or not.
    Room {
        /// Folder of the farm.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
}

impl Asked {
    /// What the program's arguments ask, if they ask anything.
    pub fn of(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let first = arguments.get(1)?.to_str()?;
        ["providers", "check", "room"].contains(&first).then(|| Self::parse_from(arguments))
    }

    /// Answers on stdout.
    pub async fn answer(self) -> ExitCode {
        let answer = match self {
            Self::Providers => serde_json::to_string(&providers::all()),
            Self::Check { lender } => serde_json::to_string(&providers::check(&lender).await),
            Self::Room { dir } => match Room::open(&dir.join("room")) {
                Ok(room) => serde_json::to_string(&room.list()),
                Err(error) => return failed(&error),
            },
        };
        let written = answer
            .map_err(std::io::Error::from)
            .and_then(|answer| writeln!(std::io::stdout(), "{answer}"));
        written.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    // Without a stderr there is nobody to tell.
    drop(writeln!(std::io::stderr(), "{}", crate::chain(error)));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Option<Asked> {
        let program = std::iter::once("blendnet-manager").chain(arguments.iter().copied());
        Asked::of(program.map(OsString::from))
    }

    #[test]
    fn a_question_is_told_from_a_manager_that_is_to_run() {
        assert!(asked(&[]).is_none() && asked(&["--dir", "providers"]).is_none());
        assert!(matches!(asked(&["providers"]), Some(Asked::Providers)));
        let check = asked(&["check", "--provider", "slurm", "--provider-set", "partition=night"]);
        let Some(Asked::Check { lender }) = check else { panic!("{check:?}") };
        assert_eq!((lender.provider.as_str(), lender.settings.len()), ("slurm", 1));
    }
}

//! Who lends machines: asked of the manager's program, since that is the one who launches them.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use blendnet_protocol::{Lender, LenderCheck, RoomMachine};
use serde::de::DeserializeOwned;
use tokio::process::Command;

use super::data_dir::DataDir;
use super::problem::Problem;
use super::programs;

/// How long an answer may take; a cluster that is down lets its programs wait.
const LIMIT: Duration = Duration::from_mins(2);

/// All of them, as they say of themselves.
pub async fn all() -> Result<Vec<Lender>, Problem> {
    asked(&["providers".into()]).await
}

/// Whether a launch would work with these settings, `NAME=VALUE`: each check with what to do.
pub async fn check(lender: &str, settings: &[String]) -> Result<Vec<LenderCheck>, Problem> {
    let mut arguments: Vec<OsString> = vec!["check".into(), "--provider".into(), lender.into()];
    for setting in settings {
        arguments.extend(["--provider-set".into(), setting.into()]);
    }
    asked(&arguments).await
}

/// The machines of the room that the farm remembers, whether it runs or not.
pub async fn room(data: &DataDir) -> Result<Vec<RoomMachine>, Problem> {
    let folder = data.farm_dir();
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    asked(&["room".into(), "--dir".into(), folder.into()]).await
}

async fn asked<T: DeserializeOwned>(arguments: &[OsString]) -> Result<T, Problem> {
    answer(&programs::find("blendnet-manager")?, arguments, LIMIT).await
}

async fn answer<T: DeserializeOwned>(
    program: &Path,
    arguments: &[OsString],
    limit: Duration,
) -> Result<T, Problem> {
    let failed = |why: &str| {
        Problem::farm(format!("{} does not answer: {why}", program.display()))
            .hint("install blendnet, blendnet-manager and blendnet-agent of one version together")
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(limit, command.output()).await;
    let output = output
        .map_err(|_e| failed(&format!("nothing came for {} s", limit.as_secs())))?
        .map_err(|e| failed(&e.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let details = said.lines().map(str::to_owned).collect();
        return Err(failed("it ended with an error").details(details));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| failed(&e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<OsString> {
        vec!["-c".into(), script.into()]
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_or_is_none_is_a_problem_with_what_was_said() {
        let sh = Path::new("/bin/sh");
        let said: Vec<u32> = answer(sh, &shell("echo '[1, 2]'"), LIMIT).await.unwrap();
        assert_eq!(said, [1, 2]);
        let why = |script: &str| {
            let script = shell(script);
            async move { answer::<Vec<u32>>(sh, &script, Duration::from_millis(300)).await }
        };
        let ended = why("echo no such folder >&2; exit 3").await.unwrap_err();
        assert_eq!(ended.details, ["no such folder"]);
        assert!(why("echo hello").await.unwrap_err().message.contains("expected"));
        assert!(why("exec sleep 60").await.unwrap_err().message.contains("nothing came"));
    }
}

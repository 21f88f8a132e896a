//! This computer as a provider: every instance is an agent process.
//!
//! A manager that ends in order ends its agents. One that is killed leaves them running: they end by
//! themselves when no manager is heard of for long, and one that starts before takes them over.

use crate::process::{Found, Process, Ready, TAG_OPTION};
use fs_err as fs;
use rustix::process::Signal;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// How long an agent may take to listen.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long an agent may take to end before it is killed.
const END_LIMIT: Duration = Duration::from_secs(5);

/// Lines of an agent's log that are told when it does not start.
const TOLD_LINES: usize = 5;

/// What to launch.
#[derive(Clone, Debug)]
pub struct LocalLaunch {
    /// The agent's executable.
    pub program: PathBuf,
    /// The agent's folder, with its certificate and password in it.
    pub dir: PathBuf,
    /// Threads that its Blender may use; 0 is all.
    pub threads: u32,
    /// Blenders to use besides those that it finds.
    pub blenders: Vec<PathBuf>,
    /// By which it is found again: `FARM/TOKEN`.
    pub tag: String,
    /// It ends by itself when no manager is heard of for so long.
    pub manager_timeout: Duration,
}

/// A running agent of this computer.
#[derive(Debug)]
pub struct LocalInstance {
    address: SocketAddr,
    pid: u32,
    process: Process,
}

/// Why an agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The program is missing or can't be run.
    #[error("starting the agent program {program}")]
    Spawn {
        /// Which program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its folder or log can't be written.
    #[error("preparing the agent's folder")]
    Prepare(#[source] io::Error),
    /// It ended, or said nothing.
    #[error("agent in {dir} did not start: {said}")]
    Silent {
        /// Its folder.
        dir: PathBuf,
        /// Last lines of its log.
        said: String,
    },
}

impl LocalLaunch {
    /// Starts the agent and waits until it listens.
    pub async fn launch(&self) -> Result<LocalInstance, LaunchError> {
        let log_path = self.dir.join("agent.log");
        let log = fs::File::create(&log_path).map_err(LaunchError::Prepare)?;
        let mut command = Command::new(&self.program);
        command.arg("--dir").arg(&self.dir);
        command.args(["--listen", "127.0.0.1:0"]);
        command.arg(TAG_OPTION).arg(&self.tag);
        let timeout_secs = self.manager_timeout.as_secs().max(1);
        command.arg("--manager-timeout-secs").arg(timeout_secs.to_string());
        command.arg("--threads").arg(self.threads.to_string());
        for blender in &self.blenders {
            command.arg("--blender").arg(blender);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.into_file());
        // A Ctrl-C in the terminal is for the app; it tells the others.
        command.process_group(0).kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|source| LaunchError::Spawn { program: self.program.clone(), source })?;
        let stdout = child.stdout.take().map(BufReader::new);
        let line = async { stdout?.lines().next_line().await.ok().flatten() };
        let line = tokio::time::timeout(START_LIMIT, line).await.ok().flatten();
        let ready: Option<Ready> = line.and_then(|line| serde_json::from_str(&line).ok());
        let Some(Ready { listening: address, pid }) = ready else {
            let _gone = child.kill().await;
            let said = last_lines(&log_path);
            return Err(LaunchError::Silent { dir: self.dir.clone(), said });
        };
        tracing::info!(%address, pid, "agent started");
        Ok(LocalInstance { address, pid, process: Process::Child(child) })
    }
}

impl LocalInstance {
    /// Takes over an agent that a manager before us started. `None`: it did not say where it
    /// listens, and is killed.
    pub(crate) fn take_over(found: Found) -> Option<Self> {
        let (pid, address) = (found.pid, found.address());
        let process = Process::Found(found);
        address.map(|address| Self { address, pid, process })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until it ends by itself; says how.
    pub async fn ended(&mut self) -> String {
        self.process.wait().await
    }

    /// Ends it: asks first, kills when it takes too long.
    pub async fn terminate(mut self) {
        // SIGTERM is the notice of a machine that is taken away.
        self.process.signal(Signal::INT);
        if tokio::time::timeout(END_LIMIT, self.process.wait()).await.is_err() {
            tracing::warn!(pid = self.pid, "agent does not end; it is killed");
            self.process.signal(Signal::KILL);
            let _gone = tokio::time::timeout(END_LIMIT, self.process.wait()).await;
        }
    }
}

fn last_lines(path: &Path) -> String {
    let log = fs::read(path).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return format!("it wrote nothing to {}", path.display());
    }
    lines.get(lines.len().saturating_sub(TOLD_LINES)..).unwrap_or(&lines).join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn launch(script: &str, dir: &Path) -> LocalLaunch {
        let program = dir.join("agent");
        fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        LocalLaunch {
            program,
            dir: dir.to_owned(),
            threads: 1,
            blenders: vec![],
            tag: format!("farm-{}/agent-1", std::process::id()),
            manager_timeout: Duration::from_mins(1),
        }
    }

    /// Says that it listens, and stays.
    const LISTENS: &str = "#!/bin/sh
echo '{\"listening\":\"127.0.0.1:9\",\"pid\":'$$'}'
exec tail -f /dev/null
";

    #[tokio::test]
    async fn an_agent_that_listens_is_found_and_ends_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let instance = launch(LISTENS, dir.path()).launch().await.unwrap();
        assert_eq!(instance.address().port(), 9);
        instance.terminate().await;
    }

    #[tokio::test]
    async fn an_agent_that_ends_at_once_is_told_with_its_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\necho 'no Blender here' >&2\nexit 4\n";
        let error = launch(script, dir.path()).launch().await.unwrap_err();
        assert!(error.to_string().contains("no Blender here"), "{error}");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut launch = launch("", dir.path());
        launch.program = dir.path().join("nothing");
        let error = launch.launch().await.unwrap_err();
        assert!(error.to_string().contains("nothing"), "{error}");
    }
}

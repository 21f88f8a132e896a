//! This computer as a provider: every instance is an agent process.
//!
//! An agent holds the other end of a pipe; when its manager ends, however that happens, the
//! pipe closes and the agent ends too. So no agent outlives its manager.

use fs_err as fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

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
}

/// A running agent of this computer.
#[derive(Debug)]
pub struct LocalInstance {
    address: SocketAddr,
    pid: u32,
    child: Child,
    lifeline: Option<ChildStdin>,
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

/// What a server says when it listens.
#[derive(serde::Deserialize)]
struct Ready {
    listening: SocketAddr,
    pid: u32,
}

impl LocalLaunch {
    /// Starts the agent and waits until it listens.
    pub async fn launch(&self) -> Result<LocalInstance, LaunchError> {
        let log_path = self.dir.join("agent.log");
        let log = fs::File::create(&log_path).map_err(LaunchError::Prepare)?;
        let mut command = Command::new(&self.program);
        command.arg("--dir").arg(&self.dir);
        command.args(["--listen", "127.0.0.1:0", "--exit-with-parent"]);
        command.arg("--threads").arg(self.threads.to_string());
        for blender in &self.blenders {
            command.arg("--blender").arg(blender);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log.into_file());
        // A Ctrl-C in the terminal is for the app; it tells the others.
        command.process_group(0).kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|source| LaunchError::Spawn { program: self.program.clone(), source })?;
        let lifeline = child.stdin.take();
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
        Ok(LocalInstance { address, pid, child, lifeline })
    }
}

impl LocalInstance {
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
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Ends it: asks first, kills when it takes too long.
    pub async fn terminate(mut self) {
        drop(self.lifeline.take());
        if tokio::time::timeout(END_LIMIT, self.child.wait()).await.is_err() {
            tracing::warn!(pid = self.pid, "agent does not end; it is killed");
            let _gone = self.child.kill().await;
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
        LocalLaunch { program, dir: dir.to_owned(), threads: 1, blenders: vec![] }
    }

    #[tokio::test]
    async fn an_agent_that_listens_is_found_and_ends_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\necho '{\"listening\":\"127.0.0.1:9\",\"pid\":'$$'}'\ncat\n";
        let instance = launch(script, dir.path()).launch().await.unwrap();
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

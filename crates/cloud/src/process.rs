//! An agent's process, started by us or by a manager before us.
//!
//! Its command line carries `--launched-as FARM/TOKEN`, by which it is found again, and told from
//! another process that got its id.

use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Child;

/// Between two looks at a process that is not our child.
const LOOK: Duration = Duration::from_millis(200);

/// The option that names a launch.
pub(crate) const TAG_OPTION: &str = "--launched-as";

/// File in the agent's folder that says where it listens.
const LISTENING: &str = "listening.json";

/// A process that carries a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) pid: u32,
    /// `FARM/TOKEN`.
    pub(crate) tag: String,
    /// The agent's folder.
    pub(crate) dir: PathBuf,
}

/// What a server says when it listens.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Ready {
    pub(crate) listening: SocketAddr,
    pub(crate) pid: u32,
}

/// A running process. It is killed when dropped.
#[derive(Debug)]
pub(crate) enum Process {
    /// Ours.
    Child(Child),
    /// Of a manager before us.
    Found(Found),
}

impl Process {
    /// Waits for its end; says how.
    pub(crate) async fn wait(&mut self) -> String {
        match self {
            Self::Child(child) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            },
            Self::Found(found) => {
                while found.is_running() {
                    tokio::time::sleep(LOOK).await;
                }
                "it is gone".to_owned()
            }
        }
    }

    /// Asks it to end, or kills it.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = match self {
            // None after it was awaited: the id may be another process's now.
            Self::Child(child) => child.id(),
            Self::Found(found) => Some(found.pid).filter(|_| found.is_running()),
        };
        let pid = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(Err(error)) = pid.map(|pid| kill_process(pid, signal)) {
            tracing::debug!(%error, "the agent's process took no signal");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

impl Found {
    /// Whether this process is still there, and still this one.
    fn is_running(&self) -> bool {
        read(self.pid).as_ref() == Some(self)
    }

    /// Where it listens, if it said so.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let said = fs::read(self.dir.join(LISTENING)).ok()?;
        let ready: Ready = serde_json::from_slice(&said).ok()?;
        (ready.pid == self.pid).then_some(ready.listening)
    }
}

/// All processes of a farm.
pub(crate) fn find(farm: &str) -> Vec<Found> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let of_farm = |found: &Found| found.token(farm).is_some();
    pids.filter_map(read).filter(of_farm).collect()
}

impl Found {
    /// The launch that it comes of, if it is one of this farm's.
    pub(crate) fn token(&self, farm: &str) -> Option<&str> {
        self.tag.strip_prefix(farm)?.strip_prefix('/')
    }
}

/// A process that has a tag; one that has ended and was not awaited has none.
fn read(pid: u32) -> Option<Found> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<&str> = line.split(|byte| *byte == 0).flat_map(std::str::from_utf8).collect();
    let after = |option: &str| {
        let at = words.iter().position(|word| *word == option)?;
        words.get(at + 1).map(|word| (*word).to_owned())
    };
    Some(Found { pid, tag: after(TAG_OPTION)?, dir: after("--dir")?.into() })
}

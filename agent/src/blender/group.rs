//! A process group whose life is bound to ours.
//!
//! It is started from a thread that lives exactly as long as it: the parent-death signal, which
//! the jail asks for, follows the thread and not the process. Whoever kills the agent, the group's
//! leader goes too; and what the leader leaves goes when it ends.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{oneshot, watch};

/// A group that was started, and its leader's pipes.
pub(super) struct Started {
    /// To kill it.
    pub(super) group: Group,
    /// Gets the leader's end, and is closed then.
    pub(super) exited: watch::Receiver<Option<ExitStatus>>,
    /// The leader's input.
    pub(super) stdin: ChildStdin,
    /// The leader's output.
    pub(super) stdout: ChildStdout,
    /// The leader's complaints.
    pub(super) stderr: ChildStderr,
}

/// Kills the group when dropped.
#[derive(Debug)]
pub(super) struct Group(Arc<Leader>);

#[derive(Debug)]
struct Leader {
    pid: Pid,
    /// Whether `pid` is still ours: not reaped yet.
    ours: Mutex<bool>,
}

impl Group {
    /// Process id of the leader, which is that of the group.
    pub(super) fn id(&self) -> u32 {
        self.0.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Kills all its processes at once. Does nothing when it is gone.
    pub(super) fn kill(&self) {
        self.0.kill();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.0.kill();
    }
}

impl Leader {
    fn kill(&self) {
        let ours = self.ours.lock().unwrap_or_else(PoisonError::into_inner);
        if *ours {
            // All may have ended already; then there is nothing to kill.
            let _gone = rustix::process::kill_process_group(self.pid, Signal::KILL).is_err();
        }
    }

    /// Blocks until the leader has ended, kills what it left, and only then frees the id.
    fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(error) = rustix::process::waitid(WaitId::Pid(self.pid), ended) {
            if error != rustix::io::Errno::INTR {
                break;
            }
        }
        self.kill();
        let mut ours = self.ours.lock().unwrap_or_else(PoisonError::into_inner);
        *ours = false;
        child.wait()
    }
}

type Pipes = (std::process::ChildStdin, std::process::ChildStdout, std::process::ChildStderr);

/// Starts a command that puts itself in a group of its own.
pub(super) async fn start(command: Command) -> io::Result<Started> {
    let (ended, exited) = watch::channel(None);
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new()
        .name("blender".to_owned())
        .spawn(move || live(command, tell, &ended))?;
    let (group, (stdin, stdout, stderr)) =
        told.await.unwrap_or_else(|_gone| Err(io::Error::other("its thread ended")))?;
    Ok(Started {
        group,
        exited,
        stdin: ChildStdin::from_std(stdin)?,
        stdout: ChildStdout::from_std(stdout)?,
        stderr: ChildStderr::from_std(stderr)?,
    })
}

/// The thread: starts the command and stays until its end.
fn live(
    mut command: Command,
    tell: oneshot::Sender<io::Result<(Group, Pipes)>>,
    ended: &watch::Sender<Option<ExitStatus>>,
) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, pipes) = match spawn(&mut command) {
        Ok(spawned) => spawned,
        Err(error) => {
            let _nobody_asks = tell.send(Err(error)).is_err();
            return;
        }
    };
    let leader = Arc::new(Leader { pid: Pid::from_child(&child), ours: Mutex::new(true) });
    // When nobody asks any more, the answer is dropped here, and the group with it.
    drop(tell.send(Ok((Group(leader.clone()), pipes))));
    let status = leader.wait(&mut child).ok();
    let _nobody_asks = ended.send(status).is_err();
}

fn spawn(command: &mut Command) -> io::Result<(Child, Pipes)> {
    let mut child = command.spawn()?;
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok((child, (stdin, stdout, stderr))),
        _ => Err(io::Error::other("it has no pipes")),
    }
}

/// Runs a command to its end; answers what it wrote. A command that takes longer than `limit` is
/// killed.
pub(super) async fn output(command: Command, limit: Duration) -> io::Result<String> {
    let mut started = start(command).await?;
    drop(started.stdin);
    let (mut out, mut complaints) = (Vec::new(), Vec::new());
    let read = async {
        tokio::try_join!(
            started.stdout.read_to_end(&mut out),
            started.stderr.read_to_end(&mut complaints),
            async { Ok(started.exited.wait_for(Option::is_some).await.map(|s| *s).ok().flatten()) },
        )
    };
    let (.., status) = tokio::time::timeout(limit, read).await.map_err(|_late| {
        io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()))
    })??;
    if status.is_some_and(|status| status.success()) {
        return Ok(String::from_utf8_lossy(&out).into_owned());
    }
    let complaints = String::from_utf8_lossy(&complaints);
    let last = complaints.lines().rev().find(|line| !line.trim().is_empty());
    let status = status.map_or_else(|| "no status".to_owned(), |status| status.to_string());
    Err(io::Error::other(format!("{status}: {}", last.unwrap_or_default())))
}

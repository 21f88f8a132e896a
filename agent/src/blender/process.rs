//! A running Blender: started, asked, watched, and never left behind.
//!
//! It is judged by the driver's answers, never by its exit code: some crash when they end well.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::process::ChildStdin;
use tokio::sync::{mpsc, watch};

use super::driver::{Ask, Ready, Refusal, Reply};
use super::group::{self, Group, Started};
use super::lines::{Chatter, next_line};
use super::watchdog::{self, Watchdog};

/// Longest answer of the driver: a scene with very many files.
const MAX_REPLY_BYTES: usize = 64 << 20;
/// Longest line of chatter that is kept.
const MAX_LINE_BYTES: usize = 4000;
/// How long Blender may take to start, however busy it is.
const START_LIMIT: Duration = Duration::from_mins(5);
/// How often a running request is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How long the last lines of a dead Blender are waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why a request to Blender has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The operating system did not start it.
    #[error("starting Blender: {0}")]
    Start(#[source] std::io::Error),
    /// The driver said no.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// It ended on its own.
    #[error("{0}")]
    Crashed(String),
    /// It did nothing for too long, and was killed.
    #[error("Blender did nothing for {} s and was stopped", .0.as_secs())]
    Hung(Duration),
    /// The driver answered what nobody asked for.
    #[error("the driver's answer is not understood: {0}")]
    Nonsense(String),
}

/// How a request goes, told about twice a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Glimpse {
    /// Samples done in this render call, as far as Blender tells.
    pub samples_done: u32,
    /// Blender's own guess.
    pub remaining_secs: Option<f64>,
    /// Most memory that the process ever had, in MB; 0 when unknown.
    pub memory_mb: f64,
    /// Its last line.
    pub message: String,
}

/// A Blender that runs, or ran. Dropping it kills it.
#[derive(Debug)]
pub struct Blender {
    group: Group,
    stdin: ChildStdin,
    replies: mpsc::Receiver<Value>,
    chatter: Chatter,
    /// Closed when stderr has ended.
    chatter_end: mpsc::Receiver<()>,
    exited: watch::Receiver<Option<ExitStatus>>,
    hang_timeout: Duration,
    ready: Option<Ready>,
    last_id: u64,
}

impl Blender {
    /// Starts a Blender; does not wait for it to be ready.
    pub async fn start(
        command: std::process::Command,
        hang_timeout: Duration,
    ) -> Result<Self, AskError> {
        let Started { group, exited, stdin, stdout, stderr } =
            group::start(command).await.map_err(AskError::Start)?;
        let chatter = Chatter::default();
        let (reply_sender, replies) = mpsc::channel(16);
        let (end_sender, chatter_end) = mpsc::channel(1);
        tokio::spawn(read_replies(stdout, reply_sender, chatter.clone()));
        tokio::spawn(read_chatter(stderr, end_sender, chatter.clone()));
        Ok(Self {
            group,
            stdin,
            replies,
            chatter,
            chatter_end,
            exited,
            hang_timeout,
            ready: None,
            last_id: 0,
        })
    }

    /// Process id, which is also that of its group.
    pub fn pid(&self) -> u32 {
        self.group.id()
    }

    /// Last lines it wrote, oldest first.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        self.chatter.last(count)
    }

    /// Whether it has ended.
    pub fn is_gone(&self) -> bool {
        // The sender goes away with the thread, also when the status could not be read.
        self.exited.borrow().is_some() || self.exited.has_changed().is_err()
    }

    /// Waits until it has ended.
    pub async fn gone(&self) {
        let mut exited = self.exited.clone();
        let _sender_gone = exited.wait_for(Option::is_some).await.is_err();
    }

    /// Kills it and all that it started; returns when it is gone.
    pub async fn kill(&self) {
        self.group.kill();
        self.gone().await;
    }

    /// Waits for the driver's first line.
    pub async fn ready(&mut self) -> Result<Ready, AskError> {
        if let Some(ready) = &self.ready {
            return Ok(ready.clone());
        }
        let first = tokio::time::timeout(START_LIMIT, self.next_reply(&mut |_| ())).await;
        let Ok(first) = first else {
            self.kill().await;
            return Err(AskError::Hung(START_LIMIT));
        };
        let ready: Ready = serde_json::from_value(first?)
            .map_err(|error| AskError::Nonsense(error.to_string()))?;
        self.ready = Some(ready.clone());
        Ok(ready)
    }

    /// Asks and waits for the answer. `watch` is told how it goes.
    pub async fn ask<R: Reply>(
        &mut self,
        ask: &Ask<'_>,
        watch: &mut (dyn FnMut(Glimpse) + Send),
    ) -> Result<R, AskError> {
        self.ready().await?;
        self.last_id += 1;
        self.chatter.new_request(self.last_id);
        let line = ask.line(self.last_id).map_err(|e| AskError::Nonsense(e.to_string()))?;
        // A pipe that is broken or full belongs to a Blender that the wait below finds dead or hung.
        let sent = tokio::time::timeout(self.hang_timeout, self.stdin.write_all(&line)).await;
        if !matches!(sent, Ok(Ok(()))) {
            tracing::warn!(pid = self.pid(), "Blender does not take the request");
        }
        loop {
            let reply = self.next_reply(watch).await?;
            if reply.get("id").and_then(Value::as_u64) == Some(self.last_id) {
                return read_reply(reply);
            }
            self.chatter.add(format!("answer to nothing: {reply}"));
        }
    }

    async fn next_reply(
        &mut self,
        watch: &mut (dyn FnMut(Glimpse) + Send),
    ) -> Result<Value, AskError> {
        let mut watchdog = Watchdog::new(self.hang_timeout, Instant::now());
        let mut told = Glimpse::default();
        loop {
            tokio::select! {
                biased;
                reply = self.replies.recv() => match reply {
                    Some(reply) => return Ok(reply),
                    None => return Err(self.bury().await),
                },
                () = tokio::time::sleep(TICK) => {}
            }
            let glimpse = self.glimpse();
            if glimpse != told {
                watch(glimpse.clone());
                told = glimpse;
            }
            let ticks = || watchdog::group_cpu_ticks(self.pid());
            if watchdog.is_hung(Instant::now(), self.chatter.line_count(), ticks) {
                self.kill().await;
                return Err(AskError::Hung(self.hang_timeout));
            }
        }
    }

    fn glimpse(&self) -> Glimpse {
        let (samples_done, remaining_secs, message) = self.chatter.progress();
        let memory_mb = watchdog::peak_memory_mb(self.pid());
        Glimpse { samples_done, remaining_secs, memory_mb, message }
    }

    /// Its answers have ended: makes sure that it has, too, and tells how.
    async fn bury(&mut self) -> AskError {
        let by_itself = tokio::time::timeout(LAST_WORDS, self.gone()).await.is_ok();
        self.kill().await;
        let _lines_may_be_cut = tokio::time::timeout(LAST_WORDS, self.chatter_end.recv()).await;
        let status = *self.exited.borrow();
        AskError::Crashed(match status {
            Some(status) if by_itself => format!("Blender ended on its own ({})", how(status)),
            _ => "Blender closed its answers and was stopped".to_owned(),
        })
    }
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match status.signal() {
        Some(9) => "killed by SIGKILL; often the system does that when memory runs out".to_owned(),
        Some(11) => "SIGSEGV, a mistake inside Blender or a driver".to_owned(),
        Some(6) => "SIGABRT, often out of memory".to_owned(),
        _ => status.to_string(),
    }
}

fn read_reply<R: Reply>(reply: Value) -> Result<R, AskError> {
    let nonsense = |error: serde_json::Error| AskError::Nonsense(error.to_string());
    match reply.get("ok").and_then(Value::as_bool) {
        Some(true) => serde_json::from_value(reply).map_err(nonsense),
        Some(false) => Err(AskError::Refused(serde_json::from_value(reply).map_err(nonsense)?)),
        None => Err(AskError::Nonsense("it has no `ok`".to_owned())),
    }
}

/// Blender itself writes to stdout before the driver takes it over: that is chatter too.
async fn read_replies(
    stdout: impl AsyncRead + Unpin,
    replies: mpsc::Sender<Value>,
    chatter: Chatter,
) {
    let mut stdout = BufReader::new(stdout);
    while let Some(line) = next_line(&mut stdout, MAX_REPLY_BYTES).await {
        match serde_json::from_str::<Value>(&line) {
            Ok(value) if value.is_object() => {
                if replies.send(value).await.is_err() {
                    return;
                }
            }
            _ => chatter.add(line.chars().take(MAX_LINE_BYTES).collect()),
        }
    }
}

async fn read_chatter(stderr: impl AsyncRead + Unpin, _end: mpsc::Sender<()>, chatter: Chatter) {
    let mut stderr = BufReader::new(stderr);
    while let Some(line) = next_line(&mut stderr, MAX_LINE_BYTES).await {
        chatter.add(line);
    }
}

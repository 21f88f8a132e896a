//! The log: to standard error for people, and its last lines in memory for `GET log`.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex, PoisonError};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

const MAX_LINES: usize = 2000;
const MAX_LINE_BYTES: usize = 4096;

/// What is logged when `RUST_LOG` says nothing: everything that matters of ours, trouble of others.
const DEFAULT_FILTER: &str = "info,hyper=warn,rustls=warn,reqwest=warn,h2=warn";

/// The last 2000 lines of the log. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct RecentLog(Arc<Mutex<VecDeque<String>>>);

impl RecentLog {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Adds lines, such as those of another program.
    pub fn push(&self, text: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for line in text.lines() {
            if lines.len() >= MAX_LINES {
                lines.pop_front();
            }
            lines.push_back(shortened(line));
        }
    }
}

fn shortened(line: &str) -> String {
    let end = line.floor_char_boundary(MAX_LINE_BYTES);
    line.get(..end).unwrap_or_default().to_owned()
}

impl io::Write for RecentLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for RecentLog {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Starts logging: to standard error, and to the [`RecentLog`] that is returned. `RUST_LOG` changes
/// what is logged. A second call logs nothing more and returns an empty log.
pub fn init(program: &str) -> RecentLog {
    let recent = RecentLog::new();
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_error| EnvFilter::new(DEFAULT_FILTER));
    let colours = io::stderr().is_terminal();
    let started = tracing_subscriber::registry()
        .with(filter)
        .with(fmt::layer().with_writer(io::stderr).with_target(false).with_ansi(colours))
        .with(fmt::layer().with_writer(recent.clone()).with_target(false).with_ansi(false))
        .try_init();
    if started.is_ok() {
        tracing::info!(version = blendnet_protocol::VERSION, "{program} starts");
    }
    recent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_is_kept_as_plain_lines() {
        let recent = RecentLog::new();
        let layer = fmt::layer().with_writer(recent.clone()).with_ansi(false);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || tracing::warn!(agent = "a", "is slow"));
        let lines = recent.lines();
        assert_eq!(lines.len(), 1);
        assert!(lines.iter().all(|line| line.contains("WARN") && line.contains("is slow")));
    }

    #[test]
    fn only_the_last_lines_are_kept_and_long_ones_are_cut() {
        let recent = RecentLog::new();
        for number in 0..MAX_LINES + 5 {
            recent.push(&format!("line {number}"));
        }
        assert_eq!(recent.lines().len(), MAX_LINES);
        assert_eq!(recent.lines().first().map(String::as_str), Some("line 5"));
        recent.push(&"ä".repeat(MAX_LINE_BYTES));
        assert_eq!(recent.lines().last().map(String::len), Some(MAX_LINE_BYTES));
    }
}

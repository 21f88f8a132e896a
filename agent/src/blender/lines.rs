//! The lines a Blender writes: split, cut to a length, and the last ones kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

use super::progress;

/// Begins the line with which the driver says that it begins a request, whose number follows.
const BEGINS: &str = "blendnet: request ";

/// How many lines are kept.
const KEPT_LINES: usize = 200;

/// The next line that is not empty, its end cut off after `max_bytes`; `None` at the end.
///
/// Ends at `\n` or `\r`, since progress bars use the latter.
pub(super) async fn next_line(
    source: &mut (impl AsyncBufRead + Unpin),
    max_bytes: usize,
) -> Option<String> {
    let mut line = Vec::new();
    loop {
        let buffer = source.fill_buf().await.ok()?;
        if buffer.is_empty() {
            return text(&line);
        }
        let end = buffer.iter().position(|&byte| byte == b'\n' || byte == b'\r');
        let (piece, _) = buffer.split_at(end.unwrap_or(buffer.len()));
        let room = max_bytes.saturating_sub(line.len());
        line.extend(piece.iter().take(room));
        let used = piece.len() + usize::from(end.is_some());
        source.consume(used);
        if end.is_some() {
            if let Some(text) = text(&line) {
                return Some(text);
            }
            line.clear();
        }
    }
}

fn text(line: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(line).trim_end().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The last lines of a Blender, and what they tell of its progress. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Chatter(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<String>,
    line_count: u64,
    /// What is asked for, and what the lines speak of.
    asked: u64,
    begun: u64,
    samples_done: u32,
    remaining_secs: Option<f64>,
}

impl Chatter {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line.
    pub(super) fn add(&self, line: String) {
        let mut kept = self.kept();
        kept.line_count += 1;
        if let Some(request) = line.strip_prefix(BEGINS).and_then(|rest| rest.parse().ok()) {
            kept.begun = request;
            return;
        }
        let said = progress::read(&line);
        if kept.begun == kept.asked {
            kept.samples_done = said.samples.map_or(kept.samples_done, |(done, _)| done);
            kept.remaining_secs = said.remaining_secs.or(kept.remaining_secs);
        }
        kept.lines.push_back(line);
        if kept.lines.len() > KEPT_LINES {
            kept.lines.pop_front();
        }
    }

    /// Forgets the progress of the request before, of which some lines may be still to come: they
    /// and the answers are read side by side.
    pub(super) fn new_request(&self, request: u64) {
        let mut kept = self.kept();
        kept.asked = request;
        kept.samples_done = 0;
        kept.remaining_secs = None;
    }

    /// Lines ever added.
    pub(super) fn line_count(&self) -> u64 {
        self.kept().line_count
    }

    /// Samples done, seconds remaining, last line.
    pub(super) fn progress(&self) -> (u32, Option<f64>, String) {
        let kept = self.kept();
        let last = kept.lines.back().cloned().unwrap_or_default();
        (kept.samples_done, kept.remaining_secs, last)
    }

    /// The last `count` lines, oldest first.
    pub(super) fn last(&self, count: usize) -> Vec<String> {
        let kept = self.kept();
        kept.lines.iter().skip(kept.lines.len().saturating_sub(count)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_end_at_either_mark_and_are_cut() {
        let mut source = &b"one\r\rtwo is too long\n\n\xff\nrest"[..];
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut source, 6).await {
            lines.push(line);
        }
        assert_eq!(lines, ["one", "two is", "\u{fffd}", "rest"]);
    }

    #[test]
    fn late_lines_of_the_request_before_tell_nothing_of_the_one_that_runs() {
        let chatter = Chatter::default();
        let say = |line: &str| chatter.add(line.to_owned());
        chatter.new_request(1);
        say("blendnet: request 1");
        say("Remaining:00:01.00 | Sample 7/8");
        assert_eq!(chatter.progress().0, 7);
        chatter.new_request(2);
        say("Remaining:00:00.00 | Sample 8/8");
        assert_eq!(chatter.progress(), (0, None, "Remaining:00:00.00 | Sample 8/8".to_owned()));
        say("blendnet: request 2");
        assert_eq!(chatter.progress().0, 0);
        say("Sample 1/8");
        assert_eq!(chatter.progress(), (1, None, "Sample 1/8".to_owned()));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let chatter = Chatter::default();
        (0..500).for_each(|n| chatter.add(format!("line {n}")));
        assert_eq!(chatter.last(2), ["line 498", "line 499"]);
        assert_eq!(chatter.last(9999).len(), KEPT_LINES);
        assert_eq!(chatter.line_count(), 500);
    }
}

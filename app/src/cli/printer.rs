//! Shows events: a bar on a terminal, lines in a pipe, or JSON lines for scripts.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::text::{self, Pace};
use crate::workflow::event::{Event, ProgressReport};
use crate::workflow::problem::Problem;

/// How often lines tell how far an upload is.
const SENDING_TOLD: Duration = Duration::from_secs(10);
/// Steps of the bar.
const BAR_STEPS: u64 = 1000;

/// Where events are shown.
#[derive(Debug)]
pub(super) struct Printer {
    manner: Manner,
    preview: Option<PathBuf>,
}

#[derive(Debug)]
enum Manner {
    Json,
    Lines { pace: Pace, began: Instant, sending: Option<Instant> },
    Bar(ProgressBar),
}

/// A problem among JSON lines.
#[derive(Serialize)]
#[serde(tag = "event", rename = "error")]
struct ErrorLine<'a> {
    #[serde(flatten)]
    problem: &'a Problem,
    exit_code: u8,
}

impl Printer {
    /// JSON if asked for; a bar if stderr is a terminal; else lines.
    pub(super) fn new(json: bool) -> Self {
        let manner = if json {
            Manner::Json
        } else if std::io::stderr().is_terminal() {
            Manner::Bar(bar())
        } else {
            Manner::Lines { pace: Pace::default(), began: Instant::now(), sending: None }
        };
        Self { manner, preview: None }
    }

    /// Shows an event. Errors are those of stdout, such as a closed pipe.
    pub(super) fn show(&mut self, event: &Event) -> std::io::Result<()> {
        if let Event::Preview(preview) = event {
            self.preview = Some(preview.path.clone());
        }
        match &mut self.manner {
            Manner::Json => print_json(event),
            Manner::Lines { pace, began, sending } => {
                if let Event::Upload(upload) = event {
                    let last = sending.get_or_insert_with(Instant::now);
                    if upload.bytes_done > 0 && last.elapsed() > SENDING_TOLD {
                        *last = Instant::now();
                        return print_lines(&[text::sending(upload)]);
                    }
                }
                if let Event::Progress(report) = event {
                    if !pace.is_due(report, began.elapsed().as_secs_f64()) {
                        return Ok(());
                    }
                    return print_lines(&[text::progress(report, self.preview.as_deref())]);
                }
                print_lines(&text::lines(event))
            }
            Manner::Bar(bar) => {
                if let Event::Progress(report) = event {
                    show_progress(bar, report, self.preview.as_deref());
                    return Ok(());
                }
                if let Event::Upload(upload) = event {
                    bar.set_message(text::sending(upload));
                }
                if let Event::Done(_) = event {
                    bar.finish_and_clear();
                    return print_lines(&text::lines(event));
                }
                for line in text::lines(event) {
                    bar.println(line);
                }
                Ok(())
            }
        }
    }

    /// Shows a problem, as the last thing.
    pub(super) fn problem(&self, problem: &Problem) {
        if let Manner::Bar(bar) = &self.manner {
            bar.finish_and_clear();
        }
        show_problem(problem, matches!(self.manner, Manner::Json));
    }
}

/// Shows a problem: on stderr for people, as a JSON line on stdout for scripts.
pub(super) fn show_problem(problem: &Problem, json: bool) {
    if json {
        let line = ErrorLine { problem, exit_code: super::exit::code(problem.kind) };
        // Nobody listens any more: the exit code says it too.
        drop(print_json(&line));
        return;
    }
    let mut stderr = std::io::stderr().lock();
    for line in text::problem(problem) {
        drop(writeln!(stderr, "{line}"));
    }
}

/// One JSON object in one line.
pub(super) fn print_json(value: &impl Serialize) -> std::io::Result<()> {
    print_all(|out| print_json_to(out, value))
}

/// Prints much at once: each line by itself would cost more than what it tells.
pub(super) fn print_all(
    print: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> std::io::Result<()> {
    // Stdout itself goes to the system with every line.
    let mut out = std::io::BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    print(&mut out)?;
    out.flush()
}

/// One JSON object in one line of what is printed.
pub(super) fn print_json_to(
    out: &mut dyn std::io::Write,
    value: &impl Serialize,
) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Lines on stdout.
pub(super) fn print_lines(lines: &[String]) -> std::io::Result<()> {
    print_all(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(BAR_STEPS);
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.set_message("starting");
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}

fn show_progress(bar: &ProgressBar, report: &ProgressReport, preview: Option<&std::path::Path>) {
    let whole = report.done.clamp(0.0, 1.0) * 1000.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    bar.set_position(whole as u64);
    bar.set_message(text::progress(report, preview));
}

//! Whether somebody uses this machine: other programs' processor time, and sessions of logind that are
//! not idle.
//!
//! - Processor time of all programs but this agent and what it started, from `/proc`: more than
//!   [`BUSY_PROCESSORS`] for one look ([`super::watch`] takes one each few seconds) is use.
//! - A session at a seat that is active, and whose desktop says that keyboard and mouse are not idle
//!   (`loginctl`, the property `IdleHint`; GNOME, KDE and others set it). Text consoles and remote
//!   logins have no hint, and tell nothing here.
//!
//! Use ends after [`QUIET`] without any.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Processors that others may use without being somebody.
const BUSY_PROCESSORS: f64 = 0.5;
/// How long nobody must have been there.
pub(super) const QUIET: Duration = Duration::from_mins(5);
/// How long `loginctl` may take.
const LOGINCTL_LIMIT: Duration = Duration::from_secs(5);

/// Processor time so far, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ticks {
    /// Of all programs.
    all: u64,
    /// Of this agent and what it started.
    own: u64,
    /// That passed on all processors.
    passed: u64,
}

/// What is known of the use of this machine.
#[derive(Debug)]
pub(super) struct Use {
    last: Ticks,
    processors: f64,
    /// When somebody was last there.
    seen: Option<Instant>,
}

impl Use {
    pub(super) fn new(ticks: Ticks, processors: u32) -> Self {
        Self { last: ticks, processors: f64::from(processors), seen: None }
    }

    /// Takes a look; says whether the machine is in use.
    pub(super) fn look(&mut self, ticks: Ticks, session_active: bool, now: Instant) -> bool {
        let busy = self.others(ticks) > BUSY_PROCESSORS;
        self.last = ticks;
        if busy || session_active {
            self.seen = Some(now);
        }
        self.seen.is_some_and(|seen| now.saturating_duration_since(seen) < QUIET)
    }

    /// Processors that others used since the last look.
    #[expect(clippy::cast_precision_loss, reason = "a share of some seconds")]
    fn others(&self, ticks: Ticks) -> f64 {
        let passed = ticks.passed.saturating_sub(self.last.passed);
        let all = ticks.all.saturating_sub(self.last.all);
        let own = ticks.own.saturating_sub(self.last.own);
        if passed == 0 {
            return 0.0;
        }
        all.saturating_sub(own) as f64 / passed as f64 * self.processors
    }
}

/// Reads `/proc`. Blocks.
pub(super) fn read_ticks() -> Ticks {
    let (all, passed) = parse_stat(&read("/proc/stat"));
    let mut stats = Vec::new();
    for entry in fs_err::read_dir("/proc").into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
            stats.extend(parse_process(&read(entry.path().join("stat"))));
        }
    }
    Ticks { all, own: own_ticks(std::process::id(), &stats), passed }
}

/// Nothing, where it can't be read: a process that has just ended.
fn read(path: impl AsRef<Path>) -> String {
    fs_err::read_to_string(path.as_ref()).unwrap_or_default()
}

/// Ticks that programs used, and that passed, of the first line of `/proc/stat`. Waiting for disks
/// (`iowait`) is no use, and time in guests is in `user` already.
fn parse_stat(text: &str) -> (u64, u64) {
    let line = text.lines().next().unwrap_or_default();
    let numbers: Vec<u64> =
        line.split_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
    let [user, nice, system, idle, iowait, irq, softirq, steal] = numbers[..] else {
        return (0, 0);
    };
    let busy = user + nice + system;
    (busy, busy + idle + iowait + irq + softirq + steal)
}

/// A process: id, parent, ticks of itself and of the children that it has waited for.
fn parse_process(text: &str) -> Option<(u32, u32, u64)> {
    let pid = text.split(' ').next()?.parse().ok()?;
    // The name may hold spaces and parentheses.
    let rest: Vec<&str> = text.rsplit_once(") ")?.1.split_whitespace().collect();
    let parent = rest.get(1)?.parse().ok()?;
    let times = rest.get(11..15)?.iter();
    Some((pid, parent, times.filter_map(|time| time.parse::<u64>().ok()).sum()))
}

/// Ticks of a process and all that come from it.
fn own_ticks(root: u32, stats: &[(u32, u32, u64)]) -> u64 {
    let mut children: BTreeMap<u32, Vec<(u32, u64)>> = BTreeMap::new();
    for &(pid, parent, ticks) in stats {
        children.entry(parent).or_default().push((pid, ticks));
    }
    let mut sum = stats.iter().find(|(pid, ..)| *pid == root).map_or(0, |(.., ticks)| *ticks);
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        for (pid, ticks) in children.remove(&parent).unwrap_or_default() {
            sum += ticks;
            open.push(pid);
        }
    }
    sum
}

/// Whether somebody sits at a desktop of this machine, as far as logind knows.
pub(super) async fn session_active() -> bool {
    let Some(list) = loginctl(&["list-sessions", "--no-legend"]).await else { return false };
    let mut sessions: Vec<&str> =
        list.lines().filter_map(|l| l.split_whitespace().next()).collect();
    sessions.truncate(64);
    for session in sessions {
        let wanted = ["show-session", session, "--property=Type,State,IdleHint,Remote"];
        if loginctl(&wanted).await.is_some_and(|shown| is_active(&shown)) {
            return true;
        }
    }
    false
}

async fn loginctl(arguments: &[&str]) -> Option<String> {
    let mut command = tokio::process::Command::new("loginctl");
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LOGINCTL_LIMIT, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Only desktops set the hint; others would say "not idle" for ever.
fn is_active(shown: &str) -> bool {
    let has = |wanted: &str| shown.lines().any(|line| line.trim() == wanted);
    let desktop = has("Type=x11") || has("Type=wayland") || has("Type=mir");
    desktop && has("State=active") && has("Remote=no") && has("IdleHint=no")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(all: u64, own: u64, passed: u64) -> Ticks {
        Ticks { all, own, passed }
    }

    #[test]
    fn a_machine_is_in_use_from_a_busy_look_until_it_was_quiet_for_long() {
        let start = Instant::now();
        let mut uses = Use::new(ticks(0, 0, 0), 4);
        assert!(!uses.look(ticks(90, 85, 400), false, start), "our own render is nobody");
        assert!(uses.look(ticks(190, 85, 800), false, start), "a whole processor is");
        assert!(uses.look(ticks(190, 85, 1200), false, start + QUIET / 2), "just now it was");
        assert!(!uses.look(ticks(190, 85, 1600), false, start + QUIET));
        assert!(uses.look(ticks(190, 85, 2000), true, start + QUIET), "somebody moves the mouse");
        assert!(!uses.look(ticks(190, 85, 2000), false, start + 3 * QUIET), "no time has passed");
        // A child that ended takes its ticks along until it is waited for.
        assert!(!uses.look(ticks(200, 20, 2400), false, start + 3 * QUIET));
    }

    #[test]
    fn texts_of_the_kernel_are_read() {
        let text = "cpu  100 20 30 1000 50 1 2 3 4 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(parse_stat(text), (150, 1206));
        assert_eq!(parse_stat("cpu 1 2"), (0, 0));
        let process = "42 (Web (x) y) S 7 42 42 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 5";
        assert_eq!(parse_process(process), Some((42, 7, 100)));
        assert_eq!(parse_process(""), None);
        let family = [(1, 0, 5), (10, 1, 7), (11, 10, 8), (12, 11, 9), (13, 1, 100)];
        assert_eq!(own_ticks(10, &family), 24);
        assert_eq!(own_ticks(99, &family), 0);
    }

    #[test]
    fn this_machine_tells_its_processor_time() {
        let before = read_ticks();
        assert!(before.passed > 0 && before.own <= before.all, "{before:?}");
        assert!(read_ticks().passed >= before.passed);
    }

    #[test]
    fn only_a_desktop_that_is_not_idle_is_somebody() {
        let desktop = "Remote=no\nType=wayland\nState=active\nIdleHint=no\n";
        assert!(is_active(desktop));
        for (from, to) in [
            ("IdleHint=no", "IdleHint=yes"),
            ("Type=wayland", "Type=tty"),
            ("Remote=no", "Remote=yes"),
            ("State=active", "State=online"),
        ] {
            assert!(!is_active(&desktop.replace(from, to)), "{to}");
        }
    }
}

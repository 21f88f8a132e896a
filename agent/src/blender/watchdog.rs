//! Tells a Blender that hangs from one that is busy: a busy one writes lines or uses the CPU.

use std::time::{Duration, Instant};

/// Ticks a second of the times in `/proc`, the same on every Linux that runs Blender.
const TICKS_PER_SEC: f64 = 100.0;
/// Share of one core below which a process is not busy: timers alone use less.
const BUSY_SHARE: f64 = 0.005;

/// Remembers the last sign of life.
#[derive(Debug)]
pub(super) struct Watchdog {
    timeout: Duration,
    last_sign: Instant,
    checked: Instant,
    lines: u64,
    ticks: Option<u64>,
}

impl Watchdog {
    /// A dog that has just been fed.
    pub(super) fn new(timeout: Duration, now: Instant) -> Self {
        Self { timeout, last_sign: now, checked: now, lines: 0, ticks: None }
    }

    /// Whether there was no sign of life for the whole time-out. `cpu_ticks` is asked about
    /// eight times in it, since reading it costs.
    pub(super) fn is_hung(
        &mut self,
        now: Instant,
        lines: u64,
        cpu_ticks: impl FnOnce() -> u64,
    ) -> bool {
        if lines != self.lines {
            self.lines = lines;
            self.last_sign = now;
        }
        let since = now.duration_since(self.checked);
        if since < self.timeout / 8 {
            return false;
        }
        let ticks = cpu_ticks();
        if self.ticks.is_none_or(|before| is_busy(ticks.saturating_sub(before), since)) {
            self.last_sign = now;
        }
        self.ticks = Some(ticks);
        self.checked = now;
        now.duration_since(self.last_sign) >= self.timeout
    }
}

#[expect(clippy::cast_precision_loss, reason = "ticks between two looks are few")]
fn is_busy(ticks: u64, since: Duration) -> bool {
    ticks as f64 > since.as_secs_f64() * TICKS_PER_SEC * BUSY_SHARE
}

/// CPU time of all processes of a group, in ticks; 0 when there is none.
pub(super) fn group_cpu_ticks(group: u32) -> u64 {
    let Ok(processes) = fs_err::read_dir("/proc") else { return 0 };
    processes
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
        .filter_map(|entry| fs_err::read_to_string(entry.path().join("stat")).ok())
        .filter_map(|stat| of_stat(&stat))
        .filter(|&(its_group, _)| its_group == group)
        .map(|(_, ticks)| ticks)
        .sum()
}

/// Group and CPU ticks from `/proc/PID/stat`, whose second field may hold anything in brackets.
fn of_stat(stat: &str) -> Option<(u32, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(2);
    let group = fields.next()?.parse().ok()?;
    let mut times = fields.skip(8).map(|field| field.parse::<u64>().unwrap_or(0));
    Some((group, times.next()? + times.next()?))
}

/// Most memory that a process ever had, in MB; 0 when unknown.
pub(super) fn peak_memory_mb(pid: u32) -> f64 {
    let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = kilobytes.and_then(|text| text.split_whitespace().next());
    number.and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Second at which it counts as hung, of a process with these lines and ticks each second.
    fn hung_at(lines: impl Fn(u64) -> u64, ticks: impl Fn(u64) -> u64) -> Option<u64> {
        let start = Instant::now();
        let mut dog = Watchdog::new(8 * SECOND, start);
        (1..60).find(|&s| dog.is_hung(start + Duration::from_secs(s), lines(s), || ticks(s)))
    }

    #[test]
    fn a_silent_process_without_cpu_time_hangs() {
        assert_eq!(hung_at(|_| 0, |_| 700), Some(9));
        assert_eq!(hung_at(|s| s.min(20), |_| 700), Some(28));
    }

    #[test]
    fn a_process_that_computes_or_talks_does_not_hang() {
        assert_eq!(hung_at(|_| 0, |s| s * 100), None);
        assert_eq!(hung_at(|s| s, |_| 0), None);
    }

    #[test]
    fn the_stat_file_is_read_whatever_the_process_is_called() {
        let stat = "17 (a) (b 9) S 1 42 42 0 -1 4194560 90 0 0 0 11 5 0 0 20 0 1 0 1 1 1";
        assert_eq!(of_stat(stat), Some((42, 16)));
        assert!(of_stat("garbage").is_none());
    }

    #[test]
    fn this_process_has_memory_and_cpu_time_that_can_be_read() {
        assert!(peak_memory_mb(std::process::id()) > 1.0);
    }
}

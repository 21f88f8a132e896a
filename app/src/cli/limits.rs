//! `--budget`, `--deadline`, `--noise` and `--priority`.

use clap::Args;
use jiff::civil::{DateTime, Time};
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::workflow::problem::Problem;
use blendnet_protocol::JobLimits;

/// What a render may cost, when it must be done, and how clean it must be.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct LimitArgs {
    /// Most that it may cost, in US dollars; the farm needs a price, see --usd-per-hour
    #[arg(long, value_name = "USD", value_parser = usd_micros)]
    budget: Option<u64>,
    /// When it must be done: 18:30, 2026-12-24T08:00, or after so long: 2h30m
    #[arg(long, value_name = "WHEN", value_parser = when)]
    deadline: Option<u64>,
    /// Stop a frame when its noise is no more than this share of a display's brightness, such as
    /// 0.01
    #[arg(long, value_name = "SHARE", value_parser = noise)]
    noise: Option<f64>,
    /// Before jobs with a smaller one [default: 0]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    priority: Option<i32>,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> JobLimits {
        JobLimits {
            budget_usd_micros: self.budget,
            deadline_unix_secs: self.deadline,
            noise: self.noise,
        }
    }

    pub(super) fn priority(&self) -> Option<i32> {
        self.priority
    }

    /// The limits of a job that has some, changed where something else is said.
    pub(super) fn changed(&self, before: JobLimits) -> Option<JobLimits> {
        let said = self.limits();
        let after = JobLimits {
            budget_usd_micros: said.budget_usd_micros.or(before.budget_usd_micros),
            deadline_unix_secs: said.deadline_unix_secs.or(before.deadline_unix_secs),
            noise: said.noise.or(before.noise),
        };
        (said != JobLimits::default()).then_some(after)
    }

    /// Whether nothing is said.
    pub(super) fn check_any(&self) -> Result<(), Problem> {
        if self.priority.is_some() || self.limits() != JobLimits::default() {
            return Ok(());
        }
        Err(Problem::input("nothing to change is said")
            .hint("give --priority, --budget, --deadline or --noise"))
    }
}

/// Millionths of a dollar of an amount such as `2.50`.
pub(super) fn usd_micros(text: &str) -> Result<u64, String> {
    let usd: f64 = text
        .trim_start_matches('$')
        .parse()
        .map_err(|_not| format!("`{text}` is no amount in dollars, such as 2.50"))?;
    if (0.0..=1e9).contains(&usd) {
        Ok(rounded(usd * 1e6))
    } else {
        Err("no such amount".to_owned())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be positive"
)]
fn rounded(micros: f64) -> u64 {
    micros.round() as u64
}

fn noise(text: &str) -> Result<f64, String> {
    let noise: f64 = text.parse().map_err(|_not| format!("`{text}` is no number"))?;
    if noise > 0.0 && noise <= 1.0 {
        Ok(noise)
    } else {
        Err("it is more than 0, and at most 1".to_owned())
    }
}

fn when(text: &str) -> Result<u64, String> {
    let now = Zoned::now();
    let then = instant(text, &now)
        .ok_or_else(|| format!("`{text}` is no time such as 18:30, 2026-12-24T08:00 or 2h30m"))?;
    if then <= now.timestamp() {
        return Err(format!("{text} has passed already"));
    }
    u64::try_from(then.as_second()).map_err(|error| error.to_string())
}

/// The time that is meant by a duration, a time of day (the next one), or a date with a time.
fn instant(text: &str, now: &Zoned) -> Option<Timestamp> {
    if let Ok(duration) = text.trim_start_matches('+').parse::<SignedDuration>() {
        return now.timestamp().checked_add(duration).ok();
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    let zone = now.time_zone();
    if let Some(time) = text.parse::<Time>().ok().filter(|_| !text.contains('-')) {
        let today = now.date().to_datetime(time).to_zoned(zone.clone()).ok()?;
        let next = if today > *now { today } else { today.tomorrow().ok()? };
        return Some(next.timestamp());
    }
    Some(text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_times_dates_and_durations() {
        let now: Zoned = "2026-11-25T16:00:00+01:00[+01:00]".parse().unwrap();
        let then = |text: &str| instant(text, &now).map(|then| then.to_string());
        assert_eq!(then("18:30").unwrap(), "2026-11-25T17:30:00Z");
        assert_eq!(then("08:00").unwrap(), "2026-11-26T07:00:00Z");
        assert_eq!(then("2026-12-24T08:00").unwrap(), "2026-12-24T07:00:00Z");
        assert_eq!(then("2h30m").unwrap(), "2026-11-25T17:30:00Z");
        assert_eq!(then("+90m").unwrap(), "2026-11-25T16:30:00Z");
        assert_eq!(then("tomorrow"), None);
    }

    #[test]
    fn amounts_are_dollars() {
        assert_eq!(usd_micros("2.50"), Ok(2_500_000));
        assert_eq!(usd_micros("$1"), Ok(1_000_000));
        assert!(
            usd_micros("-1").is_err() && usd_micros("nan").is_err() && usd_micros("a lot").is_err()
        );
    }

    #[test]
    fn what_is_not_said_stays() {
        let before = JobLimits { noise: Some(0.02), ..JobLimits::default() };
        let said = LimitArgs { budget: Some(1), ..LimitArgs::default() };
        let after = JobLimits { budget_usd_micros: Some(1), ..before };
        assert_eq!(said.changed(before), Some(after));
        assert_eq!(LimitArgs::default().changed(before), None);
    }
}

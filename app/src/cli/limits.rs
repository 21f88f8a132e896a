//! `--budget`, `--deadline`, `--noise` and `--priority`.

use clap::Args;

use crate::limits::{noise, usd_micros, when};
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_stays() {
        let before = JobLimits { noise: Some(0.02), ..JobLimits::default() };
        let said = LimitArgs { budget: Some(1), ..LimitArgs::default() };
        let after = JobLimits { budget_usd_micros: Some(1), ..before };
        assert_eq!(said.changed(before), Some(after));
        assert_eq!(LimitArgs::default().changed(before), None);
    }
}

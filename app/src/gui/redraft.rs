//! Limits of a render that are written anew while it runs.

use blendnet_protocol::JobLimits;
use jiff::Zoned;

use crate::limits::{due, written};
use crate::text::usd;

/// What is written, beside what held when it was begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Redraft {
    before: JobLimits,
    shown: Texts,
    /// As they are written now.
    pub texts: Texts,
}

/// Fields of the form; empty ones are no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// Noise at which a frame is clean enough.
    pub noise: String,
    /// When it must be done.
    pub deadline: String,
    /// Most that it may cost, in dollars.
    pub budget: String,
}

impl Redraft {
    /// Begins with what holds.
    pub fn of(before: JobLimits, now: &Zoned) -> Self {
        let texts = Texts {
            noise: before.noise.map(|noise| noise.to_string()).unwrap_or_default(),
            deadline: before.deadline_unix_secs.and_then(|secs| due(secs, now)).unwrap_or_default(),
            budget: before.budget_usd_micros.map(usd).unwrap_or_default(),
        };
        Self { before, shown: texts.clone(), texts }
    }

    /// The limits that are written, or why they are none. Where the text is as it was, so is the
    /// limit: a deadline that has passed is not the same time tomorrow, and cents are not rounded.
    pub fn limits(&self) -> Result<JobLimits, String> {
        let Self { before, shown, texts } = self;
        let anew = |text: fn(&Texts) -> &str| {
            Some(text(texts)).filter(|now| *now != text(shown)).unwrap_or_default()
        };
        let said = written(
            anew(|texts| &texts.noise),
            anew(|texts| &texts.deadline),
            anew(|texts| &texts.budget),
        )?;
        Ok(JobLimits {
            noise: if texts.noise == shown.noise { before.noise } else { said.noise },
            deadline_unix_secs: if texts.deadline == shown.deadline {
                before.deadline_unix_secs
            } else {
                said.deadline_unix_secs
            },
            budget_usd_micros: if texts.budget == shown.budget {
                before.budget_usd_micros
            } else {
                said.budget_usd_micros
            },
        })
    }

    /// Whether other limits are written than hold.
    pub fn is_changed(&self) -> bool {
        self.texts != self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_anew_stays_as_it_is_to_the_second_and_the_cent() {
        let now: Zoned = "2026-11-25T16:00:00+01:00[+01:00]".parse().unwrap();
        let before = JobLimits {
            noise: Some(0.015),
            // Ten minutes ago.
            deadline_unix_secs: Some(u64::try_from(now.timestamp().as_second()).unwrap() - 601),
            budget_usd_micros: Some(1_234_567),
        };
        let mut redraft = Redraft::of(before, &now);
        assert_eq!((redraft.limits(), redraft.is_changed()), (Ok(before), false));
        redraft.texts.noise = "0.02".to_owned();
        assert_eq!(redraft.limits(), Ok(JobLimits { noise: Some(0.02), ..before }));
        redraft.texts.budget.clear();
        let after = JobLimits { noise: Some(0.02), budget_usd_micros: None, ..before };
        assert_eq!((redraft.limits(), redraft.is_changed()), (Ok(after), true));
        redraft.texts.deadline = "soon".to_owned();
        assert!(redraft.limits().unwrap_err().starts_with("deadline: "));
    }
}

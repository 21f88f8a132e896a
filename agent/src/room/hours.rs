//! Working hours: when a machine of the room may render, on its own clock.

use std::str::FromStr;

const DAY_MINUTES: u32 = 24 * 60;

/// From one minute of the day to another, perhaps over midnight; `19:00-08:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u32,
    to: u32,
}

/// A text that is no hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not like 19:00-08:00: two different times of the day, of 24 hours")]
pub struct NoHours(String);

impl FromStr for Hours {
    type Err = NoHours;

    fn from_str(text: &str) -> Result<Self, NoHours> {
        let no = || NoHours(text.to_owned());
        let (from, to) = text.split_once('-').ok_or_else(no)?;
        let hours = Self { from: minute(from).ok_or_else(no)?, to: minute(to).ok_or_else(no)? };
        if hours.from == hours.to { Err(no()) } else { Ok(hours) }
    }
}

/// 24:00 is the midnight at the end of the day.
fn minute(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let (hour, minute) = (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok()?);
    let fits =
        digits(minutes) && hours.len() <= 2 && minute < 60 && hour * 60 + minute <= DAY_MINUTES;
    fits.then_some((hour * 60 + minute) % DAY_MINUTES)
}

impl std::fmt::Display for Hours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [from, to] = [self.from, self.to].map(|m| format!("{:02}:{:02}", m / 60, m % 60));
        write!(f, "{from}-{to}")
    }
}

impl Hours {
    /// Whether a minute of the day is in them; their end is not.
    pub fn hold(&self, minute: u32) -> bool {
        let since = |minute: u32| (minute + DAY_MINUTES - self.from) % DAY_MINUTES;
        since(minute) < since(self.to)
    }
}

/// The minute of the day on this machine's clock, in its time zone.
pub(super) fn minute_of_day() -> u32 {
    let now = jiff::Zoned::now();
    u32::try_from(i32::from(now.hour()) * 60 + i32::from(now.minute())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> Hours {
        text.parse().unwrap()
    }

    #[test]
    fn hours_over_midnight_hold_the_night() {
        let night = hours("19:00-08:00");
        assert!([19 * 60, 23 * 60 + 59, 0, 7 * 60 + 59].iter().all(|m| night.hold(*m)));
        assert!([8 * 60, 12 * 60, 18 * 60 + 59].iter().all(|m| !night.hold(*m)));
        let noon = hours("12:00-12:30");
        assert!(noon.hold(12 * 60) && !noon.hold(12 * 60 + 30) && !noon.hold(0));
        assert!(hours("20:00-24:00").hold(DAY_MINUTES - 1) && !hours("20:00-24:00").hold(0));
        assert_eq!(hours(" 9:05 - 17:00").to_string(), "09:05-17:00");
        assert!(minute_of_day() < DAY_MINUTES);
    }

    #[test]
    fn what_is_no_hours_is_refused_with_an_example() {
        for bad in ["", "19-8", "19:00", "25:00-08:00", "19:60-08:00", "08:00-08:00", "00:00-24:00"]
        {
            let error = bad.parse::<Hours>().unwrap_err();
            assert!(error.to_string().contains("19:00-08:00"), "{bad}");
        }
    }
}

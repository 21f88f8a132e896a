//! What a render may cost, when it must be done, and how clean it must be: as people write it.

use blendnet_protocol::JobLimits;
use jiff::civil::{DateTime, Time};
use jiff::{SignedDuration, Timestamp, Zoned};

/// Millionths of a dollar of an amount such as `2.50`.
pub fn usd_micros(text: &str) -> Result<u64, String> {
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

/// A share of a display's brightness such as `0.01`.
pub fn noise(text: &str) -> Result<f64, String> {
    let noise: f64 = text.parse().map_err(|_not| format!("`{text}` is no number"))?;
    if noise > 0.0 && noise <= 1.0 {
        Ok(noise)
    } else {
        Err("it is more than 0, and at most 1".to_owned())
    }
}

/// The limits that are written in fields of a form; an empty field is none.
pub fn written(noise: &str, deadline: &str, budget: &str) -> Result<JobLimits, String> {
    let limits = JobLimits {
        noise: field("noise", noise, self::noise)?,
        deadline_unix_secs: field("deadline", deadline, when)?,
        budget_usd_micros: field("budget", budget, usd_micros)?,
    };
    if limits.budget_usd_micros == Some(0) {
        return Err("budget: nothing can be rendered for nothing".to_owned());
    }
    Ok(limits)
}

/// What is read of a field, unless nothing is written there.
fn field<T>(
    name: &str,
    text: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    match text.trim() {
        "" => Ok(None),
        text => read(text).map(Some).map_err(|why| format!("{name}: {why}")),
    }
}

/// Seconds since 1970 of a time to come: `18:30`, `2026-12-24T08:00`, or `2h30m` from now.
pub fn when(text: &str) -> Result<u64, String> {
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

/// A time of day, with its date where that is not today.
pub fn due(unix_secs: u64, now: &Zoned) -> Option<String> {
    let then = Timestamp::from_second(i64::try_from(unix_secs).ok()?).ok()?;
    let then = then.to_zoned(now.time_zone().clone());
    let format = if then.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    Some(then.strftime(format).to_string())
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
    fn a_date_is_told_where_it_is_not_today() {
        let now: Zoned = "2026-11-25T16:00:00+01:00[+01:00]".parse().unwrap();
        let secs = |text: &str| u64::try_from(instant(text, &now).unwrap().as_second()).unwrap();
        assert_eq!(due(secs("18:30"), &now).unwrap(), "18:30");
        assert_eq!(due(secs("08:00"), &now).unwrap(), "2026-11-26 08:00");
        assert_eq!(due(u64::MAX, &now), None);
    }
}

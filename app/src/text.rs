//! Numbers and words as people read them.

use blendnet_protocol::Split;

/// An amount of money, of millionths of a dollar.
pub fn usd(micros: u64) -> String {
    let digits = if micros > 0 && micros < 10_000 { 4 } else { 2 };
    #[expect(clippy::cast_precision_loss, reason = "an amount for people")]
    let dollars = micros as f64 / 1e6;
    format!("${dollars:.digits$}")
}

/// `45 s`, `3 min 05 s`, `2 h 10 min`.
pub fn duration(secs: f64) -> String {
    if !secs.is_finite() || secs < 0.0 {
        return "?".to_owned();
    }
    if secs < 10.0 {
        return format!("{secs:.1} s");
    }
    let total = std::time::Duration::from_secs_f64(secs.min(1e9).round()).as_secs();
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {seconds:02} s"),
        _ => format!("{hours} h {minutes:02} min"),
    }
}

/// Dollars of millionths of one, as plots want them.
#[expect(clippy::cast_precision_loss, reason = "plots show a few digits")]
pub fn dollars(usd_micros: u64) -> f64 {
    usd_micros as f64 / 1e6
}

/// An amount of dollars as [`usd`] says it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts of floats saturate, and money is not negative"
)]
pub fn usd_of(dollars: f64) -> String {
    usd((dollars * 1e6).round() as u64)
}

/// `1.5 samples/s`; `0.04 samples/s` where a sample takes long.
pub fn speed(samples_per_sec: f64) -> String {
    let digits = if samples_per_sec < 1.0 { 2 } else { 1 };
    format!("{samples_per_sec:.digits$} samples/s")
}

/// How frames are shared out.
pub fn way(split: Split) -> &'static str {
    match split {
        Split::Samples => "split by samples",
        Split::Tiles { .. } => "split by tiles",
        Split::Frames => "whole frames",
    }
}

/// `12.4 MB`, in powers of 1000.
pub fn bytes(bytes: u64) -> String {
    let mut rest = bytes;
    let mut tenths = 0;
    for unit in ["B", "kB", "MB", "GB"] {
        if rest < 1000 {
            return if unit == "B" {
                format!("{rest} B")
            } else {
                format!("{rest}.{tenths} {unit}")
            };
        }
        tenths = rest % 1000 / 100;
        rest /= 1000;
    }
    format!("{rest}.{tenths} TB")
}

/// `34 %`; 100 only when it is done.
pub fn percent(share: f64) -> String {
    format!("{} %", (share.clamp(0.0, 1.0) * 100.0).floor())
}

/// `1 file`, `3 files`.
pub fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_matters() {
        assert_eq!(duration(3.21), "3.2 s");
        assert_eq!(duration(59.4), "59 s");
        assert_eq!(duration(185.0), "3 min 05 s");
        assert_eq!(duration(7800.0), "2 h 10 min");
        assert_eq!(duration(f64::NAN), "?");
    }

    #[test]
    fn sizes_have_one_digit_behind_the_point() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(12_400_000), "12.4 MB");
        assert_eq!(bytes(u64::MAX), "18446744.0 TB");
    }

    #[test]
    fn nearly_done_is_not_done() {
        assert_eq!(percent(0.999), "99 %");
        assert_eq!(percent(1.0), "100 %");
    }
}

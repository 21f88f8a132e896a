//! What Blender says of its progress, read leniently: its lines differ between versions.

/// What one line tells; mostly nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Said {
    /// Samples done and to do in this render call.
    pub(super) samples: Option<(u32, u32)>,
    /// Blender's own guess, in seconds.
    pub(super) remaining_secs: Option<f64>,
}

/// Reads lines such as
/// `Fra:1 Mem:9M (Peak 9M) | Remaining:00:06.00 | Scene, ViewLayer | Sample 1/16`.
pub(super) fn read(line: &str) -> Said {
    Said {
        samples: after(line, "Sample ").and_then(samples),
        remaining_secs: after(line, "Remaining:").and_then(seconds),
    }
}

fn after<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    line.rsplit_once(mark).map(|(_, rest)| rest)
}

fn samples(text: &str) -> Option<(u32, u32)> {
    let (done, rest) = text.split_once('/')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((done.trim().parse().ok()?, rest.get(..digits)?.parse().ok()?))
}

/// `HH:MM:SS.ss` or `MM:SS.ss`.
fn seconds(text: &str) -> Option<f64> {
    let time = text.split([' ', '|']).next()?;
    time.split(':').try_fold(0.0, |sum, part| {
        let number: f64 = part.parse().ok()?;
        (number.is_finite() && number >= 0.0).then_some(sum * 60.0 + number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_cycles_tells_samples_and_remaining_time() {
        let line = "Fra:1 Mem:9.56M (Peak 9.56M) | Time:00:00.10 | Remaining:00:06.00 | \
                    Mem:1.15M, Peak:1.15M | Scene, ViewLayer | Sample 3/16";
        assert_eq!(read(line), Said { samples: Some((3, 16)), remaining_secs: Some(6.0) });
        assert_eq!(read("Remaining:01:02:03.50 | x").remaining_secs, Some(3723.5));
        assert_eq!(read("Sample 4/8 (Denoised)").samples, Some((4, 8)));
    }

    #[test]
    fn other_lines_tell_nothing() {
        for line in ["", "Sample ", "Sample a/b", "Remaining:soon", "Remaining:-1:00", "Sample 1/"]
        {
            assert_eq!(read(line), Said::default(), "{line:?}");
        }
    }
}

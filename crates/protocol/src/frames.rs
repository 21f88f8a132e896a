//! Sets of frame numbers as artists write them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Frame numbers, sorted, without repeats, at least one. Written as `1-10,20,30-40:2`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "1-10,20,30-40:2")]
pub struct FrameSet(Vec<i32>);

/// Why a text is not a set of frames.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameSetError {
    /// Not a number or a range.
    #[error(
        "`{part}` is neither a frame nor a range of frames; write for example `1-10,20` or `1-100:2`"
    )]
    Syntax {
        /// The part that is wrong.
        part: String,
    },
    /// The range ends before it starts.
    #[error("range `{part}` ends before it starts")]
    Backwards {
        /// The range.
        part: String,
    },
    /// More than a job may have.
    #[error("{count} frames are more than the {max} that one job may have", max = FrameSet::MAX_FRAMES)]
    TooMany {
        /// How many were asked for.
        count: usize,
    },
}

impl FrameSet {
    /// Most frames of one job: over eleven hours at 24 frames a second.
    pub const MAX_FRAMES: usize = 1_000_000;

    /// One frame.
    pub fn one(frame: i32) -> Self {
        Self(vec![frame])
    }

    /// The frames, ascending.
    pub fn frames(&self) -> &[i32] {
        &self.0
    }

    /// Whether a frame is one of them.
    pub fn contains(&self, frame: i32) -> bool {
        self.0.binary_search(&frame).is_ok()
    }

    fn from_unsorted(mut frames: Vec<i32>) -> Self {
        frames.sort_unstable();
        frames.dedup();
        Self(frames)
    }
}

/// `start-end:step` or `frame`, where numbers may be negative.
fn parse_part(part: &str) -> Result<(i32, i32, usize), FrameSetError> {
    let syntax = || FrameSetError::Syntax { part: part.to_owned() };
    let (range, step) = match part.split_once(':') {
        Some((range, step)) => (range, step.parse().map_err(|_e| syntax())?),
        None => (part, 1),
    };
    // A `-` that is not the first character separates; the first one is a sign.
    let separator = range.char_indices().skip(1).find(|&(_, c)| c == '-').map(|(at, _)| at);
    let (start, end) = match separator {
        Some(at) => {
            let (start, end) = range.split_at(at);
            (start, end.get(1..).unwrap_or_default())
        }
        None => (range, range),
    };
    let number = |text: &str| text.trim().parse::<i32>().map_err(|_e| syntax());
    let (start, end) = (number(start)?, number(end)?);
    if step == 0 {
        return Err(syntax());
    }
    if end < start {
        return Err(FrameSetError::Backwards { part: part.to_owned() });
    }
    Ok((start, end, step))
}

impl std::str::FromStr for FrameSet {
    type Err = FrameSetError;

    fn from_str(text: &str) -> Result<Self, FrameSetError> {
        let mut frames = Vec::new();
        for part in text.split(',') {
            let (start, end, step) = parse_part(part.trim())?;
            let count =
                usize::try_from(i64::from(end) - i64::from(start)).unwrap_or(usize::MAX) / step + 1;
            if frames.len().saturating_add(count) > Self::MAX_FRAMES {
                return Err(FrameSetError::TooMany { count: frames.len().saturating_add(count) });
            }
            frames.extend((start..=end).step_by(step));
        }
        Ok(Self::from_unsorted(frames))
    }
}

impl TryFrom<String> for FrameSet {
    type Error = FrameSetError;
    fn try_from(text: String) -> Result<Self, FrameSetError> {
        text.parse()
    }
}

impl std::fmt::Display for FrameSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = "";
        for run in self.0.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
            match run {
                [one] => write!(f, "{separator}{one}")?,
                [first, .., last] => write!(f, "{separator}{first}-{last}")?,
                [] => {}
            }
            separator = ",";
        }
        Ok(())
    }
}

impl From<FrameSet> for String {
    fn from(set: FrameSet) -> Self {
        set.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(text: &str) -> Vec<i32> {
        text.parse::<FrameSet>().unwrap().frames().to_vec()
    }

    #[test]
    fn ranges_steps_and_negative_frames_are_read() {
        assert_eq!(frames("1-3,20"), [1, 2, 3, 20]);
        assert_eq!(frames("1-10:4, 2"), [1, 2, 5, 9]);
        assert_eq!(frames("-5--3"), [-5, -4, -3]);
        assert_eq!(frames("-1-1"), [-1, 0, 1]);
    }

    #[test]
    fn a_set_reads_back_what_it_writes() {
        let set: FrameSet = "-3--1,5,7-9".parse().unwrap();
        assert_eq!(set.to_string(), "-3--1,5,7-9");
        assert_eq!(set.to_string().parse::<FrameSet>().unwrap(), set);
    }

    #[test]
    fn nonsense_is_refused_with_the_part_that_is_wrong() {
        for bad in ["", "a", "1-", "3-1", "1-2-3", "1:0", "1,,2", "-2147483648-2147483647"] {
            assert!(bad.parse::<FrameSet>().is_err(), "{bad:?}");
        }
    }
}

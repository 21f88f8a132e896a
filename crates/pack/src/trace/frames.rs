//! Frames of a scene, as ranges.

use serde::{Serialize, Serializer};
use std::fmt;
use std::ops::RangeInclusive;

/// More frames than this are not told apart.
const MOST: usize = 200_000;

/// Some frames: sorted, no two ranges touch. Serialized as text: `1-10,15`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frames(Vec<RangeInclusive<i32>>);

impl Frames {
    /// The ranges, first to last.
    pub fn ranges(&self) -> &[RangeInclusive<i32>] {
        &self.0
    }

    /// Whether a frame is among them.
    pub fn contains(&self, frame: i32) -> bool {
        self.0.iter().any(|range| range.contains(&frame))
    }

    /// Whether there is none: no frame that will be rendered needs the file.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These and those.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let all = self.0.iter().chain(&other.0).cloned();
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|range| *range.start());
        all.into_iter().fold(Self::default(), |mut sum, range| {
            sum.push(range);
            sum
        })
    }

    /// Adds a range that begins at or after the last one.
    fn push(&mut self, range: RangeInclusive<i32>) {
        match self.0.last_mut() {
            Some(last) if *range.start() <= last.end().saturating_add(1) => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            _ => self.0.push(range),
        }
    }
}

impl FromIterator<i32> for Frames {
    fn from_iter<T: IntoIterator<Item = i32>>(frames: T) -> Self {
        let mut frames: Vec<i32> = frames.into_iter().take(MOST).collect();
        frames.sort_unstable();
        frames.into_iter().fold(Self::default(), |mut sum, frame| {
            sum.push(frame..=frame);
            sum
        })
    }
}

impl fmt::Display for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nr, range) in self.0.iter().enumerate() {
            let comma = if nr == 0 { "" } else { "," };
            if range.start() == range.end() {
                write!(f, "{comma}{}", range.start())?;
            } else {
                write!(f, "{comma}{}-{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

impl Serialize for Frames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The frames that will be rendered, one by one; `None` if they are too many.
pub(super) fn each(range: &RangeInclusive<i32>) -> Option<RangeInclusive<i32>> {
    let span = i64::from(*range.end()) - i64::from(*range.start());
    usize::try_from(span).is_ok_and(|span| span < MOST).then(|| range.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_as_ranges() {
        let frames: Frames = [3, 1, 2, 9, -4].into_iter().collect();
        assert_eq!(frames.to_string(), "-4,1-3,9");
        let more: Frames = [4, 10].into_iter().collect();
        assert_eq!(frames.with(&more).to_string(), "-4,1-4,9-10");
        assert!(frames.contains(9) && !frames.contains(4));
    }

    #[test]
    fn endless_ranges_are_not_walked() {
        assert_eq!(each(&(1..=10)), Some(1..=10));
        assert_eq!(each(&(i32::MIN..=i32::MAX)), None);
    }
}

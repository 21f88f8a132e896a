//! Which picture of a sequence is on screen when.

/// When the numbers of a sequence are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timing {
    /// The scene's frame that shows number 1.
    pub(super) start: i64,
    /// How many there are.
    pub(super) len: i64,
    /// Added to the number.
    pub(super) offset: i64,
    /// What is shown before and after.
    pub(super) beyond: Beyond,
}

/// What a sequence shows before its start and after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Beyond {
    Nothing,
    FirstAndLast,
    /// As images do: number 0 before the start.
    ZeroAndLast,
    Repeat,
    PingPong,
}

/// What a frame shows of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// The number in the name of the file.
    pub(super) number: i64,
    /// Whether the sequence has that number; else Blender asks for a file that few have.
    pub(super) is_inside: bool,
}

impl Timing {
    /// As the scene counts.
    pub(super) fn same_as_scene() -> Self {
        let len = i64::from(u32::MAX);
        Self { start: -len / 2, len, offset: -len / 2 - 1, beyond: Beyond::Nothing }
    }

    /// What `frame` shows.
    pub(super) fn shown(self, frame: i32) -> Option<Shown> {
        let number = i64::from(frame).checked_sub(self.start)?.checked_add(1)?;
        let round = self.len.checked_mul(2)?.checked_sub(2)?;
        let shown = match self.beyond {
            _ if self.len < 1 => return None,
            Beyond::Nothing => (1..=self.len).contains(&number).then_some(number)?,
            Beyond::FirstAndLast => number.clamp(1, self.len),
            Beyond::ZeroAndLast => number.clamp(0, self.len),
            Beyond::Repeat => (number - 1).rem_euclid(self.len) + 1,
            Beyond::PingPong => {
                let around = (number - 1).rem_euclid(round.max(1));
                1 + if around < self.len { around } else { round - around }
            }
        };
        let number = shown.checked_add(self.offset).filter(|number| *number >= 0)?;
        Some(Shown { number, is_inside: shown > 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_show_their_numbers_when_blender_does() {
        let shown = |beyond| {
            let timing = Timing { start: 10, len: 3, offset: 100, beyond };
            let number = |frame| timing.shown(frame).map(|shown| shown.number);
            [8, 9, 10, 12, 13, 14].map(number)
        };
        let none = None;
        assert_eq!(shown(Beyond::Nothing), [none, none, Some(101), Some(103), none, none]);
        assert_eq!(shown(Beyond::FirstAndLast), [101, 101, 101, 103, 103, 103].map(Some));
        assert_eq!(shown(Beyond::ZeroAndLast), [100, 100, 101, 103, 103, 103].map(Some));
        assert_eq!(shown(Beyond::Repeat), [102, 103, 101, 103, 101, 102].map(Some));
        assert_eq!(shown(Beyond::PingPong), [103, 102, 101, 103, 102, 101].map(Some));
    }

    #[test]
    fn absurd_numbers_are_no_sequence() {
        for (start, len, offset) in [(i64::MIN, 1, 0), (1, i64::MAX, 0), (1, 5, i64::MAX)] {
            for beyond in [Beyond::PingPong, Beyond::Repeat, Beyond::FirstAndLast] {
                assert_eq!(Timing { start, len, offset, beyond }.shown(3), None);
            }
        }
    }

    #[test]
    fn a_cache_counts_as_its_scene() {
        let shown = [-5, 0, 7].map(|frame| Timing::same_as_scene().shown(frame));
        assert_eq!(shown.map(|shown| shown.map(|shown| shown.number)), [None, Some(0), Some(7)]);
    }
}

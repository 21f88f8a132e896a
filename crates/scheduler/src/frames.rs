//! The frames of a job, with what is asked of all of them for every decision kept in sums and in order.
//!
//! A frame that is handed out for a change is noted as stale, and counted anew when the sums are next
//! brought up to date: so no place that changes a frame can forget to say so.

use crate::job::Frame;
use blendnet_protocol::FrameState;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

/// All frames of a job by number. Reads like a map; [`Self::get_mut`] is the way to change one.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    all: BTreeMap<i32, Frame>,
    stale: BTreeSet<i32>,
    counted: BTreeMap<i32, Counted>,
    sums: Sums,
    wanted: BTreeSet<Wanted>,
    to_finish: BTreeSet<i32>,
}

/// Over frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Pixel samples that can be given out.
    pub(crate) free: u64,
    /// Pixel samples that are not merged.
    pub(crate) open: u64,
    /// Frames that have not ended.
    pub(crate) open_frames: u64,
    /// Of these, those that do not wait.
    pub(crate) wanting_frames: u64,
    /// Of these, those of which nothing was ever given out.
    pub(crate) untouched_frames: u64,
    /// Frames that failed.
    pub(crate) failed_frames: u64,
}

/// In which order frames are chosen for an agent that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wanted {
    rank: Reverse<u32>,
    kind: u8,
    spread: u64,
    number: i32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    sums: Sums,
    wanted: Option<Wanted>,
    to_finish: bool,
}

impl Deref for Frames {
    type Target = BTreeMap<i32, Frame>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl FromIterator<(i32, Frame)> for Frames {
    fn from_iter<T: IntoIterator<Item = (i32, Frame)>>(frames: T) -> Self {
        let all: BTreeMap<i32, Frame> = frames.into_iter().collect();
        let stale = all.keys().copied().collect();
        Self { all, stale, ..Self::default() }
    }
}

impl Frames {
    /// A frame, to change it.
    pub fn get_mut(&mut self, number: &i32) -> Option<&mut Frame> {
        let frame = self.all.get_mut(number)?;
        self.stale.insert(*number);
        Some(frame)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&i32, &mut Frame)> {
        self.stale.extend(self.all.keys());
        self.all.iter_mut()
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(i32, &mut Frame) -> bool) {
        self.stale.extend(self.all.keys());
        self.all.retain(|&number, frame| keep(number, frame));
    }

    pub(crate) fn remove(&mut self, number: i32) -> Option<Frame> {
        self.stale.insert(number);
        self.all.remove(&number)
    }

    /// Counts anew what has changed.
    pub(crate) fn refresh(&mut self) {
        for number in std::mem::take(&mut self.stale) {
            let old = self.counted.remove(&number).unwrap_or_default();
            let new = self.all.get(&number).map(|frame| count(number, frame)).unwrap_or_default();
            self.sums = self.sums.without(old.sums).with(new.sums);
            if old.wanted != new.wanted {
                old.wanted.map(|wanted| self.wanted.remove(&wanted));
                self.wanted.extend(new.wanted);
            }
            if old.to_finish && !new.to_finish {
                self.to_finish.remove(&number);
            } else if new.to_finish {
                self.to_finish.insert(number);
            }
            self.counted.insert(number, new);
        }
    }

    /// Over all frames as they are now.
    pub(crate) fn sums(&self) -> Sums {
        self.stale.iter().fold(self.sums, |sums, number| {
            let old = self.counted.get(number).map(|counted| counted.sums).unwrap_or_default();
            let new = self.all.get(number).map(|frame| count(*number, frame).sums);
            sums.without(old).with(new.unwrap_or_default())
        })
    }

    /// The first merged frame to denoise and compose, as last refreshed.
    pub(crate) fn first_to_finish(&self) -> Option<i32> {
        self.to_finish.first().copied()
    }

    /// The frame of which an agent gets something, as last refreshed: the one that it rendered last, then
    /// those that nobody works on, then untouched ones, then the one with most left for each agent on it.
    pub(crate) fn choose(&self, last: Option<i32>) -> Option<i32> {
        let mut chosen = self.wanted.first().copied()?;
        let own = last.and_then(|number| self.counted.get(&number)?.wanted);
        if let Some(own) = own.filter(|own| own.kind != UNTOUCHED) {
            chosen = chosen.min(Wanted { kind: OWN, spread: 0, ..own });
        }
        Some(chosen.number)
    }
}

const OWN: u8 = 0;
const ALONE: u8 = 1;
const UNTOUCHED: u8 = 2;
const SHARED: u8 = 3;

fn count(number: i32, frame: &Frame) -> Counted {
    let coverage = &frame.coverage;
    let (open, wants) = (frame.is_open(), frame.is_open() && !frame.paused);
    let free = if wants { coverage.free_pixel_samples() } else { 0 };
    let sums = Sums {
        free,
        open: if open { coverage.open_pixel_samples() } else { 0 },
        open_frames: u64::from(open),
        wanting_frames: u64::from(wants),
        untouched_frames: u64::from(free > 0 && coverage.is_untouched()),
        failed_frames: u64::from(frame.state == FrameState::Failed),
    };
    let helpers = coverage.held().len() as u64;
    let kind = match () {
        () if coverage.is_untouched() => UNTOUCHED,
        () if helpers == 0 => ALONE,
        () => SHARED,
    };
    let spread = if kind == SHARED { u64::MAX - free / (helpers + 1) } else { 0 };
    let wanted = Wanted { rank: Reverse(frame.rank), kind, spread, number };
    Counted {
        sums,
        wanted: (free > 0).then_some(wanted),
        to_finish: wants && coverage.is_complete() && frame.finishing.is_none(),
    }
}

impl Sums {
    fn with(self, other: Self) -> Self {
        Self {
            free: self.free + other.free,
            open: self.open + other.open,
            open_frames: self.open_frames + other.open_frames,
            wanting_frames: self.wanting_frames + other.wanting_frames,
            untouched_frames: self.untouched_frames + other.untouched_frames,
            failed_frames: self.failed_frames + other.failed_frames,
        }
    }

    fn without(self, other: Self) -> Self {
        Self {
            free: self.free - other.free,
            open: self.open - other.open,
            open_frames: self.open_frames - other.open_frames,
            wanting_frames: self.wanting_frames - other.wanting_frames,
            untouched_frames: self.untouched_frames - other.untouched_frames,
            failed_frames: self.failed_frames - other.failed_frames,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Coverage;
    use blendnet_protocol::{Region, SampleRange, Tile, WorkId};
    use proptest::prelude::*;

    fn frames() -> Frames {
        let tile = Tile::new(0, 0, 8, 4).unwrap();
        let bounds = Region { tile, samples: SampleRange::new(0, 32).unwrap() };
        (1..=4).map(|number| (number, Frame::new(Coverage::new(bounds)))).collect()
    }

    fn work(number: u8) -> WorkId {
        WorkId::new(format!("work-{number}")).unwrap()
    }

    fn change(frames: &mut Frames, what: u8, number: i32, id: u8) {
        match what {
            7 => drop(frames.remove(number)),
            8 => frames.retain(|n, frame| n != number || frame.is_open()),
            _ => {}
        }
        let Some(frame) = frames.get_mut(&number) else { return };
        match what {
            0 | 1 => drop(frame.coverage.take(work(id), 1 + u32::from(id))),
            2 => drop(frame.coverage.deliver(&work(id))),
            3 => drop(frame.coverage.give_back(&work(id))),
            4 => frame.paused = !frame.paused,
            5 => frame.rank += 1,
            6 => frame.state = FrameState::Failed,
            _ => drop(frame.settle()),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn sums_and_order_are_those_of_frames_counted_anew_whatever_happened(
            changes in proptest::collection::vec((0u8..10, 1i32..=4, 0u8..6, any::<bool>()), 0..60),
        ) {
            let mut frames = frames();
            for (what, number, id, refreshes) in changes {
                change(&mut frames, what, number, id);
                if refreshes {
                    frames.refresh();
                }
                let mut anew: Frames = frames.iter().map(|(&n, f)| (n, f.clone())).collect();
                prop_assert_eq!(frames.sums(), anew.sums());
                anew.refresh();
                frames.refresh();
                prop_assert_eq!(frames.sums(), anew.sums());
                prop_assert_eq!(frames.first_to_finish(), anew.first_to_finish());
                for last in [None, Some(number), Some(9)] {
                    prop_assert_eq!(frames.choose(last), anew.choose(last));
                }
            }
        }
    }
}

//! What a fold is about to change, kept in the film's file until it is changed.
//!
//! A fold is many steps, each of which adds to some rows of one plane. Before a step its old
//! values are kept in one of two places in turn, and then a head there names the step: whatever write
//! a program is killed at, the newest whole head's step can be undone and done again, and those
//! before it are done. The kernel keeps the writes of a killed program in their order; for one that went down
//! with the machine see [`boot_id`].

use crate::planes::{Area, Plane, Planes, VALUE_BYTES};
use crate::slots::checksum;
use crate::{FilmError, write_at::write_all_at};
use fs_err as fs;
use fs_err::os::unix::fs::FileExt as _;
use std::io;
use std::ops::Range;

/// Old values of a step: few enough to stay in a processor's cache, unless a row has more. Tests
/// have small pictures.
const STEP_BYTES: usize = if cfg!(test) { 1 << 9 } else { 1 << 20 };

/// Room for a head.
const HEAD_BYTES: u64 = 4096;

/// Fold, step, first value and depth of the plane, rows, column and width of the area, checksum.
const HEAD_WORDS: usize = 9;

/// Where the old values of a fold are kept, and how far it is.
pub(crate) struct Journal<'p> {
    planes: &'p Planes,
    start: u64,
    place_bytes: u64,
    fold: u64,
    /// Steps that were done before the program was killed.
    done: u64,
    /// Steps begun since.
    begun: u64,
    /// Which of the two places is next.
    place: u64,
}

impl<'p> Journal<'p> {
    /// The journal of the fold with this number, after planes of `depth` values. A step that an
    /// earlier program was killed in is undone.
    pub(crate) fn open(
        planes: &'p Planes,
        (depth, deepest): (usize, usize),
        width: usize,
        fold: u64,
    ) -> Result<Self, FilmError> {
        let start = planes.end(depth);
        let place_bytes = place_bytes(width, deepest);
        let mut journal = Self { planes, start, place_bytes, fold, done: 0, begun: 0, place: 0 };
        let heads = [journal.head(0)?, journal.head(1)?];
        let newest = (0..).zip(heads).filter_map(|(place, head)| Some((head?, place)));
        if let Some(((step, plane, area), place)) = newest.max_by_key(|((step, ..), _)| *step) {
            let mut old = vec![0; area.rows.len() * area.width * plane.depth * VALUE_BYTES];
            journal.file().read_exact_at(&mut old, journal.offset(place) + HEAD_BYTES)?;
            planes.write(plane, &area, &old)?;
            journal.done = step;
            journal.place = 1 - place;
        }
        Ok(journal)
    }

    /// Bytes that it takes in the film's file.
    pub(crate) fn bytes(width: usize, deepest: usize) -> u64 {
        2 * place_bytes(width, deepest)
    }

    /// Begins the next step; `None` when it was done before.
    pub(crate) fn next_step(&mut self) -> Option<u64> {
        self.begun += 1;
        (self.begun > self.done).then_some(self.begun - 1)
    }

    /// Keeps the values that a step is about to change.
    pub(crate) fn keep(
        &mut self,
        step: u64,
        plane: Plane,
        area: &Area,
        old: &[u8],
    ) -> Result<(), FilmError> {
        let words = [
            self.fold,
            step,
            plane.first as u64,
            plane.depth as u64,
            area.rows.start as u64,
            area.rows.end as u64,
            area.x as u64,
            area.width as u64,
        ];
        let mut head: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        head.extend(checksum(self.fold, &head).to_le_bytes());
        let at = self.offset(self.place);
        write_all_at(self.file(), old, at + HEAD_BYTES)?;
        write_all_at(self.file(), &head, at)?;
        self.place = 1 - self.place;
        Ok(())
    }

    fn file(&self) -> &fs::File {
        self.planes.file()
    }

    fn offset(&self, place: u64) -> u64 {
        self.start + place * self.place_bytes
    }

    /// The step that a place's head names, if it is one of this fold.
    fn head(&self, which: u64) -> io::Result<Option<(u64, Plane, Area)>> {
        let mut head = [0; HEAD_WORDS * 8];
        match self.file().read_exact_at(&mut head, self.offset(which)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let words = head.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        let words = <[u64; HEAD_WORDS]>::try_from(words.collect::<Vec<_>>()).unwrap_or_default();
        let [fold, step, first, depth, top, bottom, x, width, sum] = words;
        let (said, _) = head.split_at((HEAD_WORDS - 1) * 8);
        if fold != self.fold || sum != checksum(fold, said) {
            return Ok(None);
        }
        let size = |word: u64| usize::try_from(word).unwrap_or(0);
        let plane = Plane { first: size(first), depth: size(depth) };
        let area = Area { rows: size(top)..size(bottom), x: size(x), width: size(width) };
        Ok(Some((step, plane, area)))
    }
}

/// Cuts rows into those of a step.
pub(crate) fn steps(
    rows: Range<usize>,
    width: usize,
    deepest: usize,
) -> impl Iterator<Item = Range<usize>> {
    let step = step_rows(width, deepest);
    rows.clone().step_by(step).map(move |start| start..rows.end.min(start + step))
}

fn step_rows(width: usize, deepest: usize) -> usize {
    (STEP_BYTES / row_bytes(width, deepest)).max(1)
}

fn row_bytes(width: usize, deepest: usize) -> usize {
    (width * deepest * VALUE_BYTES).max(1)
}

fn place_bytes(width: usize, deepest: usize) -> u64 {
    HEAD_BYTES + (step_rows(width, deepest) * row_bytes(width, deepest)) as u64
}

/// Which run of the kernel this is. What a program had written and not synced when the machine
/// went down is lost in part and in no order: a fold of another run is not to be gone on with.
/// `None`: unknown, which is never the same.
pub(crate) fn boot_id() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

//! From one path of a .blend to the files on disk that it stands for.

use super::Frames;
use super::disk::{Found, exact};
use super::library::folder_of;
use super::path::{Resolved, from_bytes, name_bytes};
use super::pattern::Pattern;
use super::place::Place;
use super::uses::{Layout, Sequence};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Tiles of UDIM images.
const TILES: RangeInclusive<i64> = 1001..=2000;
/// Missing pictures of one sequence that are named one by one.
const MOST_MISSING: usize = 10_000;
/// The folders that Mantaflow makes in that of a domain.
const FLUID_FOLDERS: [&str; 7] =
    ["config", "data", "guiding", "mesh", "noise", "particles", "script"];
/// How the files of an ocean begin.
const OCEAN_FILES: [&[u8]; 5] = [b"disp_", b"foam_", b"normal_", b"spray_", b"spray_inverse_"];

/// A file, and the frames that need it.
pub(super) type Needed = (Result<Found, PathBuf>, Option<Frames>);
/// What names of a cache have in common, and their number.
type Numbered = (Vec<u8>, Vec<u8>, i64);

/// Which frames show which number of a sequence.
#[derive(Default)]
struct Times {
    by_number: HashMap<i64, BTreeSet<i32>>,
    must_be_there: BTreeSet<i64>,
}

impl Place {
    /// The files in the folder of a path that have its name but for the number.
    fn numbered(&mut self, wanted: &Path, pattern: &Pattern) -> Vec<(i64, PathBuf)> {
        let Some(folder) = self.disk.folder(folder_of(wanted)) else { return Vec::new() };
        let listing = self.disk.list(&folder);
        let find = |number: fn(&Pattern, &[u8]) -> Option<i64>| -> Vec<_> {
            let files = listing.files();
            let number = |name: &std::ffi::OsStr| number(pattern, name.as_encoded_bytes());
            files.filter_map(|name| Some((number(name)?, folder.join(name)))).collect()
        };
        let mut numbered = find(Pattern::number);
        if numbered.is_empty() {
            numbered = find(Pattern::number_in_any_case);
        }
        numbered.sort();
        if let Some((number, path)) = numbered.first() {
            let asked = folder_of(wanted).join(from_bytes(&pattern.with(*number)));
            self.warn_of_spelling(&asked, path);
        }
        numbered
    }

    pub(super) fn sequence(&mut self, wanted: &Resolved, sequence: &Sequence) -> Vec<Needed> {
        let Some((pattern, _)) = Pattern::of_sequence(&name_bytes(&wanted.path)) else {
            return vec![(self.found(wanted), None)];
        };
        let there = self.numbered(&wanted.path, &pattern);
        if there.is_empty() {
            return vec![(self.found(wanted), None)];
        }
        let times = self.times(sequence);
        let frames = |number: i64| {
            let frames = times.as_ref()?.by_number.get(&number);
            Some(frames.into_iter().flatten().copied().collect())
        };
        let known: BTreeSet<i64> = there.iter().map(|(number, _)| *number).collect();
        let mut gaps = times.as_ref().map(|times| times.must_be_there.clone()).unwrap_or_default();
        gaps.retain(|number| !known.contains(number) && !sequence.may_have_gaps);
        if gaps.len() > MOST_MISSING {
            let count = gaps.len();
            self.warn(format!("{} lacks {count} more pictures", wanted.path.display()));
        }
        let folder = folder_of(&wanted.path);
        let missing = gaps
            .into_iter()
            .take(MOST_MISSING)
            .map(|number| (Err(folder.join(from_bytes(&pattern.with(number)))), frames(number)));
        let is_file = |(number, path): (i64, PathBuf)| Some((Ok(exact(&path)?), frames(number)));
        there.into_iter().filter_map(is_file).chain(missing).collect()
    }

    /// When what is on screen; `None` if that can't be told.
    fn times(&self, sequence: &Sequence) -> Option<Times> {
        let range = self.range.clone().filter(|_| !sequence.timings.is_empty())?;
        let mut timings = sequence.timings.clone();
        timings.sort_unstable();
        timings.dedup();
        let mut times = Times::default();
        for frame in range {
            for shown in timings.iter().filter_map(|timing| timing.shown(frame)) {
                if shown.is_inside {
                    times.must_be_there.insert(shown.number);
                }
                for number in shown.number - sequence.near..=shown.number + sequence.near {
                    times.by_number.entry(number).or_default().insert(frame);
                }
            }
        }
        Some(times)
    }

    pub(super) fn tiles(&mut self, wanted: &Resolved, tiles: &[i64]) -> Vec<Needed> {
        let Some(pattern) = Pattern::of_tiles(&name_bytes(&wanted.path)) else {
            return vec![(self.found(wanted), None)];
        };
        let there = self.numbered(&wanted.path, &pattern);
        let mut needed: BTreeMap<i64, Needed> = BTreeMap::new();
        for tile in tiles.iter().filter(|tile| TILES.contains(*tile)) {
            let path = folder_of(&wanted.path).join(from_bytes(&pattern.with(*tile)));
            needed.insert(*tile, (Err(path), None));
        }
        for (tile, path) in there.into_iter().filter(|(tile, _)| TILES.contains(tile)) {
            if let Some(found) = exact(&path) {
                needed.insert(tile, (Ok(found), None));
            }
        }
        if needed.is_empty() {
            return vec![(self.found(wanted), None)];
        }
        needed.into_values().collect()
    }

    pub(super) fn folder(
        &mut self,
        wanted: &Resolved,
        layout: Layout,
        expected: bool,
    ) -> Vec<Needed> {
        let folder = self.disk.folder(&wanted.path);
        let files = folder.map(|folder| self.files_of(&folder, layout)).unwrap_or_default();
        if files.is_empty() {
            let missing = (Err(wanted.path.clone()), None);
            return expected.then_some(missing).into_iter().collect();
        }
        if layout == Layout::Bakes {
            return self.baked(&files);
        }
        let number = |path: &PathBuf| Pattern::of_cache(&name_bytes(path));
        if let Layout::Ocean { first, last } = layout {
            let frames = |path: &PathBuf| {
                let number = number(path)?.1;
                let shows = |frame: &i32| i64::from(*frame).max(first).min(last) == number;
                Some(self.range.clone()?.filter(shows).collect())
            };
            let needed = files.iter().filter_map(|path| Some((Ok(exact(path)?), frames(path))));
            return needed.collect();
        }
        let is_numbered = matches!(layout, Layout::Fluid { numbered: true });
        let numbered = files.into_iter().map(|path| {
            let number = is_numbered.then(|| number(&path)).flatten();
            let around = number.map(|(pattern, number)| {
                let (head, tail) = pattern.around();
                (head.to_vec(), tail.to_vec(), number)
            });
            (around, path)
        });
        let numbered: Vec<_> = numbered.collect();
        self.cached(&numbered)
    }

    fn files_of(&mut self, folder: &Path, layout: Layout) -> Vec<PathBuf> {
        let mut of_name = |is_it: fn(&[u8]) -> bool| {
            let listing = self.disk.list(folder);
            let files = listing.files().filter(|name| is_it(name.as_encoded_bytes()));
            files.map(|name| folder.join(name)).collect()
        };
        match layout {
            Layout::Bakes => self.disk.below(folder),
            Layout::Fluid { .. } => {
                let inside = FLUID_FOLDERS.iter().map(|name| folder.join(name));
                inside.flat_map(|folder| self.disk.below(&folder)).collect()
            }
            Layout::Ocean { .. } => of_name(|name| {
                let is_image = name.to_ascii_lowercase().ends_with(b".exr");
                is_image && OCEAN_FILES.iter().any(|start| name.starts_with(start))
            }),
            Layout::Elbeem => of_name(|name| name.starts_with(b"fluidsurface_")),
        }
    }

    /// The files of a point cache; if none is there that should be, the pattern of their names.
    pub(super) fn cache(
        &mut self,
        folder: &Path,
        stems: &[Vec<u8>],
        ending: &str,
        expected: bool,
    ) -> Vec<Needed> {
        let found = self.disk.folder(folder).unwrap_or_else(|| folder.to_owned());
        let listing = self.disk.list(&found);
        let mut numbered = Vec::new();
        for name in listing.files() {
            let bytes = name.as_encoded_bytes();
            let number = stems.iter().find_map(|stem| cache_number(bytes, stem, ending));
            if let Some((head, index, number)) = number {
                // Frame 0 says how many particles there are; every frame needs that.
                let key = (number != 0).then_some((head, index, number));
                numbered.push((key, found.join(name)));
            }
        }
        if numbered.is_empty() && expected {
            let stem = stems.first().map(Vec::as_slice).unwrap_or_default();
            let pattern = [stem, b"_*", ending.as_bytes()].concat();
            return vec![(Err(folder.join(from_bytes(&pattern))), None)];
        }
        self.cached(&numbered)
    }

    fn cached(&self, files: &[(Option<Numbered>, PathBuf)]) -> Vec<Needed> {
        let mut groups: BTreeMap<(&[u8], &[u8]), Vec<i64>> = BTreeMap::new();
        for (head, tail, number) in files.iter().filter_map(|(key, _)| key.as_ref()) {
            groups.entry((head, tail)).or_default().push(*number);
        }
        for numbers in groups.values_mut() {
            numbers.sort_unstable();
        }
        let frames = |key: &Option<Numbered>| {
            let (head, tail, number) = key.as_ref()?;
            self.frames_near(groups.get(&(&**head, &**tail))?, *number)
        };
        let needed = files.iter().filter_map(|(key, path)| Some((Ok(exact(path)?), frames(key))));
        needed.collect()
    }

    /// Caches are read between and beyond their frames: a file is needed from the frame of the
    /// file before it to that of the file after it. The numbers are sorted.
    pub(super) fn frames_near(&self, numbers: &[i64], number: i64) -> Option<Frames> {
        let range = self.range.clone()?;
        let at = numbers.partition_point(|other| *other < number);
        let before = at.checked_sub(1).and_then(|before| numbers.get(before));
        let from = before.map_or(i64::MIN, |before| *before);
        let to = numbers.get(at + 1).map_or(i64::MAX, |after| *after);
        Some(range.filter(|frame| (from..=to).contains(&i64::from(*frame))).collect())
    }
}

/// `<stem>_<frame>_<index><ending>`, or without the index.
fn cache_number(name: &[u8], stem: &[u8], ending: &str) -> Option<Numbered> {
    let rest = name.strip_prefix(stem)?.strip_prefix(b"_")?.strip_suffix(ending.as_bytes())?;
    let rest = std::str::from_utf8(rest).ok()?;
    let (frame, index) = rest.split_once('_').unwrap_or((rest, ""));
    let is_index = index.bytes().all(|byte| byte.is_ascii_digit());
    let number = frame.parse().ok().filter(|_| is_index)?;
    Some((stem.to_vec(), index.as_bytes().to_vec(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_point_cache_are_told_from_others() {
        let number = |name: &[u8]| cache_number(name, b"43", ".bphys").map(|(.., number)| number);
        assert_eq!(number(b"43_000012_00.bphys"), Some(12));
        assert_eq!(number(b"43_-00003_00.bphys"), Some(-3));
        assert_eq!(number(b"43_000012.bphys"), Some(12));
        assert_eq!(number(b"4356_000012_00.bphys"), None);
        assert_eq!(number(b"43_b_000012_00.bphys"), None);
        assert_eq!(number(b"43_000012_00.vdb"), None);
    }
}

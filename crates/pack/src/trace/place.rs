//! The list of files that is being made: each file once, with all who need it.

use super::disk::{Disk, Found};
use super::frames;
use super::library::folder_of;
use super::path::{Resolved, from_bytes, name_bytes, resolve};
use super::spread::Needed;
use super::uses::{Spread, Use};
use super::{Dependency, Frames, Trace};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Puts uses on the disk, and each file once in the list.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    /// The frames that are rendered; `None` if what is on screen when can't be told.
    pub(super) range: Option<RangeInclusive<i32>>,
    pub(super) disk: Disk,
    files: BTreeMap<PathBuf, Dependency>,
    warnings: BTreeSet<String>,
}

impl Place {
    pub(super) fn new(root: &Path, range: Option<RangeInclusive<i32>>) -> Self {
        let (disk, files, warnings) = Default::default();
        let range = range.and_then(|range| frames::each(&range));
        Self { root: root.to_owned(), range, disk, files, warnings }
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.insert(warning);
    }

    pub(super) fn finish(self) -> Trace {
        let files = self.files.into_values().collect();
        Trace { files, warnings: self.warnings.into_iter().collect() }
    }

    /// Adds the files of a use that `named_in` has; the paths of those that are there.
    pub(super) fn add(&mut self, one: &Use, named_in: &Path) -> Vec<PathBuf> {
        let base = match &one.base {
            Some(library) => resolve(library, folder_of(named_in)).path,
            None => named_in.to_owned(),
        };
        let wanted = resolve(&one.written, folder_of(&base));
        if wanted.relative && !one.written.starts_with(b"//") {
            self.warn(format!(
                "{} (of {}) has no // before it, so that Blender looks for it where it is started",
                String::from_utf8_lossy(&one.written),
                one.users.join(", "),
            ));
        }
        let mut there = Vec::new();
        for (found, frames) in self.needed(one, &wanted, &base) {
            if let Ok(found) = &found {
                there.push(found.path.clone());
            }
            self.note(one, wanted.relative, named_in, found, frames);
        }
        there
    }

    fn needed(&mut self, one: &Use, wanted: &Resolved, base: &Path) -> Vec<Needed> {
        match &one.spread {
            Spread::File => vec![(self.found(wanted), None)],
            Spread::IfThere => {
                self.disk.file(wanted).map(|found| (Ok(found), None)).into_iter().collect()
            }
            Spread::During(first, last) => {
                let shows = |frame: &i32| (*first..=*last).contains(&i64::from(*frame));
                let frames = self.range.clone().map(|range| range.filter(shows).collect());
                vec![(self.found(wanted), frames)]
            }
            Spread::Sequence(sequence) => self.sequence(wanted, sequence),
            Spread::Tiles(tiles) => self.tiles(wanted, tiles),
            Spread::Folder { layout, expected } => self.folder(wanted, *layout, *expected),
            Spread::Cache { in_default, stems, ending, expected, beside_root } => {
                let beside = if *beside_root { self.root.clone() } else { base.to_owned() };
                let folder = if *in_default {
                    let stem = beside.file_stem().unwrap_or_default().as_encoded_bytes();
                    folder_of(&beside).join(from_bytes(&[b"blendcache_", stem].concat()))
                } else {
                    resolve(&one.written, folder_of(&beside)).path
                };
                self.cache(&folder, stems, ending, *expected)
            }
        }
    }

    fn note(
        &mut self,
        one: &Use,
        relative: bool,
        named_in: &Path,
        found: Result<Found, PathBuf>,
        frames: Option<Frames>,
    ) {
        let (path, exists, size_bytes, link_target) = match found {
            Ok(found) => (found.path, true, found.size_bytes, found.link_target),
            Err(path) => (path, false, 0, None),
        };
        if path == self.root {
            return;
        }
        let mut users = one.users.clone();
        if named_in != self.root {
            let library = String::from_utf8_lossy(&name_bytes(named_in)).into_owned();
            for user in &mut users {
                *user = format!("{user} (library {library})");
            }
        }
        let Some(known) = self.files.get_mut(&path) else {
            let dependency = Dependency {
                path: path.clone(),
                exists,
                kind: one.kind,
                used_by: users,
                as_written: String::from_utf8_lossy(&one.written).into_owned(),
                relative,
                named_in: named_in.to_owned(),
                frames,
                size_bytes,
                link_target,
            };
            self.files.insert(path, dependency);
            return;
        };
        known.frames = match (&known.frames, &frames) {
            (Some(one), Some(other)) => Some(one.with(other)),
            _ => None,
        };
        if known.kind.is_optional() {
            known.kind = one.kind;
        }
        for user in users {
            if !known.used_by.contains(&user) {
                known.used_by.push(user);
            }
        }
    }

    /// One file; where it should be if it is not there.
    pub(super) fn found(&mut self, wanted: &Resolved) -> Result<Found, PathBuf> {
        let Some(found) = self.disk.file(wanted) else { return Err(wanted.path.clone()) };
        if Some(&found.path) != wanted.verbatim.as_ref() {
            self.warn_of_spelling(&wanted.path, &found.path);
        }
        Ok(found)
    }

    pub(super) fn warn_of_spelling(&mut self, asked: &Path, found: &Path) {
        if asked != found {
            let (asked, found) = (asked.display(), found.display());
            self.warn(format!("{asked} is {found} on disk; Blender on Linux will not find it"));
        }
    }
}

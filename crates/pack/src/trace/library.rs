//! Goes from a .blend to the libraries that it links, and on to theirs: each once for every
//! datablock that is linked of it, whatever circles they make.

use super::disk::Disk;
use super::place::{Place, Reference};
use super::uses::{Gather, Spread, Use, Written, kind_name, library_path};
use super::{Kind, Trace, TraceOptions, cache, image, media, modifier, nodes, path, sequencer};
use crate::blend::{BlendFile, Struct};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Kinds of datablocks that only painting uses: brushes, palettes, their curves.
const NOT_RENDERED: [&[u8]; 3] = [b"BR", b"PL", b"PC"];
/// Scenes with more libraries than this are given up; none has.
const MOST_LIBRARIES: usize = 100_000;
/// Linked datablocks that are named one by one.
const MOST_USERS: usize = 10;

/// Names of datablocks, with the two letters of their kind.
type Names = BTreeSet<Vec<u8>>;

/// Traces a .blend and all its libraries.
pub(super) fn follow(
    root: &BlendFile,
    path: &Path,
    options: &TraceOptions,
) -> (Trace, BTreeSet<Reference>) {
    let chosen = || options.frames.clone().or_else(|| scene_frames(root));
    let range = keeps_time(root).then(chosen).flatten();
    let mut place = Place::new(path, range, Disk::new(options.moved.clone()));
    let mut left = one(root, path, None, &mut place);
    let mut done: BTreeMap<PathBuf, Names> = BTreeMap::new();
    let same = |path: &Path| fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let root_path = same(path);
    while let Some((library, mut names)) = left.pop_first() {
        let known = done.entry(same(&library)).or_default();
        names.retain(|name| known.insert(name.clone()));
        if names.is_empty() || same(&library) == root_path || done.len() > MOST_LIBRARIES {
            continue;
        }
        match BlendFile::open(&library) {
            Ok(file) => {
                for (next, more) in one(&file, &library, Some(&names), &mut place) {
                    left.entry(next).or_default().extend(more);
                }
            }
            Err(error) => place.warn(format!(
                "library {} can't be read, so what it needs is unknown: {}",
                library.display(),
                chain(&error),
            )),
        }
    }
    place.finish()
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Whether all that is seen is at the frame that is rendered: no scene is a strip of another, and
/// time is not stretched.
fn keeps_time(file: &BlendFile) -> bool {
    file.ids("SC").all(|scene| {
        scene.int("r.framapto") == scene.int("r.images") && !sequencer::shows_scenes(&scene)
    })
}

/// The frames of all scenes together.
fn scene_frames(file: &BlendFile) -> Option<RangeInclusive<i32>> {
    let number = |scene: &Struct<'_>, field| i32::try_from(scene.int(field)?).ok();
    let range = |scene: Struct<'_>| Some((number(&scene, "r.sfra")?, number(&scene, "r.efra")?));
    let all = file.ids("SC").filter_map(range);
    let (first, last) = all.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))?;
    Some(first..=last)
}

/// Places what one file needs (for the datablocks of those names), and says what it links.
fn one(
    file: &BlendFile,
    path: &Path,
    names: Option<&Names>,
    place: &mut Place,
) -> BTreeMap<PathBuf, Names> {
    let wanted = names.map(|names| wanted(file, path, names, place));
    let mut gather = Gather::new(file, wanted.as_ref());
    image::gather(&mut gather);
    media::gather(&mut gather);
    sequencer::gather(&mut gather);
    modifier::gather(&mut gather);
    cache::gather(&mut gather);
    nodes::gather(&mut gather);
    for one in &gather.uses {
        place.add(one, path);
    }
    let mut linked = BTreeMap::new();
    let libraries = libraries(file, wanted.as_ref());
    for written in file.ids("LI").filter_map(|library| Written::path(&library)) {
        let Some(names) = libraries.get(&written.bytes) else { continue };
        let kind = Kind::BlendLibrary;
        // Nothing is linked of it, or all that is linked is packed: it may be missing.
        let spread = if names.is_empty() { Spread::IfThere } else { Spread::File };
        let users = linked_names(names);
        let one = Use { written, kind, users, spread, base: None };
        for found in place.add(&one, path) {
            linked.entry(found).or_insert_with(Names::new).extend(names.clone());
        }
    }
    linked
}

/// `Object Cube`, for those who need a library.
fn linked_names(names: &Names) -> Vec<String> {
    let split = |name: &Vec<u8>| {
        let (code, name) = name.split_at_checked(2)?;
        let kind = kind_name(std::str::from_utf8(code).unwrap_or_default());
        let kind = if kind.is_empty() { "datablock" } else { kind };
        Some(format!("{kind} {}", String::from_utf8_lossy(name)))
    };
    let mut users: Vec<String> = names.iter().take(MOST_USERS).filter_map(split).collect();
    if names.is_empty() {
        users.push("nothing but packed datablocks".to_owned());
    }
    if let Some(more) = names.len().checked_sub(MOST_USERS).filter(|more| *more > 0) {
        users.push(format!("{more} more linked datablocks"));
    }
    users
}

/// The datablocks of some names and all that they use.
fn wanted(file: &BlendFile, path: &Path, names: &Names, place: &mut Place) -> BTreeSet<u32> {
    let mut codes: BTreeMap<&[u8], BTreeMap<Vec<u8>, u32>> = BTreeMap::new();
    let mut starts = Vec::new();
    for name in names {
        let Some((code, _)) = name.split_at_checked(2) else { continue };
        let of_code = codes.entry(code).or_insert_with(|| {
            let ids = file.ids(std::str::from_utf8(code).unwrap_or_default());
            ids.filter_map(|id| Some((id.bytes("id.name")?, id.owner_index()?))).collect()
        });
        match of_code.get(name) {
            Some(index) => starts.push(*index),
            None => place.warn(format!(
                "{} is linked from {} but not in it",
                String::from_utf8_lossy(name.get(2..).unwrap_or_default()),
                path.display()
            )),
        }
    }
    file.reachable(starts)
}

/// The paths of libraries as they are written, and the names of what is linked from each.
fn libraries(file: &BlendFile, wanted: Option<&BTreeSet<u32>>) -> BTreeMap<Vec<u8>, Names> {
    let counts = |id: &Struct<'_>| {
        wanted.is_none_or(|ids| id.owner_index().is_some_and(|index| ids.contains(&index)))
    };
    let mut found: BTreeMap<Vec<u8>, Names> = BTreeMap::new();
    let mut unrendered: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut before = None;
    for id in file.all_ids() {
        match id.code() {
            "LI" => {
                before = library_path(&id).filter(|_| !image::is_packed(&id));
                if let (Some(path), None) = (&before, wanted) {
                    found.entry(path.clone()).or_default();
                }
            }
            "ID" => {
                let own = id.pointer("lib").and_then(|library| library_path(&library));
                let library = own.or_else(|| before.clone());
                let (Some(library), Some(name)) = (library, id.bytes("name")) else { continue };
                if NOT_RENDERED.iter().any(|code| name.starts_with(code)) {
                    unrendered.insert(library);
                } else if counts(&id) {
                    found.entry(library).or_default().insert(name);
                }
            }
            _ => {}
        }
    }
    found.retain(|path, names| !names.is_empty() || !unrendered.contains(path));
    found.remove(&Vec::new());
    found
}

/// The folder that relative paths of a file start from.
pub(super) fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or_else(|| path::ROOT.as_ref())
}

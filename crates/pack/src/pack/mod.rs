//! A .blend with all that it needs, so that it opens anywhere: a plan which file goes where and
//! which paths change, and the plan carried out as a folder, a zip, or file by file.

mod folder;
mod layout;
mod name;
mod stamp;
mod zip;

pub use folder::write_folder;
pub use zip::write_zip;

use crate::PackError;
use crate::blend::{BlendFile, Edit, Spot};
use crate::trace::{self, Dependency, Frames, Reference, Spots, TraceOptions};
use layout::{Layout, relative};
use stamp::Stamp;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Which files make a scene, and where they go.
#[derive(Debug, Clone)]
pub struct Pack {
    /// The .blend, then what it needs and is there.
    pub files: Vec<PackFile>,
    /// What it needs and is not there.
    pub missing: Vec<Dependency>,
    /// Places of pictures that none of the frames shows, if frames were given; `files` lacks these.
    pub unneeded: BTreeSet<String>,
    /// What is odd, in sentences.
    pub warnings: Vec<String>,
    layout: Layout,
}

/// A file of a pack.
#[derive(Debug, Clone)]
pub struct PackFile {
    /// Where it is on this disk.
    pub source: PathBuf,
    /// Where it goes: `shots/a.blend`; parts no system forbids, none of them `..`.
    pub place: String,
    /// What it is needed for; of the .blend itself, nothing.
    pub dependency: Option<Dependency>,
    /// Its length before paths in it change.
    pub size_bytes: u64,
    edits: Vec<Edit>,
    stamp: Option<Stamp>,
}

/// How many bytes of how many files were written.
pub type Progress<'a> = dyn FnMut(&PackFile, u64) + 'a;

/// Finds out what belongs to a scene, and where to. If the options name frames, pictures of
/// sequences that none of them shows are left out.
///
/// # Errors
/// When the .blend can't be read, or a path in the pack would be too long for it.
pub fn plan(path: &Path, options: &TraceOptions) -> Result<Pack, PackError> {
    let (trace, references) = trace::traced(path, options)?;
    let absolute = std::path::absolute(path)
        .map_err(|source| PackError::Read { path: path.to_owned(), source: source.into() })?;
    let layout = Layout::new(&absolute, &references);
    let mut edits = edits(&references, &layout)?;
    let mut file = |source: PathBuf, dependency: Option<Dependency>| {
        let stamp = Stamp::of(&source);
        PackFile {
            place: layout.place(&source),
            size_bytes: stamp.map_or(0, |stamp| stamp.size_bytes),
            edits: edits.remove(&source).unwrap_or_default(),
            stamp,
            source,
            dependency,
        }
    };
    let mut files = vec![file(absolute, None)];
    let is_needed = |one: &Dependency| {
        let never = one.frames.as_ref().is_some_and(Frames::is_empty);
        !(never && options.frames.is_some() && one.kind.is_picture_by_picture())
    };
    let (needed, unneeded): (Vec<_>, Vec<_>) = trace.files.into_iter().partition(is_needed);
    let unneeded = unneeded.iter().map(|one| layout.place(&one.path)).collect();
    let mut warnings = trace.warnings;
    let is_there = |one: &Dependency| one.exists && !is_disguised(one, &mut warnings);
    let (there, missing): (Vec<_>, Vec<_>) = needed.into_iter().partition(is_there);
    files.extend(there.into_iter().map(|one| file(one.path.clone(), Some(one))));
    let missing = missing.into_iter().filter(|one| !one.kind.is_optional()).collect();
    Ok(Pack { files, missing, unneeded, warnings, layout })
}

/// Whether it is a link to a file of another kind: such as `wood.png` to `/etc/passwd` in a scene
/// that somebody else made.
fn is_disguised(one: &Dependency, warnings: &mut Vec<String>) -> bool {
    let Some(target) = &one.link_target else { return false };
    let ending = |path: &Path| path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    let differs = ending(&one.path) != ending(target);
    if differs {
        let (link, target) = (one.path.display(), target.display());
        warnings.push(format!(
            "{link} is left out: it is a link to {target}, a file of another kind; if you want it, \
             put a copy in its place"
        ));
    }
    differs
}

/// Plans a pack and has it carried out. If a file is saved meanwhile, it is told to `changed`, and
/// all is done once more.
///
/// # Errors
/// Those of [`plan`] and of `carry_out`; a file that changes again is one.
pub fn pack(
    path: &Path,
    options: &TraceOptions,
    mut carry_out: impl FnMut(&Pack) -> Result<(), PackError>,
    mut changed: impl FnMut(&Path),
) -> Result<Pack, PackError> {
    let first = plan(path, options)?;
    match carry_out(&first) {
        Err(PackError::Changed { path: file }) => changed(&file),
        other => return other.map(|()| first),
    }
    let second = plan(path, options)?;
    carry_out(&second)?;
    Ok(second)
}

impl Pack {
    /// The place of the .blend.
    pub fn blend(&self) -> &str {
        self.files.first().map_or("", |blend| &blend.place)
    }

    /// Where on this disk a place of the pack is, also of files that are not in it.
    pub fn path_of(&self, place: &str) -> PathBuf {
        let known = self.files.iter().find(|file| file.place == place);
        known.map_or_else(|| self.layout.path(place), |file| file.source.clone())
    }

    /// Where a file of this disk goes, or would go.
    pub fn place_of(&self, path: &Path) -> String {
        self.layout.place(path)
    }

    /// The length of all files.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }
}

impl PackFile {
    /// Whether it goes into the pack byte for byte.
    pub fn is_unchanged(&self) -> bool {
        self.edits.is_empty()
    }

    /// Writes it as it is in the pack.
    ///
    /// # Errors
    /// When it can't be read or written, and when it changed since the plan was made.
    pub fn write(&self, out: &mut dyn Write) -> Result<(), PackError> {
        let copied = if self.is_unchanged() { self.copy(out) } else { self.rewrite(out) };
        // A file that changed may fail in any way.
        if Stamp::of(&self.source) != self.stamp {
            return Err(PackError::Changed { path: self.source.clone() });
        }
        copied
    }

    fn copy(&self, out: &mut dyn Write) -> Result<(), PackError> {
        let mut copy = || io::copy(&mut fs_err::File::open(&self.source)?, out).map(drop);
        copy().map_err(|source| PackError::Copy { path: self.source.clone(), source })
    }

    fn rewrite(&self, out: &mut dyn Write) -> Result<(), PackError> {
        let error = |source| PackError::Read { path: self.source.clone(), source };
        let blend = BlendFile::open(&self.source).map_err(error)?;
        blend.write_edited(&self.edits, out).map_err(error)
    }
}

/// The changes in each .blend.
fn edits(
    references: &BTreeSet<Reference>,
    layout: &Layout,
) -> Result<BTreeMap<PathBuf, Vec<Edit>>, PackError> {
    let mut all: BTreeMap<PathBuf, BTreeSet<Edit>> = BTreeMap::new();
    for reference in references {
        let changes = changes(reference, layout);
        for edit in &changes {
            if edit.text.len() > edit.spot.most_bytes() {
                return Err(PackError::PathTooLong {
                    path: reference.target.clone(),
                    named_in: reference.named_in.clone(),
                    most_bytes: edit.spot.most_bytes(),
                });
            }
        }
        all.entry(reference.named_in.clone()).or_default().extend(changes);
    }
    all.retain(|_, edits| !edits.is_empty());
    Ok(all.into_iter().map(|(path, edits)| (path, edits.into_iter().collect())).collect())
}

/// What changes so that a path means the same in the pack.
fn changes(reference: &Reference, layout: &Layout) -> Vec<Edit> {
    let written = &reference.written;
    let folder = |place: &str| place.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let from = folder(&layout.place(&reference.beside));
    let place = layout.place(&reference.target);
    let ends_in_slash = written.bytes.ends_with(b"/") || written.bytes.ends_with(b"\\");
    let whole = |place: &str, slash: bool| {
        let path = relative(&from, place);
        let slash = if slash && !path.is_empty() { "/" } else { "" };
        format!("//{path}{slash}").into_bytes()
    };
    let now = whole(&place, ends_in_slash);
    if now == written.bytes {
        return Vec::new();
    }
    let edit = |spot: Spot, text: Vec<u8>| Edit { spot, text };
    match written.spots {
        Spots::Nowhere => Vec::new(),
        Spots::Path(spot) => vec![edit(spot, now)],
        Spots::Halves { folder: of_folder, name } => {
            let last = place.rsplit('/').next().unwrap_or_default();
            let own = whole(&folder(&place), true);
            vec![edit(of_folder, own), edit(name, last.into())]
        }
    }
}

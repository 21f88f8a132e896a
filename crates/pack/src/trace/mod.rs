//! Finds every file that a scene needs: which, what for, by whom, and whether it is there.
//!
//! What the .blend says is gathered first, without looking at the disk (`uses`); then each path
//! is looked up (`disk`, `spread`) and put on the list (`place`). Libraries are followed from
//! the datablocks that are linked of them, so that an asset library brings only what is used of it.

mod bake;
mod brush;
mod cache;
mod dependency;
mod disk;
mod frames;
mod image;
mod library;
mod media;
mod modifier;
mod nodes;
mod path;
mod pattern;
mod place;
mod sequencer;
mod spread;
mod timing;
mod uses;

pub use dependency::{Dependency, Kind, Trace};
pub use frames::Frames;
pub use path::slashed;
pub(crate) use place::Reference;
pub(crate) use uses::Spots;

use crate::PackError;
use crate::blend::BlendFile;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// What may be chosen.
#[derive(Debug, Clone, Default)]
pub struct TraceOptions {
    /// The frames that will be rendered, for [`Dependency::frames`]; without them those of all
    /// scenes of the file.
    pub frames: Option<RangeInclusive<i32>>,
    /// Where files and folders are that are not where they should be: what is missing under a path
    /// on the left is looked for on the right. The nearest folder counts.
    pub moved: BTreeMap<PathBuf, PathBuf>,
}

/// Finds every file that a .blend and its libraries need.
///
/// # Errors
/// When the .blend itself can't be read. A library that can't be read is a warning.
pub fn trace(path: &Path, options: &TraceOptions) -> Result<Trace, PackError> {
    Ok(traced(path, options)?.0)
}

/// The same, and where each path stands in which .blend.
pub(crate) fn traced(
    path: &Path,
    options: &TraceOptions,
) -> Result<(Trace, BTreeSet<Reference>), PackError> {
    let error = |source| PackError::Read { path: path.to_owned(), source };
    let file = BlendFile::open(path).map_err(error)?;
    let absolute = std::path::absolute(path).map_err(|source| error(source.into()))?;
    Ok(library::follow(&file, &absolute, options))
}

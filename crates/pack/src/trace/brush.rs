//! Images that only brushes paint with: no render reads them.

use crate::blend::{BlendFile, Struct};
use std::collections::BTreeSet;

/// Kinds of datablocks that show others without needing them: windows and what is in them.
const WINDOWS: [&str; 3] = ["WM", "WS", "SR"];

/// The images of textures of brushes that nothing else uses, as indices of blocks.
pub(super) fn images(file: &BlendFile) -> BTreeSet<u32> {
    let is = |code: &str, ids: BTreeSet<u32>| -> BTreeSet<u32> {
        let of_kind: BTreeSet<u32> = indices(file.ids(code));
        ids.intersection(&of_kind).copied().collect()
    };
    let brushes = indices(file.ids("BR"));
    let of_brushes = is("TE", file.linked_by(brushes.iter().copied()));
    if of_brushes.is_empty() {
        return BTreeSet::new();
    }
    let windows: BTreeSet<u32> = WINDOWS.iter().flat_map(|code| indices(file.ids(code))).collect();
    let users = |except: &BTreeSet<u32>| {
        let not = |index: &u32| [&brushes, &windows, except].iter().all(|ids| !ids.contains(index));
        file.linked_by(indices(file.all_ids()).into_iter().filter(not))
    };
    let used = users(&of_brushes);
    let textures: BTreeSet<u32> = of_brushes.difference(&used).copied().collect();
    let images = is("IM", file.linked_by(textures.iter().copied()));
    let used = users(&textures);
    images.difference(&used).copied().collect()
}

fn indices<'a>(ids: impl Iterator<Item = Struct<'a>>) -> BTreeSet<u32> {
    ids.filter_map(|id| id.owner_index()).collect()
}

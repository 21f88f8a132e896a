//! Where each file goes in a pack: what belongs together stays as it is, the rest goes beside it.

use super::name::safe_name;
use crate::trace::Reference;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// The folder of a pack for what is not below its root.
const OUTSIDE: &str = "_outside";

/// Where files go in a pack. Paths in it have `/` between their parts and can't leave it.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// The folder on the artist's disk that becomes the pack.
    root: PathBuf,
    outside: String,
}

impl Layout {
    /// The pack holds the folder of the .blend and whatever it, and the libraries so found, name
    /// by relative paths: those need not change, so that the pack is the same wherever it was made.
    pub(super) fn new(blend: &Path, references: &BTreeSet<Reference>) -> Self {
        let mut inside = BTreeSet::from([blend]);
        let mut root = folder(blend).to_owned();
        loop {
            let known = inside.len();
            for reference in references.iter().filter(|reference| reference.relative) {
                if inside.contains(&*reference.named_in) && inside.insert(&reference.target) {
                    root = common(&root, folder(&reference.target));
                }
            }
            if inside.len() == known {
                break;
            }
        }
        let is_taken = |name: &str| inside.iter().any(|path| path.starts_with(root.join(name)));
        let mut outside = OUTSIDE.to_owned();
        while is_taken(&outside) {
            outside.push('_');
        }
        Self { root, outside }
    }

    /// The place of a file, folder or pattern.
    pub(super) fn place(&self, path: &Path) -> String {
        let (first, rest) = match path.strip_prefix(&self.root) {
            Ok(inside) => (None, inside),
            Err(_outside) => (Some(self.outside.clone()), path),
        };
        let names = rest.components().filter_map(|component| match component {
            Component::Normal(name) => Some(safe_name(name.as_encoded_bytes())),
            _ => None,
        });
        first.into_iter().chain(names).collect::<Vec<_>>().join("/")
    }

    /// Where on the artist's disk a place of the pack is, if its names are unchanged.
    pub(super) fn path(&self, place: &str) -> PathBuf {
        match place.strip_prefix(&*self.outside).and_then(|rest| rest.strip_prefix('/')) {
            Some(outside) => Path::new("/").join(outside),
            None => self.root.join(place),
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn common(one: &Path, other: &Path) -> PathBuf {
    let both = one.components().zip(other.components());
    both.take_while(|(one, other)| one == other).map(|(part, _)| part).collect()
}

/// A place as a .blend in the folder `from` names it, without the `//` before it.
pub(super) fn relative(from: &str, to: &str) -> String {
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (from, to) = (parts(from), parts(to));
    let same = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n("..", from.len() - same);
    up.chain(to.iter().skip(same).map(String::as_str)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(references: &[(&str, &str, bool)]) -> Layout {
        let reference = |(named_in, target, relative): &(&str, &str, bool)| Reference {
            named_in: named_in.into(),
            beside: named_in.into(),
            written: Vec::new().into(),
            target: target.into(),
            relative: *relative,
        };
        let references = references.iter().map(reference).collect();
        Layout::new(Path::new("/work/film/shot/a.blend"), &references)
    }

    #[test]
    fn what_is_named_relatively_keeps_its_place() {
        let layout = layout(&[
            ("/work/film/shot/a.blend", "/work/film/lib/tree.blend", true),
            ("/work/film/lib/tree.blend", "/work/textures/bark.png", true),
            ("/nas/lib/car.blend", "/nas/paint.png", true),
            ("/work/film/shot/a.blend", "/nas/lib/car.blend", false),
        ]);
        let place = |path: &str| layout.place(Path::new(path));
        assert_eq!(place("/work/film/shot/a.blend"), "film/shot/a.blend");
        assert_eq!(place("/work/textures/bark.png"), "textures/bark.png");
        assert_eq!(place("/nas/paint.png"), "_outside/nas/paint.png");
        for path in ["/work/textures/bark.png", "/nas/paint.png"] {
            assert_eq!(layout.path(&place(path)), Path::new(path));
        }
    }

    #[test]
    fn a_pack_of_a_pack_keeps_both_outsides_apart() {
        let inner = "/work/film/shot/_outside/nas/a.png";
        let layout = layout(&[("/work/film/shot/a.blend", inner, true)]);
        assert_eq!(layout.place(Path::new(inner)), "_outside/nas/a.png");
        assert_eq!(layout.place(Path::new("/nas/a.png")), "_outside_/nas/a.png");
    }

    #[test]
    fn places_are_told_from_where_they_are_named() {
        assert_eq!(relative("shot", "shot/tex/a.png"), "tex/a.png");
        assert_eq!(relative("shot/deep", "lib/tree.blend"), "../../lib/tree.blend");
        assert_eq!(relative("", "a.png"), "a.png");
        assert_eq!(relative("shot", "shot"), "");
    }
}

//! A folder with a made scene in it.

use crate::made::{Made, Value};
use blendnet_pack::trace::{Dependency, Trace, TraceOptions, trace};
use std::path::PathBuf;
use tempfile::TempDir;

pub(crate) const ID: &str = "ID: char name[66]; Library *lib";
pub(crate) const LIBRARY: &str = "Library: ID id; char name[1024]; char filepath[1024]";
pub(crate) const IMAGE: &str = "Image: ID id; char name[1024]; short source; PackedFile *packedfile; \
                     ListBase packedfiles; ListBase tiles; ListBase views";
pub(crate) const TILE: &str = "ImageTile: ImageTile *next; ImageTile *prev; int tile_number";
pub(crate) const NODE: &str =
    "bNode: bNode *next; bNode *prev; char name[64]; ID *id; void *storage";
pub(crate) const USER: &str = "ImageUser: int frames; int offset; int sfra; char cycl; short flag";
pub(crate) const SCENE: &str = "Scene: ID id; RenderData r; Editing *ed";
pub(crate) const RENDER: &str =
    "RenderData: int sfra; int efra; int images; int framapto; ListBase views";
pub(crate) const OBJECT: &str = "Object: ID id; Image *uses";

/// A folder with one made .blend in it, and some files.
pub(crate) struct Case {
    pub(crate) folder: TempDir,
}

impl Case {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn touch(&self, names: &[&str]) {
        for name in names {
            fs_err::create_dir_all(self.path(name).parent().unwrap()).unwrap();
            fs_err::write(self.path(name), b"some").unwrap();
        }
    }

    pub(crate) fn save(&self, name: &str, made: Made) {
        fs_err::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs_err::write(self.path(name), made.bytes()).unwrap();
    }

    /// What `scene.blend` needs.
    pub(crate) fn trace(&self) -> Trace {
        trace(&self.path("scene.blend"), &TraceOptions::default()).unwrap()
    }

    /// Each file: its path in this folder, its kind, and its frames; missing ones with a `!`.
    pub(crate) fn told(&self) -> Vec<String> {
        let tell = |file: &Dependency| {
            let path = file.path.strip_prefix(self.folder.path()).unwrap_or(&file.path);
            let missing = if file.exists { "" } else { "!" };
            let kind = serde_json::to_value(file.kind).unwrap();
            let frames = file.frames.as_ref().map(|frames| format!(" [{frames}]"));
            let kind = kind.as_str().unwrap();
            format!("{missing}{} {kind}{}", path.display(), frames.unwrap_or_default())
        };
        self.trace().files.iter().map(tell).collect()
    }
}

pub(crate) fn made(more: &[&str]) -> Made {
    let all = [ID, LIBRARY, IMAGE, TILE, NODE, USER, SCENE, RENDER, OBJECT];
    Made::new(&[&all, more].concat().join("\n"))
}

/// A made file with a scene of these frames.
pub(crate) fn made_with_scene(more: &[&str], frames: (i64, i64)) -> Made {
    let mut file = made(more);
    let (first, last) = (frames.0.into(), frames.1.into());
    file.add(
        "SC",
        10,
        "Scene",
        &[("id.name", "SCScene".into()), ("r.sfra", first), ("r.efra", last)],
    );
    file
}

pub(crate) fn image<'a>(name: &'a str, path: &'a [u8]) -> [(&'static str, Value<'a>); 3] {
    [("id.name", name.into()), ("name", path.into()), ("source", 1.into())]
}

pub(crate) fn names(files: &[Dependency]) -> Vec<String> {
    files.iter().map(|file| file.path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

//! Which frames need which file of a bake of geometry nodes: `meta/00012_00000.json` for every
//! frame, and `blobs/00010_00000.blob` that several of them may share.

use super::Frames;
use super::disk::exact;
use super::place::Place;
use super::spread::Needed;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Bytes read of all frames of one bake; with more, every frame gets every blob.
const MOST_META_BYTES: u64 = 64 << 20;

/// How the names of blobs end.
const BLOB: &str = ".blob";

/// The frames that need each blob of a bake.
type Blobs = HashMap<OsString, Frames>;

impl Place {
    /// The files of bakes. Blender looks which frames there are, so that it needs all `meta`.
    pub(super) fn baked(&self, files: &[PathBuf]) -> Vec<Needed> {
        let mut metas: BTreeMap<PathBuf, BTreeMap<i64, PathBuf>> = BTreeMap::new();
        for path in files {
            if let Some((bake, frame)) = bake_of(path, "meta").zip(frame_of(path)) {
                metas.entry(bake.to_owned()).or_default().insert(frame, path.clone());
            }
        }
        let blobs: HashMap<PathBuf, Option<Blobs>> =
            metas.into_iter().map(|(bake, metas)| (bake, self.blobs(&metas))).collect();
        let frames = |path: &Path| {
            let blobs = blobs.get(bake_of(path, "blobs")?)?.as_ref()?;
            Some(blobs.get(path.file_name()?).cloned().unwrap_or_default())
        };
        let needed = files.iter().filter_map(|path| Some((Ok(exact(path)?), frames(path))));
        needed.collect()
    }

    /// Reads what each frame refers to; `None` if that can't be told.
    fn blobs(&self, metas: &BTreeMap<i64, PathBuf>) -> Option<Blobs> {
        let size = |path: &PathBuf| exact(path).map_or(0, |found| found.size_bytes);
        if metas.values().map(size).sum::<u64>() > MOST_META_BYTES {
            return None;
        }
        let numbers: Vec<i64> = metas.keys().copied().collect();
        let mut blobs = Blobs::new();
        for (number, path) in metas {
            let frames = self.frames_near(&numbers, *number)?;
            let text = fs_err::read_to_string(path).ok()?;
            for name in text.split('"').filter(|name| name.strip_suffix(BLOB).is_some()) {
                let known = blobs.entry(name.into()).or_default();
                *known = known.with(&frames);
            }
        }
        Some(blobs)
    }
}

/// The folder of the bake that a file of that inner folder is of.
fn bake_of<'a>(path: &'a Path, inner: &str) -> Option<&'a Path> {
    let folder = path.parent()?;
    (folder.file_name()? == inner).then(|| folder.parent())?
}

/// `00012_00000.json` is of frame 12.
fn frame_of(path: &Path) -> Option<i64> {
    let is_meta = path.extension()? == "json";
    let (frame, _) = path.file_stem()?.to_str()?.split_once('_')?;
    is_meta.then(|| frame.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::super::disk::Disk;
    use super::*;

    #[test]
    fn a_blob_goes_with_the_frames_that_refer_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join("77").join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(&path, text).unwrap();
            path
        };
        let refer = |blob: &str| format!("{{\"data\":{{\"name\":\"{blob}\",\"start\":0}}}}");
        let files = vec![
            write("blobs/00001_00000.blob", ""),
            write("blobs/00004_00000.blob", ""),
            write("blobs/old.blob", ""),
            write("meta/00001_00000.json", &refer("00001_00000.blob")),
            write("meta/00002_00000.json", &refer("00001_00000.blob")),
            write("meta/00003_00000.json", &refer("00004_00000.blob")),
            write("meta/00004_00000.json", &refer("00004_00000.blob")),
        ];
        let place = Place::new(Path::new("/scene.blend"), Some(1..=6), Disk::default());
        let frames: Vec<_> = place.baked(&files).into_iter().map(|(_, frames)| frames).collect();
        let texts: Vec<_> = frames.iter().flatten().map(ToString::to_string).collect();
        assert_eq!(texts, ["1-3", "2-6", ""]);
        assert_eq!(frames.iter().filter(|frames| frames.is_none()).count(), 4);
    }
}

//! The files that an agent needs for some frames only: sent with the first work for such a frame.

use blendnet_protocol::{BlobId, Manifest, ManifestFile, SceneId, Work};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Those that were not sent yet, by scene.
#[derive(Debug, Default)]
pub(super) struct Numbered(Mutex<BTreeMap<SceneId, Vec<ManifestFile>>>);

impl Numbered {
    fn waiting(&self) -> MutexGuard<'_, BTreeMap<SceneId, Vec<ManifestFile>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The agent is told of a scene, perhaps once more: whatever it had of it may be gone.
    pub(super) fn note(&self, scene: &SceneId, manifest: &Manifest) {
        let numbered = manifest.files.iter().filter(|file| file.frames.is_some());
        self.waiting().insert(scene.clone(), numbered.cloned().collect());
    }

    /// What a work needs and was not sent.
    pub(super) fn lacking(&self, work: &Work) -> BTreeSet<BlobId> {
        let Some(frame) = work.kind.frame() else { return BTreeSet::new() };
        let waiting = self.waiting();
        let files = waiting.get(&work.scene).into_iter().flatten();
        files.filter(|file| file.is_only_for(frame)).map(|file| file.blob.clone()).collect()
    }

    /// The agent has a blob.
    pub(super) fn sent(&self, scene: &SceneId, blob: &BlobId) {
        if let Some(files) = self.waiting().get_mut(scene) {
            files.retain(|file| file.blob != *blob);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blendnet_protocol::{PackPath, WorkId, WorkKind};

    fn file(name: &str, frames: Option<&str>) -> ManifestFile {
        let digit = name.replace(|letter: char| !letter.is_ascii_hexdigit(), "0");
        let blob = BlobId::new(format!("{digit:0<64}")).unwrap();
        let frames = frames.map(|frames| frames.parse().unwrap());
        ManifestFile { frames, ..ManifestFile::new(PackPath::new(name).unwrap(), blob, 1) }
    }

    fn work(scene: &SceneId, kind: WorkKind) -> Work {
        Work::new(WorkId::new("w1").unwrap(), scene.clone(), kind)
    }

    #[test]
    fn each_file_is_sent_once_and_only_for_its_frames() {
        let scene = SceneId::new("ab".repeat(32)).unwrap();
        let files = vec![file("a", None), file("b", Some("1-2")), file("c", Some("2"))];
        let blob = |at: usize| files[at].blob.clone();
        let manifest = Manifest { project: PackPath::new("a").unwrap(), files: files.clone() };
        let numbered = Numbered::default();
        numbered.note(&scene, &manifest);
        let lacking = |frame| numbered.lacking(&work(&scene, WorkKind::Whole { frame }));
        assert_eq!(numbered.lacking(&work(&scene, WorkKind::Inspect)), BTreeSet::new());
        assert_eq!(lacking(1), BTreeSet::from([blob(1)]));
        numbered.sent(&scene, &blob(1));
        assert_eq!(lacking(1), BTreeSet::new());
        assert_eq!(lacking(2), BTreeSet::from([blob(2)]));
        numbered.note(&scene, &manifest);
        assert_eq!(lacking(2), BTreeSet::from([blob(1), blob(2)]), "told again, sent again");
    }
}

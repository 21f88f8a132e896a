//! The farm's shelf: Blenders for agents that lack them, each as an archive named by its SHA-256.
//!
//! ```text
//! shelf/<sha256>        the archive
//!       <sha256>.json   what it is
//! ```
//! `blendnet blender install` fills it while farms run, so it is read whenever it is needed. What lies there is
//! not trusted to be whole: the agent that gets it proves its hash.

use blendnet_protocol::KeptBlender;
use std::path::{Path, PathBuf};

/// Blenders whose archives are there, in the order of their names.
pub(crate) fn read(shelf: &Path) -> Vec<KeptBlender> {
    let entries = fs_err::read_dir(shelf).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| listed(shelf, path)).collect()
}

fn listed(shelf: &Path, path: &Path) -> Option<KeptBlender> {
    let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
    let kept: KeptBlender = serde_json::from_slice(&fs_err::read(path).ok()?)
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "is no Blender"))
        .ok()?;
    let is_it = kept.blob.as_str() == name && archive(shelf, &kept).is_file();
    is_it.then_some(kept)
}

/// Where the archive of one lies.
pub(crate) fn archive(shelf: &Path, kept: &KeptBlender) -> PathBuf {
    shelf.join(kept.blob.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use blendnet_protocol::BlobId;

    #[test]
    fn only_what_is_described_and_there_is_on_the_shelf() {
        let shelf = tempfile::tempdir().unwrap();
        let path = |name: &str| shelf.path().join(name);
        assert_eq!(read(&path("no-such-folder")), []);
        let kept = |digit: &str| KeptBlender {
            blob: BlobId::new(digit.repeat(64)).unwrap(),
            size_bytes: 1,
            unpacked_bytes: 2,
            version: "4.5.15".to_owned(),
            is_module: true,
            platform: "linux-x86_64".to_owned(),
        };
        let describe = |name: &str, kept: &KeptBlender| {
            fs_err::write(path(&format!("{name}.json")), serde_json::to_vec(kept).unwrap())
                .unwrap();
        };
        let whole = kept("a");
        describe(whole.blob.as_str(), &whole);
        fs_err::write(path(whole.blob.as_str()), "archive").unwrap();
        describe(kept("b").blob.as_str(), &kept("b"));
        describe(&"c".repeat(64), &whole);
        fs_err::write(path(&"d".repeat(64)), "archive").unwrap();
        fs_err::write(path(&format!("{}.json", "d".repeat(64))), "no JSON").unwrap();
        assert_eq!(read(shelf.path()), [whole]);
    }
}

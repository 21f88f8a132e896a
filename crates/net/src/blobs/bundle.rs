//! Many small blobs in one request.
//!
//! A bundle is one blob after another: a line `<sha256> <length>\n`, then that many bytes.

use super::{BlobError, BlobStore, Intake, Space};
use blendnet_protocol::BlobId;
use fs_err as fs;
use sha2::{Digest as _, Sha256};

/// Largest bundle, in bytes.
pub const BUNDLE_BYTES: usize = 8 << 20;
/// Largest blob that is worth bundling: larger ones are as fast alone.
pub const BUNDLED_BYTES: u64 = 256 << 10;
/// Digits of the name, a space, digits of a length.
const MAX_LINE_BYTES: usize = 64 + 1 + 20;

/// A bundle that is filled.
#[derive(Debug, Default)]
pub struct Bundle {
    bytes: Vec<u8>,
    blobs: usize,
}

impl Bundle {
    /// Adds a blob; `false`: there is no room for it.
    pub fn add(&mut self, id: &BlobId, content: &[u8]) -> bool {
        if self.bytes.len() + MAX_LINE_BYTES + 1 + content.len() > BUNDLE_BYTES {
            return false;
        }
        self.bytes.extend(format!("{id} {}\n", content.len()).into_bytes());
        self.bytes.extend(content);
        self.blobs += 1;
        true
    }

    /// How many blobs are in it.
    pub fn blobs(&self) -> usize {
        self.blobs
    }

    /// What is to be sent.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Takes a bundle apart.
fn unbundle(bytes: &[u8]) -> Result<Vec<(BlobId, &[u8])>, BlobError> {
    let mut blobs = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let wrong = |reason| BlobError::Bundle { at, reason };
        let line = rest.iter().take(MAX_LINE_BYTES + 1).position(|&byte| byte == b'\n');
        let line = line.ok_or_else(|| wrong("there is no line with a name and a length"))?;
        let (head, body) = rest.split_at_checked(line).ok_or_else(|| wrong("it is cut off"))?;
        let head = std::str::from_utf8(head).ok().and_then(|head| head.split_once(' '));
        let (name, length) = head.ok_or_else(|| wrong("there is no name and length"))?;
        let id = BlobId::new(name).map_err(|_not_one| wrong("the name is not a SHA-256"))?;
        let length: usize = length.parse().map_err(|_not_one| wrong("the length is no number"))?;
        let body = body.get(1..).unwrap_or_default();
        let split = body.split_at_checked(length);
        let (content, after) = split.ok_or_else(|| wrong("the blob is longer than the bundle"))?;
        blobs.push((id, content));
        rest = after;
    }
    Ok(blobs)
}

impl BlobStore {
    /// Stores all blobs of a bundle, or none when one of them is not what its name says. Blocks.
    pub fn put_bundle(&self, bytes: &[u8]) -> Result<usize, BlobError> {
        let blobs = unbundle(bytes)?;
        for (id, content) in &blobs {
            super::check_sha256(Some(id), Sha256::new_with_prefix(content))?;
        }
        let mut written = Vec::new();
        for (id, content) in blobs.iter().filter(|(id, _)| !self.contains(id)) {
            let reserved = Space::reserve(&self.0.space, content.len() as u64)?;
            let mut intake = Intake::begin(&self.incoming(), reserved, false)?;
            intake.absorb(content)?;
            written.push((id, intake.into_path()));
        }
        if !written.is_empty() {
            // Once for all of them: bringing each to the disk by itself would take longer than
            // everything else together.
            let incoming = fs::File::open(self.incoming())?;
            rustix::fs::syncfs(&incoming).map_err(|error| BlobError::of_write(error.into()))?;
            for (id, path) in written {
                self.give_name(path, id)?;
            }
            crate::secret::sync_dir(&self.0.dir)?;
        }
        Ok(blobs.len())
    }

    /// Takes a bundle from a client.
    pub(super) async fn receive_bundle(&self, bytes: bytes::Bytes) -> Result<usize, BlobError> {
        let store = self.clone();
        super::joined(tokio::task::spawn_blocking(move || store.put_bundle(&bytes)).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(dir: &std::path::Path) -> BlobStore {
        BlobStore::open(dir, 1 << 20).unwrap()
    }

    fn named(content: &[u8]) -> BlobId {
        BlobId::new(hex::encode(Sha256::digest(content))).unwrap()
    }

    #[test]
    fn what_was_bundled_is_stored_under_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let contents: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n; usize::from(n)]).collect();
        let mut bundle = Bundle::default();
        assert!(contents.iter().all(|content| bundle.add(&named(content), content)));
        assert_eq!(bundle.blobs(), 100);
        let bytes = bundle.into_bytes();
        let store = store(dir.path());
        assert_eq!(store.put_bundle(&bytes).unwrap(), 100);
        assert_eq!(store.put_bundle(&bytes).unwrap(), 100, "again changes nothing");
        for content in &contents {
            let path = store.path(&named(content)).unwrap();
            assert_eq!(fs::read(path).unwrap(), *content);
        }
        assert_eq!(fs::read_dir(store.incoming()).unwrap().count(), 0);
    }

    #[test]
    fn a_bundle_with_one_wrong_blob_is_refused_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut bundle = Bundle::default();
        bundle.add(&named(b"right"), b"right");
        bundle.add(&named(b"right"), b"wrong");
        let store = store(dir.path());
        let error = store.put_bundle(&bundle.into_bytes()).unwrap_err();
        assert!(matches!(error, BlobError::Checksum { .. }), "{error}");
        assert_eq!(store.list().unwrap(), []);
    }

    #[test]
    fn a_bundle_cut_anywhere_but_between_blobs_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut bundle = Bundle::default();
        bundle.add(&named(b"one"), b"one");
        let whole = bundle.into_bytes();
        let store = store(dir.path());
        for end in 1..whole.len() {
            let error = store.put_bundle(&whole[..end]).unwrap_err();
            assert!(matches!(error, BlobError::Bundle { at: 0, .. }), "{end}: {error}");
        }
        for bad in ["x 3\nabc", "../../etc/passwd 1\na", "\n", " \n", "a b c"] {
            assert!(store.put_bundle(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_full_bundle_takes_no_more() {
        let mut bundle = Bundle::default();
        assert!(bundle.add(&named(b""), &vec![0; BUNDLE_BYTES - 100]));
        assert!(!bundle.add(&named(b""), &[0; 100]));
    }
}

//! Writes a .blend again with other texts in some places, packed as it was.

use super::BlendError;
use super::file::BlendFile;
use super::pack::Packer;
use super::source::Packing;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Bytes copied at a time.
const PIECE_BYTES: u64 = 256 << 10;

/// Where a text stands in a .blend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    /// In a `char[]`.
    Field {
        /// Index of its block.
        block: u32,
        /// Where in the data of the block.
        offset: u64,
        /// Its length in bytes; the last one is a NUL.
        len: usize,
    },
    /// In a block of its own, which may become shorter or longer.
    Block {
        /// Index of the block.
        block: u32,
        /// Two 32-bit numbers that hold its length with the NUL: their blocks and offsets.
        length: Option<[(u32, u64); 2]>,
    },
}

impl Spot {
    /// How many bytes a text may have here.
    pub fn most_bytes(&self) -> usize {
        match self {
            Self::Field { len, .. } => len.saturating_sub(1),
            Self::Block { .. } => 1 << 20,
        }
    }
}

/// Another text for a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// Where.
    pub spot: Spot,
    /// What, without a NUL.
    pub text: Vec<u8>,
}

/// Bytes in place of some others.
struct Patch {
    len: u64,
    bytes: Vec<u8>,
}

/// By where they begin in the unpacked file.
type Patches = BTreeMap<u64, Patch>;

impl BlendFile {
    /// Writes the whole file with those changes, packed as it was. The same file and changes give
    /// the same bytes.
    ///
    /// # Errors
    /// When an edit is not for this file or too long for its place, and when reading or writing
    /// fails.
    pub fn write_edited(&self, edits: &[Edit], out: &mut dyn Write) -> Result<(), BlendError> {
        let mut patches = Patches::new();
        for edit in edits {
            self.patch(edit, &mut patches).ok_or(BlendError::CannotEdit)?;
        }
        match self.source().packing() {
            Packing::None => self.write_patched(&patches, out),
            packing => {
                let mut packer = Packer::new(packing, out)?;
                self.write_patched(&patches, &mut packer)?;
                Ok(packer.finish()?)
            }
        }
    }

    fn patch(&self, edit: &Edit, patches: &mut Patches) -> Option<()> {
        if edit.text.len() > edit.spot.most_bytes() || edit.text.contains(&0) {
            return None;
        }
        match edit.spot {
            Spot::Field { block, offset, len } => {
                let mut bytes = edit.text.clone();
                bytes.resize(len, 0);
                self.overwrite(block, offset, bytes, patches)
            }
            Spot::Block { block, length } => {
                let of_text = edit.text.len() as u64 + 1;
                for (block, offset) in length.into_iter().flatten() {
                    let number = self.layout().bytes_of(of_text, 4);
                    self.overwrite(block, offset, number, patches)?;
                }
                let block = self.block(block)?;
                let mut bytes = edit.text.clone();
                // Blender rounds the lengths of blocks up to this.
                bytes.resize(usize::try_from(of_text.next_multiple_of(4)).ok()?, 0);
                let (at, size) = self.heads().length_field();
                let head = block.offset.checked_sub(self.heads().len() as u64)?;
                let length = self.layout().bytes_of(bytes.len() as u64, size);
                patches.insert(head + at, Patch { len: size as u64, bytes: length });
                patches.insert(block.offset, Patch { len: block.len, bytes });
                Some(())
            }
        }
    }

    fn overwrite(
        &self,
        block: u32,
        offset: u64,
        bytes: Vec<u8>,
        patches: &mut Patches,
    ) -> Option<()> {
        let block = self.block(block)?;
        let len = bytes.len() as u64;
        let is_inside = offset.checked_add(len)? <= block.len;
        is_inside.then(|| patches.insert(block.offset + offset, Patch { len, bytes }))?;
        Some(())
    }

    fn write_patched(&self, patches: &Patches, out: &mut dyn Write) -> Result<(), BlendError> {
        let mut at = 0;
        for (start, patch) in patches {
            // Two that overlap come from a file whose blocks do.
            let left = start.checked_sub(at).ok_or(BlendError::CannotEdit)?;
            self.copy(at, left, out)?;
            out.write_all(&patch.bytes)?;
            at = start + patch.len;
        }
        let left = self.source().len().checked_sub(at).ok_or(BlendError::CannotEdit)?;
        self.copy(at, left, out)?;
        Ok(out.flush()?)
    }

    fn copy(&self, mut at: u64, mut left: u64, out: &mut dyn Write) -> Result<(), BlendError> {
        let mut piece = Vec::new();
        while left > 0 {
            let len = left.min(PIECE_BYTES);
            piece.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
            self.source().read_at(at, &mut piece)?;
            out.write_all(&piece)?;
            at += len;
            left -= len;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::made_files;
    use super::*;

    fn edited(bytes: Vec<u8>, texts: &[(&str, &[u8])]) -> Vec<u8> {
        let file = BlendFile::from_bytes(bytes).unwrap();
        let image = file.ids("IM").next().unwrap();
        let edit = |(field, text): &(&str, &[u8])| Edit {
            spot: image.spot(field).unwrap(),
            text: text.to_vec(),
        };
        let edits: Vec<Edit> = texts.iter().map(edit).collect();
        let mut out = Vec::new();
        file.write_edited(&edits, &mut out).unwrap();
        out
    }

    #[test]
    fn texts_change_in_files_of_all_machines() {
        for bytes in made_files() {
            let long = [b'n'; 300];
            for note in [&b"n"[..], &long] {
                let out = edited(bytes.clone(), &[("note", note), ("path", b"//b.png")]);
                let file = BlendFile::from_bytes(out).unwrap();
                let image = file.ids("IM").next().unwrap();
                assert_eq!(image.bytes("path").unwrap(), b"//b.png");
                assert_eq!(image.bytes("note").unwrap(), note);
                assert_eq!(image.structs("tiles").len(), 2);
                assert_eq!(image.int("source"), Some(-2));
            }
        }
    }

    #[test]
    fn nothing_else_changes() {
        for bytes in made_files() {
            assert_eq!(edited(bytes.clone(), &[]), bytes);
            let out = edited(bytes.clone(), &[("path", b"//tex/oak.png")]);
            assert_eq!(out.len(), bytes.len());
            let differ = (0..out.len()).filter(|at| out[*at] != bytes[*at]);
            let (first, last) = (differ.clone().min().unwrap(), differ.max().unwrap());
            assert!(last - first < 32, "{first} to {last}");
        }
    }

    #[test]
    fn packed_files_stay_packed_the_same_way() {
        let plain = made_files().remove(0);
        let edits: [(&str, &[u8]); 1] = [("path", b"//other.png")];
        let expected = edited(plain.clone(), &edits);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&plain).unwrap();
        let gzip = encoder.finish().unwrap();
        let zstd = zstd::encode_all(&*plain, 1).unwrap();
        for packed in [gzip, zstd] {
            let out = edited(packed.clone(), &edits);
            assert_eq!(out.get(..2), packed.get(..2));
            assert_eq!(out, edited(packed, &edits), "the same once more");
            let file = BlendFile::from_bytes(out).unwrap();
            let mut unpacked = Vec::new();
            file.copy(0, file.source().len(), &mut unpacked).unwrap();
            assert_eq!(unpacked, expected);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let file = BlendFile::from_bytes(made_files().remove(0)).unwrap();
        let spot = file.ids("IM").next().unwrap().spot("path").unwrap();
        assert_eq!(spot.most_bytes(), 31);
        let other = Spot::Field { block: 900, offset: 0, len: 4 };
        let beyond = Spot::Field { block: 0, offset: 1 << 20, len: 4 };
        let long = vec![b'a'; 32];
        for (spot, text) in
            [(spot, long), (spot, b"a\0b".to_vec()), (other, vec![b'a']), (beyond, vec![b'a'])]
        {
            let refused = file.write_edited(&[Edit { spot, text }], &mut Vec::new());
            assert!(matches!(refused, Err(BlendError::CannotEdit)));
        }
    }
}

//! Packs a .blend as Blender does: gzip up to 2.93, from 3.0 on zstd in frames with a table.

use super::source::Packing;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};
use zstd::bulk::Compressor;

/// What Blender packs into one frame.
const FRAME_BYTES: usize = 1 << 20;
/// Blender's own.
const ZSTD_LEVEL: i32 = 3;
/// Of the frame that holds the table.
const TABLE_FRAME: u32 = 0x184D_2A5E;
/// Ends the table.
const TABLE_END: u32 = 0x8F92_EAB1;

/// Packs what is written to it.
pub(super) enum Packer<'a> {
    Gzip(GzEncoder<&'a mut dyn Write>),
    Zstd(Frames<'a>),
}

/// zstd frames, and how long each is: packed and unpacked.
pub(super) struct Frames<'a> {
    out: &'a mut dyn Write,
    zstd: Compressor<'static>,
    waiting: Vec<u8>,
    table: Vec<(u32, u32)>,
}

impl<'a> Packer<'a> {
    pub(super) fn new(packing: Packing, out: &'a mut dyn Write) -> io::Result<Self> {
        if packing == Packing::Gzip {
            return Ok(Self::Gzip(GzEncoder::new(out, Compression::default())));
        }
        let zstd = Compressor::new(ZSTD_LEVEL)?;
        Ok(Self::Zstd(Frames { out, zstd, waiting: Vec::new(), table: Vec::new() }))
    }

    /// Writes what is left.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.finish()?.flush(),
            Self::Zstd(frames) => frames.finish(),
        }
    }
}

impl Write for Packer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(frames) => frames.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Frames<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = FRAME_BYTES - self.waiting.len();
        let (now, _) = bytes.split_at(room.min(bytes.len()));
        self.waiting.extend_from_slice(now);
        if self.waiting.len() == FRAME_BYTES {
            self.frame()?;
        }
        Ok(now.len())
    }

    fn frame(&mut self) -> io::Result<()> {
        let packed = self.zstd.compress(&self.waiting)?;
        self.out.write_all(&packed)?;
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
        self.table.push((length(&packed)?, length(&self.waiting)?));
        self.waiting.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.frame()?;
        }
        let frames = u32::try_from(self.table.len()).map_err(io::Error::other)?;
        let table_bytes = frames.checked_mul(8).and_then(|bytes| bytes.checked_add(9));
        let table_bytes = table_bytes.ok_or(io::ErrorKind::FileTooLarge)?;
        let numbers = [TABLE_FRAME, table_bytes].into_iter();
        let numbers = numbers.chain(self.table.iter().flat_map(|(packed, own)| [*packed, *own]));
        let mut table: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
        table.extend(frames.to_le_bytes());
        table.push(0);
        table.extend(TABLE_END.to_le_bytes());
        self.out.write_all(&table)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::{Raw, Source};
    use super::*;

    #[test]
    fn frames_are_found_by_their_table() {
        let bytes: Vec<u8> = (0..FRAME_BYTES * 2 + 77).map(|at| at.to_le_bytes()[1]).collect();
        let mut out = Vec::new();
        let mut packer = Packer::new(Packing::Zstd, &mut out).unwrap();
        packer.write_all(&bytes).unwrap();
        packer.finish().unwrap();
        assert_eq!(zstd::decode_all(&*out).unwrap(), bytes, "any zstd reads it");
        let source = Source::new(Raw::Memory(out)).unwrap();
        assert_eq!(source.len(), bytes.len() as u64);
        let mut part = vec![0; 5000];
        source.read_at(FRAME_BYTES as u64 - 2000, &mut part).unwrap();
        assert_eq!(part, bytes[FRAME_BYTES - 2000..FRAME_BYTES + 3000]);
    }
}

//! zstd as Blender 3.0 and later write it: frames of about a megabyte with a table of where each
//! one is, so that only the frames which are looked into get unpacked.

use super::BlendError;
use super::source::{Raw, read_file_at};
use super::unpack::{IN_MEMORY_BYTES, is_bomb, unnamed_file};
use fs_err::File;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};
use zstd::bulk::Decompressor;

/// Ends a file that has a table.
const TABLE_MAGIC: u64 = 0x8F92_EAB1;
const FOOTER_BYTES: usize = 9;
/// A frame is unpacked in one piece; larger ones go the other way.
const LARGEST_FRAME: u64 = 64 << 20;
/// More are not taken for a table; Blender would fill a terabyte with them.
const MOST_FRAMES: u64 = 1 << 20;

/// One frame.
#[derive(Debug, Clone, Copy)]
struct Frame {
    packed_at: u64,
    packed_len: u64,
    at: u64,
    len: u64,
}

/// A file of frames.
#[derive(Debug)]
pub(super) struct Frames {
    raw: Raw,
    table: Vec<Frame>,
    len: u64,
    cache: Mutex<Cache>,
}

/// What was unpacked, and what it is unpacked with.
#[derive(Default)]
struct Cache {
    zstd: Decompressor<'static>,
    packed: Vec<u8>,
    in_memory: HashMap<usize, Arc<Vec<u8>>>,
    memory_bytes: u64,
    /// Frames beyond the bound, each at its place in the unpacked file.
    spilled: Option<(File, Vec<bool>)>,
    /// The last of those, since reading mostly goes straight on.
    last: Option<(usize, Arc<Vec<u8>>)>,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("memory_bytes", &self.memory_bytes).finish_non_exhaustive()
    }
}

impl Frames {
    /// The file back if it has no table that fits it.
    pub(super) fn find(raw: Raw) -> Result<Result<Self, Raw>, BlendError> {
        let Some(table) = read_table(&raw) else { return Ok(Err(raw)) };
        let len = table.last().map_or(0, |frame| frame.at + frame.len);
        if is_bomb(raw.len(), len) {
            let packed_bytes = raw.len();
            return Err(BlendError::Bomb { format: "zstd", packed_bytes, unpacked_bytes: len });
        }
        Ok(Ok(Self { raw, table, len, cache: Mutex::default() }))
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), BlendError> {
        let mut index = self.table.partition_point(|frame| frame.at + frame.len <= offset);
        let (mut offset, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let end = || BlendError::Io(io::ErrorKind::UnexpectedEof.into());
            let frame = self.table.get(index).ok_or_else(end)?;
            let from = offset.saturating_sub(frame.at);
            let len = usize::try_from(frame.len.saturating_sub(from)).unwrap_or(usize::MAX);
            let (part, left) = rest.split_at_mut(len.min(rest.len()));
            self.read_frame(index, *frame, from, part)?;
            offset += part.len() as u64;
            rest = left;
            index += 1;
        }
        Ok(())
    }

    /// Fills `part` from within a frame.
    fn read_frame(
        &self,
        index: usize,
        frame: Frame,
        from: u64,
        part: &mut [u8],
    ) -> Result<(), BlendError> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let last = cache.last.as_ref().filter(|(last, _)| *last == index).map(|(_, bytes)| bytes);
        let kept = cache.in_memory.get(&index).or(last);
        let is_there = |(_, there): &&(File, Vec<bool>)| there.get(index) == Some(&true);
        let bytes = match (kept, cache.spilled.as_ref().filter(is_there)) {
            (Some(bytes), _) => Arc::clone(bytes),
            (None, Some((file, _))) => return Ok(read_file_at(file, frame.at + from, part)?),
            (None, None) => cache.add(&self.raw, self.table.len(), index, frame)?,
        };
        let bytes =
            usize::try_from(from).ok().and_then(|from| bytes.get(from..)?.get(..part.len()));
        part.copy_from_slice(bytes.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }
}

impl Cache {
    /// Unpacks a frame and keeps it, in memory while there is room.
    fn add(
        &mut self,
        raw: &Raw,
        frames: usize,
        index: usize,
        frame: Frame,
    ) -> Result<Arc<Vec<u8>>, BlendError> {
        let bytes = Arc::new(self.unpack(raw, frame)?);
        if self.memory_bytes + frame.len <= IN_MEMORY_BYTES {
            self.memory_bytes += frame.len;
            self.in_memory.insert(index, Arc::clone(&bytes));
        } else {
            let error = |source| BlendError::Spool { unpacked_bytes: frame.at, source };
            self.spill(index, frame.at, &bytes, frames).map_err(error)?;
            self.last = Some((index, Arc::clone(&bytes)));
        }
        Ok(bytes)
    }

    fn unpack(&mut self, raw: &Raw, frame: Frame) -> Result<Vec<u8>, BlendError> {
        let error =
            |source| BlendError::Unpack { format: "zstd", unpacked_bytes: frame.at, source };
        self.packed.resize(usize::try_from(frame.packed_len).unwrap_or_default(), 0);
        raw.read_at(frame.packed_at, &mut self.packed)?;
        let len = usize::try_from(frame.len).unwrap_or_default();
        let bytes = self.zstd.decompress(&self.packed, len).map_err(error)?;
        if bytes.len() != len {
            return Err(error(io::Error::other("a frame is shorter than its table says")));
        }
        Ok(bytes)
    }

    fn spill(&mut self, index: usize, at: u64, bytes: &[u8], frames: usize) -> io::Result<()> {
        if self.spilled.is_none() {
            self.spilled = Some((unnamed_file()?, vec![false; frames]));
        }
        let Some((file, there)) = &mut self.spilled else { return Ok(()) };
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        if let Some(there) = there.get_mut(index) {
            *there = true;
        }
        Ok(())
    }
}

/// The table at the end of the file, if it has one that accounts for every byte.
fn read_table(raw: &Raw) -> Option<Vec<Frame>> {
    let number = |bytes: Option<&[u8]>| {
        Some(bytes?.iter().rev().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)))
    };
    let mut footer = [0_u8; FOOTER_BYTES];
    let footer_at = raw.len().checked_sub(FOOTER_BYTES as u64)?;
    raw.read_at(footer_at, &mut footer).ok()?;
    let count = number(footer.get(..4))?;
    let has_checksums = footer.get(4)? & 0x80 != 0;
    let entry_bytes = if has_checksums { 12 } else { 8 };
    let table_bytes = count.checked_mul(entry_bytes)?;
    let table_at = footer_at.checked_sub(table_bytes)?;
    if number(footer.get(5..))? != TABLE_MAGIC || count == 0 || count > MOST_FRAMES {
        return None;
    }
    let mut table = vec![0; usize::try_from(table_bytes).ok()?];
    raw.read_at(table_at, &mut table).ok()?;
    let (mut packed_at, mut at) = (0_u64, 0_u64);
    let mut frames = Vec::new();
    for entry in table.chunks_exact(usize::try_from(entry_bytes).ok()?) {
        let (packed_len, len) = (number(entry.get(..4))?, number(entry.get(4..8))?);
        if len > LARGEST_FRAME || packed_len > LARGEST_FRAME {
            return None;
        }
        frames.push(Frame { packed_at, packed_len, at, len });
        packed_at += packed_len;
        at += len;
    }
    // Eight bytes head the frame that the table itself is in.
    (packed_at.checked_add(8)? == table_at).then_some(frames)
}

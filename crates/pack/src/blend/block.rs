//! The index of blocks: where each is in the file, what it holds and whose it is.

use super::header::{Header, Heads, Layout};
use super::source::Source;
use super::{BlendError, header};

/// Blocks kept track of; 320 MB of index. The largest production files have a few million.
pub(super) const MOST_BLOCKS: usize = 8 << 20;

/// One block of a .blend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// "IM\0\0", "DATA", ….
    pub code: [u8; 4],
    /// Which structure of the DNA it holds; 0 for plain bytes.
    pub sdna: u32,
    /// How many of them.
    pub count: u32,
    /// Index of the datablock that it belongs to (itself if it is one).
    pub owner: u32,
    /// Where it was in Blender's memory; pointers name this.
    pub old_address: u64,
    /// Where its bytes begin in the unpacked file.
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
}

impl Block {
    /// The code as text without its NULs.
    pub fn code(&self) -> &str {
        let end = self.code.iter().position(|byte| *byte == 0).unwrap_or(4);
        std::str::from_utf8(self.code.get(..end).unwrap_or_default()).unwrap_or_default()
    }
}

/// Finds all blocks.
pub(super) fn index(source: &Source) -> Result<(Header, Vec<Block>), BlendError> {
    if source.len() == 0 {
        return Err(BlendError::Empty);
    }
    let mut start = [0_u8; header::LONGEST];
    let len = usize::try_from(source.len()).unwrap_or(usize::MAX).min(start.len());
    let (start, _) = start.split_at_mut(len);
    source.read_at(0, start)?;
    let header = Header::parse(start)?;
    let mut blocks = Vec::new();
    let mut offset = header.len;
    let mut owner = 0;
    loop {
        let here = u32::try_from(blocks.len()).unwrap_or(u32::MAX);
        let found = blocks.len();
        let cut = || BlendError::Truncated { blocks: found, read_bytes: offset };
        let Some(mut block) = read_head(source, header, offset)? else { return Err(cut()) };
        if block.code == *b"ENDB" {
            return Ok((header, blocks));
        }
        let end = block.offset.checked_add(block.len);
        let Some(end) = end.filter(|end| *end <= source.len()) else { return Err(cut()) };
        if blocks.len() >= MOST_BLOCKS {
            return Err(BlendError::TooManyBlocks { limit: MOST_BLOCKS });
        }
        if block.code != *b"DATA" {
            owner = here;
        }
        block.owner = owner;
        blocks.push(block);
        offset = end;
    }
}

/// `None` if the file ends before it.
fn read_head(source: &Source, header: Header, at: u64) -> Result<Option<Block>, BlendError> {
    let mut head = [0_u8; 32];
    let (head, _) = head.split_at_mut(header.heads.len());
    let data = at.saturating_add(head.len() as u64);
    if data > source.len() {
        return Ok(None);
    }
    source.read_at(at, head)?;
    let block = parse_head(header.heads, header.layout, head, data);
    let damaged = || BlendError::Damaged { offset: at, what: "no block begins here" };
    block.map(Some).ok_or_else(damaged)
}

fn parse_head(heads: Heads, layout: Layout, head: &[u8], offset: u64) -> Option<Block> {
    let code: [u8; 4] = head.get(..4)?.try_into().ok()?;
    if !code.first()?.is_ascii_alphanumeric() {
        return None;
    }
    let number = |at, len| layout.unsigned_at(head, at, len);
    let (sdna, old_address, len, count) = match heads {
        Heads::Small4 => (number(12, 4)?, number(8, 4)?, number(4, 4)?, number(16, 4)?),
        Heads::Small8 => (number(16, 4)?, number(8, 8)?, number(4, 4)?, number(20, 4)?),
        Heads::Large8 => (number(4, 4)?, number(8, 8)?, number(16, 8)?, number(24, 8)?),
    };
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let sdna = u32::try_from(sdna).ok()?;
    Some(Block { code, sdna, count, owner: 0, old_address, offset, len })
}

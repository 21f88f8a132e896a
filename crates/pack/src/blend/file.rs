//! A .blend that is open: its index and DNA in memory, the rest read when asked for.

use super::BlendError;
use super::block::{self, Block};
use super::dna::Dna;
use super::header::{Header, Heads, Layout, Version};
use super::lookup::Lookup;
use super::source::{Raw, Source};
use super::view::Struct;
use fs_err::File;
use std::path::Path;
use std::sync::Arc;

/// The most that is read of one block, list or array of pointers.
pub(super) const LARGEST_READ: u64 = 64 << 20;

/// The most elements of one array or list that are looked at.
pub(super) const MOST_ELEMENTS: usize = 1 << 20;

/// A .blend: an index of its blocks and its DNA. Other bytes are read when they are asked for.
#[derive(Debug)]
pub struct BlendFile {
    source: Source,
    header: Header,
    blocks: Vec<Block>,
    /// Indices of the blocks that are no "DATA".
    ids: Vec<u32>,
    lookup: Lookup,
    dna: Dna,
}

impl BlendFile {
    /// Reads the index and the DNA.
    ///
    /// Memory: 56 bytes for each block (at most 8 Mi of them), the DNA (about 1 MB), and for
    /// packed files up to 64 MiB of what was unpacked; more than that goes to a temporary file
    /// without a name, and zstd without a table of its frames may ask for a window of as much as
    /// 128 MiB while it is unpacked. No call hands out more than 64 MiB of bytes; a list or array
    /// that goes on beyond that is cut.
    ///
    /// # Errors
    /// When it is no file, no .blend, is cut short or damaged, or unpacks to far more than any scene.
    pub fn open(path: &Path) -> Result<Self, BlendError> {
        // Opening a pipe would wait for someone to write to it.
        if !fs_err::metadata(path)?.is_file() {
            return Err(BlendError::NotAFile);
        }
        Self::read(Raw::file(File::open(path)?)?)
    }

    /// As [`BlendFile::open`], from bytes in memory.
    ///
    /// # Errors
    /// The same.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, BlendError> {
        Self::read(Raw::Memory(bytes))
    }

    fn read(raw: Raw) -> Result<Self, BlendError> {
        let source = Source::new(raw)?;
        let (header, mut blocks) = block::index(&source)?;
        blocks.shrink_to_fit();
        let missing = BlendError::BadDna { what: "there is none" };
        let dna = blocks.iter().rev().find(|block| block.code == *b"DNA1").ok_or(missing)?;
        let dna = read_range(&source, dna.offset, dna.len)
            .ok_or(BlendError::BadDna { what: "it can't be read" })?;
        let dna = Dna::parse(dna, header.layout)?;
        let is_id = |(_, block): &(u32, &Block)| block.code != *b"DATA";
        let ids = (0_u32..).zip(&blocks).filter(is_id).map(|(index, _)| index).collect();
        let lookup = Lookup::new(&blocks);
        Ok(Self { source, header, blocks, ids, lookup, dna })
    }

    /// Which Blender wrote it.
    pub fn version(&self) -> Version {
        self.header.version
    }

    /// The subversion of that Blender, as in its `FileGlobal`.
    pub fn subversion(&self) -> Option<i64> {
        self.ids("GLOB").next()?.int("subversion")
    }

    /// Whether numbers in [`Self::block_bytes`] have their first byte last.
    pub fn is_big_endian(&self) -> bool {
        self.layout().big_endian
    }

    /// All blocks, as they stand in the file.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// All datablocks with a code: "IM", "LI", "OB", "SC", ….
    pub fn ids<'a>(&'a self, code: &str) -> impl Iterator<Item = Struct<'a>> + use<'a> {
        let mut wanted = [0_u8; 4];
        wanted.iter_mut().zip(code.bytes()).for_each(|(to, byte)| *to = byte);
        let of_code = move |index: &&u32| {
            self.blocks.get(**index as usize).is_some_and(|block| block.code == wanted)
        };
        self.ids.iter().filter(of_code).filter_map(|index| self.first_of(*index, None))
    }

    /// All datablocks of whatever kind, and the blocks that stand for linked ones ("ID").
    pub fn all_ids(&self) -> impl Iterator<Item = Struct<'_>> {
        self.ids.iter().filter_map(|index| self.first_of(*index, None))
    }

    /// The first structure of every block that holds some of that name, whoever's it is.
    pub fn all<'a>(&'a self, type_name: &str) -> impl Iterator<Item = Struct<'a>> + use<'a> {
        let wanted = self.dna.structure(type_name);
        let of_type = move |(_, block): &(u32, &Block)| Some(block.sdna) == wanted;
        let blocks = (0_u32..).zip(&self.blocks).filter(of_type);
        blocks.filter_map(|(index, _)| self.first_of(index, None))
    }

    /// What was at an address in Blender's memory.
    pub fn at(&self, old_address: u64) -> Option<Struct<'_>> {
        self.first_of(self.lookup.find(&self.blocks, old_address, None)?, None)
    }

    /// The bytes of a block, if they are at most 64 MiB.
    pub fn block_bytes(&self, block: &Block) -> Option<Vec<u8>> {
        read_range(&self.source, block.offset, block.len)
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn heads(&self) -> Heads {
        self.header.heads
    }

    pub(super) fn dna(&self) -> &Dna {
        &self.dna
    }

    pub(super) fn layout(&self) -> Layout {
        self.header.layout
    }

    pub(super) fn block(&self, index: u32) -> Option<&Block> {
        self.blocks.get(index as usize)
    }

    /// The block that a pointer in `from` means.
    pub(super) fn target(&self, from: u32, address: u64) -> Option<u32> {
        let owner = self.block(from)?.owner;
        self.lookup.find(&self.blocks, address, Some(owner))
    }

    /// Whether both belong to the same datablock, or the second is one: lists stay within theirs,
    /// so that no file makes many of them walk one long list.
    pub(super) fn are_kin(&self, one: u32, other: u32) -> bool {
        let owner = self.block(other).map(|block| block.owner);
        owner == Some(other) || owner == self.block(one).map(|block| block.owner)
    }

    /// The first structure of a block; `declared` is what a pointer says that plain bytes are.
    pub(super) fn first_of(&self, index: u32, declared: Option<u32>) -> Option<Struct<'_>> {
        let block = self.block(index)?;
        let structure = self.structure_of(block, declared)?;
        let len = (self.dna.type_of(structure)?.len as u64).min(block.len);
        let bytes: Arc<[u8]> = read_range(&self.source, block.offset, len)?.into();
        Some(Struct::new(self, bytes, 0, structure, index))
    }

    /// All structures of a block.
    pub(super) fn all_of(&self, index: u32, declared: Option<u32>) -> Vec<Struct<'_>> {
        let all = || {
            let block = self.block(index)?;
            let structure = self.structure_of(block, declared)?;
            let len = self.dna.type_of(structure)?.len;
            let bytes: Arc<[u8]> = self.block_bytes(block)?.into();
            let starts = (0..bytes.len().checked_div(len)?).map(|nr| nr * len);
            let counted = if block.sdna == 0 { usize::MAX } else { block.count as usize };
            let limit = counted.min(MOST_ELEMENTS);
            let one = |start| Struct::new(self, Arc::clone(&bytes), start, structure, index);
            Some(starts.take(limit).map(one).collect())
        };
        all().unwrap_or_default()
    }

    fn structure_of(&self, block: &Block, declared: Option<u32>) -> Option<u32> {
        let plain = block.sdna == 0;
        let structure = if plain { declared.unwrap_or(0) } else { block.sdna };
        self.dna.type_of(structure).map(|_| structure)
    }
}

fn read_range(source: &Source, offset: u64, len: u64) -> Option<Vec<u8>> {
    let end = offset.checked_add(len)?;
    if len > LARGEST_READ || end > source.len() {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(len).ok()?];
    source.read_at(offset, &mut bytes).ok()?;
    Some(bytes)
}

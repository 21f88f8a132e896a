//! Typed access to one structure by the names of its fields.

use super::dna::{Field, Type};
use super::edit::Spot;
use super::file::{BlendFile, LARGEST_READ, MOST_ELEMENTS};
use std::collections::HashSet;
use std::sync::Arc;

/// The longest text read through a `char *`.
const LONGEST_TEXT: usize = 1 << 20;

/// The most pointers of one array that are followed; no object has that many materials.
const MOST_POINTERS: usize = 1 << 16;

/// One structure of a .blend: a cheap handle on its bytes.
///
/// Paths name fields as in Blender's DNA: `r.im_format.imtype`, `id.name`, `cur[2]`. What is not
/// there, or is of another kind, is `None`.
#[derive(Clone)]
pub struct Struct<'a> {
    file: &'a BlendFile,
    bytes: Arc<[u8]>,
    start: usize,
    structure: u32,
    block: u32,
}

/// A field that was found: where its bytes are, and how many elements are left.
struct Found<'a> {
    offset: usize,
    field: Field,
    count: usize,
    kind: &'a Type,
}

impl<'a> Struct<'a> {
    pub(super) fn new(
        file: &'a BlendFile,
        bytes: Arc<[u8]>,
        start: usize,
        structure: u32,
        block: u32,
    ) -> Self {
        Self { file, bytes, start, structure, block }
    }

    /// The file that it is from.
    pub fn file(&self) -> &'a BlendFile {
        self.file
    }

    /// What it is called in the DNA: "Image", "`SubsurfModifierData`", ….
    pub fn type_name(&self) -> &'a str {
        let dna = self.file.dna();
        dna.type_of(self.structure).map_or("", |kind| dna.name_of(kind))
    }

    /// The code of the block that it is in, without NULs: "IM", "DATA", ….
    pub fn code(&self) -> &'a str {
        self.file.block(self.block).map_or("", |block| block.code())
    }

    /// The datablock that it belongs to.
    pub fn owner(&self) -> Option<Struct<'a>> {
        self.file.first_of(self.owner_index()?, None)
    }

    /// The index of the block of that datablock.
    pub(crate) fn owner_index(&self) -> Option<u32> {
        self.file.block(self.block).map(|block| block.owner)
    }

    /// Where its block was in Blender's memory, plus where it is in that.
    pub fn old_address(&self) -> u64 {
        let block = self.file.block(self.block).map_or(0, |block| block.old_address);
        block.wrapping_add(self.start as u64)
    }

    /// Whether the DNA has such a field.
    pub fn has(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// An integer of any size; unsigned ones of 64 bits wrap.
    pub fn int(&self, path: &str) -> Option<i64> {
        let found = self.find(path)?;
        let name = self.file.dna().name_of(found.kind);
        let plain = found.field.pointers == 0 && found.kind.structure.is_none();
        if !plain || matches!(name, "float" | "double" | "void") {
            return None;
        }
        let bytes = self.at(found.offset, found.field.element)?;
        if name.starts_with('u') || name == "bool" {
            return self.file.layout().unsigned(bytes).map(u64::cast_signed);
        }
        self.file.layout().signed(bytes)
    }

    /// Whether an integer is there and not zero.
    pub fn is_set(&self, path: &str) -> bool {
        self.int(path).is_some_and(|value| value != 0)
    }

    /// A float or double; also an integer, as a float.
    pub fn float(&self, path: &str) -> Option<f64> {
        let found = self.find(path)?;
        let bits = |len| {
            let bytes = self.at(found.offset, len)?;
            (found.field.pointers == 0).then(|| self.file.layout().unsigned(bytes))?
        };
        match self.file.dna().name_of(found.kind) {
            "float" => Some(f64::from(f32::from_bits(u32::try_from(bits(4)?).ok()?))),
            "double" => Some(f64::from_bits(bits(8)?)),
            _ =>
            {
                #[expect(clippy::cast_precision_loss, reason = "counts and flags are small")]
                self.int(path).map(|value| value as f64)
            }
        }
    }

    /// The bytes up to the NUL, of a `char[]` or where a `char *` points to.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let found = self.find(path)?;
        if found.kind.len != 1 {
            return None;
        }
        let until_nul = |bytes: &[u8]| {
            bytes.iter().take_while(|byte| **byte != 0).copied().take(LONGEST_TEXT).collect()
        };
        match found.field.pointers {
            0 => Some(until_nul(self.at(found.offset, found.count)?)),
            1 => {
                let address = self.file.layout().pointer_at(self.own(), found.offset)?;
                let block = self.file.target(self.block, address)?;
                Some(until_nul(&self.file.block_bytes(self.file.block(block)?)?))
            }
            _ => None,
        }
    }

    /// Where those bytes stand, to be edited.
    pub fn spot(&self, path: &str) -> Option<Spot> {
        let found = self.find(path)?;
        if found.kind.len != 1 {
            return None;
        }
        match found.field.pointers {
            0 => Some(Spot::Field {
                block: self.block,
                offset: (self.start + found.offset) as u64,
                len: found.count,
            }),
            1 => {
                let address = self.file.layout().pointer_at(self.own(), found.offset)?;
                Some(Spot::Block { block: self.file.target(self.block, address)?, length: None })
            }
            _ => None,
        }
    }

    /// Where the text of an ID property stands, and its length with it.
    pub(crate) fn property_spot(&self) -> Option<Spot> {
        let block = self.file.target(self.block, self.address("data.pointer")?)?;
        let lengths = ["len", "totallen"].map(|name| {
            let found = self.find(name).filter(|found| found.field.element == 4)?;
            Some((self.block, (self.start + found.offset) as u64))
        });
        let [Some(len), Some(total)] = lengths else { return None };
        Some(Spot::Block { block, length: Some([len, total]) })
    }

    /// The same as text; bytes that are no UTF-8 become `U+FFFD`.
    pub fn text(&self, path: &str) -> Option<String> {
        Some(String::from_utf8_lossy(&self.bytes(path)?).into_owned())
    }

    /// The raw address in a pointer.
    pub fn address(&self, path: &str) -> Option<u64> {
        let found = self.find(path)?;
        let is_pointer = found.field.pointers > 0;
        is_pointer.then(|| self.file.layout().pointer_at(self.own(), found.offset))?
    }

    /// What a pointer points to; `None` for null and unknown addresses.
    pub fn pointer(&self, path: &str) -> Option<Struct<'a>> {
        let found = self.find(path)?;
        let address = self.address(path).filter(|address| *address != 0)?;
        let target = self.file.target(self.block, address)?;
        self.file.first_of(target, found.kind.structure)
    }

    /// What a `ListBase` holds, or the elements of an embedded array, or of the array that a
    /// pointer points to.
    pub fn structs(&self, path: &str) -> Vec<Struct<'a>> {
        let Some(found) = self.find(path) else { return Vec::new() };
        let declared = found.kind.structure;
        if found.field.pointers == 0 {
            let Some(structure) = declared else { return Vec::new() };
            if self.file.dna().name_of(found.kind).starts_with("ListBase") {
                return self.list(found.offset);
            }
            let start = |nr: usize| self.start + found.offset + nr * found.field.element;
            let inside = (0..found.count).map(start).filter(|start| *start < self.bytes.len());
            return inside.map(|start| Self { start, structure, ..self.clone() }).collect();
        }
        let address = self.address(path).filter(|address| *address != 0);
        let target = address.and_then(|address| self.file.target(self.block, address));
        target.map(|target| self.file.all_of(target, declared)).unwrap_or_default()
    }

    /// What an array of pointers points to, null and unknown ones as `None`: an array in the
    /// structure, or one that a pointer to pointers points to.
    pub fn pointers(&self, path: &str) -> Vec<Option<Struct<'a>>> {
        let Some(found) = self.find(path) else { return Vec::new() };
        let layout = self.file.layout();
        let size = layout.pointer_bytes;
        let outside;
        let bytes = match found.field.pointers {
            1 => self.at(found.offset, found.count.saturating_mul(size)).unwrap_or_default(),
            2.. => {
                let address = layout.pointer_at(self.own(), found.offset).unwrap_or(0);
                let target = self.file.target(self.block, address);
                let block = target.and_then(|target| self.file.block(target));
                outside = block.and_then(|block| self.file.block_bytes(block)).unwrap_or_default();
                &*outside
            }
            0 => return Vec::new(),
        };
        let mut budget = LARGEST_READ;
        let one = |bytes| {
            let address = layout.unsigned(bytes).filter(|address| *address != 0)?;
            let target = self.file.target(self.block, address)?;
            let pointed = self.file.first_of(target, found.kind.structure)?;
            budget = budget.checked_sub(pointed.bytes.len() as u64)?;
            Some(pointed)
        };
        bytes.chunks_exact(size).take(MOST_POINTERS).map(one).collect()
    }

    /// All bytes of the block that a pointer points to, up to 64 MiB.
    pub fn pointed_bytes(&self, path: &str) -> Option<Vec<u8>> {
        let target = self.file.target(self.block, self.address(path)?)?;
        self.file.block_bytes(self.file.block(target)?)
    }

    /// How long that block is.
    pub(super) fn pointed_len(&self, path: &str) -> Option<u64> {
        let target = self.file.target(self.block, self.address(path)?)?;
        self.file.block(target).map(|block| block.len)
    }

    /// A signed number in the byte order of the file.
    pub(super) fn number(&self, bytes: &[u8]) -> Option<i64> {
        self.file.layout().signed(bytes)
    }

    /// Whether the file was written by a machine of that byte order.
    pub(super) fn is_big_endian(&self) -> bool {
        self.file.layout().big_endian
    }

    /// The name of a datablock without the two letters of its kind.
    pub fn id_name(&self) -> Option<String> {
        let name = self.text("id.name").or_else(|| {
            let is_placeholder = self.type_name() == "ID";
            self.text("name").filter(|_| is_placeholder)
        })?;
        Some(name.get(2..).unwrap_or_default().to_owned())
    }

    /// The list whose first address is at `offset`; each element once.
    fn list(&self, offset: usize) -> Vec<Struct<'a>> {
        let layout = self.file.layout();
        let mut address = layout.pointer_at(self.own(), offset);
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let mut budget = LARGEST_READ;
        while let Some(next) = address.filter(|next| *next != 0 && seen.insert(*next)) {
            let target = self.file.target(self.block, next);
            let target = target.filter(|target| self.file.are_kin(self.block, *target));
            let element = target.and_then(|target| self.file.first_of(target, None));
            let Some(element) = element else { break };
            let left = budget.checked_sub(element.bytes.len() as u64);
            let Some(left) = left.filter(|_| found.len() < MOST_ELEMENTS) else { break };
            budget = left;
            address = layout.pointer_at(element.own(), 0);
            found.push(element);
        }
        found
    }

    /// The bytes from its start on.
    fn own(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    fn at(&self, offset: usize, len: usize) -> Option<&[u8]> {
        self.own().get(offset..offset.checked_add(len)?)
    }

    fn find(&self, path: &str) -> Option<Found<'a>> {
        let dna = self.file.dna();
        let mut structure = Some(self.structure);
        let mut start = 0_usize;
        let mut found = None;
        for part in path.split('.') {
            let (name, index) = match part.split_once('[') {
                Some((name, index)) => (name, index.trim_end_matches(']').parse().ok()?),
                None => (part, 0_usize),
            };
            let field = dna.field(structure?, name)?;
            let count = field.count.checked_sub(index).filter(|left| *left > 0)?;
            let kind = dna.kind(field.kind)?;
            let offset = start + field.offset + index * field.element;
            structure = kind.structure.filter(|_| field.pointers == 0);
            start = offset;
            found = Some(Found { offset, field, count, kind });
        }
        found
    }
}

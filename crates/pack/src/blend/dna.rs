//! DNA: the description of every structure in a .blend, which each file carries.

use super::BlendError;
use super::header::Layout;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

/// How deep structures may lie in each other.
const DEEPEST: usize = 16;
/// Pointers in one structure; the largest has a few hundred.
const MOST_POINTERS: usize = 20_000;

/// Names, types and structures; the file numbers each with 16 bits.
const MOST: u64 = 1 << 16;

/// A field's name, taken apart: `*mat[4][2]` is a pointer, 8 of them, called `mat`.
///
/// Kept small: a file has some five thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name {
    /// Its plain part.
    text: Text,
    count: u32,
    pointers: u8,
}

/// Where a text is in the bytes of the DNA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Text {
    start: u32,
    len: u32,
}

impl Text {
    fn new(start: usize, len: usize) -> Option<Self> {
        Some(Self { start: u32::try_from(start).ok()?, len: u32::try_from(len).ok()? })
    }

    fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        bytes.get(start..start + self.len as usize).unwrap_or_default()
    }
}

impl Name {
    fn parse(bytes: &[u8], place: Text) -> Option<Self> {
        let whole = place.of(bytes);
        let is_function = whole.starts_with(b"(");
        let inner = whole.strip_prefix(b"(").unwrap_or(whole);
        let stars = inner.iter().take_while(|byte| **byte == b'*').count();
        let plain = inner.get(stars..)?;
        let len = plain.iter().position(|byte| matches!(byte, b'[' | b')')).unwrap_or(plain.len());
        let count = if is_function || len == plain.len() { 1 } else { product(plain.get(len..)?)? };
        let from = place.start as usize + usize::from(is_function) + stars;
        Some(Self { text: Text::new(from, len)?, count, pointers: u8::try_from(stars).ok()? })
    }
}

/// 8 of `[4][2]`, 1 of nothing.
fn product(sizes: &[u8]) -> Option<u32> {
    let sizes = std::str::from_utf8(sizes).ok()?;
    let mut sizes = sizes.split('[').skip(1);
    sizes.try_fold(1, |product: u32, size| {
        product.checked_mul(size.trim_end_matches(']').parse().ok()?)
    })
}

/// A basic type, or the structure of that index.
#[derive(Debug)]
pub(super) struct Type {
    name: Text,
    pub(super) len: usize,
    pub(super) structure: Option<u32>,
}

/// Where a field is and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// Index of its type.
    pub(super) kind: u32,
    /// Bytes from the start of its structure.
    pub(super) offset: usize,
    /// 1 for `*next`, 2 for `**mat`.
    pub(super) pointers: u8,
    /// Elements of an array, else 1.
    pub(super) count: usize,
    /// Bytes of one element.
    pub(super) element: usize,
}

#[derive(Debug)]
struct Structure {
    kind: u32,
    /// Where its fields are among all.
    fields: Range<usize>,
    by_name: OnceLock<HashMap<Box<str>, Field>>,
}

/// All structures of a file.
#[derive(Debug)]
pub(super) struct Dna {
    bytes: Vec<u8>,
    pointer_bytes: usize,
    names: Vec<Name>,
    types: Vec<Type>,
    /// Type and name of each field of each structure, as indices.
    fields: Vec<(u16, u16)>,
    structures: Vec<Structure>,
}

const BAD: fn() -> BlendError =
    || BlendError::BadDna { what: "a structure that contradicts itself" };

impl Dna {
    pub(super) fn parse(bytes: Vec<u8>, layout: Layout) -> Result<Self, BlendError> {
        let mut reader = Reader { bytes: &bytes, at: 0, layout };
        reader.expect(*b"SDNA")?;
        reader.expect(*b"NAME")?;
        let unreadable = || BlendError::BadDna { what: "a name that can't be read" };
        let names = reader.texts(|text| Name::parse(&bytes, text).ok_or_else(unreadable))?;
        reader.expect(*b"TYPE")?;
        let mut types = reader.texts(|name| Ok(Type { name, len: 0, structure: None }))?;
        reader.expect(*b"TLEN")?;
        for kind in &mut types {
            kind.len = usize::from(reader.short()?);
        }
        reader.expect(*b"STRC")?;
        let pointer_bytes = layout.pointer_bytes;
        let (fields, structures) = (Vec::new(), Vec::new());
        let mut dna = Self { bytes: Vec::new(), pointer_bytes, names, types, fields, structures };
        for index in 0..reader.count()? {
            dna.read_structure(&mut reader, index)?;
        }
        dna.bytes = bytes;
        Ok(dna)
    }

    fn read_structure(&mut self, reader: &mut Reader<'_>, index: u32) -> Result<(), BlendError> {
        let kind = u32::from(reader.short()?);
        let start = self.fields.len();
        let own_len = self.kind(kind).ok_or_else(BAD)?.len;
        let mut len = 0_usize;
        for _ in 0..reader.short()? {
            let pair = (reader.short()?, reader.short()?);
            let (field, _) = self.place(pair, len).ok_or_else(BAD)?;
            let end = field.element.checked_mul(field.count).and_then(|more| len.checked_add(more));
            // What claims to lie beyond its structure is left out, with all that follows it.
            len = end.unwrap_or(usize::MAX);
            if len <= own_len {
                self.fields.push(pair);
            }
        }
        let own = self.types.get_mut(kind as usize).ok_or_else(BAD)?;
        own.structure = Some(index);
        let fields = start..self.fields.len();
        self.structures.push(Structure { kind, fields, by_name: OnceLock::new() });
        Ok(())
    }

    /// A field of some type and name at an offset, and that name.
    fn place(&self, (kind, name): (u16, u16), offset: usize) -> Option<(Field, &Name)> {
        let name = self.names.get(usize::from(name))?;
        let len = self.types.get(usize::from(kind))?.len;
        let element = if name.pointers > 0 { self.pointer_bytes } else { len };
        let count = if element == 0 { 1 } else { name.count as usize };
        let (kind, pointers) = (u32::from(kind), name.pointers);
        Some((Field { kind, offset, pointers, count, element }, name))
    }

    /// The fields of a structure in their order, with their names.
    fn fields(&self, structure: &Structure) -> impl Iterator<Item = (Field, &Name)> {
        let pairs = self.fields.get(structure.fields.clone()).unwrap_or_default();
        pairs.iter().scan(0, |offset, pair| {
            let (field, name) = self.place(*pair, *offset)?;
            *offset += field.element * field.count;
            Some((field, name))
        })
    }

    /// The type of a structure.
    pub(super) fn type_of(&self, structure: u32) -> Option<&Type> {
        self.kind(self.structures.get(structure as usize)?.kind)
    }

    /// A type by its index.
    pub(super) fn kind(&self, index: u32) -> Option<&Type> {
        self.types.get(index as usize)
    }

    /// The name of a type; empty where the file has none that can be read.
    pub(super) fn name_of(&self, kind: &Type) -> &str {
        std::str::from_utf8(kind.name.of(&self.bytes)).unwrap_or_default()
    }

    /// The structure of a name.
    pub(super) fn structure(&self, name: &str) -> Option<u32> {
        let is_it = |kind: &&Type| kind.name.of(&self.bytes) == name.as_bytes();
        self.types.iter().find(is_it)?.structure
    }

    /// Where the pointers of a structure are, those inside of it included, and whether they point
    /// to an array of pointers.
    pub(super) fn pointers(&self, structure: u32) -> Vec<(usize, bool)> {
        let mut found = Vec::new();
        self.add_pointers(structure, 0, DEEPEST, &mut found);
        found
    }

    fn add_pointers(
        &self,
        structure: u32,
        start: usize,
        depth: usize,
        found: &mut Vec<(usize, bool)>,
    ) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let Some(structure) = self.structures.get(structure as usize) else { return };
        for (field, _) in self.fields(structure) {
            let kind = self.kind(field.kind).filter(|kind| kind.len > 0 || field.pointers > 0);
            let inner = kind.and_then(|kind| kind.structure);
            for nr in 0..field.count {
                if found.len() >= MOST_POINTERS {
                    return;
                }
                let offset = start + field.offset + nr * field.element;
                match (field.pointers, inner) {
                    (0, Some(inner)) => self.add_pointers(inner, offset, depth, found),
                    (0, None) => break,
                    (1, _) => found.push((offset, false)),
                    _ => found.push((offset, true)),
                }
            }
        }
    }

    /// A field of a structure, by its name without stars and brackets.
    pub(super) fn field(&self, structure: u32, name: &str) -> Option<Field> {
        let structure = self.structures.get(structure as usize)?;
        let by_name = structure.by_name.get_or_init(|| {
            let text =
                |name: &Name| std::str::from_utf8(name.text.of(&self.bytes)).ok().map(Into::into);
            let named = self.fields(structure);
            named.filter_map(|(field, name)| Some((text(name)?, field))).collect()
        });
        by_name.get(name).copied()
    }
}

/// Goes through the bytes of the DNA.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    layout: Layout,
}

impl Reader<'_> {
    const CUT: fn() -> BlendError = || BlendError::BadDna { what: "it ends early" };

    fn take(&mut self, len: usize) -> Result<&[u8], BlendError> {
        let end = self.at.checked_add(len).ok_or_else(Self::CUT)?;
        let part = self.bytes.get(self.at..end).ok_or_else(Self::CUT)?;
        self.at = end;
        Ok(part)
    }

    fn expect(&mut self, mark: [u8; 4]) -> Result<(), BlendError> {
        self.at = self.at.next_multiple_of(4);
        if self.take(4)? == mark {
            return Ok(());
        }
        Err(BlendError::BadDna { what: "one of its parts is missing" })
    }

    fn short(&mut self) -> Result<u16, BlendError> {
        let big_endian = self.layout.big_endian;
        let bytes = *self.take(2)?.first_chunk().ok_or_else(Self::CUT)?;
        Ok(if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    /// How many there are.
    fn count(&mut self) -> Result<u32, BlendError> {
        let layout = self.layout;
        let number = layout.unsigned(self.take(4)?).ok_or_else(Self::CUT)?;
        u32::try_from(number).ok().filter(|_| number <= MOST).ok_or_else(Self::CUT)
    }

    /// Makes something of each text, without its NUL.
    fn texts<T>(
        &mut self,
        make: impl Fn(Text) -> Result<T, BlendError>,
    ) -> Result<Vec<T>, BlendError> {
        let count = self.count()?;
        let mut texts = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let len = rest.iter().position(|byte| *byte == 0).ok_or_else(Self::CUT)?;
            texts.push(make(Text::new(self.at, len).ok_or_else(Self::CUT)?)?);
            self.at += len + 1;
        }
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let name = |text: &str| {
            let name = Name::parse(text.as_bytes(), Text::new(0, text.len())?)?;
            let plain = String::from_utf8(name.text.of(text.as_bytes()).to_vec()).ok()?;
            Some((plain, name.pointers, name.count))
        };
        let is = |text: &str, pointers, count| Some((text.to_owned(), pointers, count));
        assert_eq!(name("*next"), is("next", 1, 1));
        assert_eq!(name("mat[4][2]"), is("mat", 0, 8));
        assert_eq!(name("**mat"), is("mat", 2, 1));
        assert_eq!(name("(*func)()"), is("func", 1, 1));
        assert_eq!(name("*mtex[18]"), is("mtex", 1, 18));
        assert_eq!(name("huge[99999999999][99999999999]"), None);
        assert_eq!(name("a[b]"), None);
    }

    #[test]
    fn fields_beyond_their_structure_are_left_out() {
        let parse = |tile_len: u8| {
            let mut bytes =
                b"SDNANAME\x02\0\0\0one\0two\0TYPE\x02\0\0\0int\0Tile\0\0\0\0TLEN".to_vec();
            bytes.extend([4, 0, tile_len, 0]);
            bytes.extend(b"STRC\x01\0\0\0\x01\0\x02\0\0\0\0\0\0\0\x01\0");
            Dna::parse(bytes, Layout { big_endian: false, pointer_bytes: 8 }).unwrap()
        };
        let has = |dna: &Dna, name| dna.field(0, name).is_some();
        let whole = parse(8);
        assert!(has(&whole, "one") && has(&whole, "two"));
        assert_eq!(whole.structure("Tile"), Some(0));
        let cut = parse(5);
        assert!(has(&cut, "one") && !has(&cut, "two"));
    }
}

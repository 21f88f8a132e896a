//! Makes small .blend files of whatever structures a test needs, without Blender.

use std::collections::BTreeMap;

/// A structure: its fields with their types, as in C.
type Fields = Vec<(String, String)>;

/// A .blend in the making: little-endian, 64 bit, as Blender 2.80 to 4.x write it.
pub(crate) struct Made {
    structures: Vec<(String, Fields)>,
    blocks: Vec<u8>,
}

/// What a field is set to.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Int(i64),
    Float(f32),
    Bytes(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f32> for Value<'_> {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Bytes(value.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl Made {
    /// A file with these structures, one a line: `Image: ID id; char name[1024]; short source`.
    pub(crate) fn new(dna: &str) -> Self {
        let structure = |line: &str| {
            let (name, fields) = line.split_once(':').unwrap();
            let field = |field: &str| {
                let (kind, name) = field.trim().split_once(' ').unwrap();
                (kind.to_owned(), name.to_owned())
            };
            (name.trim().to_owned(), fields.split(';').map(field).collect())
        };
        let base = "raw: char byte\nListBase: void *first; void *last";
        let lines = base.lines().chain(dna.lines()).map(str::trim);
        let structures = lines.filter(|line| !line.is_empty()).map(structure).collect();
        Self { structures, blocks: b"BLENDER-v304".to_vec() }
    }

    /// Adds a block with one structure, of which these fields are set.
    pub(crate) fn add(
        &mut self,
        code: &str,
        address: i64,
        kind: &str,
        fields: &[(&str, Value<'_>)],
    ) {
        let mut data = vec![0; self.len_of(kind)];
        for (path, value) in fields {
            let (offset, len) = self.find(kind, path);
            let bytes = match value {
                Value::Int(value) => value.to_le_bytes().to_vec(),
                Value::Float(value) => value.to_le_bytes().to_vec(),
                Value::Bytes(bytes) => bytes.to_vec(),
            };
            let bytes = &bytes[..bytes.len().min(len)];
            data[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
        let sdna = self.structures.iter().position(|(name, _)| name == kind).unwrap();
        self.block(code, address, sdna, &data);
    }

    /// Adds a block of plain bytes.
    pub(crate) fn add_bytes(&mut self, address: i64, data: &[u8]) {
        self.block("DATA", address, 0, data);
    }

    fn block(&mut self, code: &str, address: i64, sdna: usize, data: &[u8]) {
        let mut code = code.as_bytes().to_vec();
        code.resize(4, 0);
        let sdna = u32::try_from(sdna).unwrap().to_le_bytes();
        let len = u32::try_from(data.len()).unwrap().to_le_bytes();
        let address = address.to_le_bytes();
        let parts: [&[u8]; 6] = [&code, &len, &address, &sdna, &1_u32.to_le_bytes(), data];
        self.blocks.extend(parts.concat());
    }

    /// The whole file.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let dna = self.dna();
        self.block("DNA1", 1, 0, &dna);
        self.block("ENDB", 0, 0, &[]);
        self.blocks
    }

    fn dna(&self) -> Vec<u8> {
        let mut names: Vec<&str> = Vec::new();
        let mut kinds = vec!["char", "short", "int", "float", "void"];
        kinds.extend(self.structures.iter().map(|(name, _)| name.as_str()));
        let fields = || self.structures.iter().flat_map(|(_, fields)| fields);
        names.extend(fields().map(|(_, name)| name.as_str()));
        let unknown: Vec<&str> = fields().map(|(kind, _)| kind.as_str()).collect();
        kinds.extend(unknown.iter().filter(|kind| !kinds.contains(kind)).collect::<Vec<_>>());
        names.sort_unstable();
        names.dedup();
        let index: BTreeMap<&str, u16> =
            kinds.iter().copied().zip(0_u16..).collect::<Vec<_>>().into_iter().rev().collect();
        let mut dna = b"SDNANAME".to_vec();
        let texts = |dna: &mut Vec<u8>, texts: &[&str]| {
            dna.extend(u32::try_from(texts.len()).unwrap().to_le_bytes());
            for text in texts {
                dna.extend([text.as_bytes(), &[0]].concat());
            }
            dna.resize(dna.len().next_multiple_of(4), 0);
        };
        texts(&mut dna, &names);
        dna.extend(b"TYPE");
        texts(&mut dna, &kinds);
        dna.extend(b"TLEN");
        for kind in &kinds {
            dna.extend(u16::try_from(self.len_of(kind)).unwrap().to_le_bytes());
        }
        dna.resize(dna.len().next_multiple_of(4), 0);
        dna.extend(b"STRC");
        dna.extend(u32::try_from(self.structures.len()).unwrap().to_le_bytes());
        for (name, fields) in &self.structures {
            let mut numbers = vec![index[name.as_str()], u16::try_from(fields.len()).unwrap()];
            for (kind, name) in fields {
                let name = u16::try_from(names.binary_search(&name.as_str()).unwrap()).unwrap();
                numbers.extend([index[kind.as_str()], name]);
            }
            dna.extend(numbers.into_iter().flat_map(u16::to_le_bytes));
        }
        dna
    }

    fn fields(&self, kind: &str) -> Option<&Fields> {
        Some(&self.structures.iter().find(|(name, _)| name == kind)?.1)
    }

    fn len_of(&self, kind: &str) -> usize {
        match (kind, self.fields(kind)) {
            ("char", _) => 1,
            ("short", _) => 2,
            ("int" | "float", _) => 4,
            (_, None) => 0,
            (_, Some(fields)) => fields.iter().map(|(kind, name)| self.field_len(kind, name)).sum(),
        }
    }

    fn field_len(&self, kind: &str, name: &str) -> usize {
        let one = if name.starts_with('*') { 8 } else { self.len_of(kind) };
        let count =
            name.split_once('[').map_or(1, |(_, n)| n.trim_end_matches(']').parse().unwrap());
        one * count
    }

    /// Where a field is, and its length.
    fn find(&self, kind: &str, path: &str) -> (usize, usize) {
        let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        let mut offset = 0;
        for (kind, name) in self.fields(kind).unwrap() {
            let len = self.field_len(kind, name);
            if name.trim_start_matches('*').split('[').next() == Some(first) {
                let Some(rest) = rest else { return (offset, len) };
                let (inner, len) = self.find(kind, rest);
                return (offset + inner, len);
            }
            offset += len;
        }
        panic!("{kind} has no {path}");
    }
}

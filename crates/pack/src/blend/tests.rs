//! Whole files, made here byte by byte, and what damage does to them.

use super::*;
use proptest::prelude::*;
use std::io::Write;

/// How a made file lays out its numbers.
#[derive(Debug, Clone, Copy)]
struct Form {
    big: bool,
    pointer: usize,
    large_heads: bool,
}

const FORMS: [Form; 5] = [
    Form { big: false, pointer: 8, large_heads: false },
    Form { big: true, pointer: 8, large_heads: false },
    Form { big: false, pointer: 4, large_heads: false },
    Form { big: true, pointer: 4, large_heads: false },
    Form { big: false, pointer: 8, large_heads: true },
];

const NAMES: [&str; 22] = [
    "*first",
    "*last",
    "*next",
    "*prev",
    "name[24]",
    "id",
    "path[32]",
    "tiles",
    "color[2][2]",
    "source",
    "*tile",
    "**more",
    "*note",
    "number",
    "*properties",
    "type",
    "subtype",
    "data",
    "*pointer",
    "group",
    "val",
    "val2",
];
const LEN: usize = 22;
const TYPES: [&str; 12] = [
    "char",
    "short",
    "int",
    "float",
    "void",
    "raw",
    "ListBase",
    "ID",
    "Image",
    "Tile",
    "IDProperty",
    "IDPropertyData",
];
/// Structures by the indices of their type, and of the type and name of each field.
const STRUCTURES: [(usize, &[(usize, usize)]); 7] = [
    (5, &[(0, 15)]),
    (6, &[(4, 0), (4, 1)]),
    (7, &[(0, 4), (10, 14)]),
    (8, &[(7, 5), (0, 6), (6, 7), (3, 8), (1, 9), (1, 15), (9, 10), (9, 11), (0, 12)]),
    (9, &[(9, 2), (9, 3), (2, 13)]),
    (10, &[(10, 2), (10, 3), (0, 15), (0, 16), (1, 9), (0, 4), (2, LEN), (11, 17)]),
    (11, &[(4, 18), (6, 19), (2, 20), (2, 21)]),
];

struct Maker {
    form: Form,
    bytes: Vec<u8>,
}

impl Maker {
    fn number(&self, value: u64, len: usize) -> Vec<u8> {
        let big = || value.to_be_bytes()[8 - len..].to_vec();
        if self.form.big { big() } else { value.to_le_bytes()[..len].to_vec() }
    }

    fn pointer(&self, value: u64) -> Vec<u8> {
        self.number(value, self.form.pointer)
    }

    fn text(text: &str, len: usize) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(len, 0);
        bytes
    }

    fn block(&mut self, code: &str, address: u64, sdna: u64, count: u64, data: &[u8]) {
        let code = Self::text(code, 4);
        let len = data.len() as u64;
        let head = if self.form.large_heads {
            [code, self.number(sdna, 4), self.number(address, 8), self.number(len, 8)].concat()
        } else {
            let address = self.pointer(address);
            [code, self.number(len, 4), address, self.number(sdna, 4)].concat()
        };
        let count = self.number(count, if self.form.large_heads { 8 } else { 4 });
        self.bytes.extend([&*head, &count, data].concat());
    }

    fn sizes(&self) -> Vec<usize> {
        let pointer = self.form.pointer;
        let (list, id) = (2 * pointer, 24 + pointer);
        let image = id + 32 + list + 16 + 4 + 3 * pointer;
        let data = pointer + list + 8;
        vec![1, 2, 4, 4, 0, 1, list, id, image, 2 * pointer + 4, 2 * pointer + 32 + data, data]
    }

    fn dna(&mut self) {
        let mut dna = b"SDNANAME".to_vec();
        let pad = |dna: &mut Vec<u8>| dna.resize(dna.len().next_multiple_of(4), 0);
        dna.extend(self.number(NAMES.len() as u64 + 1, 4));
        for name in NAMES.iter().chain(&["len"]) {
            dna.extend(name.bytes().chain([0]));
        }
        pad(&mut dna);
        dna.extend(b"TYPE");
        dna.extend(self.number(TYPES.len() as u64, 4));
        for name in TYPES {
            dna.extend(name.bytes().chain([0]));
        }
        pad(&mut dna);
        dna.extend(b"TLEN");
        for size in self.sizes() {
            dna.extend(self.number(size as u64, 2));
        }
        pad(&mut dna);
        dna.extend(b"STRC");
        dna.extend(self.number(STRUCTURES.len() as u64, 4));
        for (kind, fields) in STRUCTURES {
            dna.extend(self.number(kind as u64, 2));
            dna.extend(self.number(fields.len() as u64, 2));
            for (kind, name) in fields {
                dna.extend(self.number(*kind as u64, 2));
                dna.extend(self.number(*name as u64, 2));
            }
        }
        self.block("DNA1", 1, 0, 1, &dna);
    }

    fn tile(&self, next: u64, number: u64) -> Vec<u8> {
        [self.pointer(next), self.pointer(0), self.number(number, 4)].concat()
    }

    fn property(&self, next: u64, kind: u8, name: &str, data: [u64; 4]) -> Vec<u8> {
        let mut bytes = [self.pointer(next), self.pointer(0), vec![kind, 0, 0, 0]].concat();
        bytes.extend(Self::text(name, 24));
        bytes.extend(self.number(0, 4));
        bytes.extend([self.pointer(data[0]), self.pointer(data[1]), self.pointer(0)].concat());
        bytes.extend([self.number(data[2], 4), self.number(data[3], 4)].concat());
        bytes
    }

    /// An image of two tiles that name each other, with a group of two properties.
    fn file(form: Form) -> Vec<u8> {
        let head: &[u8] = match (form.large_heads, form.pointer, form.big) {
            (true, ..) => b"BLENDER17-01v0500",
            (_, 8, false) => b"BLENDER-v293",
            (_, 8, true) => b"BLENDER-V293",
            (_, _, false) => b"BLENDER_v293",
            (_, _, true) => b"BLENDER_V293",
        };
        let mut maker = Self { form, bytes: head.to_vec() };
        let mut image = [Self::text("IMwood", 24), maker.pointer(700)].concat();
        image.extend(Self::text("//tex/wood.png\0junk", 32));
        image.extend([maker.pointer(200), maker.pointer(300)].concat());
        for value in [0.0_f32, 0.25, 0.5, 1.0] {
            image.extend(maker.number(value.to_bits().into(), 4));
        }
        image.extend([maker.number(0xfffe, 2), maker.number(7, 2)].concat());
        image.extend([maker.pointer(300), maker.pointer(400), maker.pointer(500)].concat());
        maker.block("IM", 100, 3, 1, &image);
        let tile = maker.tile(300, 1001);
        maker.block("DATA", 200, 4, 1, &tile);
        let tile = maker.tile(200, 1002);
        maker.block("DATA", 300, 4, 1, &tile);
        let array = [maker.pointer(300), maker.pointer(0), maker.pointer(200)].concat();
        maker.block("DATA", 400, 0, 1, &array);
        maker.block("DATA", 500, 0, 1, b"a note\0and more");
        let group = maker.property(0, 6, "", [0, 800, 0, 0]);
        maker.block("DATA", 700, 5, 1, &group);
        let samples = maker.property(900, 1, "samples", [0, 0, 128, 0]);
        maker.block("DATA", 800, 5, 1, &samples);
        let text = maker.property(0, 0, "note", [500, 0, 0, 0]);
        maker.block("DATA", 900, 5, 1, &text);
        maker.dna();
        maker.block("ENDB", 0, 0, 0, &[]);
        maker.bytes
    }
}

/// The same file of all machines: an image with a `path[32]` and a `*note`.
pub(super) fn made_files() -> Vec<Vec<u8>> {
    FORMS.map(Maker::file).to_vec()
}

/// Asks for all that a file has, and for what it may claim to have.
fn exercise(bytes: Vec<u8>) -> Result<usize, BlendError> {
    let file = BlendFile::from_bytes(bytes)?;
    let mut seen = 0;
    for id in file.all_ids().chain(file.all("Tile")) {
        seen += id.type_name().len() + id.id_name().map_or(0, |name| name.len());
        for path in ["id.name", "path", "note", "name", "data", "color[1]", "more"] {
            seen += usize::from(id.has(path)) + id.bytes(path).map_or(0, |text| text.len());
            seen += usize::from(id.int(path).is_some()) + usize::from(id.float(path).is_some());
        }
        for path in ["tiles", "tile", "id", "more", "note", "color"] {
            seen += id.structs(path).len() + id.pointers(path).len();
            seen += id.pointer(path).map_or(0, |one| one.structs("tiles").len());
        }
        seen += usize::from(id.id_properties().is_some());
        let spots = ["path", "note", "name"].iter().filter_map(|path| id.spot(path));
        let edits: Vec<_> = spots.map(|spot| Edit { spot, text: b"//a.png".to_vec() }).collect();
        seen += usize::from(file.write_edited(&edits, &mut std::io::sink()).is_ok());
    }
    let blocks = u32::try_from(file.blocks().len()).unwrap();
    Ok(seen + file.reachable(0..blocks).len())
}

#[test]
fn files_of_all_machines_say_the_same() {
    for form in FORMS {
        let file = BlendFile::from_bytes(Maker::file(form)).unwrap();
        let image = file.ids("IM").next().unwrap();
        assert_eq!((image.type_name(), image.code(), image.old_address()), ("Image", "IM", 100));
        assert_eq!(image.id_name().as_deref(), Some("wood"), "{form:?}");
        assert_eq!(image.text("path").as_deref(), Some("//tex/wood.png"));
        assert_eq!(image.text("note").as_deref(), Some("a note"));
        assert_eq!((image.int("source"), image.int("type")), (Some(-2), Some(7)));
        assert_eq!((image.float("color[1]"), image.float("color[3]")), (Some(0.25), Some(1.0)));
        assert_eq!(image.float("color[4]"), None);
        let numbers = |tiles: Vec<Struct<'_>>| -> Vec<_> {
            tiles.iter().map(|tile| tile.int("number").unwrap()).collect()
        };
        assert_eq!(numbers(image.structs("tiles")), [1001, 1002]);
        assert_eq!(numbers(image.structs("tile")), [1002]);
        let more = image.pointers("more");
        assert_eq!(more.len(), 3);
        assert!(more[1].is_none());
        assert_eq!(more[2].as_ref().unwrap().int("number"), Some(1001));
        assert_eq!(image.pointer("tile").unwrap().owner().unwrap().old_address(), 100);
        let properties = image.id_properties().unwrap();
        assert_eq!(properties.get("samples"), Some(&IdValue::Int(128)));
        assert_eq!(properties.get("note").unwrap().as_text(), Some("a note"));
        assert!(!image.has("nothing") && image.int("note").is_none());
        assert!(file.at(12345).is_none());
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    for form in FORMS {
        let bytes = Maker::file(form);
        for len in 0..bytes.len() {
            let error = BlendFile::from_bytes(bytes[..len].to_vec()).unwrap_err();
            let is_cut = matches!(error, BlendError::Truncated { .. });
            assert!(is_cut || len < 17, "{len} of {}: {error}", bytes.len());
        }
    }
}

#[test]
fn any_changed_byte_is_survived() {
    for form in [FORMS[0], FORMS[3], FORMS[4]] {
        let bytes = Maker::file(form);
        for at in 0..bytes.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= change;
                let _ = exercise(bytes);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_changed_bytes_are_survived(
        form in 0..FORMS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = Maker::file(FORMS[form]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = exercise(bytes);
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// zstd in frames of some bytes each, with a table of them as Blender writes it.
fn framed(bytes: &[u8], frame: usize) -> Vec<u8> {
    let (mut packed, mut table) = (Vec::new(), Vec::new());
    for part in bytes.chunks(frame) {
        let part_packed = zstd::encode_all(part, 3).unwrap();
        table.extend(u32::try_from(part_packed.len()).unwrap().to_le_bytes());
        table.extend(u32::try_from(part.len()).unwrap().to_le_bytes());
        packed.extend(part_packed);
    }
    let count = u32::try_from(table.len() / 8).unwrap();
    let len = u32::try_from(table.len() + 9).unwrap();
    packed.extend([0x5e, 0x2a, 0x4d, 0x18]);
    packed.extend(len.to_le_bytes());
    packed.extend(table);
    packed.extend(count.to_le_bytes());
    packed.push(0);
    packed.extend(0x8F92_EAB1_u32.to_le_bytes());
    packed
}

#[test]
fn packed_files_say_the_same() {
    let bytes = Maker::file(FORMS[0]);
    let plain = exercise(bytes.clone()).unwrap();
    let two_members = [gzip(&bytes[..100]), gzip(&bytes[100..])].concat();
    let packed = [
        gzip(&bytes),
        two_members,
        zstd::encode_all(&*bytes, 3).unwrap(),
        framed(&bytes, 1),
        framed(&bytes, 64),
        framed(&bytes, 1 << 20),
    ];
    for packed in packed {
        assert_eq!(exercise(packed).unwrap(), plain);
    }
}

#[test]
fn packed_files_that_are_cut_are_refused() {
    let bytes = Maker::file(FORMS[0]);
    for packed in [gzip(&bytes), zstd::encode_all(&*bytes, 3).unwrap(), framed(&bytes, 64)] {
        for len in 4..packed.len() {
            // The table of frames may be missing: all the data is there before it.
            let opened = BlendFile::from_bytes(packed[..len].to_vec());
            assert!(opened.is_err() || len > packed.len() - bytes.len(), "{len}");
        }
    }
}

#[test]
fn a_table_of_frames_that_lies_is_an_error() {
    let packed = framed(&Maker::file(FORMS[0]), 256);
    for back in 10..26 {
        let mut packed = packed.clone();
        let at = packed.len() - back;
        packed[at] ^= 1;
        let _ = exercise(packed);
    }
}

#[test]
fn bombs_are_refused() {
    let mut bytes = Maker::file(FORMS[0]);
    bytes.resize(70 << 20, 0);
    for packed in [gzip(&bytes), zstd::encode_all(&*bytes, 3).unwrap(), framed(&bytes, 1 << 20)] {
        let error = BlendFile::from_bytes(packed).unwrap_err();
        assert!(matches!(error, BlendError::Bomb { .. }), "{error}");
    }
}

#[test]
fn what_does_not_fit_in_memory_goes_to_a_file() {
    let form = FORMS[0];
    let mut maker = Maker { form, bytes: b"BLENDER-v293".to_vec() };
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_le_bytes()[7]
    };
    let mut noise: Vec<u8> = (0..200_000).map(|_| noise()).collect();
    noise.resize(70 << 20, 0);
    maker.block("DATA", 5, 0, 1, &noise);
    maker.bytes.extend(&Maker::file(form)[12..]);
    for packed in [zstd::encode_all(&*maker.bytes, 1).unwrap(), framed(&maker.bytes, 1 << 20)] {
        let file = BlendFile::from_bytes(packed).unwrap();
        assert_eq!(file.ids("IM").next().unwrap().id_name().as_deref(), Some("wood"));
        assert!(file.block_bytes(&file.blocks()[0]).is_none(), "longer than is read of a block");
    }
}

#[test]
fn ten_gigabytes_of_nothing_are_refused_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all(b"BLENDER-v293").unwrap();
    file.as_file().set_len(10 << 30).unwrap();
    let error = BlendFile::open(file.path()).unwrap_err();
    assert!(matches!(error, BlendError::Damaged { offset: 12, .. }), "{error}");
}

#[test]
fn other_files_are_told_apart() {
    for bytes in [&b""[..], b"BLEND", b"\x89PNG", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"] {
        assert!(BlendFile::from_bytes(bytes.to_vec()).is_err());
    }
    assert!(matches!(BlendFile::from_bytes(Vec::new()), Err(BlendError::Empty)));
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(BlendFile::open(folder.path()), Err(BlendError::NotAFile)));
    let missing = BlendFile::open(&folder.path().join("none.blend")).unwrap_err();
    assert!(std::error::Error::source(&missing).unwrap().to_string().contains("none.blend"));
}

/// A file of what `fill` puts after its header.
fn made(form: Form, fill: impl FnOnce(&mut Maker)) -> BlendFile {
    let whole = Maker::file(form);
    let mut maker = Maker { form, bytes: whole[..12].to_vec() };
    fill(&mut maker);
    maker.dna();
    maker.block("ENDB", 0, 0, 0, &[]);
    BlendFile::from_bytes(maker.bytes).unwrap()
}

fn image(maker: &Maker, properties: u64, more: u64) -> Vec<u8> {
    let mut image = [Maker::text("IMwood", 24), maker.pointer(properties)].concat();
    image.extend(vec![0; 32 + 2 * 8 + 16 + 4 + 8]);
    image.extend([maker.pointer(more), maker.pointer(0)].concat());
    image
}

#[test]
fn groups_that_hold_each_other_are_read_within_bounds() {
    let file = made(FORMS[0], |maker| {
        let bytes = image(maker, 1000, 0);
        maker.block("IM", 100, 3, 1, &bytes);
        for nr in 1000..4000 {
            let group = maker.property((nr + 1) % 4000, 6, "group", [0, 1000, 0, 0]);
            maker.block("DATA", nr, 5, 1, &group);
        }
    });
    // Each of the first 43 groups lists 3,000 more, then nothing is left to spend.
    assert!(file.ids("IM").next().unwrap().id_properties().is_none_or(|tree| {
        let IdValue::Group(members) = tree else { return false };
        members.len() <= 3000
    }));
}

#[test]
fn one_array_that_many_point_to_is_read_once() {
    let file = made(FORMS[0], |maker| {
        let bytes = image(maker, 0, 400).repeat(5000);
        maker.block("IM", 100, 3, 5000, &bytes);
        let array = maker.pointer(100).repeat(100_000);
        maker.block("DATA", 400, 0, 1, &array);
    });
    assert_eq!(file.reachable([0]).len(), 1);
}

#[test]
fn lists_that_go_round_end_where_they_began() {
    let file = made(FORMS[0], |maker| {
        let mut bytes = image(maker, 0, 0);
        bytes[64..72].copy_from_slice(&maker.pointer(1000));
        maker.block("IM", 100, 3, 1, &bytes);
        for nr in 1000..1100 {
            let tile = maker.tile(if nr == 1099 { 1050 } else { nr + 1 }, nr);
            maker.block("DATA", nr, 4, 1, &tile);
        }
    });
    assert_eq!(file.ids("IM").next().unwrap().structs("tiles").len(), 100);
}

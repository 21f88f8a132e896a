//! Files that Blender wrote, whole and damaged. `tests/data/make/reader.py` makes them.

use blendnet_pack::blend::{BlendError, BlendFile, IdValue, Struct, Version};
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const FILES: [(&str, u16); 4] = [
    ("kept_3_4.blend", 304),
    ("kept_5_0.blend", 500),
    ("saved_3_4.blend", 304),
    ("saved_5_0.blend", 500),
];

/// The two small ones, unpacked.
static PLAIN: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [0, 1].map(|nr| unpacked(FILES[nr].0)));

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/reader").join(name)
}

fn unpacked(name: &str) -> Vec<u8> {
    zstd::decode_all(&*fs_err::read(path(name)).unwrap()).unwrap()
}

fn named<'a>(file: &'a BlendFile, code: &str, name: &str) -> Struct<'a> {
    file.ids(code).find(|id| id.id_name().as_deref() == Some(name)).unwrap()
}

#[test]
fn scenes_are_read_as_blender_wrote_them() {
    for (name, version) in FILES {
        let file = BlendFile::open(&path(name)).unwrap();
        assert_eq!(file.version(), Version(version));
        let scene = named(&file, "SC", "Ünïcode");
        let ints = ["r.sfra", "r.efra", "r.frame_step", "r.cfra", "r.xsch", "r.size"];
        assert_eq!(ints.map(|path| scene.int(path).unwrap()), [3, 250, 2, 17, 320, 50]);
        assert_eq!(scene.text("r.pic").as_deref(), Some("//out/####"));
        assert_eq!(scene.float("unit.scale_length"), Some(1.0));
        let tables = scene.structs("view_layers");
        assert_eq!(tables.len(), 1, "{name}");
        assert_eq!(tables[0].type_name(), "ViewLayer");
    }
}

#[test]
fn lists_arrays_and_pointers_lead_on() {
    for (name, _) in FILES {
        let file = BlendFile::open(&path(name)).unwrap();
        let image = named(&file, "IM", "wood");
        let tiles = image.structs("tiles");
        let tiles: Vec<_> = tiles.iter().map(|tile| tile.int("tile_number").unwrap()).collect();
        assert_eq!(tiles, [1001, 1002, 1011]);
        let thing = named(&file, "OB", "thing");
        let modifiers = thing.structs("modifiers");
        let types: Vec<_> = modifiers.iter().map(Struct::type_name).collect();
        assert_eq!(types, ["SubsurfModifierData", "MeshCacheModifierData"]);
        assert_eq!(modifiers[0].int("levels"), Some(3));
        assert_eq!(modifiers[0].text("modifier.name").as_deref(), Some("smooth"));
        assert_eq!(modifiers[1].text("filepath").as_deref(), Some("//cache/thing.mdd"));
        let mesh = thing.pointer("data").unwrap();
        assert_eq!((mesh.code(), mesh.id_name().as_deref()), ("ME", Some("three")));
        let materials: Vec<_> =
            mesh.pointers("mat").into_iter().map(|one| one.unwrap().id_name().unwrap()).collect();
        assert_eq!(materials, ["red", "green"]);
        let tree = named(&file, "MA", "red").pointer("nodetree").unwrap();
        let nodes = tree.structs("nodes");
        let pictured = nodes.iter().find_map(|node| node.pointer("id")).unwrap();
        assert_eq!(pictured.old_address(), image.old_address());
        let lines = named(&file, "TX", "notes").structs("lines");
        let lines: Vec<_> = lines.iter().map(|line| line.text("line").unwrap()).collect();
        assert_eq!(lines, ["first line", "second line"]);
    }
}

#[test]
fn id_properties_keep_their_types() {
    for (name, _) in FILES {
        let file = BlendFile::open(&path(name)).unwrap();
        let properties = named(&file, "SC", "Ünïcode").id_properties().unwrap();
        let get = |name: &str| properties.get(name).unwrap();
        assert_eq!(get("note").as_text(), Some("hello"), "{name}");
        assert_eq!(get("count"), &IdValue::Int(-7));
        assert_eq!(get("ratio"), &IdValue::Float(0.25));
        let floats = [1.5, 2.5, 3.5].map(IdValue::Float).to_vec();
        assert_eq!(get("vector"), &IdValue::Array(floats));
        assert_eq!(get("numbers"), &IdValue::Array([1, -2, 3].map(IdValue::Int).to_vec()));
        let nested = get("nested");
        assert_eq!(nested.get("inner").unwrap().get("deep").unwrap().as_int(), Some(42));
        assert_eq!(nested.get("text").unwrap().as_text(), Some("in here"));
        assert_eq!(get("target"), &IdValue::Id(named(&file, "OB", "thing").old_address()));
    }
}

#[test]
fn a_file_cut_at_any_block_says_how_far_it_got() {
    for (name, bytes) in FILES.iter().zip(&*PLAIN) {
        let whole = BlendFile::from_bytes(bytes.clone()).unwrap();
        for (nr, block) in whole.blocks().iter().enumerate() {
            let end = block.offset + block.len;
            let ends = [block.offset - 1, block.offset, block.offset + block.len / 2, end];
            for at in ends.map(|at| usize::try_from(at).unwrap()) {
                let error = BlendFile::from_bytes(bytes[..at].to_vec()).unwrap_err();
                let BlendError::Truncated { blocks, read_bytes } = error else {
                    panic!("{name:?} cut at {at}: {error}");
                };
                let whole_blocks = nr + usize::from(at as u64 == end);
                assert!(blocks == whole_blocks && read_bytes <= at as u64, "{name:?} at {at}");
            }
        }
    }
}

/// Asks a file for all that the tracer may ask for.
fn exercise(bytes: Vec<u8>) {
    let Ok(file) = BlendFile::from_bytes(bytes) else { return };
    let _ = (file.version(), file.subversion());
    for id in file.all_ids() {
        let _ = (id.id_name(), id.id_properties(), id.owner().map(|owner| owner.type_name()));
        for path in ["name", "filepath", "id.name", "r.pic", "r.cfra", "r.border.xmin", "mat[1]"] {
            let _ = (id.int(path), id.float(path), id.bytes(path), id.address(path));
        }
        for path in ["tiles", "modifiers", "view_layers", "lines", "data", "r", "nodetree"] {
            for inner in id.structs(path) {
                let _ = (inner.text("modifier.name"), inner.text("line"), inner.pointer("next"));
            }
        }
        let _ = (id.pointers("mat").len(), id.pointer("nodetree").map(|tree| nodes(&tree)));
    }
    for block in file.blocks() {
        let _ = file.at(block.old_address).map(|one| one.properties("prop"));
    }
}

fn nodes(tree: &Struct<'_>) -> usize {
    let sockets = |node: &Struct<'_>| node.structs("inputs").len() + node.structs("outputs").len();
    tree.structs("nodes").iter().map(|node| sockets(node) + node.structs("storage").len()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn changed_bytes_anywhere_are_survived(
        file in 0..2_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let mut bytes = PLAIN[file].clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        exercise(bytes);
    }
}

/// Where one word or several blocks of a file are changed, by numbers that look random.
fn damage(bytes: &mut Vec<u8>, random: &mut impl FnMut() -> usize) {
    const WORDS: [u64; 8] = [0, 1, 0x7f, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX, 1 << 62];
    for _ in 0..=random() % 6 {
        let at = random() % bytes.len();
        let from = random() % bytes.len();
        let len = (1 + random() % 64).min(bytes.len() - at.max(from));
        let word = WORDS[random() % WORDS.len()].to_le_bytes();
        match random() % 5 {
            0 => bytes[at] = word[0],
            1 => bytes[at] ^= 1 << (random() % 8),
            2 => bytes[at..at + len.min(8)].copy_from_slice(&word[..len.min(8)]),
            3 => bytes.copy_within(from..from + len, at),
            _ => drop(bytes.drain(at..at + len.min(bytes.len() - 1))),
        }
    }
}

/// `PACK_FUZZ_SECS=60 cargo test --release -p blendnet-pack -- --ignored damaged --nocapture`
#[test]
#[ignore = "runs for as long as it is told to"]
#[expect(clippy::print_stderr, reason = "how many were tried is what it is run for")]
fn damaged_files_never_stop_the_reader() {
    let secs = std::env::var("PACK_FUZZ_SECS").map_or(10, |secs| secs.parse().unwrap());
    let seeds: Vec<_> = FILES.iter().map(|(name, _)| fs_err::read(path(name)).unwrap()).collect();
    let mut state = 1_u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    let (start, mut runs, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
    while start.elapsed() < Duration::from_secs(secs) {
        let nr = random() % 5;
        let mut bytes = if nr < 4 { PLAIN[nr % 2].clone() } else { seeds[random() % 4].clone() };
        damage(&mut bytes, &mut random);
        let began = Instant::now();
        exercise(bytes);
        slowest = slowest.max(began.elapsed());
        runs += 1;
    }
    assert!(slowest < Duration::from_secs(10), "one of {runs} took {slowest:?}");
    eprintln!("{runs} damaged files in {:?}, the slowest {slowest:?}", start.elapsed());
}

//! What a scene needs: for made files of every spelling, and for files of Blender's own.

use crate::case::*;
use crate::made::Made;
use blendnet_pack::trace::{Dependency, Frames, Kind, TraceOptions, trace};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

#[test]
fn libraries_are_followed_from_where_they_are_and_in_circles() {
    let case = Case::new();
    case.touch(&["tex/own.png", "lib/tex/used.png", "lib/tex/unused.png", "lib/deep/deep.png"]);
    let link = |file: &mut Made, path: &str, name: &str| {
        let fields = [("id.name", "LIlib".into()), ("name", path.into())];
        file.add("LI", 500, "Library", &fields);
        file.add("ID", 600, "ID", &[("name", name.into()), ("lib", 500.into())]);
    };
    let mut scene = made(&[]);
    scene.add("IM", 100, "Image", &image("IMown", b"//tex/own.png"));
    link(&mut scene, "//lib\\a.blend", "OBuser");
    case.save("scene.blend", scene);
    let mut first = made(&[]);
    first.add("OB", 50, "Object", &[("id.name", "OBuser".into()), ("uses", 100.into())]);
    first.add("IM", 100, "Image", &image("IMused", b"//tex/used.png"));
    first.add("IM", 200, "Image", &image("IMunused", b"//tex/unused.png"));
    first.add("OB", 60, "Object", &[("id.name", "OBother".into()), ("uses", 200.into())]);
    case.save("lib/a.blend", first);
    assert_eq!(
        case.told(),
        ["lib/a.blend blend-library", "lib/tex/used.png image", "tex/own.png image"]
    );
    // What is used in the library is itself linked, and that goes back to where it began.
    let mut first = made(&[]);
    first.add("OB", 50, "Object", &[("id.name", "OBuser".into()), ("uses", 600.into())]);
    link(&mut first, "//deep/b.blend", "IMdeep");
    case.save("lib/a.blend", first);
    let mut second = made(&[]);
    second.add("IM", 100, "Image", &image("IMdeep", b"//deep.png"));
    link(&mut second, "//../a.blend", "OBuser");
    case.save("lib/deep/b.blend", second);
    let trace = case.trace();
    assert_eq!(names(&trace.files), ["a.blend", "b.blend", "deep.png", "own.png"]);
    assert_eq!(trace.files[2].used_by, ["Image deep (library b.blend)"]);
    assert_eq!(trace.files[0].used_by[0], "Object user");
    assert!(trace.files.iter().all(|file| file.relative && file.exists), "{trace:?}");
}

#[test]
fn libraries_that_are_missing_or_damaged_are_told() {
    let case = Case::new();
    let mut scene = made(&[]);
    for (nr, path) in [(0, "//gone.blend"), (1, "//bad.blend"), (2, "//poor.blend")] {
        let fields = [("id.name", "LIlib".into()), ("name", path.into())];
        scene.add("LI", 500 + nr, "Library", &fields);
        let fields = [("name", "OBuser".into()), ("lib", (500 + nr).into())];
        scene.add("ID", 600 + nr, "ID", &fields);
    }
    case.save("scene.blend", scene);
    case.touch(&["bad.blend"]);
    case.save("poor.blend", made(&[]));
    let trace = case.trace();
    assert_eq!(names(&trace.files), ["bad.blend", "gone.blend", "poor.blend"]);
    assert_eq!(trace.missing().count(), 1);
    let told = trace.warnings.join("\n");
    assert!(told.contains("bad.blend can't be read") && told.contains("not a .blend"), "{told}");
    assert!(told.contains("user is linked from") && told.contains("poor.blend"), "{told}");
}

#[test]
fn paths_have_two_names_in_the_history_of_blender() {
    let case = Case::new();
    let kinds = ["Image", "VFont", "bSound", "MovieClip", "Library"];
    let codes = ["IM", "VF", "SO", "MC", "LI"];
    for field in ["name", "filepath"] {
        let structure = |kind| format!("{kind}: ID id; char {field}[1024]; int source");
        let dna: Vec<String> = kinds.iter().map(structure).collect();
        let mut file = Made::new(&format!("{ID}\n{}", dna.join("\n")));
        for (nr, (kind, code)) in (1..).zip(kinds.iter().zip(codes)) {
            let path = format!("//{code}");
            let name = format!("{code}a");
            let fields = [("id.name", name.as_str().into()), (field, path.as_str().into())];
            file.add(code, 100 * nr, kind, &fields);
        }
        case.touch(&["IM", "VF", "SO", "MC", "LI"]);
        case.save("scene.blend", file);
        let kinds = ["IM image", "LI blend-library", "MC movie-clip", "SO sound", "VF font"];
        assert_eq!(case.told(), kinds, "{field}");
    }
}

#[test]
fn what_is_packed_made_or_built_in_needs_no_file() {
    let case = Case::new();
    let mut file = made(&["VFont: ID id; char name[1024]"]);
    let mut packed = image("IMpacked", b"//packed.png").to_vec();
    packed.push(("packedfile", 900.into()));
    file.add("IM", 100, "Image", &packed);
    for (address, source) in [(200, 4), (300, 5)] {
        let mut other = image("IMother", b"//other.png").to_vec();
        other[2].1 = source.into();
        file.add("IM", address, "Image", &other);
    }
    let font = [("id.name", "VFBfont".into()), ("name", "<builtin>".into())];
    file.add("VF", 400, "VFont", &font);
    file.add("IM", 500, "Image", &image("IMempty", b""));
    case.save("scene.blend", file);
    assert_eq!(case.told(), Vec::<String>::new());
}

#[test]
fn foreign_and_odd_paths_are_kept_as_they_are() {
    let case = Case::new();
    case.touch(&["back/slash.png", "Case/Tex.PNG", "plain.png"]);
    let long = format!("//{}.png", "x".repeat(1000));
    let paths: [&[u8]; 8] = [
        b"C:\\tex\\a.png",
        b"\\\\nas\\share\\b.png",
        b"//back\\slash.png",
        b"//case/tex.png",
        b"//sub\\..\\plain.png",
        b"plain.png",
        long.as_bytes(),
        b"//\xff\xfe.png",
    ];
    let mut file = made(&[]);
    for (nr, path) in (1..).zip(paths) {
        file.add("IM", 100 * nr, "Image", &image("IMa", path));
    }
    case.save("scene.blend", file);
    let trace = case.trace();
    let there: Vec<&str> =
        trace.files.iter().filter(|file| file.exists).map(|file| &*file.as_written).collect();
    assert_eq!(there, ["//case/tex.png", "//back\\slash.png", "//sub\\..\\plain.png"]);
    let missing: Vec<_> = trace.missing().map(|file| file.path.clone()).collect();
    assert!(missing.contains(&PathBuf::from("C:\\tex\\a.png")), "{missing:?}");
    assert!(missing.contains(&PathBuf::from("\\\\nas\\share\\b.png")), "{missing:?}");
    assert_eq!(trace.warnings.len(), 2, "{:?}", trace.warnings);
    assert!(trace.warnings.iter().any(|told| told.contains("Case/Tex.PNG")));
    assert!(trace.warnings.iter().any(|told| told.contains("no // before it")));
}

#[cfg(unix)]
#[test]
fn names_that_are_no_utf8_and_links_are_found() {
    use std::os::unix::ffi::OsStrExt;
    let case = Case::new();
    let name = std::ffi::OsStr::from_bytes(b"\xff\xfe.png");
    fs_err::write(case.folder.path().join(name), b"four").unwrap();
    fs_err::os::unix::fs::symlink(case.folder.path().join(name), case.path("link.png")).unwrap();
    let mut file = made(&[]);
    file.add("IM", 100, "Image", &image("IMa", b"//\xff\xfe.png"));
    file.add("IM", 200, "Image", &image("IMb", b"//link.png"));
    case.save("scene.blend", file);
    let trace = case.trace();
    assert!(trace.files.iter().all(|file| file.exists && file.size_bytes == 4));
    assert_eq!(trace.files[0].path, case.path("link.png"));
    assert!(trace.files[0].link_target.as_ref().is_some_and(|target| target.ends_with(name)));
    assert_eq!(trace.files[1].path.file_name(), Some(name));
}

#[test]
fn pictures_of_a_sequence_go_with_the_frames_that_show_them() {
    let case = Case::new();
    case.touch(&["s/a_02_0009.png", "s/a_02_0010.png", "s/a_02_0011.png", "s/a_02_0099.png"]);
    case.touch(&["s/a_02_010.png", "s/a_03_0010.png"]);
    let mut file = made_with_scene(&[], (3, 8));
    let mut sequence = image("IMs", b"//s/a_02_0010.png").to_vec();
    sequence[2].1 = 2.into();
    file.add("IM", 100, "Image", &sequence);
    file.add("bN", 200, "bNode", &[("id", 100.into()), ("storage", 300.into())]);
    let user = [("frames", 3.into()), ("offset", 9.into()), ("sfra", 5.into())];
    file.add("DATA", 300, "ImageUser", &user);
    case.save("scene.blend", file);
    assert_eq!(
        case.told(),
        [
            "s/a_02_0009.png image-sequence [3-4]",
            "s/a_02_0010.png image-sequence [5]",
            "s/a_02_0011.png image-sequence [6]",
            "!s/a_02_0012.png image-sequence [7-8]",
            "s/a_02_0099.png image-sequence []",
        ]
    );
    let options = TraceOptions { frames: Some(6..=6), ..TraceOptions::default() };
    let trace = trace(&case.path("scene.blend"), &options).unwrap();
    let shown = |file: &&Dependency| file.frames.as_ref().is_some_and(|one| one.contains(6));
    assert_eq!(trace.files.iter().filter(shown).count(), 1);
    assert_eq!(trace.missing().count(), 0);
}

#[test]
fn tiles_are_those_of_the_image_and_those_on_disk() {
    let case = Case::new();
    case.touch(&["u.1001.png", "u.1012.png", "u.1001.bak.png", "v_u1_v1.png", "v_u3_v2.png"]);
    for (path, told) in [
        (
            "//u.<UDIM>.png",
            ["u.1001.png udim-tile", "!u.1002.png udim-tile", "u.1012.png udim-tile"],
        ),
        ("//u.1001.png", ["u.1001.png udim-tile", "!u.1002.png udim-tile", "u.1012.png udim-tile"]),
        (
            "//v_<UVTILE>.png",
            ["v_u1_v1.png udim-tile", "!v_u2_v1.png udim-tile", "v_u3_v2.png udim-tile"],
        ),
    ] {
        let mut file = made(&[]);
        let mut tiled = image("IMt", path.as_bytes()).to_vec();
        tiled[2].1 = 6.into();
        tiled.push(("tiles", 300.into()));
        file.add("IM", 100, "Image", &tiled);
        file.add("DATA", 300, "ImageTile", &[("next", 400.into()), ("tile_number", 1001.into())]);
        file.add("DATA", 400, "ImageTile", &[("tile_number", 1002.into())]);
        case.save("scene.blend", file);
        let mut found = case.told();
        found.sort_by_key(|told| told.trim_start_matches('!').to_owned());
        assert_eq!(found, told, "{path}");
    }
}

#[test]
fn strips_need_their_pictures_only_while_they_are_seen() {
    const SEQUENCER: [&str; 4] = [
        "Editing: ListBase seqbase",
        "Sequence: Sequence *next; Sequence *prev; char name[64]; int type; int len; float start; \
         float startofs; float endofs; float startstill; float endstill; int anim_startofs; \
         ListBase seqbase; Strip *strip; float strobe",
        "Strip: StripElem *stripdata; char dir[768]",
        "StripElem: char name[256]",
    ];
    let case = Case::new();
    case.touch(&["p/1.png"]);
    let mut file = made(&SEQUENCER);
    let scene = [("id.name", "SCa".into()), ("r.sfra", 1.into()), ("r.efra", 20.into())];
    let scene = scene.into_iter().chain([("ed", 20.into())]).collect::<Vec<_>>();
    file.add("SC", 10, "Scene", &scene);
    file.add("DATA", 20, "Editing", &[("seqbase", 30.into())]);
    // A meta strip, and in it one picture that is held for ten frames.
    file.add("DATA", 30, "Sequence", &[("type", 1.into()), ("seqbase", 40.into())]);
    let strip = [
        ("name", "SQpic".into()),
        ("len", 1.into()),
        ("start", 5.0.into()),
        ("endofs", (-9.0).into()),
        ("strip", 50.into()),
    ];
    file.add("DATA", 40, "Sequence", &strip);
    file.add("DATA", 50, "Strip", &[("stripdata", 60.into()), ("dir", "//p".into())]);
    file.add("DATA", 60, "StripElem", &[("name", "1.png".into())]);
    case.save("scene.blend", file);
    assert_eq!(case.told(), ["p/1.png strip [5-14]"]);
    assert_eq!(case.trace().files[0].used_by, ["Scene a, strip pic"]);
}

#[test]
fn when_time_is_bent_all_frames_need_all_files() {
    let case = Case::new();
    case.touch(&["s1.vdb", "s2.vdb"]);
    let volume = "Volume: ID id; char filepath[1024]; char is_sequence; char sequence_mode; \
                  int frame_start; int frame_duration; int frame_offset";
    let curve = "FCurve: char *rna_path";
    for (remap, path, told) in [
        (0, "location", ["s1.vdb vdb [1]", "s2.vdb vdb [2]"]),
        (100, "location", ["s1.vdb vdb", "s2.vdb vdb"]),
        (0, "data.frame_offset", ["s1.vdb vdb", "s2.vdb vdb"]),
    ] {
        let mut file = made(&[volume, curve]);
        let scene = [("r.sfra", 1.into()), ("r.efra", 4.into()), ("r.framapto", remap.into())];
        file.add("SC", 10, "Scene", &scene);
        let fields = [
            ("id.name", "VOv".into()),
            ("filepath", "//s1.vdb".into()),
            ("is_sequence", 1.into()),
            ("frame_start", 1.into()),
            ("frame_duration", 2.into()),
        ];
        file.add("VO", 20, "Volume", &fields);
        file.add("DATA", 30, "FCurve", &[("rna_path", 40.into())]);
        file.add_bytes(40, path.as_bytes());
        case.save("scene.blend", file);
        assert_eq!(case.told(), told, "{path}");
    }
}

#[test]
fn the_json_has_what_is_promised() {
    let case = Case::new();
    case.touch(&["a.png"]);
    let mut file = made(&[]);
    file.add("IM", 100, "Image", &image("IMa", b"//a.png"));
    case.save("scene.blend", file);
    let json = serde_json::to_value(&case.trace().files[0]).unwrap();
    for (field, value) in [
        ("exists", serde_json::json!(true)),
        ("kind", serde_json::json!("image")),
        ("used_by", serde_json::json!(["Image a"])),
        ("as_written", serde_json::json!("//a.png")),
        ("frames", serde_json::Value::Null),
        ("size", serde_json::json!(4)),
        ("relative", serde_json::json!(true)),
        ("path", serde_json::json!(case.path("a.png"))),
    ] {
        assert_eq!(json.get(field), Some(&value), "{field}");
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let error = trace(Path::new("/none/scene.blend"), &TraceOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "reading /none/scene.blend");
    let _: (Kind, Frames) = (Kind::Image, Frames::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damage_never_breaks_a_trace(damage in prop::collection::vec((0_usize..9_000, any::<u8>()), 1..40)) {
        let case = Case::new();
        let mut file = made_with_scene(&[], (1, 5));
        let mut sequence = image("IMs", b"//s_0001.png").to_vec();
        sequence[2].1 = 2.into();
        file.add("IM", 100, "Image", &sequence);
        file.add("bN", 200, "bNode", &[("id", 100.into()), ("storage", 300.into())]);
        file.add("DATA", 300, "ImageUser", &[("frames", 3.into()), ("sfra", 1.into())]);
        let mut bytes = file.bytes();
        for (at, byte) in damage {
            if let Some(old) = bytes.get_mut(at) {
                *old = byte;
            }
        }
        fs_err::write(case.path("scene.blend"), bytes).unwrap();
        let _ = trace(&case.path("scene.blend"), &TraceOptions::default());
    }
}

//! What is inspected is what Blender's own API says. `tests/data/make/settings.py` makes the files.

use crate::made::{self, Made};
use blendnet_pack::blend::BlendFile;
use blendnet_pack::inspect::{Inspection, Thumbnail, inspect, inspect_file, thumbnail};
use proptest::prelude::*;
use serde_json::Value;
use std::path::PathBuf;

const VERSIONS: [&str; 3] = ["3_4", "4_5", "5_0"];

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn codes(found: &Inspection) -> Vec<&str> {
    found.warnings.iter().map(|warning| warning.code).collect()
}

/// All that `expected` has is in `found`; the order of names does not matter.
fn same(expected: &Value, found: &Value, path: &str) {
    match (expected, found) {
        (Value::Object(expected), found) => {
            for (name, value) in expected {
                same(value, &found[name], &format!("{path}.{name}"));
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            assert_eq!(expected.len(), found.len(), "{path}: {expected:?} {found:?}");
            let in_order = |values: &[Value]| {
                let mut values = values.to_vec();
                values.sort_by_key(|value| {
                    value["name"].as_str().or(value.as_str()).map(str::to_owned)
                });
                values
            };
            for (expected, found) in in_order(expected).iter().zip(in_order(found)) {
                same(expected, &found, &format!("{path}[{}]", expected["name"]));
            }
        }
        (Value::Number(expected), Value::Number(found)) => {
            let difference = expected.as_f64().unwrap() - found.as_f64().unwrap();
            assert!(difference.abs() < 1e-5, "{path}: {expected}, not {found}");
        }
        _ => assert_eq!(expected, found, "{path}"),
    }
}

#[test]
fn every_setting_is_what_blenders_api_says() {
    for version in VERSIONS {
        let expected = fs_err::read(data(&format!("inspect/{version}.json"))).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let found = inspect(&data(&format!("inspect/{version}.blend"))).unwrap();
        same(&expected, &serde_json::to_value(found).unwrap(), version);
    }
}

#[test]
fn what_costs_money_is_warned_of() {
    for version in VERSIONS {
        let found = inspect(&data(&format!("inspect/{version}.blend"))).unwrap();
        // The active scene of one of them is the rich one.
        let expected: &[&str] = match version {
            "4_5" => &["marker_cameras", "time_limit", "path_guiding", "motion_blur"],
            _ => &["no_camera", "movie_output", "sequencer", "engine"],
        };
        assert_eq!(codes(&found), [&["unbaked_simulation"; 2], expected].concat(), "{version}");
        let simulations: Vec<_> =
            found.simulations.iter().map(|one| (one.kind, one.baked, one.rendered)).collect();
        let expected = [
            ("cloth", Some(false), true),
            ("particles", Some(false), false),
            ("hair", Some(false), true),
        ];
        assert_eq!(simulations, expected, "{version}");
        let rich = found.scenes.iter().find(|scene| scene.name == "Rich Ü").unwrap();
        assert_eq!(rich.frame_count(), 32);
    }
}

const SCENE: &str =
    "Scene: ID id; RenderData r; ListBase view_layers; Object *camera; ListBase markers
    RenderData: int sfra; int efra; int scemode; char engine[32]; ImageFormatData im_format
    ImageFormatData: char imtype; char exr_codec
    ViewLayer: ViewLayer *next; ViewLayer *prev; char name[64]; int flag
    TimeMarker: TimeMarker *next; TimeMarker *prev; int frame; char name[64]; Object *camera
    Object: ID id
    ID: char name[66]";

/// A scene without faults but for these fields; its only marker switches to camera 70.
fn scene(fields: &[(&str, made::Value<'_>)]) -> Made {
    let mut file = Made::new(SCENE);
    let usual = [
        ("id.name", "SCScene".into()),
        ("r.efra", 10.into()),
        ("r.engine", "CYCLES".into()),
        ("r.im_format.imtype", 17.into()),
        ("view_layers.first", 50.into()),
        ("camera", 60.into()),
    ];
    file.add("SC", 40, "Scene", &[&usual, fields].concat());
    file.add("DATA", 50, "ViewLayer", &[("name", "All".into()), ("flag", 1.into())]);
    let marker = [("frame", 3.into()), ("name", "cut".into()), ("camera", 70.into())];
    file.add("DATA", 80, "TimeMarker", &marker);
    file.add("OB", 60, "Object", &[("id.name", "OBMain".into())]);
    file.add("OB", 70, "Object", &[("id.name", "OBOther".into())]);
    file
}

#[test]
fn each_fault_of_a_scene_has_a_warning_of_its_own() {
    let warned = |fields: &[(&str, made::Value<'_>)]| {
        let found = inspect_file(&BlendFile::from_bytes(scene(fields).bytes()).unwrap());
        codes(&found).join(" ")
    };
    assert_eq!(warned(&[]), "");
    assert_eq!(warned(&[("r.im_format.imtype", 4.into())]), "lossy_output");
    assert_eq!(warned(&[("r.im_format.imtype", 24.into())]), "movie_output");
    let exr = ("r.im_format.imtype", 23.into());
    assert_eq!(warned(&[exr, ("r.im_format.exr_codec", 3.into())]), "");
    assert_eq!(warned(&[exr, ("r.im_format.exr_codec", 8.into())]), "lossy_output");
    assert_eq!(warned(&[("r.sfra", 11.into())]), "no_frames");
    assert_eq!(warned(&[("camera", 0.into())]), "no_camera");
    assert_eq!(warned(&[("camera", 0.into()), ("markers.first", 80.into())]), "marker_cameras");
    assert_eq!(warned(&[("camera", 70.into()), ("markers.first", 80.into())]), "");
    assert_eq!(warned(&[("view_layers.first", 0.into())]), "no_view_layers");
    assert_eq!(warned(&[("r.engine", "BLENDER_WORKBENCH".into())]), "engine");
    assert_eq!(warned(&[("r.engine", "LUXCORE".into())]), "add_ons engine");
}

#[test]
fn no_damage_makes_it_panic() {
    let whole = fs_err::read(data("inspect/5_0.blend")).unwrap();
    let whole = zstd::decode_all(&*whole).unwrap();
    proptest!(ProptestConfig::with_cases(200), |(changes in damage(whole.len()), cut in 0..4_usize)| {
        let mut bytes = whole.clone();
        for (place, byte) in changes {
            bytes[place] = byte;
        }
        bytes.truncate(bytes.len() - cut * bytes.len() / 16);
        if let Ok(file) = BlendFile::from_bytes(bytes) {
            inspect_file(&file);
        }
    });
}

fn damage(len: usize) -> impl Strategy<Value = Vec<(usize, u8)>> {
    proptest::collection::vec((17..len, any::<u8>()), 1..200)
}

#[test]
fn what_is_baked_is_told_from_what_is_not() {
    let told = |name: &str| {
        let found = inspect(&data(name).join("scene.blend")).unwrap();
        let tell =
            |kind, baked| format!("{kind} {}", if baked == Some(true) { "baked" } else { "not" });
        found.simulations.iter().map(|one| tell(one.kind, one.baked)).collect::<Vec<_>>()
    };
    assert_eq!(told("cloth"), ["cloth baked", "cloth baked"]);
    assert_eq!(told("fluid"), ["fluid baked"]);
    assert_eq!(told("particles_external"), ["particles baked"]);
    let mut all = told("point_caches");
    all.sort();
    assert_eq!(
        all,
        ["dynamic paint baked", "particles baked", "rigid bodies baked", "soft body baked"]
    );
    for version in ["simulation_4_2", "simulation_4_5", "simulation_5_0"] {
        assert_eq!(told(version), ["geometry nodes baked"], "{version}");
    }
}

#[test]
fn a_bake_that_is_not_beside_the_file_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    fs_err::copy(data("simulation_5_0/scene.blend"), &scene).unwrap();
    assert_eq!(codes(&inspect(&scene).unwrap()), ["unbaked_simulation", "no_camera", "engine"]);
}

/// An object with one modifier of geometry nodes, and with what that may bake.
fn nodes_of(last: &str, fields: &str) -> Vec<(&'static str, Option<bool>)> {
    let mut file = Made::new(&format!(
        "ID: char name[66]
        Object: ID id; ListBase modifiers
        ModifierData: ModifierData *next; ModifierData *prev; int mode
        NodesModifierData: ModifierData modifier; bNodeTree *node_group; {fields}
        NodesModifierBake: int id; int bake_target; char *directory; PackedBake *packed
        bNodeTree: ID id; ListBase nodes; bNestedNodeRef *nested_node_refs
        bNestedNodeRef: int id; int pad; bNestedNodePath path
        bNestedNodePath: int node_id; int id_in_node
        bNode: bNode *next; bNode *prev; char idname[64]; int identifier; bNodeTree *id"
    ));
    file.add("OB", 100, "Object", &[("id.name", "OBA".into()), ("modifiers.first", 110.into())]);
    let mut modifier = vec![("modifier.mode", 3.into()), ("node_group", 200.into())];
    if fields.contains("bakes") {
        modifier.push(("bakes", 120.into()));
    }
    file.add("DATA", 110, "NodesModifierData", &modifier);
    file.add("DATA", 120, "NodesModifierBake", &[("id", 9.into())]);
    // The one tree has a group, which is the other one; each knows the node by a number.
    for (tree, kind, id, inner) in [(200, "GeometryNodeGroup", 9, 5), (300, last, 5, -1)] {
        let group = if tree == 200 { 300 } else { 0 };
        let fields = [("nodes.first", (tree + 1).into()), ("nested_node_refs", (tree + 2).into())];
        file.add("NT", tree, "bNodeTree", &fields);
        let node = [("idname", kind.into()), ("identifier", 77.into()), ("id", group.into())];
        file.add("DATA", tree + 1, "bNode", &node);
        let path = [("path.node_id", 77.into()), ("path.id_in_node", inner.into())];
        let reference = [&[("id", id.into())][..], &path].concat();
        file.add("DATA", tree + 2, "bNestedNodeRef", &reference);
    }
    let found = inspect_file(&BlendFile::from_bytes(file.bytes()).unwrap());
    found.simulations.iter().map(|one| (one.kind, one.baked)).collect()
}

#[test]
fn simulations_in_groups_of_nodes_are_found_and_bakes_of_what_stands_still_are_not() {
    let now = "NodesModifierBake *bakes";
    let simulation = "GeometryNodeSimulationOutput";
    assert_eq!(nodes_of(simulation, now), [("geometry nodes", Some(false))]);
    assert_eq!(nodes_of("GeometryNodeBake", now), []);
    // Until 4.0 there is no list of bakes.
    assert_eq!(nodes_of(simulation, "int settings"), [("geometry nodes", None)]);
    assert_eq!(nodes_of("GeometryNodeSetPosition", "int settings"), []);
}

#[test]
fn scripts_that_are_run_on_opening_are_warned_of() {
    let found = inspect(&data("text/scene.blend")).unwrap();
    assert_eq!(found.scripts, ["driver.py"]);
    assert!(codes(&found).contains(&"scripts"));
    assert_eq!(inspect(&data("osl/scene.blend")).unwrap().scripts, Vec::<String>::new());
}

#[test]
fn nothing_of_blenders_own_is_taken_for_an_add_on() {
    for entry in fs_err::read_dir(data("")).unwrap() {
        let scene = entry.unwrap().path().join("scene.blend");
        if scene.exists() {
            let found = inspect(&scene).unwrap();
            assert_eq!(found.add_ons, Vec::<String>::new(), "{}", scene.display());
        }
    }
}

#[test]
fn memory_grows_with_subdivision_and_is_the_sum_of_its_parts() {
    let found = inspect(&data("inspect/5_0.blend")).unwrap().contents;
    let memory = &found.memory;
    assert_eq!(
        found.memory_bytes,
        memory.geometry_bytes + memory.passes_bytes + memory.packed_bytes
    );
    // Four grids of 2 x 2 quads, and one of 4 x 4 that is subdivided twice.
    assert_eq!(memory.geometry_bytes, 250 * (4 * 4 * 2 + 16 * 4 * 4 * 2));
    let packed = inspect(&data("image_packed/scene.blend")).unwrap().contents;
    let picture = fs_err::metadata(data("image_packed/tex/packed.png")).unwrap().len();
    assert_eq!(packed.memory.packed_bytes, picture);
}

#[test]
fn the_thumbnail_is_read_if_it_is_whole() {
    let with = |width: u32, height: u32, rgba: &[u8]| {
        let data = [&width.to_le_bytes()[..], &height.to_le_bytes()[..], rgba].concat();
        let len = u32::try_from(data.len()).unwrap().to_le_bytes();
        let head = [&b"TEST"[..], &len, &[0; 12], &1_u32.to_le_bytes()].concat();
        let mut bytes = scene(&[]).bytes();
        bytes.splice(12..12, [head, data].concat());
        thumbnail(&BlendFile::from_bytes(bytes).unwrap())
    };
    let rgba: Vec<u8> = (0..24).collect();
    assert_eq!(
        with(2, 3, &rgba),
        Some(Thumbnail { width_px: 2, height_px: 3, rgba: rgba.clone() })
    );
    assert_eq!(
        [with(2, 4, &rgba), with(0, 3, &rgba), with(5000, 1, &vec![0; 20_000])],
        [None, None, None]
    );
    assert_eq!(thumbnail(&BlendFile::open(&data("image/scene.blend")).unwrap()), None);
}

//! Our list beside those of Blender Asset Tracer (BAT) and of Blender itself, for a scene of every
//! kind of dependency: it holds all of theirs and what a render needs, and nothing else.

use blendnet_pack::trace::{Dependency, Frames, TraceOptions, trace};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// What we list and a render does not need: kind of scene, file, why.
const MORE: [(&str, &str, &str); 2] = [
    ("text", "scripts/driver.py", "optional: the .blend holds a copy of the text"),
    ("usd_4_5", "cache/grid_0004.usdc", "motion blur may read the picture after the last"),
];

/// What a peer lists and we do not: kind of scene, name, why.
const LESS: [(&str, &str, &str); 9] = [
    ("fluid", "fluid", "a folder; we list the files in it"),
    ("image", "tex/brush.png", "only a brush uses it"),
    ("image_5_0", "tex/brush.png", "only a brush uses it"),
    ("letter_case", "TEX/tex.png", "not there: the file is called tex/Tex.PNG"),
    ("library_cycle", "scene.blend", "the scene itself"),
    ("ocean", "ocean", "a folder; we list the files in it"),
    ("particles_external", "elsewhere", "a folder; we list the files in it"),
    ("udim", "tiles/u.<UDIM>.png", "a name for all tiles; we list each"),
    ("udim_uvtile", "tiles/u_<UVTILE>.png", "a name for all tiles; we list each"),
];

/// What Blender on Linux makes of these, we list as written: missing.
const WINDOWS: [&str; 2] = ["/c/tex/drive.png", "\\\\nas/tex/share.png"];

fn names(list: &Value) -> BTreeSet<String> {
    let names = list.as_array().into_iter().flatten();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn explained(all: &[(&str, &str, &str)], kind: &str) -> BTreeSet<String> {
    let of_kind = all.iter().filter(|(of, ..)| *of == kind);
    of_kind.map(|(_, name, _)| (*name).to_owned()).collect()
}

#[test]
fn the_list_holds_what_peers_list_and_what_a_render_needs() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut wrong = Vec::new();
    let mut kinds = 0;
    for entry in fs_err::read_dir(&data).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(expected) = fs_err::read(folder.join("expected.json")) else { continue };
        kinds += 1;
        let kind = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let found = trace(&folder.join("scene.blend"), &TraceOptions::default()).unwrap();
        let place = |file: &Dependency| {
            let inside = file.path.strip_prefix(&folder).unwrap_or(&file.path);
            inside.to_str().unwrap().to_owned()
        };
        let ours: BTreeSet<String> = found.files.iter().map(place).collect();
        let needed = found.files.iter();
        let needed = needed.filter(|file| !file.frames.as_ref().is_some_and(Frames::is_empty));
        let needed: BTreeSet<String> = needed.map(place).collect();
        let must = names(&expected["needed"]);
        let peers: BTreeSet<String> =
            names(&expected["bat"]).union(&names(&expected["blender"])).cloned().collect();
        let lacking: Vec<_> = must.difference(&needed).collect();
        let more: BTreeSet<String> = needed.difference(&must).cloned().collect();
        let mut less: BTreeSet<String> = peers.difference(&ours).cloned().collect();
        less.retain(|name| !WINDOWS.contains(&&**name));
        if !lacking.is_empty() {
            wrong.push(format!("{kind}: a render needs {lacking:?}"));
        }
        if more != explained(&MORE, &kind) {
            wrong.push(format!("{kind}: no render needs {more:?}"));
        }
        if less != explained(&LESS, &kind) {
            wrong.push(format!("{kind}: peers list {less:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(kinds >= 40, "{kinds}");
}

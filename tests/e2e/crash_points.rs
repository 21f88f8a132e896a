//! The manager aborted at each of its commit points in turn, and started again, ends in the same result.

use crate::losses::assert_equal_nearly_everywhere;
use blendnet_tests::{Render, Rendered, compare_exr, naming, system_blender, wait_for};
use std::path::Path;
use std::time::Duration;

/// What a render of one frame writes down, before and after it is written.
pub(crate) const WRITTEN: [&str; 9] = [
    "agent",
    "job",
    "frames-anew",
    "given",
    "part-received",
    "part-merged",
    "work-ended",
    "frame",
    "agent-gone",
];
/// Between the steps of taking a part in.
const OF_PARTS: [&str; 2] = ["part-downloaded", "part-in-film"];
/// What is passed often: once again when several are under way.
const LATER: [&str; 4] =
    ["before-given", "after-part-received", "part-in-film", "after-part-merged"];

pub(crate) const OPTIONS: [&str; 6] =
    ["--agents", "1", "--threads-per-agent", "1", "--split", "samples"];

fn points() -> Vec<String> {
    let written =
        WRITTEN.iter().flat_map(|name| [format!("before-{name}"), format!("after-{name}")]);
    let later = LATER.iter().map(|name| format!("{name}:4"));
    written.chain(OF_PARTS.map(String::from)).chain(later).collect()
}

/// Goes on after a crash: with the job, or anew when it was not sent completely.
pub(crate) fn go_on(scene: &Path, folder: &Path) -> Rendered {
    let resume = ["resume", "--agents", "1", "--threads-per-agent", "1"];
    let resumed = Render::command(folder, &resume).finish();
    if resumed.code == 0 { resumed } else { Render::start(scene, folder, &OPTIONS).finish() }
}

#[test]
fn a_manager_that_is_aborted_at_any_of_its_commit_points_ends_in_the_same_result() {
    let blender = system_blender();
    let temp = tempfile::tempdir().unwrap();
    let size = ["--size", "96", "54", "--samples", "32"];
    let scene = blender.make_scene("glossy", &temp.path().join("scene.blend"), &size);
    let one_go = blender.one_go(&scene, &temp.path().join("one_go.exr"), 1);
    let soon = ("BLENDNET_MANAGER_TIMEOUT_SECS", "10");
    for point in points() {
        let folder = temp.path().join(point.replace(':', "-"));
        fs_err::create_dir(&folder).unwrap();
        let variables =
            [("BLENDNET_CRASH_AT", point.as_str()), ("BLENDNET_SAVE_SECS", "0.2"), soon];
        let crashed = Render::start_with(&scene, &folder, &OPTIONS, &variables).finish();
        let log = fs_err::read_to_string(folder.join("data/farm.log")).unwrap();
        assert!(log.contains("crashing here"), "{point} was never passed: {log}");
        let rendered = if crashed.code == 0 { crashed } else { go_on(&scene, &folder) };
        assert_eq!(rendered.code, 0, "after {point}: {:#?}", rendered.events);
        assert_equal_nearly_everywhere(&compare_exr(&rendered.exr(1), &one_go));
    }
    wait_for("the end of all processes", Duration::from_mins(1), || naming(temp.path()).is_empty());
}

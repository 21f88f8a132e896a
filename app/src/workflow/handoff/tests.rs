use super::*;
use crate::workflow::data_dir::DataDir;

pub(super) fn described() -> Described {
    Described {
        format: FORMAT,
        blend: "shot.blend".to_owned(),
        original: Some("/home/ann/shot.blend".into()),
        unsaved_changes: true,
        animation: false,
        scene: Some("Scene".to_owned()),
        frame: 7,
        frame_start: 1,
        frame_end: 10,
        frame_step: 1,
        camera: None,
        view_layers: Vec::new(),
        add_ons: Vec::new(),
        unbaked: Vec::new(),
        packed_count: 0,
        blender: "4.5.1".to_owned(),
    }
}

/// A folder as Blender leaves it.
pub(super) fn handed(data: &DataDir, said: &serde_json::Value) -> PathBuf {
    let folder = folder::make(data).unwrap();
    fs_err::write(folder.join("shot.blend"), b"BLENDER").unwrap();
    let path = folder.join("handoff.json");
    fs_err::write(&path, said.to_string()).unwrap();
    path
}

fn json(change: impl FnOnce(&mut serde_json::Value)) -> serde_json::Value {
    let mut json = serde_json::to_value(described()).unwrap();
    change(&mut json);
    json
}

#[test]
fn a_hand_over_is_read_with_what_blender_says() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(Some(dir.path())).unwrap();
    let handoff = Handoff::read(&handed(&data, &json(|_| {}))).unwrap();
    assert!(handoff.blend.is_file());
    assert_eq!((handoff.frames().as_str(), handoff.said), ("7", described()));
}

#[test]
fn what_the_add_on_does_not_say_has_a_default() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(Some(dir.path())).unwrap();
    let least = serde_json::json!({"format": 1, "blend": "shot.blend", "frame": 3,
        "frame_start": 1, "frame_end": 2, "frame_step": 1, "of a later add-on": true});
    assert!(Handoff::read(&handed(&data, &least)).unwrap().output().ends_with("BlendNet/render"));
}

#[test]
fn descriptions_that_are_broken_or_mean_other_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(Some(dir.path())).unwrap();
    for blend in ["../shot.blend", "/etc/passwd", "", ".", "a/shot.blend", "no.blend"] {
        let path = handed(&data, &json(|json| json["blend"] = blend.into()));
        assert!(Handoff::read(&path).is_err(), "{blend}");
    }
    let linked = handed(&data, &json(|json| json["blend"] = "link.blend".into()));
    std::os::unix::fs::symlink("/etc/passwd", linked.with_file_name("link.blend")).unwrap();
    assert!(Handoff::read(&linked).is_err());
    for text in ["", "[]", "{\"format\": 1}", "\u{0}"] {
        let path = handed(&data, &json(|_| {}));
        fs_err::write(&path, text).unwrap();
        assert!(Handoff::read(&path).unwrap_err().message.contains("no hand-over"), "{text:?}");
    }
    let elsewhere = dir.path().join("handoff.json");
    fs_err::write(&elsewhere, json(|_| {}).to_string()).unwrap();
    assert!(Handoff::read(&elsewhere).unwrap_err().message.contains("was not made by"));
}

#[test]
fn an_add_on_of_another_version_is_told_which_one_to_install() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(Some(dir.path())).unwrap();
    let later = serde_json::json!({"format": 2, "frames": "in another form"});
    let problem = Handoff::read(&handed(&data, &later)).unwrap_err();
    assert!(problem.message.contains("form 2") && problem.hint.unwrap().contains("add-on"));
}

#[test]
fn an_animation_has_the_frames_of_its_scene() {
    let frames = |start, end, step| {
        let said = Described {
            animation: true,
            frame_start: start,
            frame_end: end,
            frame_step: step,
            ..described()
        };
        Handoff { id: String::new(), blend: PathBuf::new(), said }.frames()
    };
    let all = [frames(1, 10, 1), frames(-5, 5, 2), frames(4, 4, 1), frames(1, 3, 0)];
    assert_eq!(all, ["1-10", "-5-5:2", "4", "1-3"]);
}

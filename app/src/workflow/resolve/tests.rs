//! Tests of the search for a scene's files.

use super::*;

struct Disk {
    _dir: tempfile::TempDir,
    root: PathBuf,
}

impl Disk {
    fn with(files: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for file in files {
            let path = root.join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, file).unwrap();
        }
        Self { _dir: dir, root }
    }

    fn resolve(&self, path: &str, kind: FileKind) -> Resolved {
        let file = ExternalFile {
            path: self.root.join(path).to_str().unwrap().to_owned(),
            as_written: format!("//{path}"),
            kind,
            used_by: "Image \"wood\"".to_owned(),
        };
        resolve(&[file], &self.root.join("shot/shot.blend"), &Places::new(None), &BTreeSet::new())
    }

    fn found(&self, path: &str, kind: FileKind) -> Vec<String> {
        let resolved = self.resolve(path, kind);
        assert_eq!(resolved.missing, [], "{path}");
        let relative =
            |p: &PathBuf| p.strip_prefix(&self.root).unwrap().to_str().unwrap().to_owned();
        resolved.found.values().map(|(path, _)| relative(path)).collect()
    }

    fn missing(&self, path: &str, kind: FileKind) -> MissingFile {
        let resolved = self.resolve(path, kind);
        assert!(resolved.found.is_empty(), "{path}");
        resolved.missing.into_iter().next().unwrap()
    }
}

#[test]
fn a_single_file_keeps_its_place_on_the_disk() {
    let disk = Disk::with(&["tex/wood.png"]);
    let resolved = disk.resolve("shot/../tex/wood.png", FileKind::Image);
    assert_eq!(resolved.missing.len(), 1, "`shot` does not exist, so `shot/..` does not either");
    fs_err::create_dir(disk.root.join("shot")).unwrap();
    let resolved = disk.resolve("shot/../tex/wood.png", FileKind::Image);
    let place = resolved.found.keys().next().unwrap().as_str();
    let expected = disk.root.join("tex/wood.png");
    assert_eq!(format!("/{place}"), expected.to_str().unwrap());
}

#[test]
fn a_sequence_brings_all_its_images_and_nothing_else() {
    let disk =
        Disk::with(&["s/a_0001.png", "s/a_0002.png", "s/a_0010.png", "s/b_0001.png", "s/a_1.png"]);
    assert_eq!(
        disk.found("s/a_0001.png", FileKind::Sequence),
        ["s/a_0001.png", "s/a_0002.png", "s/a_0010.png"]
    );
    assert_eq!(disk.found("s/a_0099.png", FileKind::Sequence).len(), 3, "the named one may lack");
    let missing = disk.missing("s/c_0001.png", FileKind::Sequence);
    assert_eq!(missing.reason, "no image of the sequence exists");
}

#[test]
fn udim_tiles_are_all_found() {
    let disk = Disk::with(&["t/s.1001.png", "t/s.1002.png", "t/s.999.png", "t/v_u1_v2.exr"]);
    assert_eq!(disk.found("t/s.<UDIM>.png", FileKind::Udim), ["t/s.1001.png", "t/s.1002.png"]);
    assert_eq!(disk.found("t/v_<UVTILE>.exr", FileKind::Udim), ["t/v_u1_v2.exr"]);
    assert_eq!(disk.missing("t/x.<UDIM>.png", FileKind::Udim).reason, "no tile exists");
}

#[test]
fn a_cache_folder_brings_all_files_below_it() {
    let disk = Disk::with(&["cache/data/f1.vdb", "cache/f0.bphys", "other.vdb"]);
    assert_eq!(disk.found("cache", FileKind::Directory), ["cache/data/f1.vdb", "cache/f0.bphys"]);
    assert_eq!(disk.missing("nocache", FileKind::Directory).reason, "does not exist");
}

#[test]
fn a_link_to_the_folder_itself_adds_nothing() {
    let disk = Disk::with(&["cache/a"]);
    fs_err::os::unix::fs::symlink(disk.root.join("cache"), disk.root.join("cache/loop")).unwrap();
    assert_eq!(disk.found("cache", FileKind::Directory), ["cache/a"]);
}

#[test]
fn pipes_and_folders_in_place_of_files_are_not_opened() {
    let disk = Disk::with(&["dir/x"]);
    let pipe = disk.root.join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    assert_eq!(disk.missing("pipe", FileKind::Other).reason, "is not a regular file");
    assert_eq!(disk.missing("dir", FileKind::Other).reason, "is a folder, not a file");
}

#[test]
fn a_missing_file_says_who_wants_it_and_how_it_is_written() {
    let disk = Disk::with(&[]);
    let missing = disk.missing("tex/wood.png", FileKind::Image);
    assert_eq!(missing.as_written, "//tex/wood.png");
    assert_eq!(missing.used_by, "Image \"wood\"");
    assert_eq!(missing.similar, None);
}

#[test]
fn another_case_is_hinted_at_also_in_folders() {
    let disk = Disk::with(&["Tex/Wood.PNG"]);
    let missing = disk.missing("tex/wood.png", FileKind::Image);
    assert_eq!(missing.similar, Some(disk.root.join("Tex/Wood.PNG")));
}

#[test]
fn a_file_of_that_name_near_the_blend_is_hinted_at() {
    let disk = Disk::with(&["shot/textures/wood.png", "shot/metal.png"]);
    let near = disk.missing("nowhere/wood.png", FileKind::Image);
    assert_eq!(near.similar, Some(disk.root.join("shot/textures/wood.png")));
    let beside = disk.missing("nowhere/METAL.png", FileKind::Image);
    assert_eq!(beside.similar, Some(disk.root.join("shot/metal.png")));
}

#[test]
fn a_windows_path_is_missing_here_but_found_near_the_blend() {
    let disk = Disk::with(&["shot/wood.png"]);
    let file = ExternalFile {
        path: "C:/Users/ann/wood.png".to_owned(),
        as_written: "C:\\Users\\ann\\wood.png".to_owned(),
        kind: FileKind::Image,
        used_by: "Image \"wood\"".to_owned(),
    };
    let resolved =
        resolve(&[file], &disk.root.join("shot/shot.blend"), &Places::new(None), &BTreeSet::new());
    assert_eq!(resolved.missing[0].similar, Some(disk.root.join("shot/wood.png")));
}

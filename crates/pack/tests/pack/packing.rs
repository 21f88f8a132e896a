//! Packs: for made files, and for files of Blender's own of every kind.

use crate::case::*;
use crate::made::Made;
use blendnet_pack::PackError;
use blendnet_pack::pack::{self, Pack, plan, write_folder, write_zip};
use blendnet_pack::trace::{TraceOptions, trace};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// All files below a folder: where they are in it, and their content.
fn below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(at) = left.pop() {
        for entry in fs_err::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let place = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(place, fs_err::read(&path).unwrap());
            }
        }
    }
    found
}

fn planned(scene: &Path) -> Pack {
    plan(scene, &TraceOptions::default()).unwrap()
}

fn packed(scene: &Path, folder: &Path) -> Pack {
    let pack = planned(scene);
    write_folder(&pack, folder, &mut |_, _| {}).unwrap();
    pack
}

/// An image outside of the scene's folder, a library outside that has one beside it, and one with
/// the path of a Windows user.
fn spread_out() -> (Case, PathBuf) {
    let case = Case::new();
    case.touch(&["nas/sky.png", "nas/lib/tex/bark.png", "shot/tex/Own.PNG"]);
    let mut scene = made(&[]);
    let absolute = |name: &str| case.path(name).to_str().unwrap().as_bytes().to_vec();
    scene.add("IM", 100, "Image", &image("IMsky", &absolute("nas/sky.png")));
    scene.add("IM", 200, "Image", &image("IMown", b"//TEX\\own.png"));
    let library = absolute("nas/lib/tree.blend");
    scene.add("LI", 500, "Library", &[("id.name", "LIlib".into()), ("name", (&*library).into())]);
    scene.add("ID", 600, "ID", &[("name", "IMbark".into()), ("lib", 500.into())]);
    case.save("shot/scene.blend", scene);
    let mut tree = made(&[]);
    tree.add("IM", 100, "Image", &image("IMbark", &absolute("nas/lib/tex/bark.png")));
    case.save("nas/lib/tree.blend", tree);
    let scene = case.path("shot/scene.blend");
    (case, scene)
}

#[test]
fn a_scene_from_all_over_the_disk_opens_from_one_folder() {
    let (case, scene) = spread_out();
    let before = below(case.folder.path());
    let other = tempfile::tempdir().unwrap();
    let pack = packed(&scene, &other.path().join("pack"));
    assert_eq!(pack.blend(), "scene.blend");
    assert_eq!(before, below(case.folder.path()), "the originals are as they were");
    // Nothing may be found only because it is still there.
    drop(case);
    let found = trace(&other.path().join("pack/scene.blend"), &TraceOptions::default()).unwrap();
    assert_eq!(names(&found.files), ["bark.png", "tree.blend", "sky.png", "Own.PNG"]);
    assert!(found.files.iter().all(|file| file.exists && file.relative), "{found:#?}");
    assert_eq!(found.warnings, Vec::<String>::new());
    assert_eq!(found.files[3].as_written, "//tex/Own.PNG");
}

#[test]
fn a_pack_of_a_pack_is_the_same() {
    let (_case, scene) = spread_out();
    let folder = tempfile::tempdir().unwrap();
    packed(&scene, &folder.path().join("one"));
    let again = packed(&folder.path().join("one/scene.blend"), &folder.path().join("two"));
    assert!(again.files.iter().all(pack::PackFile::is_unchanged));
    assert_eq!(below(&folder.path().join("one")), below(&folder.path().join("two")));
}

#[test]
fn a_zip_has_the_bytes_of_the_folder_and_is_the_same_every_time() {
    let (case, scene) = spread_out();
    let pack = packed(&scene, &case.path("folder"));
    let zips = [case.path("a.zip"), case.path("b.zip")];
    for zip in &zips {
        write_zip(&pack, zip, &mut |_, _| {}).unwrap();
    }
    assert_eq!(fs_err::read(&zips[0]).unwrap(), fs_err::read(&zips[1]).unwrap());
    let mut zip = zip::ZipArchive::new(fs_err::File::open(&zips[0]).unwrap()).unwrap();
    let mut inside = BTreeMap::new();
    for at in 0..zip.len() {
        let mut file = zip.by_index(at).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        inside.insert(file.name().unwrap().into_owned(), content);
    }
    assert_eq!(inside, below(&case.path("folder")));
}

#[test]
fn scenes_of_blender_are_whole_in_their_packs() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut kinds = 0;
    for entry in fs_err::read_dir(&data).unwrap() {
        let folder = entry.unwrap().path();
        let scene = folder.join("scene.blend");
        if !scene.is_file() {
            continue;
        }
        kinds += 1;
        let before = below(&folder);
        let other = tempfile::tempdir().unwrap();
        let pack = packed(&scene, &other.path().join("pack"));
        assert_eq!(before, below(&folder), "{}", folder.display());
        let found = trace(&other.path().join("pack/scene.blend"), &TraceOptions::default());
        let found = found.unwrap();
        let there = |files: &[blendnet_pack::trace::Dependency]| {
            let there = files.iter().filter(|file| file.exists);
            there.map(|file| (file.kind, file.used_by.clone(), file.size_bytes)).collect::<Vec<_>>()
        };
        let wanted: Vec<_> = pack.files.iter().filter_map(|file| file.dependency.clone()).collect();
        let kind = |(kind, users, _): &(_, Vec<String>, u64)| (*kind, users.clone());
        assert_eq!(
            there(&found.files).iter().map(kind).collect::<Vec<_>>(),
            there(&wanted).iter().map(kind).collect::<Vec<_>>(),
            "{}",
            folder.display()
        );
        assert_eq!(found.missing().count(), pack.missing.len(), "{}", folder.display());
    }
    assert!(kinds > 30, "{kinds}");
}

#[test]
fn a_file_that_changes_meanwhile_is_told_and_packed_once_more() {
    let (case, scene) = spread_out();
    let mut writes = 0;
    let mut told = Vec::new();
    let done = pack::pack(
        &scene,
        &TraceOptions::default(),
        |plan| {
            writes += 1;
            if writes == 1 {
                fs_err::write(case.path("nas/sky.png"), b"another sky").unwrap();
            }
            write_folder(plan, &case.path("pack"), &mut |_, _| {})
        },
        |path| told.push(path.to_owned()),
    );
    done.unwrap();
    assert_eq!(told, [case.path("nas/sky.png")]);
    let sky = below(&case.path("pack")).into_iter().find(|(name, _)| name.ends_with("sky.png"));
    assert_eq!(sky.unwrap().1, b"another sky");
    assert!(
        !case
            .folder
            .path()
            .read_dir()
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_str().unwrap().starts_with(".pack-") })
    );
}

#[test]
fn a_file_that_changes_all_the_time_is_an_error() {
    let (case, scene) = spread_out();
    let mut writes = 0;
    let carry_out = |plan: &Pack| {
        writes += 1;
        fs_err::write(case.path("nas/sky.png"), vec![b's'; 100 + writes]).unwrap();
        write_folder(plan, &case.path("pack"), &mut |_, _| {})
    };
    let failed = pack::pack(&scene, &TraceOptions::default(), carry_out, |_| {});
    assert!(matches!(failed, Err(PackError::Changed { .. })), "{failed:?}");
    assert!(!case.path("pack").exists());
}

#[test]
fn only_what_the_frames_need_is_packed_for_them() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/image_sequence/scene.blend");
    let of = |frames| plan(&data, &TraceOptions { frames, ..TraceOptions::default() }).unwrap();
    let (all, one) = (of(None), of(Some(3..=3)));
    assert!(all.unneeded.is_empty());
    assert!(one.files.len() < all.files.len(), "{one:#?}");
    assert_eq!(one.files.len() + one.unneeded.len(), all.files.len());
    assert!(one.files.iter().all(|file| !one.unneeded.contains(&file.place)));
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let (case, scene) = spread_out();
    let refused = write_folder(&planned(&scene), &case.path("nas"), &mut |_, _| {});
    assert!(matches!(refused, Err(PackError::Exists { .. })));
}

#[test]
fn a_path_that_becomes_too_long_is_told() {
    let (case, outside) = (Case::new(), tempfile::tempdir_in("/tmp").unwrap());
    let path = outside.path().join("a");
    fs_err::write(&path, b"png").unwrap();
    let most_bytes = path.as_os_str().len();
    let structure = format!("Image: ID id; char name[{}]; short source", most_bytes + 1);
    let mut scene = Made::new(&[ID, LIBRARY, &structure].join("\n"));
    scene.add("IM", 100, "Image", &image("IMa", path.to_str().unwrap().as_bytes()));
    case.save("scene.blend", scene);
    let planned = plan(&case.path("scene.blend"), &TraceOptions::default());
    let Err(PackError::PathTooLong { most_bytes: most, path: told, .. }) = planned else {
        panic!("{planned:?}")
    };
    assert_eq!((most, told), (most_bytes, path));
}

#[test]
fn names_that_other_systems_refuse_are_escaped() {
    use std::os::unix::ffi::OsStrExt as _;
    let case = Case::new();
    fs_err::create_dir_all(case.path("tex")).unwrap();
    let name = std::ffi::OsStr::from_bytes(b"tex/a:b\xff.png");
    fs_err::write(case.folder.path().join(name), b"png").unwrap();
    let mut scene = made(&[]);
    scene.add("IM", 100, "Image", &image("IMa", b"//tex/a:b\xff.png"));
    case.save("scene.blend", scene);
    packed(&case.path("scene.blend"), &case.path("pack"));
    assert!(case.path("pack/tex/a%3Ab%FF.png").is_file());
    let found = trace(&case.path("pack/scene.blend"), &TraceOptions::default()).unwrap();
    assert_eq!(found.missing().count(), 0, "{found:?}");
}

#[test]
fn a_link_to_a_file_of_another_kind_is_left_out() {
    let case = Case::new();
    case.touch(&["tex/none"]);
    std::os::unix::fs::symlink("/etc/passwd", case.path("tex/wood.png")).unwrap();
    let mut scene = made(&[]);
    scene.add("IM", 100, "Image", &image("IMa", b"//tex/wood.png"));
    case.save("scene.blend", scene);
    let pack = packed(&case.path("scene.blend"), &case.path("pack"));
    assert_eq!(below(&case.path("pack")).len(), 1);
    assert_eq!(pack.missing.len(), 1);
    assert!(pack.warnings[0].contains("/etc/passwd"), "{:?}", pack.warnings);
}

#[test]
fn a_link_becomes_the_file_that_it_means() {
    let case = Case::new();
    case.touch(&["far/real.png", "tex/none"]);
    std::os::unix::fs::symlink(case.path("far/real.png"), case.path("tex/link.png")).unwrap();
    let mut scene = made(&[]);
    scene.add("IM", 100, "Image", &image("IMa", b"//tex/link.png"));
    case.save("scene.blend", scene);
    packed(&case.path("scene.blend"), &case.path("pack"));
    assert!(!case.path("pack/tex/link.png").is_symlink());
    assert_eq!(fs_err::read(case.path("pack/tex/link.png")).unwrap(), b"some");
}

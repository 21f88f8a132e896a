use super::*;
use std::io::Write as _;
use tar::{Builder, Header};

/// An entry as nobody in their right mind makes it: the path is written as it is.
struct Raw {
    path: &'static str,
    kind: EntryType,
    link: &'static str,
    content: &'static [u8],
}

fn file(path: &'static str, content: &'static [u8]) -> Raw {
    Raw { path, kind: EntryType::Regular, link: "", content }
}

fn link(path: &'static str, link: &'static str) -> Raw {
    Raw { path, kind: EntryType::Symlink, link, content: b"" }
}

fn tar_of(entries: &[Raw]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for Raw { path, kind, link, content } in entries {
        let mut header = Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..path.len()].copy_from_slice(path.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_mtime(7);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn packed(tar: &[u8]) -> tempfile::NamedTempFile {
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let mut archive = tempfile::NamedTempFile::new().unwrap();
    archive.write_all(&ruzstd::encoding::compress_to_vec(tar, level)).unwrap();
    archive
}

/// What becomes of an archive, unpacked in `outer/inner`; whether anything came to lie in `outer`.
fn unpacked(archive: &Path, announced_bytes: u64) -> (Result<(), UnpackError>, bool) {
    let outer = tempfile::tempdir().unwrap();
    let inner = outer.path().join("inner");
    fs_err::create_dir(&inner).unwrap();
    let result = unpack(archive, announced_bytes, &inner, |_| ());
    (result, fs_err::read_dir(outer.path()).unwrap().count() > 1)
}

#[test]
fn files_folders_and_links_to_a_neighbour_come_out_below_the_top_folder() {
    let entries = [
        Raw { path: "top/", kind: EntryType::Directory, link: "", content: b"" },
        file("top/bin/python3.11", b"program"),
        link("top/bin/python", "python3.11"),
        file("./top/lib/a", b"a"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut on_disk = 0;
    let archive = packed(&tar_of(&entries));
    unpack(archive.path(), 8, folder.path(), |bytes| on_disk += bytes).unwrap();
    assert_eq!(on_disk, 8);
    let read = |path: &str| fs_err::read(folder.path().join(path)).unwrap();
    assert_eq!((read("bin/python"), read("lib/a")), (b"program".to_vec(), b"a".to_vec()));
    let program = fs_err::metadata(folder.path().join("bin/python3.11")).unwrap();
    assert_eq!(program.permissions().mode() & 0o777, 0o500);
    assert_eq!(program.modified().unwrap(), UNIX_EPOCH + Duration::from_secs(7));
}

#[test]
fn nothing_is_written_outside_the_folder_whatever_the_archive_says() {
    let cases = [
        vec![file("top/../../escaped", b"x")],
        vec![file("../escaped", b"x")],
        vec![file("/tmp/escaped", b"x")],
        vec![file("..", b"x")],
        vec![link("top/out", "../.."), file("top/out/escaped", b"x")],
        vec![link("top/out", "/etc/passwd")],
        vec![link("top/out", "sub/../../..")],
        vec![link("top/out", "")],
        // A link to a neighbour is allowed, a way through it is not.
        vec![file("top/sub/a", b"x"), link("top/way", "sub"), file("top/way/b", b"x")],
        vec![file("top/a", b"x"), file("top/a/b", b"x")],
        vec![file("top/a", b"x"), file("top/a", b"y")],
        vec![link("top/a", "b"), file("top/a", b"y")],
        vec![Raw { path: "top/h", kind: EntryType::Link, link: "/etc/passwd", content: b"" }],
        vec![Raw { path: "top/d", kind: EntryType::Char, link: "", content: b"" }],
        vec![Raw { path: "top/f", kind: EntryType::Fifo, link: "", content: b"" }],
    ];
    for (number, entries) in cases.iter().enumerate() {
        let (result, outside) = unpacked(packed(&tar_of(entries)).path(), 100);
        assert!(result.is_err() && !outside, "case {number}: {result:?}");
    }
}

#[test]
fn an_archive_with_more_than_was_announced_is_not_unpacked_to_its_end() {
    let archive = packed(&tar_of(&[file("top/a", b"four"), file("top/b", b"four")]));
    assert!(unpacked(archive.path(), 8).0.is_ok());
    let (result, _) = unpacked(archive.path(), 7);
    assert!(matches!(result, Err(UnpackError::TooLarge { announced_bytes: 7 })), "{result:?}");
}

#[test]
fn a_damaged_archive_is_said_to_be_damaged() {
    let whole = fs_err::read(packed(&tar_of(&[file("top/a", &[7; 5000])])).path()).unwrap();
    let tar = tar_of(&[file("top/a", &[7; 5000])]);
    let cases: [Vec<u8>; 5] = [
        Vec::new(),
        b"this is no archive".to_vec(),
        whole[..whole.len() / 2].to_vec(),
        fs_err::read(packed(&tar[..2000]).path()).unwrap(),
        fs_err::read(packed(&[255; 2048]).path()).unwrap(),
    ];
    for (number, bytes) in cases.iter().enumerate() {
        let mut archive = tempfile::NamedTempFile::new().unwrap();
        archive.write_all(bytes).unwrap();
        let (result, _) = unpacked(archive.path(), 10_000);
        assert!(matches!(result, Err(UnpackError::Damaged(_))), "case {number}: {result:?}");
    }
}

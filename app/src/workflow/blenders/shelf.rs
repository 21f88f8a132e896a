//! The shelf: Blenders that the farm sends to agents that lack them, each packed as one archive.
//!
//! An archive is the same for the same files, whenever and wherever they were installed, so that it has one
//! SHA-256. One of the `bpy` module holds the Python that runs it, too: a bare machine has none.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use blendnet_net::secret::{create_private_dir, write_private};
use blendnet_protocol::{BlenderBuild, BlobId, KeptBlender, platform};
use fs_err::os::unix::fs::OpenOptionsExt as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::os::unix::fs::PermissionsExt as _;

use super::super::data_dir::DataDir;
use super::super::problem::Problem;
use super::{COMPLETE, failed, run};

/// Of Zstandard: fast, and the larger part of a Blender are libraries that get little smaller.
const LEVEL: i32 = 3;
/// When all files in an archive were changed, in seconds since 1970: a Blender is told from another one by its
/// files, not by when they were installed.
const MODIFIED_SECS: u64 = 1_000_000_000;
/// What neither Blender nor its Python needs to render.
const LEFT_OUT: [&str; 16] = [
    "__pycache__",
    "test",
    "tests",
    "idlelib",
    "turtledemo",
    "ensurepip",
    "site-packages",
    "dist-packages",
    "pip",
    "setuptools",
    "pkg_resources",
    "_distutils_hack",
    "distutils-precedence.pth",
    "RECORD",
    "INSTALLER",
    "REQUESTED",
];

/// Where the shelf is.
pub fn folder(data: &DataDir) -> PathBuf {
    super::folder(data).join("shelf")
}

/// What is on it.
pub fn list(data: &DataDir) -> Vec<KeptBlender> {
    let entries = fs_err::read_dir(folder(data)).into_iter().flatten().flatten();
    let described = |path: PathBuf| {
        let described = path.extension().is_some_and(|ending| ending == "json");
        serde_json::from_slice(&fs_err::read(path).ok().filter(|_| described)?).ok()
    };
    let mut kept: Vec<KeptBlender> = entries.filter_map(|entry| described(entry.path())).collect();
    kept.sort_by(|a, b| (&a.version, &a.blob).cmp(&(&b.version, &b.blob)));
    kept
}

/// Takes a version off it; agents that have it keep it. Answers what was there.
pub fn remove(data: &DataDir, version: &str) -> Result<Vec<KeptBlender>, Problem> {
    let (gone, left): (Vec<_>, Vec<_>) =
        list(data).into_iter().partition(|kept| kept.version == version);
    if gone.is_empty() {
        let versions: Vec<_> = left.into_iter().map(|kept| kept.version).collect();
        return Err(Problem::input(format!("there is no Blender {version} on the shelf"))
            .hint(format!("there are: {}", versions.join(", "))));
    }
    for kept in &gone {
        let archive = folder(data).join(kept.blob.as_str());
        // The description first: what is described is there.
        fs_err::remove_file(archive.with_extension("json")).map_err(|e| failed(&e))?;
        fs_err::remove_file(archive).map_err(|e| failed(&e))?;
    }
    Ok(gone)
}

/// Packs a Blender that works and puts it on the shelf.
pub fn put(data: &DataDir, build: &BlenderBuild) -> Result<KeptBlender, Problem> {
    let files = if build.is_module { module(build)? } else { program(build)? };
    let shelf = folder(data);
    create_private_dir(&shelf).map_err(|e| Problem::input(e.to_string()))?;
    let top = format!("blender-{}", build.version);
    let packed = pack(&top, &files, &shelf).map_err(|e| failed(&e))?;
    let kept = KeptBlender {
        blob: packed.blob,
        size_bytes: packed.size_bytes,
        unpacked_bytes: packed.unpacked_bytes,
        version: build.version.clone(),
        is_module: build.is_module,
        platform: platform(),
    };
    let described = serde_json::to_vec_pretty(&kept);
    let described = described.map_err(|e| Problem::input(e.to_string()))?;
    let archive = shelf.join(kept.blob.as_str());
    packed.file.persist(&archive).map_err(|e| failed(&e.error))?;
    write_private(&archive.with_extension("json"), &described)
        .map_err(|e| Problem::input(e.to_string()))?;
    Ok(kept)
}

/// Where each file comes from, by its place in the archive.
type Files = BTreeMap<String, PathBuf>;

/// A Blender that has all its files in one folder.
fn program(build: &BlenderBuild) -> Result<Files, Problem> {
    let real = fs_err::canonicalize(&build.path).map_err(|e| failed(&e))?;
    let folder = real.parent().unwrap_or(Path::new("/"));
    let release: Vec<&str> = build.version.split('.').take(2).collect();
    let is_whole = folder.join(COMPLETE).is_file() || folder.join(release.join(".")).is_dir();
    if !is_whole || !real.ends_with("blender") {
        let shown = real.display();
        return Err(Problem::input(format!(
            "{shown} is spread over the system, so it can't be sent to other machines"
        ))
        .hint("`blendnet blender install VERSION` installs one that can"));
    }
    let mut files = Files::new();
    collect(folder, "", &[], &mut files).map_err(|e| failed(&e))?;
    files.remove(COMPLETE);
    Ok(files)
}

/// What a Python tells of itself.
#[derive(Deserialize)]
struct Python {
    program: PathBuf,
    name: String,
    library: PathBuf,
    modules: Vec<PathBuf>,
}

const QUESTION: &str = "\
import json, os, sys, sysconfig
real = os.path.realpath
path = sysconfig.get_path
print(json.dumps({'program': real(sys.executable), 'name': 'python%d.%d' % sys.version_info[:2],
    'library': real(path('stdlib')), 'modules': [real(p) for p in dict.fromkeys((path('purelib'), path('platlib')))]}))
";

fn ask(python: &Path) -> Result<Python, Problem> {
    let answer = run(Command::new(python).args(["-I", "-c", QUESTION]), "asking a Python")?;
    serde_json::from_slice(&answer)
        .map_err(|e| Problem::input(format!("{}: its answer is strange: {e}", python.display())))
}

/// The `bpy` module, beside the standard library of a Python that needs no library of its own.
fn module(build: &BlenderBuild) -> Result<Files, Problem> {
    let own = ask(Path::new(&build.path))?;
    let python = movable(&own)?;
    let library = format!("lib/{}", own.name);
    let mut files = Files::new();
    let all = |folder: &Path, files: &mut Files| {
        collect(folder, &library, &LEFT_OUT, files).map_err(|e| failed(&e))
    };
    all(&python.library, &mut files)?;
    // On the way of every import without any setting that would name a place on this machine.
    for folder in &own.modules {
        all(folder, &mut files)?;
    }
    files.insert("bin/python".to_owned(), python.program);
    Ok(files)
}

/// A Python of the same version whose program is all in one file.
fn movable(own: &Python) -> Result<Python, Problem> {
    let program = own.program.clone();
    let others = ["/usr/bin", "/usr/local/bin"].map(|folder| Path::new(folder).join(&own.name));
    for program in [program].into_iter().chain(others).filter(|program| program.is_file()) {
        let said = Command::new("ldd").arg(&program).output();
        let whole =
            said.is_ok_and(|said| !String::from_utf8_lossy(&said.stdout).contains("libpython"));
        if whole && let Ok(python) = ask(&program) {
            return Ok(python);
        }
    }
    Err(Problem::input(format!(
        "{} needs a library of its own, so it can't be sent to other machines",
        own.program.display()
    ))
    .hint(format!("install Debian's package {}, whose program can", own.name)))
}

/// Lists the files below `folder`. Links to a neighbour stay links; others become what they lead to.
fn collect(folder: &Path, place: &str, without: &[&str], files: &mut Files) -> io::Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(io::Error::other(format!("{} is no text", entry.path().display())));
        };
        if without.contains(&name) || name.starts_with("config-") && !without.is_empty() {
            continue;
        }
        let place = if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") };
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() || (kind.is_symlink() && neighbour(&path).is_none() && path.is_dir()) {
            let path = fs_err::canonicalize(&path)?;
            // A link to a folder above would never come to an end.
            if !folder.starts_with(&path) {
                collect(&path, &place, without, files)?;
            }
        } else if path.exists() {
            files.insert(place, path);
        }
    }
    Ok(())
}

/// What a link in the same folder leads to.
fn neighbour(path: &Path) -> Option<PathBuf> {
    let to = fs_err::read_link(path).ok()?;
    (to.components().count() == 1 && to.file_name().is_some()).then_some(to)
}

struct Packed {
    file: tempfile::NamedTempFile,
    blob: BlobId,
    size_bytes: u64,
    unpacked_bytes: u64,
}

fn pack(top: &str, files: &Files, shelf: &Path) -> io::Result<Packed> {
    let file = tempfile::Builder::new().prefix(".new-").tempfile_in(shelf)?;
    let hashing = Hashing { to: BufWriter::new(file), hash: Sha256::new(), size_bytes: 0 };
    let mut archive = tar::Builder::new(zstd::Encoder::new(hashing, LEVEL)?);
    let mut unpacked_bytes = 0;
    for (place, path) in files {
        unpacked_bytes += append(&mut archive, &format!("{top}/{place}"), path)?;
    }
    let Hashing { to, hash, size_bytes } = archive.into_inner()?.finish()?;
    let file = to.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    let blob = BlobId::new(hex::encode(hash.finalize())).map_err(io::Error::other)?;
    Ok(Packed { file, blob, size_bytes, unpacked_bytes })
}

fn append(archive: &mut tar::Builder<impl Write>, place: &str, path: &Path) -> io::Result<u64> {
    let mut header = tar::Header::new_gnu();
    header.set_mtime(MODIFIED_SECS);
    if let Some(to) = neighbour(path) {
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        archive.append_link(&mut header, place, to)?;
        return Ok(0);
    }
    let mut options = fs_err::OpenOptions::new();
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = options.read(true).custom_flags(nonblock).open(path)?;
    let data = file.metadata()?;
    if !data.is_file() {
        return Err(io::Error::other(format!("{} is not a file", path.display())));
    }
    let runs = data.permissions().mode() & 0o111 != 0;
    header.set_size(data.len());
    header.set_mode(if runs { 0o755 } else { 0o644 });
    archive.append_data(&mut header, place, io::Read::take(file, data.len()))?;
    Ok(data.len())
}

/// Hashes what it passes on.
struct Hashing<W> {
    to: W,
    hash: Sha256,
    size_bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        self.size_bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A Blender as its archive unpacks; the program is none.
    fn blender(folder: &Path) -> BlenderBuild {
        fs_err::create_dir_all(folder.join("4.5/scripts")).unwrap();
        fs_err::create_dir_all(folder.join("lib")).unwrap();
        fs_err::write(folder.join("blender"), "program").unwrap();
        fs_err::write(folder.join("4.5/scripts/a.py"), "a").unwrap();
        fs_err::write(folder.join("lib/libb.so.1"), "library").unwrap();
        symlink("libb.so.1", folder.join("lib/libb.so")).unwrap();
        symlink("../4.5/scripts/a.py", folder.join("lib/a.py")).unwrap();
        symlink("..", folder.join("lib/up")).unwrap();
        let path = folder.join("blender").to_string_lossy().into_owned();
        BlenderBuild { version: "4.5.1".to_owned(), path, is_module: false }
    }

    #[test]
    fn the_same_blender_is_the_same_archive_wherever_and_whenever_it_was_installed() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        let kept = put(&data, &blender(&dir.path().join("one"))).unwrap();
        let later = blender(&dir.path().join("other/place"));
        fs_err::write(dir.path().join("other/place").join(COMPLETE), "").unwrap();
        let file = fs_err::File::open(&later.path).unwrap();
        file.file().set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(put(&data, &later).unwrap(), kept);
        assert_eq!(list(&data), std::slice::from_ref(&kept));
        assert_eq!((kept.unpacked_bytes, kept.platform), (7 + 1 + 7 + 1, platform()));

        let archive = fs_err::File::open(folder(&data).join(kept.blob.as_str())).unwrap();
        let mut archive = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
        let entries = archive.entries().unwrap().map(Result::unwrap);
        let places: Vec<_> = entries
            .map(|e| (e.path().unwrap().display().to_string(), e.link_name().unwrap().is_some()))
            .collect();
        let expected = ["4.5/scripts/a.py", "blender", "lib/a.py", "lib/libb.so", "lib/libb.so.1"];
        let expected = expected.map(|p| (format!("blender-4.5.1/{p}"), p == "lib/libb.so"));
        assert_eq!(places, expected);
    }

    #[test]
    fn a_version_is_taken_off_the_shelf_and_one_that_is_not_there_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        let kept = put(&data, &blender(dir.path())).unwrap();
        assert!(remove(&data, "4.5.2").unwrap_err().hint.unwrap().contains("4.5.1"));
        assert_eq!(remove(&data, "4.5.1").unwrap(), [kept]);
        assert_eq!(fs_err::read_dir(folder(&data)).unwrap().count(), 0);
    }

    #[test]
    fn a_blender_that_is_spread_over_the_system_is_not_packed() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        let build = blender(&dir.path().join("usr/bin"));
        fs_err::remove_dir_all(dir.path().join("usr/bin/4.5")).unwrap();
        let refused = put(&data, &build).unwrap_err();
        assert!(refused.message.contains("spread over the system"), "{refused}");
        assert!(!folder(&data).exists());
    }
}

//! Blenders of this computer: which there are, others that the artist names, and new ones beside
//! them. Each agent takes the one that fits the file.
//!
//! ```text
//! data/blenders/added.json          paths that the artist named
//!               bpy-4.5.15/         a Python with the module, from PyPI
//!               blender-<sha256>/   an archive, by its content
//!               shelf/              what the farm sends to agents that lack it
//! ```
//! All of it waits for processes and disks, so no window may call it.

pub mod libraries;
pub mod shelf;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use blendnet_net::secret::{create_private_dir, write_private};
use blendnet_protocol::BlenderBuild;
use sha2::{Digest as _, Sha256};

use super::data_dir::DataDir;
use super::launch::named_blender;
use super::problem::{Problem, ProblemKind};
use super::programs;
use libraries::Libraries;

/// Lines of another program that are shown when it fails.
const LAST_LINES: usize = 8;
/// File in a folder that was installed to its end.
const COMPLETE: &str = "complete";

fn folder(data: &DataDir) -> PathBuf {
    data.root().join("blenders")
}

fn failed(error: &std::io::Error) -> Problem {
    Problem::local_file(error, ProblemKind::Input)
}

/// Blenders that were added or installed here, for agents to look at beside the system's.
pub fn own(data: &DataDir) -> Vec<PathBuf> {
    let mut own = added(data);
    let entries = fs_err::read_dir(folder(data)).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.sort();
    let complete = folders.into_iter().filter(|folder| folder.join(COMPLETE).is_file());
    own.extend(complete.map(|folder| program_in(&folder)));
    own.retain(|path| path.is_file());
    own
}

fn added(data: &DataDir) -> Vec<PathBuf> {
    let text = fs_err::read(folder(data).join("added.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// The executable, or the Python, of an installed folder.
fn program_in(folder: &Path) -> PathBuf {
    let python = folder.join("bin/python");
    if python.exists() { python } else { folder.join("blender") }
}

/// All that work, newest first: an agent looks for them as it does before it renders.
pub fn list(data: &DataDir) -> Result<Vec<BlenderBuild>, Problem> {
    let own = own(data);
    ask(&own)
}

fn ask(paths: &[PathBuf]) -> Result<Vec<BlenderBuild>, Problem> {
    let mut agent = Command::new(programs::find("blendnet-agent")?);
    let answer = run(agent.arg("blenders").args(paths), "looking for Blenders")?;
    serde_json::from_slice(&answer).map_err(|e| {
        Problem::farm(format!("the agent's list of Blenders is not understood: {e}"))
            .hint("install blendnet and blendnet-agent of one version in one folder")
    })
}

/// Adds a Blender that is installed already.
pub fn add(data: &DataDir, path: &Path, libraries: Libraries) -> Result<BlenderBuild, Problem> {
    let path = named_blender(path)?;
    let build = works(&path, libraries)?;
    let mut added = added(data);
    if !added.contains(&path) {
        added.push(path);
    }
    let cant = |e: &dyn std::fmt::Display| Problem::input(e.to_string());
    create_private_dir(&folder(data)).map_err(|e| cant(&e))?;
    let text = serde_json::to_vec_pretty(&added).map_err(|e| cant(&e))?;
    write_private(&folder(data).join("added.json"), &text).map_err(|e| cant(&e))?;
    Ok(build)
}

/// Installs the module of a version from `PyPI`, in a virtual environment of its own.
pub fn install_module(
    data: &DataDir,
    version: &str,
    libraries: Libraries,
) -> Result<BlenderBuild, Problem> {
    let is_version = version.split('.').count() == 3
        && version.split('.').all(|part| part.parse::<u32>().is_ok());
    if !is_version {
        return Err(Problem::input(format!("`{version}` is no version of Blender"))
            .hint("name all three numbers, such as 4.5.15"));
    }
    let target = folder(data).join(format!("bpy-{version}"));
    install(&target, libraries, |folder| {
        let mut venv = Command::new(python_for(version));
        run(venv.args(["-m", "venv"]).arg(folder), "making a virtual environment")?;
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--no-cache-dir", "--only-binary=:all:"]);
        pip.args(["--disable-pip-version-check", &format!("bpy=={version}")]);
        run(&mut pip, &format!("installing bpy {version} with pip")).map(drop)
    })
}

/// The Python that a version's module is built for.
fn python_for(version: &str) -> &'static str {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    match (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) {
        (..=3, _) | (4, 0) => "python3.10",
        (4, _) | (5, 0) => "python3.11",
        _ => "python3",
    }
}

/// Installs an archive (`.tar.xz` and the like) from an address. What is not of this SHA-256 is not
/// even unpacked, so it does not matter who sends it.
pub fn install_archive(
    data: &DataDir,
    url: &str,
    sha256: &str,
    libraries: Libraries,
) -> Result<BlenderBuild, Problem> {
    let sha256 = sha256.to_ascii_lowercase();
    if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Problem::input("a SHA-256 has 64 hexadecimal digits")
            .hint("take it from the page of the one who made the archive"));
    }
    let target = folder(data).join(format!("blender-{sha256}"));
    install(&target, libraries, |folder| {
        fs_err::create_dir_all(folder).map_err(|e| failed(&e))?;
        let archive = folder.join("archive");
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--silent", "--show-error", "--location", "--max-redirs", "5"]);
        curl.args(["--proto", "=http,https", "--output"]).arg(&archive).arg("--").arg(url);
        run(&mut curl, &format!("fetching {url}"))?;
        let found = hash_of(&archive).map_err(|e| failed(&e))?;
        if found != sha256 {
            return Err(Problem::input(format!("{url} has the SHA-256 {found} and not {sha256}"))
                .hint("don't use what came; compare address and SHA-256 with the maker's page"));
        }
        let mut tar = Command::new("tar");
        tar.args(["--extract", "--no-same-owner", "--strip-components=1", "--file"]);
        run(tar.arg(&archive).arg("--directory").arg(folder), "unpacking the archive")?;
        fs_err::remove_file(&archive).map_err(|e| failed(&e))
    })
}

/// Makes a folder whole, or leaves nothing.
fn install(
    target: &Path,
    libraries: Libraries,
    fill: impl FnOnce(&Path) -> Result<(), Problem>,
) -> Result<BlenderBuild, Problem> {
    if target.join(COMPLETE).is_file() {
        return works(&program_in(target), libraries);
    }
    let parent = target.parent().unwrap_or(Path::new("."));
    create_private_dir(parent).map_err(|e| Problem::input(e.to_string()))?;
    // That of an installation that was killed.
    drop(fs_err::remove_dir_all(target));
    let filled = fill(target).and_then(|()| {
        let build = works(&program_in(target), libraries)?;
        fs_err::write(target.join(COMPLETE), b"").map_err(|e| failed(&e))?;
        Ok(build)
    });
    if filled.is_err() {
        drop(fs_err::remove_dir_all(target));
    }
    filled
}

/// What a Blender says it is, once it has all libraries that it needs.
fn works(path: &Path, libraries: Libraries) -> Result<BlenderBuild, Problem> {
    libraries::check(path, libraries)?;
    let path_text = path.to_string_lossy();
    let found = ask(&[path.to_owned()])?.into_iter().find(|build| build.path == path_text);
    found.ok_or_else(|| {
        Problem::input(format!("{} is no Blender that works", path.display()))
            .hint("name the executable `blender`, or a Python that can `import bpy`")
    })
}

/// The output of another program; its last lines if it fails.
fn run(command: &mut Command, what: &str) -> Result<Vec<u8>, Problem> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|e| {
        Problem::input(format!("{what} needs the program {program}: {e}"))
            .hint("install it, then try again")
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut lines: Vec<String> = said.lines().rev().map(str::to_owned).take(LAST_LINES).collect();
    lines.reverse();
    Err(Problem::input(format!("{what} failed")).details(lines))
}

fn hash_of(path: &Path) -> std::io::Result<String> {
    let mut file = fs_err::File::open(path)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            count => hash.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_installed_to_its_end_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        for (name, program) in [("blender-a", "blender"), ("bpy-4.5.15", "bin/python")] {
            let program = folder(&data).join(name).join(program);
            fs_err::create_dir_all(program.parent().unwrap()).unwrap();
            fs_err::write(program, b"").unwrap();
        }
        assert!(own(&data).is_empty());
        fs_err::write(folder(&data).join("bpy-4.5.15").join(COMPLETE), b"").unwrap();
        assert_eq!(own(&data), [folder(&data).join("bpy-4.5.15/bin/python")]);
    }

    #[test]
    fn wrong_versions_and_hashes_are_refused_before_anything_is_fetched() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(Some(dir.path())).unwrap();
        for version in ["", "4.5", "4.5.x", "4.5.15; rm", "../../x", "4.5.15.1"] {
            assert!(install_module(&data, version, Libraries::Name).is_err(), "{version}");
        }
        for hash in ["", "abc", &"g".repeat(64)] {
            let url = "http://127.0.0.1:9/blender.tar.xz";
            let refused = install_archive(&data, url, hash, Libraries::Name).unwrap_err();
            assert!(refused.message.contains("64"), "{refused}");
        }
        assert!(!folder(&data).exists());
    }

    #[test]
    fn each_module_is_made_for_one_python() {
        let pythons = ["3.6.0", "4.2.23", "5.0.1", "5.1.0"].map(python_for);
        assert_eq!(pythons, ["python3.10", "python3.11", "python3.11", "python3"]);
    }
}

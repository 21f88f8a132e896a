//! Finds the Blenders of this machine and asks each for its version.
//!
//! Asking takes up to a second each, so the answers are kept for all agents of the user, with the
//! sizes and times of the files they are about.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use blendnet_net::secret::write_private;
use blendnet_protocol::BlenderBuild;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::group;
use super::jail::{self, Rules};
use super::sent;
use super::version::Version;

/// How long a Blender may take to tell its version.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
/// File with what was found.
const CACHE: &str = "blenders.json";
/// Paths to the programs, separated by `:`.
pub const BLENDER_VARIABLE: &str = "BLENDNET_BLENDER";

/// A Blender that works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What it is.
    pub build: BlenderBuild,
    /// Folders that it needs to run, beyond the system's.
    pub folders: Vec<PathBuf>,
    /// Files whose change makes this entry wrong.
    stamps: Vec<Stamp>,
}

impl Found {
    /// Names this build until its files change.
    pub fn stamp(&self) -> String {
        let stamps = serde_json::to_vec(&(&self.build, &self.stamps)).unwrap_or_default();
        hex::encode(Sha256::digest(&stamps))
    }

    /// A Blender that is only talked about.
    #[cfg(test)]
    pub(crate) fn of_test(path: &str) -> Self {
        let version = Version { major: 4, minor: 5, patch: 1 };
        Self { build: build(Path::new(path), version, false), folders: vec![], stamps: vec![] }
    }
}

/// A file as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    path: PathBuf,
    size_bytes: u64,
    modified_nanos: u128,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs_err::metadata(path).ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let (size_bytes, modified_nanos) = (metadata.len(), modified.as_nanos());
        Some(Self { path: path.to_owned(), size_bytes, modified_nanos })
    }
}

/// Where to look for Blenders.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// Those that were named.
    pub given: &'a [PathBuf],
    /// The folder of those that the farm sent, if there may be any.
    pub sent: Option<&'a Path>,
    /// Whether to look for those of this machine.
    pub look: bool,
}

/// What may be a Blender.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    path: PathBuf,
    /// The only folder that it may see beside the system's, for one that came from elsewhere.
    within: Option<PathBuf>,
}

/// All Blenders that work, newest first; of equal versions, first those that were named.
///
/// `agent_program` is what the jail is started with, `cache` where the answers are kept.
pub async fn find(places: Places<'_>, agent_program: &Path, cache: &Path) -> Vec<Found> {
    let cache_file = cache.join(CACHE);
    let cache = load_cache(&cache_file);
    let asked = candidates(places).into_iter().map(|candidate| {
        let is_it = |found: &&Found| Path::new(&found.build.path) == candidate.path;
        let known = cache.iter().find(is_it).cloned();
        let agent_program = agent_program.to_owned();
        tokio::spawn(async move {
            match known {
                Some(found) => Some(found),
                None => ask_and_tell(&candidate, &agent_program).await,
            }
        })
    });
    let mut found = Vec::new();
    for answer in asked.collect::<Vec<_>>() {
        found.extend(answer.await.ok().flatten());
    }
    sort(&mut found);
    if found.iter().any(|found| !cache.contains(found)) {
        let others = cache.into_iter().filter(|known| !found.contains(known));
        save_cache(&cache_file, &others.chain(found.iter().cloned()).collect::<Vec<_>>());
    }
    found
}

/// Newest first.
pub fn sort(found: &mut [Found]) {
    found.sort_by_key(|found: &Found| std::cmp::Reverse(Version::parse(&found.build.version)));
}

/// Programs that may be Blenders, each once, those that were named first.
fn candidates(places: Places<'_>) -> Vec<Candidate> {
    let mut paths = places.given.to_vec();
    if let Some(more) = std::env::var_os(BLENDER_VARIABLE) {
        paths.extend(std::env::split_paths(&more).filter(|path| !path.as_os_str().is_empty()));
    }
    if places.look {
        paths.extend(of_this_machine());
    }
    let mut seen = Vec::new();
    paths.retain(|path| {
        let real = identity(path);
        let is_new = !seen.contains(&real);
        seen.push(real);
        is_new
    });
    let own = paths.into_iter().map(|path| Candidate { path, within: None });
    let sent = places.sent.map(sent::all).unwrap_or_default().into_iter();
    let sent = sent.map(|(folder, path)| Candidate { path, within: Some(folder) });
    own.chain(sent).collect()
}

fn of_this_machine() -> Vec<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&search).chain([PathBuf::from("/usr/bin")]);
    let programs = folders.map(|folder| folder.join("blender")).filter(|path| path.is_file());
    let mut paths: Vec<PathBuf> = programs.collect();
    let home = std::env::var_os("HOME").map(PathBuf::from);
    for parent in [Some(PathBuf::from("/opt")), home].into_iter().flatten() {
        paths.extend(installed_in(&parent));
    }
    paths
}

/// `parent/blender*/blender`.
fn installed_in(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs_err::read_dir(parent) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("blender"))
        .map(|entry| entry.path().join("blender"))
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths
}

/// What makes two paths one program. The Python of a virtual environment is a link to the one that
/// all environments share, so its own path counts.
fn identity(path: &Path) -> PathBuf {
    if is_python(path) {
        return path.to_owned();
    }
    fs_err::canonicalize(path).unwrap_or_else(|_missing| path.to_owned())
}

fn is_python(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python"))
}

async fn ask_and_tell(candidate: &Candidate, agent_program: &Path) -> Option<Found> {
    let path = candidate.path.display();
    match ask(candidate, agent_program).await {
        Ok(found) => {
            tracing::info!(version = found.build.version, %path, "found a Blender");
            Some(found)
        }
        Err(error) => {
            tracing::warn!(%path, %error, "this is no Blender that works");
            None
        }
    }
}

/// Asks a Blender that came from elsewhere, and lies in a folder of its own, for its version.
pub async fn ask_within(
    folder: &Path,
    program: &Path,
    agent_program: &Path,
) -> std::io::Result<Found> {
    let candidate = Candidate { path: program.to_owned(), within: Some(folder.to_owned()) };
    ask(&candidate, agent_program).await
}

async fn ask(candidate: &Candidate, agent_program: &Path) -> std::io::Result<Found> {
    let Candidate { path, within } = candidate;
    // A question may read what it likes, but changes nothing and outlives nobody. What came from
    // elsewhere sees nothing beyond its folder, now and later, whatever it answers.
    let readable = within.clone().unwrap_or_else(|| PathBuf::from("/"));
    let rules = Rules { run: vec![readable], ..Rules::default() };
    let mut command = jail::command(agent_program, &rules, path, Path::new("/"));
    let mut found = if is_python(path) {
        command.args(["-I", "-c", MODULE_QUESTION]);
        understand_module(path, &group::output(command, ANSWER_LIMIT).await?)
    } else {
        command.arg("--version");
        understand_program(path, &group::output(command, ANSWER_LIMIT).await?)
    }?;
    if let Some(folder) = within {
        found.folders = vec![folder.clone()];
    }
    Ok(found)
}

fn no_version() -> std::io::Error {
    std::io::Error::other("it tells no version")
}

fn understand_program(path: &Path, said: &str) -> std::io::Result<Found> {
    let version =
        said.lines().find_map(|line| line.strip_prefix("Blender ").and_then(Version::parse));
    let real = fs_err::canonicalize(path)?;
    Ok(Found {
        build: build(path, version.ok_or_else(no_version)?, false),
        folders: real.parent().map(Path::to_owned).into_iter().collect(),
        stamps: Stamp::of(&real).into_iter().collect(),
    })
}

/// What `import bpy` tells.
#[derive(Deserialize)]
struct Module {
    version: String,
    file: PathBuf,
    folders: Vec<PathBuf>,
}

const MODULE_QUESTION: &str = "\
import bpy, json, os, sys
real = os.path.realpath
print('\\n' + json.dumps({'version': bpy.app.version_string, 'file': real(bpy.__file__),
    'folders': [real(p) for p in (sys.prefix, sys.base_prefix, os.path.dirname(bpy.__file__))]}))
";

fn understand_module(path: &Path, said: &str) -> std::io::Result<Found> {
    let answer = said.lines().rev().find_map(|line| serde_json::from_str::<Module>(line).ok());
    let module = answer.ok_or_else(|| std::io::Error::other("its answer is not understood"))?;
    let version = Version::parse(&module.version).ok_or_else(no_version)?;
    let real = fs_err::canonicalize(path)?;
    Ok(Found {
        build: build(path, version, true),
        folders: module.folders,
        stamps: [real, module.file].iter().filter_map(|path| Stamp::of(path)).collect(),
    })
}

fn build(path: &Path, version: Version, is_module: bool) -> BlenderBuild {
    let path = path.to_string_lossy().into_owned();
    BlenderBuild { version: version.to_string(), path, is_module }
}

/// Entries that are still true.
fn load_cache(path: &Path) -> Vec<Found> {
    let text = fs_err::read(path).unwrap_or_default();
    let mut known: Vec<Found> = serde_json::from_slice(&text).unwrap_or_default();
    known.retain(|found| {
        !found.stamps.is_empty()
            && found.stamps.iter().all(|stamp| Stamp::of(&stamp.path).as_ref() == Some(stamp))
    });
    known
}

fn save_cache(path: &Path, found: &[Found]) {
    let saved = serde_json::to_vec_pretty(found)
        .map_err(anyhow::Error::from)
        .and_then(|text| Ok(write_private(path, &text)?));
    if let Err(error) = saved {
        tracing::warn!(%error, "the list of Blenders is not kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn given(paths: &[PathBuf]) -> Vec<PathBuf> {
        let places = Places { given: paths, sent: None, look: true };
        candidates(places).into_iter().map(|candidate| candidate.path).collect()
    }

    #[test]
    fn the_same_program_under_two_names_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("blender"), dir.path().join("b"));
        fs_err::write(&real, "").unwrap();
        symlink(&real, &link).unwrap();
        let found = given(&[link.clone(), real.clone()]);
        assert_eq!(found.first(), Some(&link));
        assert!(!found.contains(&real));
    }

    #[test]
    fn pythons_of_two_environments_are_two_even_if_they_link_to_one() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("python"), dir.path().join("python3"));
        symlink("/usr/bin/env", &one).unwrap();
        symlink("/usr/bin/env", &two).unwrap();
        let found = given(&[one.clone(), two.clone()]);
        assert!(found.contains(&one) && found.contains(&two));
    }

    #[test]
    fn an_agent_that_is_not_to_look_finds_nothing_but_what_was_named_or_sent() {
        let dir = tempfile::tempdir().unwrap();
        let (sent, program) = (dir.path().join("sent"), dir.path().join("named"));
        let folder = sent.join("0".repeat(64));
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join("blender"), "").unwrap();
        let named = std::slice::from_ref(&program);
        let found = candidates(Places { given: named, sent: Some(&sent), look: false });
        let expected = [
            Candidate { path: program.clone(), within: None },
            Candidate { path: folder.join("blender"), within: Some(folder) },
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_entry_about_a_changed_program_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let (program, cache) = (dir.path().join("blender"), dir.path().join(CACHE));
        fs_err::write(&program, "one").unwrap();
        let version = Version { major: 4, minor: 5, patch: 1 };
        let stamps = Stamp::of(&program).into_iter().collect();
        let entry = Found { build: build(&program, version, false), folders: vec![], stamps };
        save_cache(&cache, std::slice::from_ref(&entry));
        assert_eq!(load_cache(&cache), [entry]);
        fs_err::write(&program, "another").unwrap();
        assert_eq!(load_cache(&cache), []);
    }
}

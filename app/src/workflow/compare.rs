//! Blender's own list of a scene's files beside ours.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use blendnet_pack::trace::{Dependency, Kind};
use serde::Deserialize;

use super::pattern::NamePattern;
use super::problem::{Problem, ProblemKind};

/// What the script prints before its answer.
const MARK: &str = "blendnet-files:";
const SCRIPT: &str = include_str!("blender_list.py");

/// What Blender lists.
#[derive(Clone, Debug, Deserialize)]
pub struct BlenderList {
    /// Its version: `4.5.15`.
    pub version: String,
    /// Files, folders, and one name for each sequence.
    pub paths: Vec<PathBuf>,
}

/// Where two lists differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// What Blender lists and we do not.
    pub only_blender: Vec<PathBuf>,
    /// What we list and Blender does not, by its index in our list.
    pub only_ours: BTreeSet<usize>,
}

/// Asks a Blender, or a Python with the `bpy` module, for its list. Blocks for a second or two.
pub fn ask_blender(blender: &Path, blend: &Path) -> Result<BlenderList, Problem> {
    let failed = |why: String| {
        let message = format!("{} does not list the scene's files: {why}", blender.display());
        Problem::new(ProblemKind::Input, message)
            .hint("name a Blender that opens this file with --blender PATH")
    };
    let blend = std::path::absolute(blend).map_err(|error| failed(error.to_string()))?;
    let script = tempfile::Builder::new().suffix(".py").tempfile();
    let script = script.map_err(|error| failed(error.to_string()))?;
    fs_err::write(script.path(), SCRIPT).map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(blender);
    let name = blender.file_name().unwrap_or_default().to_string_lossy();
    if name.contains("python") {
        command.arg(script.path()).arg(&blend);
    } else {
        command.args(["-b", "--factory-startup", "-Y"]).arg(&blend);
        command.arg("--python").arg(script.path());
    }
    let done = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    let said = String::from_utf8_lossy(&done.stdout);
    let answer = said.lines().find_map(|line| line.strip_prefix(MARK));
    let closing = || said.lines().last().unwrap_or("it said nothing").to_owned();
    let answer = answer.ok_or_else(|| failed(closing()))?;
    let mut list: BlenderList =
        serde_json::from_str(answer).map_err(|error| failed(error.to_string()))?;
    // An empty path of a cache becomes a folder that holds the .blend.
    let real = fs_err::canonicalize(&blend).unwrap_or(blend);
    list.paths.retain(|path| !real.starts_with(path));
    Ok(list)
}

/// Compares. A name of a sequence or of tiles, and a folder, stand for the files that they mean.
pub fn compare(ours: &[Dependency], blenders: &[PathBuf]) -> Differences {
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    let mut by_folder: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
    for (at, file) in ours.iter().enumerate() {
        by_name.insert(folded(&file.path), at);
        for folder in file.path.ancestors().skip(1) {
            by_folder.entry(folder).or_default().push(at);
        }
    }
    let mut differences = Differences::default();
    let mut covered = BTreeSet::new();
    for listed in blenders {
        let inside = by_folder.get(&**listed).into_iter().flatten().copied();
        let same: BTreeSet<usize> = inside
            .chain(by_name.get(&folded(listed)).copied())
            .chain(of_pattern(listed, ours, &by_folder))
            .collect();
        if same.is_empty() {
            differences.only_blender.push(listed.clone());
        }
        covered.extend(same);
    }
    differences.only_ours = (0..ours.len()).filter(|at| !covered.contains(at)).collect();
    differences
}

/// Paths differ in case where Blender lists them as written.
fn folded(path: &Path) -> String {
    path.to_string_lossy().to_lowercase()
}

/// Those of the sequence or tiles that a path stands for.
fn of_pattern(
    listed: &Path,
    ours: &[Dependency],
    by_folder: &BTreeMap<&Path, Vec<usize>>,
) -> Vec<usize> {
    let name = listed.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let patterns = [NamePattern::tiles(name), NamePattern::sequence(name)];
    let patterns: Vec<NamePattern> = patterns.into_iter().flatten().collect();
    let folder = listed.parent().filter(|_| !patterns.is_empty());
    let beside = folder.and_then(|folder| by_folder.get(folder)).into_iter().flatten();
    let is_one = |at: &usize| {
        let Some(file) = ours.get(*at).filter(|file| is_several(file.kind)) else { return false };
        let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        file.path.parent() == folder && patterns.iter().any(|pattern| pattern.matches(name))
    };
    beside.copied().filter(is_one).collect()
}

/// Kinds of which Blender lists one name for several files.
fn is_several(kind: Kind) -> bool {
    use Kind::{CacheFile, ImageSequence, MovieClip, Strip, UdimTile, Vdb};
    matches!(kind, ImageSequence | UdimTile | Strip | MovieClip | Vdb | CacheFile)
}

/// Why Blender's list may lack a file that it reads.
pub fn why_not_listed(kind: Kind) -> &'static str {
    match kind {
        Kind::PointCache | Kind::FluidCache | Kind::SimulationBake | Kind::Ocean => {
            "Blender's list has no caches"
        }
        Kind::ImageSequence | Kind::UdimTile | Kind::Strip => "Blender's list names only one",
        Kind::NodesImport | Kind::Ies | Kind::Script => "Blender's list has no files of nodes",
        _ => "Blender's list lacks it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(paths: &[&str]) -> Vec<Dependency> {
        let one = |path: &&str| Dependency {
            path: path.into(),
            exists: true,
            kind: if path.contains("_000") || path.contains(".1001") {
                Kind::ImageSequence
            } else {
                Kind::Image
            },
            used_by: vec!["Image a".to_owned()],
            as_written: String::new(),
            relative: true,
            named_in: "/s/a.blend".into(),
            frames: None,
            size_bytes: 1,
            link_target: None,
        };
        paths.iter().map(one).collect()
    }

    fn compared(mine: &[&str], blenders: &[&str]) -> (Vec<usize>, Vec<PathBuf>) {
        let blenders: Vec<PathBuf> = blenders.iter().map(PathBuf::from).collect();
        let found = compare(&ours(mine), &blenders);
        (found.only_ours.into_iter().collect(), found.only_blender)
    }

    #[test]
    fn equal_lists_have_no_differences() {
        let files = ["/s/a.png", "/s/q_0001.png", "/s/q_0002.png", "/s/u.1001.png", "/s/c/1.vdb"];
        let listed = ["/s/a.png", "/s/q_0001.png", "/s/u.<UDIM>.png", "/s/c"];
        assert_eq!(compared(&files, &listed), (vec![], vec![]));
        assert_eq!(compared(&["/s/Tex/A.png"], &["/s/tex/a.PNG"]), (vec![], vec![]));
    }

    #[test]
    fn what_only_one_list_has_is_told() {
        let found = compared(&["/s/a.png", "/s/b.png"], &["/s/a.png", "/t/b.png"]);
        assert_eq!(found, (vec![1], vec!["/t/b.png".into()]));
    }
}

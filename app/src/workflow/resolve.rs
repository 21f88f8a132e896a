//! Finds the files that Blender lists for a scene on the artist's disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use blendnet_protocol::{ExternalFile, FileKind, PackPath};

use super::pattern::NamePattern;
use super::places::Places;
use super::problem::MissingFile;
use super::similar;

/// Most files of one folder that is needed as a whole: more is a wrong folder, such as `/`.
const MAX_FOLDER_FILES: usize = 200_000;

/// What was found of a scene's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Where each file that is not known yet lies and who uses it, by its place inside the job.
    pub found: BTreeMap<PackPath, (PathBuf, String)>,
    /// What is not there.
    pub missing: Vec<MissingFile>,
}

/// Looks on the disk for `files`, which are listed by their paths in the job. `blend` is where
/// hints look for files of the same name. Blocks.
///
/// Of what stands for several files, such as a sequence, nothing is taken if some are `known`:
/// then it is known which of them are needed.
pub fn resolve(
    files: &[ExternalFile],
    blend: &Path,
    places: &Places,
    known: &BTreeSet<PackPath>,
) -> Resolved {
    let mut resolved = Resolved::default();
    for listed in files {
        let file = &ExternalFile { path: places.on_disk(&listed.path), ..listed.clone() };
        match files_of(file) {
            Ok(paths) => {
                let mut new = BTreeMap::new();
                for path in paths {
                    if let Some(place) = places.in_job(&listed.path, &path) {
                        new.insert(place, (path, file.used_by.clone()));
                    } else {
                        let reason = format!("{} has a name that can't be sent", path.display());
                        resolved.missing.push(missing(file, reason, blend));
                    }
                }
                if !new.keys().any(|place| known.contains(place)) {
                    resolved.found.extend(new);
                }
            }
            Err(reason) => resolved.missing.push(missing(file, reason, blend)),
        }
    }
    resolved
}

fn missing(file: &ExternalFile, reason: String, blend: &Path) -> MissingFile {
    MissingFile {
        path: file.path.clone(),
        as_written: file.as_written.clone(),
        used_by: file.used_by.clone(),
        reason,
        similar: similar::find(&file.path, blend),
    }
}

/// The files that one entry stands for, or why there are none.
fn files_of(file: &ExternalFile) -> Result<Vec<PathBuf>, String> {
    let path = Path::new(&file.path);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match file.kind {
        FileKind::Image | FileKind::Library | FileKind::Other => one(path),
        FileKind::Sequence => match NamePattern::sequence(name) {
            Some(pattern) => matching(path, &pattern, "no image of the sequence exists"),
            None => one(path),
        },
        FileKind::Udim => match NamePattern::tiles(name) {
            Some(pattern) => matching(path, &pattern, "no tile exists"),
            None => one(path),
        },
        FileKind::Directory => {
            let mut files = Vec::new();
            below(path, &mut Vec::new(), &mut files)?;
            files.sort();
            Ok(files)
        }
    }
}

fn one(path: &Path) -> Result<Vec<PathBuf>, String> {
    match fs_err::metadata(path) {
        Ok(metadata) if metadata.is_file() => readable(path).map(|()| vec![path.to_owned()]),
        Ok(metadata) if metadata.is_dir() => Err("is a folder, not a file".to_owned()),
        Ok(_) => Err("is not a regular file".to_owned()),
        Err(error) => Err(in_words(&error)),
    }
}

fn readable(path: &Path) -> Result<(), String> {
    fs_err::File::open(path).map(drop).map_err(|e| in_words(&e))
}

fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
            "does not exist".to_owned()
        }
        std::io::ErrorKind::PermissionDenied => "can't be read: permission denied".to_owned(),
        _ => format!("can't be read: {error}"),
    }
}

/// All files in the folder of `path` whose names match.
fn matching(path: &Path, pattern: &NamePattern, none: &str) -> Result<Vec<PathBuf>, String> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let entries = fs_err::read_dir(folder).map_err(|e| in_words(&e))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| pattern.matches(name)))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    if files.is_empty() {
        return Err(none.to_owned());
    }
    files.sort();
    files
        .iter()
        .try_for_each(|file| readable(file).map_err(|e| format!("{}: {e}", file.display())))?;
    Ok(files)
}

/// All regular files below a folder. A link to a folder above would bring the same files again
/// without end, so it is passed over.
fn below(folder: &Path, above: &mut Vec<PathBuf>, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let real = fs_err::canonicalize(folder).map_err(|e| in_words(&e))?;
    if above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    for entry in fs_err::read_dir(folder).map_err(|e| in_words(&e))? {
        let path = entry.map_err(|e| in_words(&e))?.path();
        if path.is_dir() {
            below(&path, above, files)?;
        } else if path.is_file() {
            readable(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            files.push(path);
        }
        if files.len() > MAX_FOLDER_FILES {
            return Err(format!("has more than {MAX_FOLDER_FILES} files; is it the right folder?"));
        }
    }
    above.pop();
    Ok(())
}

#[cfg(test)]
#[path = "resolve/tests.rs"]
mod tests;

//! Guesses which file is meant by a path that does not exist: the same name in another case, or
//! a file of that name near the .blend.

use std::path::{Component, Path, PathBuf};

/// Most entries of a folder that are looked at; this is only for a hint.
const MAX_ENTRIES: usize = 10_000;

/// Most folders beside the .blend that are looked into.
const MAX_FOLDERS: usize = 200;

/// A file that may be meant by `path`. Blocks.
pub fn find(path: &str, blend: &Path) -> Option<PathBuf> {
    let path = path.replace('\\', "/");
    let name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
    in_another_case(Path::new(&path)).or_else(|| near(blend.parent()?, name))
}

/// Walks down from the root; where a part is not there, takes the one that differs in case.
fn in_another_case(path: &Path) -> Option<PathBuf> {
    if !path.is_absolute() {
        return None;
    }
    let mut here = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => {
                let exact = here.join(name);
                here = if exact.exists() { exact } else { entry(&here, name.to_str()?)? };
            }
            Component::ParentDir => drop(here.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    (here.as_path() != path).then_some(here)
}

/// The file called `name`, in any case, in `folder` or in a folder in it.
fn near(folder: &Path, name: &str) -> Option<PathBuf> {
    entry(folder, name).filter(|path| path.is_file()).or_else(|| {
        let mut folders: Vec<PathBuf> = fs_err::read_dir(folder)
            .ok()?
            .take(MAX_ENTRIES)
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.is_dir())
            .take(MAX_FOLDERS)
            .collect();
        folders.sort();
        folders.iter().find_map(|folder| entry(folder, name).filter(|path| path.is_file()))
    })
}

/// The entry of `folder` called `name`, in any case.
fn entry(folder: &Path, name: &str) -> Option<PathBuf> {
    let wanted = name.to_lowercase();
    fs_err::read_dir(folder)
        .ok()?
        .take(MAX_ENTRIES)
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_str().is_some_and(|n| n.to_lowercase() == wanted))
        .map(|entry| entry.path())
}

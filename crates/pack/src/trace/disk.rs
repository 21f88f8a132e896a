//! Looks at the disk: each file once, each folder listed at most once.

use super::path::{Resolved, name_bytes, slashed};
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Files looked at below one folder.
const MOST_IN_FOLDER: usize = 1_000_000;
/// How deep folders of caches nest.
const DEEPEST_FOLDER: usize = 16;
/// No system has longer paths.
const LONGEST_PATH: usize = 4096;

/// What was found under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// As it is spelled on disk.
    pub(super) path: PathBuf,
    pub(super) size_bytes: u64,
    pub(super) link_target: Option<PathBuf>,
}

/// The names in a folder, and whether each is itself a folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    names: BTreeMap<OsString, bool>,
    folded: OnceCell<HashMap<String, OsString>>,
}

impl Listing {
    /// The names that are no folders, sorted.
    pub(super) fn files(&self) -> impl Iterator<Item = &OsStr> {
        self.names.iter().filter(|(_, is_folder)| !**is_folder).map(|(name, _)| name.as_os_str())
    }

    /// A name as it is spelled here, if that differs at most in case.
    fn spelled(&self, name: &OsStr) -> Option<&OsStr> {
        if let Some((exact, _)) = self.names.get_key_value(name) {
            return Some(exact);
        }
        let folded = self.folded.get_or_init(|| {
            self.names.keys().rev().map(|name| (folded(name), name.clone())).collect()
        });
        folded.get(&self::folded(name)).map(OsString::as_os_str)
    }
}

/// The disk, as far as it was looked at.
#[derive(Debug, Default)]
pub(super) struct Disk {
    listings: HashMap<PathBuf, Rc<Listing>>,
    /// How folders are really spelled; `None` if they are not there.
    folders: HashMap<PathBuf, Option<PathBuf>>,
    /// Where files and folders are that are not where they should be.
    moved: BTreeMap<PathBuf, PathBuf>,
}

impl Disk {
    /// A disk of which is known where some files and folders went.
    pub(super) fn new(moved: BTreeMap<PathBuf, PathBuf>) -> Self {
        let moved = moved.into_iter().map(|(from, to)| (slashed(&from), to)).collect();
        Self { moved, ..Self::default() }
    }

    /// The file of that path, or one whose name differs only in case, or where it went.
    pub(super) fn file(&mut self, wanted: &Resolved) -> Option<Found> {
        let exact = exact(&wanted.path).or_else(|| exact(wanted.verbatim.as_deref()?));
        let moved = self.moved(&wanted.path);
        let exact = exact.or_else(|| self::exact(moved.as_deref()?));
        let respelled = exact.or_else(|| self::exact(&self.respelled(&wanted.path)?));
        respelled.or_else(|| self::exact(&self.respelled(&moved?)?))
    }

    /// Where a file or folder went, by itself or with a folder around it.
    pub(super) fn moved(&self, wanted: &Path) -> Option<PathBuf> {
        let wanted = slashed(wanted);
        let (from, to) = wanted.ancestors().find_map(|at| Some((at, self.moved.get(at)?)))?;
        let rest = wanted.strip_prefix(from).ok()?;
        // Joining nothing would add a slash.
        Some(if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) })
    }

    /// The folder of that path, or one whose name differs only in case, or where it went.
    pub(super) fn folder(&mut self, wanted: &Path) -> Option<PathBuf> {
        self.folder_there(wanted).or_else(|| self.folder_there(&self.moved(wanted)?))
    }

    fn folder_there(&mut self, wanted: &Path) -> Option<PathBuf> {
        if !wanted.is_absolute() || wanted.as_os_str().len() > LONGEST_PATH {
            return None;
        }
        // Upwards to what is known, then down again.
        let mut below = Vec::new();
        let mut at = wanted;
        let mut folder = loop {
            if let Some(known) = self.folders.get(at) {
                break known.clone();
            }
            if at.is_dir() {
                break Some(at.to_owned());
            }
            below.push(at);
            match at.parent() {
                Some(parent) => at = parent,
                None => break None,
            }
        };
        self.folders.insert(at.to_owned(), folder.clone());
        for path in below.into_iter().rev() {
            folder = folder.and_then(|folder| {
                let listing = self.list(&folder);
                let spelled = folder.join(listing.spelled(path.file_name()?)?);
                spelled.is_dir().then_some(spelled)
            });
            self.folders.insert(path.to_owned(), folder.clone());
        }
        folder
    }

    /// What a folder holds; nothing if it can't be read.
    pub(super) fn list(&mut self, folder: &Path) -> Rc<Listing> {
        if let Some(listing) = self.listings.get(folder) {
            return Rc::clone(listing);
        }
        let listing = Rc::new(Listing { names: read(folder), folded: OnceCell::new() });
        self.listings.insert(folder.to_owned(), Rc::clone(&listing));
        listing
    }

    /// All files below a folder; folders that are there twice, by links, only once.
    pub(super) fn below(&mut self, folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut seen = HashSet::new();
        let mut left = vec![(folder.to_owned(), 0)];
        while let Some((folder, depth)) = left.pop() {
            let is_new = fs_err::canonicalize(&folder).is_ok_and(|real| seen.insert(real));
            if !is_new || depth > DEEPEST_FOLDER {
                continue;
            }
            for (name, is_folder) in &self.list(&folder).names {
                let path = folder.join(name);
                if *is_folder {
                    left.push((path, depth + 1));
                } else if files.len() < MOST_IN_FOLDER {
                    files.push(path);
                }
            }
        }
        files.sort();
        files
    }

    /// The path as it is spelled on disk, if that differs only in case.
    fn respelled(&mut self, wanted: &Path) -> Option<PathBuf> {
        let folder = self.folder(wanted.parent()?)?;
        let listing = self.list(&folder);
        Some(folder.join(listing.spelled(wanted.file_name()?)?))
    }
}

fn folded(name: &OsStr) -> String {
    match name.to_str() {
        Some(name) => name.to_lowercase(),
        None => name_bytes(name.as_ref()).iter().map(|byte| char::from(*byte)).collect(),
    }
}

fn read(folder: &Path) -> BTreeMap<OsString, bool> {
    let Ok(entries) = fs_err::read_dir(folder) else { return BTreeMap::new() };
    let entry = |entry: fs_err::DirEntry| {
        let kind = entry.file_type().ok()?;
        let is_folder = kind.is_dir() || (kind.is_symlink() && entry.path().is_dir());
        Some((entry.file_name(), is_folder))
    };
    entries.filter_map(Result::ok).take(MOST_IN_FOLDER).filter_map(entry).collect()
}

/// The file of exactly that path.
pub(super) fn exact(path: &Path) -> Option<Found> {
    // A Windows path is a relative one here; it must not be looked for in the current folder.
    let own = path.is_absolute().then(|| std::fs::symlink_metadata(path).ok())??;
    let (metadata, link_target) = if own.is_symlink() {
        (std::fs::metadata(path).ok()?, fs_err::canonicalize(path).ok())
    } else {
        (own, None)
    };
    let size_bytes = metadata.len();
    metadata.is_file().then(|| Found { path: path.to_owned(), size_bytes, link_target })
}

#[cfg(test)]
mod tests {
    use super::super::path::resolve;
    use super::*;

    fn folder() -> (tempfile::TempDir, Disk) {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("Textures/Wood")).unwrap();
        fs_err::write(folder.path().join("Textures/Wood/Öak.PNG"), b"png").unwrap();
        (folder, Disk::default())
    }

    #[test]
    fn other_spelling_is_found() {
        let (folder, mut disk) = folder();
        let mut find = |written: &str| disk.file(&resolve(written.as_bytes(), folder.path()));
        let real = folder.path().join("Textures/Wood/Öak.PNG");
        for written in ["//Textures/Wood/Öak.PNG", "//textures\\WOOD\\öak.png"] {
            assert_eq!(find(written).map(|found| found.path), Some(real.clone()), "{written}");
        }
        assert_eq!(find("//textures/wood/ash.png"), None);
        assert_eq!(find("//textures/wood"), None);
        assert_eq!(find("C:\\textures\\a.png"), None);
    }

    #[test]
    fn what_was_moved_is_found_by_itself_or_with_its_folder() {
        let (folder, _) = folder();
        let real = folder.path().join("Textures/Wood/Öak.PNG");
        let moved = [
            ("/old/plank.png".into(), real.clone()),
            ("/old/wood".into(), folder.path().join("Textures/Wood")),
            ("C:/shots".into(), folder.path().join("Textures")),
        ];
        let mut disk = Disk::new(BTreeMap::from(moved));
        let mut find = |written: &str| disk.file(&resolve(written.as_bytes(), Path::new("/x")));
        for written in ["/old/plank.png", "/old/wood/öak.png", "C:\\shots\\Wood\\Öak.PNG"] {
            assert_eq!(find(written).map(|found| found.path), Some(real.clone()), "{written}");
        }
        assert_eq!(find("/old/other.png"), None);
        assert_eq!(disk.folder(Path::new("/old/wood")), real.parent().map(Path::to_owned));
    }

    #[test]
    fn absurdly_long_paths_are_not_there() {
        let (folder, mut disk) = folder();
        for part in ["a", "/", "a/", "../"] {
            let written = format!("//{}", part.repeat(4096));
            assert_eq!(disk.file(&resolve(written.as_bytes(), folder.path())), None);
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_that_circle_end() {
        let (folder, mut disk) = folder();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("Textures/up")).unwrap();
        assert_eq!(disk.below(folder.path()).len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_keeps_its_name_and_tells_its_target() {
        let (folder, mut disk) = folder();
        let real = fs_err::canonicalize(folder.path().join("Textures/Wood/Öak.PNG")).unwrap();
        std::os::unix::fs::symlink(&real, folder.path().join("link.png")).unwrap();
        let found = disk.file(&resolve(b"//link.png", folder.path())).unwrap();
        assert_eq!(found.path, folder.path().join("link.png"));
        assert_eq!((found.link_target, found.size_bytes), (Some(real), 3));
    }
}

//! Paths as 0.3 clients write them, and where they lie in the layout of the artist's disk.
//!
//! `//x` is relative to `project_path`, `x` to `cwd_path`; an absolute path must lie in one of
//! them. Files may arrive before the config, so a path is placed when the task runs.

use blendnet_protocol::{PackPath, PackPathError};
use serde::{Deserialize, Serialize};

/// Why a text is not a path of a task's file, or has no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error(
        "path `{path}` {reason}; send `//x` for a file relative to project_path, `x` for one relative to cwd_path"
    )]
    Client { path: String, reason: &'static str },
    #[error(
        "{field} `{path}` {reason}; send an absolute one without `..`, such as `/home/ann/shot`"
    )]
    Root { field: &'static str, path: String, reason: &'static str },
    #[error(
        "absolute path `{path}` lies neither in project_path nor in cwd_path; set them in the config, or upload the file by a relative path"
    )]
    Outside { path: String },
    #[error(transparent)]
    Pack(#[from] PackPathError),
}

/// What a path is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anchor {
    Project,
    Cwd,
    Root,
}

/// A checked path of a task's file: only `/`, no `.`, `..` or empty parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ClientPath(String);

/// An absolute folder on the artist's disk, as parts below its root: `C:\p` is `C/p`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Folder(String);

/// Where the two kinds of relative paths begin.
#[derive(Clone, Debug)]
pub(crate) struct Roots<'a> {
    pub(crate) project: Option<&'a Folder>,
    pub(crate) cwd: Option<&'a Folder>,
}

fn shortened(path: &str) -> String {
    path.chars().take(200).collect()
}

/// The parts of a path without `.` and empty ones, joined by `/`.
fn straighten(path: &str) -> Result<String, &'static str> {
    if path.len() > PackPath::MAX_BYTES {
        return Err("is longer than 3000 bytes");
    }
    if path.chars().any(char::is_control) {
        return Err("has a control character");
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err("has a `..` part");
    }
    Ok(parts.join("/"))
}

/// Splits `C:/x` into `C` and `/x`.
fn split_drive(path: &str) -> Option<(char, &str)> {
    let mut chars = path.chars();
    let drive = chars.next().filter(char::is_ascii_alphabetic)?;
    let rest = chars.as_str().strip_prefix(':')?;
    rest.starts_with('/').then_some((drive.to_ascii_uppercase(), rest))
}

impl ClientPath {
    /// Checks a path; `\` counts as `/`.
    pub(crate) fn new(path: &str) -> Result<Self, PathError> {
        let given = path.replace('\\', "/");
        let fail = |reason| PathError::Client { path: shortened(&given), reason };
        if given.ends_with('/') {
            return Err(fail("names a folder"));
        }
        let (prefix, rest) = match split_drive(&given) {
            Some((drive, rest)) => (format!("{drive}:/"), rest),
            None if given.starts_with("//") => ("//".to_owned(), given.as_str()),
            None if given.starts_with('/') => ("/".to_owned(), given.as_str()),
            None => (String::new(), given.as_str()),
        };
        let rest = straighten(rest).map_err(fail)?;
        if rest.is_empty() {
            return Err(fail("is empty"));
        }
        PackPath::new(&rest)?;
        Ok(Self(prefix + &rest))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is relative to, and its parts below that.
    fn split(&self) -> (Anchor, String) {
        if let Some((drive, rest)) = split_drive(&self.0) {
            return (Anchor::Root, format!("{drive}{rest}"));
        }
        if let Some(rest) = self.0.strip_prefix("//") {
            return (Anchor::Project, rest.to_owned());
        }
        match self.0.strip_prefix('/') {
            Some(rest) => (Anchor::Root, rest.to_owned()),
            None => (Anchor::Cwd, self.0.clone()),
        }
    }
}

impl TryFrom<String> for ClientPath {
    type Error = PathError;
    fn try_from(path: String) -> Result<Self, PathError> {
        Self::new(&path)
    }
}

impl From<ClientPath> for String {
    fn from(path: ClientPath) -> Self {
        path.0
    }
}

impl Folder {
    /// Checks the folder that config field `field` names.
    pub(crate) fn new(field: &'static str, path: &str) -> Result<Self, PathError> {
        let given = path.replace('\\', "/");
        let fail = |reason| PathError::Root { field, path: shortened(path), reason };
        let below_root = match split_drive(&given) {
            Some((drive, rest)) => format!("{drive}{rest}"),
            None if given.starts_with("//") => return Err(fail("is a network path")),
            None if given.starts_with('/') => given,
            None => return Err(fail("is not absolute")),
        };
        Ok(Self(straighten(&below_root).map_err(fail)?))
    }

    fn holds(&self, path: &str) -> bool {
        self.0.is_empty() || path.strip_prefix(&self.0).is_some_and(|rest| rest.starts_with('/'))
    }

    fn join(&self, path: &str) -> String {
        if self.0.is_empty() { path.to_owned() } else { format!("{}/{path}", self.0) }
    }
}

impl Roots<'_> {
    /// Where a file lies. A folder that is not set is the other one; without both, relative
    /// paths start at the same nameless folder.
    pub(crate) fn place(&self, path: &ClientPath) -> Result<PackPath, PathError> {
        let (anchor, rest) = path.split();
        let folder = match anchor {
            Anchor::Project => self.project.or(self.cwd),
            Anchor::Cwd => self.cwd.or(self.project),
            Anchor::Root => {
                let inside = |folder: Option<&Folder>| folder.is_some_and(|f| f.holds(&rest));
                if inside(self.project) || inside(self.cwd) {
                    return Ok(PackPath::new(rest)?);
                }
                return Err(PathError::Outside { path: shortened(path.as_str()) });
            }
        };
        Ok(PackPath::new(folder.map_or(rest.clone(), |folder| folder.join(&rest)))?)
    }

    /// Where the .blend lies: its name is relative to `project_path`.
    pub(crate) fn place_project(&self, project: &ClientPath) -> Result<PackPath, PathError> {
        match project.split() {
            (Anchor::Cwd, rest) => self.place(&ClientPath(format!("//{rest}"))),
            (Anchor::Project | Anchor::Root, _) => self.place(project),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str, project: &str, cwd: &str) -> Result<String, PathError> {
        let project = Folder::new("project_path", project)?;
        let cwd = Folder::new("cwd_path", cwd)?;
        let roots = Roots { project: Some(&project), cwd: Some(&cwd) };
        Ok(roots.place(&ClientPath::new(path)?)?.as_str().to_owned())
    }

    #[test]
    fn relative_paths_start_at_their_own_folder() {
        assert_eq!(
            place("//tex/a.png", "/srv/ci/proj", "/srv/ci").unwrap(),
            "srv/ci/proj/tex/a.png"
        );
        assert_eq!(
            place("proj/a.blend", "/srv/ci/proj", "/srv/ci/").unwrap(),
            "srv/ci/proj/a.blend"
        );
        assert_eq!(place("tex\\a.png", "C:\\p", "c:/work").unwrap(), "C/work/tex/a.png");
        assert_eq!(place("./tex//./a.png", "/p", "/").unwrap(), "tex/a.png");
    }

    #[test]
    fn an_absolute_path_must_lie_in_one_of_the_folders() {
        assert_eq!(place("/srv/ci/proj/a", "/srv/ci/proj", "/home/ann").unwrap(), "srv/ci/proj/a");
        assert_eq!(place("C:\\p\\a", "C:/p", "C:/w").unwrap(), "C/p/a");
        for outside in ["/etc/passwd", "/srv/ci/project/a", "D:/p/a"] {
            assert!(matches!(
                place(outside, "/srv/ci/proj", "/srv/ci/proj"),
                Err(PathError::Outside { .. })
            ));
        }
    }

    #[test]
    fn paths_that_climb_or_name_nothing_are_refused() {
        for bad in ["", "/", "//", "..", "a/../b", "//../x", "/x/..", "..\\x", "a/", "a\0b", "C:/"]
        {
            assert!(ClientPath::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "proj", "../x", "/a/../b", "C:p", "\\\\server\\share"] {
            assert!(Folder::new("cwd_path", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn without_folders_all_relative_paths_share_one() {
        let roots = Roots { project: None, cwd: None };
        let place = |path| roots.place(&ClientPath::new(path).unwrap());
        assert_eq!(place("//a.blend"), place("a.blend"));
        assert!(place("/a.blend").is_err());
    }

    #[test]
    fn the_project_is_named_relative_to_its_own_folder() {
        let (project, cwd) =
            (Folder::new("project_path", "/p").unwrap(), Folder::new("cwd_path", "/w").unwrap());
        let roots = Roots { project: Some(&project), cwd: Some(&cwd) };
        let place = |path| roots.place_project(&ClientPath::new(path).unwrap()).unwrap();
        assert_eq!(place("a.blend").as_str(), "p/a.blend");
        assert_eq!(place("/w/a.blend").as_str(), "w/a.blend");
    }
}

//! The first look at the .blend, before any program is started.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use blendnet_protocol::PackPath;

use super::problem::Problem;

/// A file that looks like a .blend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlendFile {
    /// Absolute; symbolic links are left as the artist has them, because relative paths in the
    /// scene count from there.
    pub path: PathBuf,
    /// Where it lies inside a job.
    pub pack_path: PackPath,
}

impl BlendFile {
    /// Checks that `path` is a readable file with the mark of a .blend, packed or not.
    pub fn check(path: &Path) -> Result<Self, Problem> {
        let shown = path.display();
        let metadata = fs_err::metadata(path).map_err(|e| cannot_read(path, &e))?;
        if metadata.is_dir() {
            return Err(Problem::input(format!("{shown} is a folder, not a .blend"))
                .hint("name the .blend inside it"));
        }
        if !metadata.is_file() {
            return Err(Problem::input(format!("{shown} is not a regular file"))
                .hint("copy the .blend to a disk and name the copy"));
        }
        if metadata.len() == 0 {
            return Err(Problem::input(format!("{shown} is empty"))
                .hint("save the scene again; Blender keeps the version before as .blend1"));
        }
        let mut start = Vec::new();
        fs_err::File::open(path)
            .and_then(|file| file.take(12).read_to_end(&mut start))
            .map_err(|e| cannot_read(path, &e))?;
        if !looks_like_blend(&start) {
            return Err(Problem::input(format!("{shown} is not a .blend"))
                .hint("name a file that Blender saved, such as shot.blend"));
        }
        let path = absolute(path)?;
        let pack_path = pack_path(&path.to_string_lossy())
            .filter(|_| path.to_str().is_some())
            .ok_or_else(|| {
                Problem::input(format!("{shown} has a path that can't be sent"))
                    .hint("use a path of less than 3000 bytes in UTF-8, without control characters")
            })?;
        Ok(Self { path, pack_path })
    }

    /// Name without `.blend`, for the names of pictures.
    pub fn stem(&self) -> String {
        self.path.file_stem().map_or_else(|| "render".to_owned(), |s| s.to_string_lossy().into())
    }

    /// Name for people.
    pub fn name(&self) -> &str {
        self.pack_path.file_name()
    }
}

/// Why a file can't be read, and what to do about it.
pub(super) fn cannot_read(path: &Path, error: &std::io::Error) -> Problem {
    let shown = path.display();
    match error.kind() {
        std::io::ErrorKind::NotFound => Problem::input(format!("{shown} does not exist"))
            .hint("check the path; a relative one counts from the current folder"),
        std::io::ErrorKind::PermissionDenied => {
            Problem::input(format!("{shown} can't be read: permission denied"))
                .hint("give yourself the right to read it (chmod u+r), or copy it")
        }
        _ => Problem::input(error.to_string()),
    }
}

/// The mark of a .blend: plain, gzip (before 3.0) or Zstandard (since 3.0).
fn looks_like_blend(start: &[u8]) -> bool {
    start.starts_with(b"BLENDER")
        || start.starts_with(&[0x1f, 0x8b])
        || start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// Absolute, without resolving links; but behind a link `..` is not the folder before it, so a
/// path with `..` has its folder resolved.
fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    let fail = |e: std::io::Error| Problem::input(format!("{}: {e}", path.display()));
    let absolute = std::path::absolute(path).map_err(fail)?;
    if !absolute.components().any(|part| part == Component::ParentDir) {
        return Ok(absolute);
    }
    match (absolute.parent(), absolute.file_name()) {
        (Some(folder), Some(name)) => Ok(folder.canonicalize().map_err(fail)?.join(name)),
        _ => absolute.canonicalize().map_err(fail),
    }
}

/// Where an absolute path of the artist's disk lies inside a job: `/home/ann/a.png` at
/// `home/ann/a.png`, `C:\tex\a.png` at `C/tex/a.png`. `..` is worked out as text.
pub fn pack_path(absolute: &str) -> Option<PackPath> {
    let text = absolute.replace('\\', "/");
    let mut parts: Vec<&str> = Vec::new();
    for (at, part) in text.split('/').enumerate() {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            drive if at == 0 && drive.len() == 2 && drive.ends_with(':') => {
                parts.push(drive.trim_end_matches(':'));
            }
            part => parts.push(part),
        }
    }
    PackPath::new(parts.join("/")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::problem::ProblemKind;

    fn check(bytes: &[u8]) -> Result<BlendFile, Problem> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shot.blend");
        fs_err::write(&path, bytes).unwrap();
        BlendFile::check(&path)
    }

    #[test]
    fn plain_gzip_and_zstd_files_are_taken() {
        assert!(check(b"BLENDER-v304RENDH").is_ok());
        assert!(check(&[0x1f, 0x8b, 8, 0]).is_ok());
        assert!(check(&[0x28, 0xb5, 0x2f, 0xfd, 0]).is_ok());
    }

    #[test]
    fn other_content_is_refused_with_a_sentence() {
        for bytes in [&b"%PDF-1.7"[..], b"B", b"\x89PNG\r\n"] {
            let problem = check(bytes).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::Input);
            assert!(problem.message.ends_with("is not a .blend"), "{}", problem.message);
        }
        assert!(check(b"").unwrap_err().message.ends_with("is empty"));
    }

    #[test]
    fn folders_devices_and_absent_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let folder = BlendFile::check(dir.path()).unwrap_err();
        assert!(folder.message.contains("is a folder"), "{}", folder.message);
        let device = BlendFile::check(Path::new("/dev/null")).unwrap_err();
        assert!(device.message.contains("not a regular file"), "{}", device.message);
        let absent = BlendFile::check(&dir.path().join("no.blend")).unwrap_err();
        assert!(absent.message.ends_with("does not exist"), "{}", absent.message);
    }

    #[test]
    fn links_stay_and_parent_folders_are_resolved() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs_err::create_dir_all(root.join("real/deep")).unwrap();
        fs_err::write(root.join("real/shot.blend"), b"BLENDER-v304").unwrap();
        fs_err::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
        fs_err::os::unix::fs::symlink(root.join("real/deep"), root.join("deep")).unwrap();
        let linked = BlendFile::check(&root.join("link/shot.blend")).unwrap();
        assert_eq!(linked.path, root.join("link/shot.blend"));
        let upward = BlendFile::check(&root.join("deep/../shot.blend")).unwrap();
        assert_eq!(upward.path, root.join("real/shot.blend"));
    }

    #[test]
    fn paths_inside_a_job_follow_the_artists_disk() {
        let path = |text: &str| pack_path(text).map(String::from);
        assert_eq!(path("/home/ann/a.png").as_deref(), Some("home/ann/a.png"));
        assert_eq!(path("/home/ann/shot/../tex//a.png").as_deref(), Some("home/ann/tex/a.png"));
        assert_eq!(path("C:\\tex\\a.png").as_deref(), Some("C/tex/a.png"));
        assert_eq!(path("/../../etc/x").as_deref(), Some("etc/x"));
        assert_eq!(path("/"), None);
    }
}

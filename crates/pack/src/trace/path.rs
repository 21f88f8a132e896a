//! Paths as .blend files have them: `//` for the folder of the .blend, backslashes, drive letters,
//! bytes that are no UTF-8.

use std::path::{Component, Path, PathBuf};

/// Where paths start if nothing else is known.
pub(super) const ROOT: &str = "/";

/// A path of a .blend, on this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) path: PathBuf,
    /// Whether it was written relative to its .blend.
    pub(super) relative: bool,
    /// The same with backslashes taken as part of names, where that differs.
    pub(super) verbatim: Option<PathBuf>,
}

/// Where `written` is, in a .blend of the folder `base`.
pub(super) fn resolve(written: &[u8], base: &Path) -> Resolved {
    let written = written.split(|byte| *byte == 0).next().unwrap_or_default();
    if let Some(rest) = written.strip_prefix(b"//") {
        return joined(rest, base);
    }
    if is_windows(written) {
        return Resolved { path: from_bytes(written), relative: false, verbatim: None };
    }
    if written.first() == Some(&b'/') {
        let path = tidy(&from_bytes(written));
        return Resolved { path, relative: false, verbatim: None };
    }
    joined(written, base)
}

fn joined(rest: &[u8], base: &Path) -> Resolved {
    let slashes: Vec<u8> = rest.iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect();
    // A second slash must not make it absolute.
    let trimmed = slashes.iter().position(|byte| *byte != b'/').unwrap_or(slashes.len());
    let inside = |bytes: &[u8]| tidy(&base.join(from_bytes(bytes)));
    let path = inside(slashes.get(trimmed..).unwrap_or_default());
    let verbatim = (slashes != rest).then(|| inside(rest.get(trimmed..).unwrap_or_default()));
    Resolved { path, relative: true, verbatim }
}

/// A path of Windows with the slashes that divide names here; others as they are.
pub fn slashed(path: &Path) -> PathBuf {
    let bytes = name_bytes(path);
    if !is_windows(&bytes) {
        return path.to_owned();
    }
    let slashed: Vec<u8> = bytes.iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect();
    from_bytes(&slashed)
}

/// `C:\…` and `\\server\share\…`.
fn is_windows(written: &[u8]) -> bool {
    match written {
        [b'\\', b'\\', ..] => true,
        [drive, b':', b'\\' | b'/', ..] => drive.is_ascii_alphabetic(),
        _ => false,
    }
}

/// Without `.` and `..`, as far as that goes.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}

/// The path of some bytes: any on Unix, elsewhere UTF-8.
#[cfg(unix)]
pub(super) fn from_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

/// The path of some bytes: any on Unix, elsewhere UTF-8.
#[cfg(not(unix))]
pub(super) fn from_bytes(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// The bytes of a file name.
pub(super) fn name_bytes(path: &Path) -> Vec<u8> {
    path.file_name().unwrap_or_default().as_encoded_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(written: &[u8]) -> (String, bool) {
        let resolved = resolve(written, Path::new("/work/shot/scenes"));
        (resolved.path.to_string_lossy().into_owned(), resolved.relative)
    }

    #[test]
    fn relative_paths_start_at_their_blend() {
        assert_eq!(path(b"//tex/a.png"), ("/work/shot/scenes/tex/a.png".into(), true));
        assert_eq!(path(b"//..\\..\\tex\\a.png"), ("/work/tex/a.png".into(), true));
        assert_eq!(path(b"///a.png"), ("/work/shot/scenes/a.png".into(), true));
        assert_eq!(path(b"a.png"), ("/work/shot/scenes/a.png".into(), true));
        assert_eq!(path(b"//../../../../../../a.png"), ("/a.png".into(), true));
    }

    #[test]
    fn absolute_paths_stay() {
        assert_eq!(path(b"/a/../b.png"), ("/b.png".into(), false));
        assert_eq!(path(b"C:\\tex\\a.png"), ("C:\\tex\\a.png".into(), false));
        assert_eq!(path(b"\\\\nas\\tex\\a.png"), ("\\\\nas\\tex\\a.png".into(), false));
    }

    #[test]
    fn what_follows_a_nul_is_no_part_of_it() {
        assert_eq!(path(b"//a.png\0b").0, "/work/shot/scenes/a.png");
    }

    #[cfg(unix)]
    #[test]
    fn names_need_not_be_utf8() {
        let resolved = resolve(b"//\xff.png", Path::new("/s"));
        assert_eq!(name_bytes(&resolved.path), b"\xff.png");
    }
}

//! Where a file lies inside a job's folder.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A relative path with `/` between its parts, that cannot leave the folder it is joined to.
///
/// A scene's files keep the layout they have on the artist's disk: `/home/ann/shot/a.blend`
/// becomes `home/ann/shot/a.blend`, so Blender's relative paths work unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "home/ann/shot/a.blend")]
pub struct PackPath(String);

/// Why a text is not a [`PackPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path `{path}` {reason}")]
pub struct PackPathError {
    path: String,
    reason: &'static str,
}

impl PackPath {
    /// Longest path in bytes; Linux allows 4095 for a whole one.
    pub const MAX_BYTES: usize = 3000;

    /// Checks a path. `\` counts as `/`, as on Windows.
    pub fn new(path: impl AsRef<str>) -> Result<Self, PackPathError> {
        let path = path.as_ref().replace('\\', "/");
        let fail = |reason| {
            Err(PackPathError { path: path.chars().take(200).collect::<String>(), reason })
        };
        if path.is_empty() {
            return fail("is empty");
        }
        if path.len() > Self::MAX_BYTES {
            return fail("is longer than 3000 bytes");
        }
        if path.starts_with('/') {
            return fail("is absolute; give it relative to the job's folder");
        }
        for part in path.split('/') {
            match part {
                "" => return fail("has an empty part"),
                "." | ".." => return fail("has a `.` or `..` part"),
                _ if part.len() > 255 => return fail("has a part longer than 255 bytes"),
                _ if part.chars().any(char::is_control) => {
                    return fail("has a control character");
                }
                _ => {}
            }
        }
        Ok(Self(path))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl TryFrom<String> for PackPath {
    type Error = PackPathError;
    fn try_from(path: String) -> Result<Self, PackPathError> {
        Self::new(path)
    }
}

impl From<PackPath> for String {
    fn from(path: PackPath) -> Self {
        path.0
    }
}

impl std::fmt::Display for PackPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_its_folder() {
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "a/..", "a//b", "./a", "a\\..\\b"] {
            assert!(PackPath::new(bad).is_err(), "{bad:?}");
        }
        assert!(PackPath::new("a\0b").is_err());
        assert_eq!(PackPath::new("tex\\größe.png").unwrap().as_str(), "tex/größe.png");
    }
}

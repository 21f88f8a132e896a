//! Which Blender a .blend needs, read from its first bytes, and which of the installed ones to take.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use blendnet_protocol::BlenderBuild;

/// Blender's version, `major.minor.patch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Such as 4 in `4.5.15`.
    pub major: u32,
    /// Such as 5.
    pub minor: u32,
    /// Such as 15; 0 for the version of a file, which does not tell.
    pub patch: u32,
}

/// Why no Blender can be named for a file.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// The file's first bytes are not those of a .blend.
    #[error("{} is not a .blend file: {reason}", path.display())]
    NotBlend {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file can't be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Nothing to choose from.
    #[error("no Blender is installed here")]
    NoBlender,
    /// All are older than the file.
    #[error(
        "the file was saved by Blender {needed} and only {installed} is installed here; \
         install Blender {needed} or newer"
    )]
    TooOld {
        /// `major.minor` of the file.
        needed: String,
        /// What there is, such as `3.4.1, 4.2.23`.
        installed: String,
    },
}

impl VersionError {
    /// The same of a file that people know by another path than the one it was read from.
    #[must_use]
    pub fn of(self, shown: &Path) -> Self {
        match self {
            Self::NotBlend { reason, .. } => Self::NotBlend { path: shown.to_owned(), reason },
            other => other,
        }
    }
}

impl Version {
    /// Reads `3.4.1`, `5.0.1` or `4.5.15 LTS`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().next()?.split('.').map(str::parse::<u32>);
        let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        let patch = numbers.next().and_then(Result::ok).unwrap_or(0);
        Some(Self { major, minor, patch })
    }

    fn release(self) -> (u32, u32) {
        (self.major, self.minor)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Longest header of a .blend.
const HEADER_BYTES: usize = 17;

/// The version that saved a .blend: plain, gzip (before 3.0) or zstd (since).
pub fn of_file(path: &Path) -> Result<Version, VersionError> {
    let not_blend = |reason| VersionError::NotBlend { path: path.to_owned(), reason };
    if fs_err::metadata(path)?.is_dir() {
        return Err(not_blend("it is a folder"));
    }
    let start = first_bytes(&mut fs_err::File::open(path)?)?;
    let header = if start.starts_with(&[0x1f, 0x8b]) {
        let mut decoder = flate2::read::GzDecoder::new(fs_err::File::open(path)?);
        first_bytes(&mut decoder).map_err(|_damaged| not_blend("its gzip data is damaged"))?
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let file = io::BufReader::new(fs_err::File::open(path)?);
        let damaged = "its zstd data is damaged";
        let mut decoder =
            ruzstd::decoding::StreamingDecoder::new(file).map_err(|_damaged| not_blend(damaged))?;
        first_bytes(&mut decoder).map_err(|_damaged| not_blend(damaged))?
    } else {
        start
    };
    of_header(&header).map_err(not_blend)
}

fn first_bytes(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    source.take(HEADER_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `BLENDER-v304` up to 4.x: pointer size, endian, three digits. `BLENDER17-01v0500` since 5.0:
/// length of the header, its format, endian, four digits.
fn of_header(header: &[u8]) -> Result<Version, &'static str> {
    if header.is_empty() {
        return Err("it is empty");
    }
    let rest = header.strip_prefix(b"BLENDER").ok_or("it does not begin with `BLENDER`")?;
    let digits = match rest {
        [b'-' | b'_', b'v' | b'V', digits @ ..] => digits.get(..3),
        [_, _, b'-', _, _, b'v', digits @ ..] => digits.get(..4),
        _ => return Err("its header is damaged"),
    };
    let digits = digits.ok_or("it ends within its header")?;
    let number: u32 = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or("its header has no version")?;
    Ok(Version { major: number / 100, minor: number % 100, patch: 0 })
}

/// The Blender for a file of version `needed`: of the same `major.minor`, else the next newer
/// one; of these the newest patch, and of equal ones the first.
pub fn choose(builds: &[BlenderBuild], needed: Version) -> Result<&BlenderBuild, VersionError> {
    if builds.is_empty() {
        return Err(VersionError::NoBlender);
    }
    builds
        .iter()
        .filter_map(|build| Version::parse(&build.version).map(|version| (version, build)))
        .filter(|(version, _)| version.release() >= needed.release())
        .min_by_key(|(version, _)| (version.release(), std::cmp::Reverse(version.patch)))
        .map(|(_, build)| build)
        .ok_or_else(|| VersionError::TooOld {
            needed: format!("{}.{}", needed.major, needed.minor),
            installed: builds.iter().map(|b| b.version.as_str()).collect::<Vec<_>>().join(", "),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn version_of(bytes: &[u8]) -> Result<Version, VersionError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), bytes).unwrap();
        of_file(file.path())
    }

    fn builds(versions: &[&str]) -> Vec<BlenderBuild> {
        let build = |v: &&str| BlenderBuild {
            version: (*v).to_owned(),
            path: format!("/opt/{v}"),
            is_module: false,
        };
        versions.iter().map(build).collect()
    }

    fn chosen(versions: &[&str], major: u32, minor: u32) -> Result<String, String> {
        choose(&builds(versions), Version { major, minor, patch: 0 })
            .map(|build| build.version.clone())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_version_is_read_from_plain_gzip_and_zstd_files() {
        let plain = b"BLENDER-v304RENDH and more that is not looked at";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"BLENDER_V293RENDH and more").unwrap();
        let zstd = ruzstd::encoding::compress_to_vec(
            &b"BLENDER-v405REND and more"[..],
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        let release = |bytes: &[u8]| version_of(bytes).unwrap().release();
        assert_eq!(release(plain), (3, 4));
        assert_eq!(release(&gzip.finish().unwrap()), (2, 93));
        assert_eq!(release(&zstd), (4, 5));
        assert_eq!(release(b"BLENDER17-01v0500REND"), (5, 0));
    }

    #[test]
    fn what_is_no_blend_file_is_named_as_such() {
        for bad in [
            &b""[..],
            b"BLENDER",
            b"BLENDER-v3",
            b"BLENDER-vabc",
            b"BLENDER17-01v05",
            b"\x1f\x8b\x08\0\0",
            b"\x28\xb5\x2f\xfd",
            b"\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x89PNG\r\n\x1a\n and so on and so on",
        ] {
            let error = version_of(bad).unwrap_err();
            assert!(matches!(error, VersionError::NotBlend { .. }), "{bad:?}: {error}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(of_file(folder.path()).unwrap_err().to_string().contains("is a folder"));
    }

    #[test]
    fn the_same_release_comes_before_newer_ones_and_the_newest_patch_of_it() {
        let all = ["5.0.1", "4.5.15 LTS", "4.2.3", "4.2.23", "3.4.1"];
        assert_eq!(chosen(&all, 4, 2).unwrap(), "4.2.23");
        assert_eq!(chosen(&all, 3, 4).unwrap(), "3.4.1");
    }

    #[test]
    fn a_file_without_its_own_release_gets_the_next_newer_one() {
        assert_eq!(chosen(&["5.0.1", "4.2.23", "3.6.1"], 3, 5).unwrap(), "3.6.1");
        assert_eq!(chosen(&["5.0.1", "4.2.23"], 3, 5).unwrap(), "4.2.23");
    }

    #[test]
    fn a_file_newer_than_all_is_refused_with_both_versions_named() {
        let error = chosen(&["4.2.23", "3.4.1"], 4, 5).unwrap_err();
        assert!(error.contains("Blender 4.5") && error.contains("4.2.23, 3.4.1"), "{error}");
        assert!(chosen(&[], 4, 5).unwrap_err().contains("no Blender is installed"));
    }
}

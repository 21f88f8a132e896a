//! What can go wrong with scenes.

use crate::blend::BlendError;
use std::io;
use std::path::PathBuf;

/// Why a scene can't be read or packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A .blend can't be read.
    #[error("reading {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: BlendError,
    },
    /// A file of a pack can't be read.
    #[error("copying {}", path.display())]
    Copy {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A pack can't be written.
    #[error("writing {}", path.display())]
    Write {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file was saved while it was packed.
    #[error("{} changed while it was packed; wait until nothing writes to it", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// There is something already where the pack should go.
    #[error("{} is there already; name another or remove it first", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// A path of the pack does not fit where the .blend keeps it.
    #[error(
        "the path of {} is longer in the pack than the {most_bytes} bytes that {} has for it; \
         move it to a folder with a shorter name",
        path.display(), named_in.display()
    )]
    PathTooLong {
        /// Which file.
        path: PathBuf,
        /// The .blend that names it.
        named_in: PathBuf,
        /// How many bytes there is room for.
        most_bytes: usize,
    },
}

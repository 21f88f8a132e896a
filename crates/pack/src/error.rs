//! What can go wrong with scenes.

use crate::blend::BlendError;
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
}

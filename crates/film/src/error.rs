//! What can go wrong with images.

use blendnet_protocol::Region;
use std::io;
use std::path::{Path, PathBuf};

/// Why an image can't be read, added or written. Unless it is [`FilmError::Interrupted`], a film
/// is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum FilmError {
    /// Not an OpenEXR file, damaged, cut off, or of a kind that renders don't have.
    #[error("{} is not a whole OpenEXR image", path.display())]
    BadImage {
        /// Which file.
        path: PathBuf,
        /// What the reader says.
        #[source]
        source: exr::error::Error,
    },
    /// A file can't be read or written; the source names it.
    #[error("using an image")]
    Io(#[from] io::Error),
    /// The disk has no room.
    #[error("the disk has no room for {needed_bytes} bytes of {}", path.display())]
    DiskFull {
        /// Which file.
        path: PathBuf,
        /// How much it needs.
        needed_bytes: u64,
        /// As the system says it.
        #[source]
        source: io::Error,
    },
    /// Not a film, or of another version.
    #[error("{} is not a film that can be used: {reason}", path.display())]
    NotAFilm {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The machine went down while a part was being added, or another part than that is to be
    /// added: the frame must be merged again.
    #[error("{} was left in the middle of adding a part", path.display())]
    Interrupted {
        /// Which file.
        path: PathBuf,
    },
    /// The parts say more than a film's header holds.
    #[error("{} would need a header of {needed_bytes} bytes", path.display())]
    HeaderFull {
        /// Which file.
        path: PathBuf,
        /// How long the header would be.
        needed_bytes: usize,
    },
    /// Some of it is merged already.
    #[error("{region:?} is merged already, at least in part")]
    Overlap {
        /// The region of the part.
        region: Region,
    },
    /// It reaches beyond the film.
    #[error("{region:?} reaches beyond the film")]
    OutOfFrame {
        /// The region of the part.
        region: Region,
    },
    /// The image has another size than it must have.
    #[error("{} has {width}x{height} pixels instead of {wanted_width}x{wanted_height}", path.display())]
    WrongSize {
        /// Which file.
        path: PathBuf,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Width that its tile has.
        wanted_width: usize,
        /// Height that its tile has.
        wanted_height: usize,
    },
    /// The part has other passes than the first one.
    #[error("{} has other channels than the parts before: {difference}", path.display())]
    OtherChannels {
        /// Which file.
        path: PathBuf,
        /// A channel that is missing or new.
        difference: String,
    },
    /// A channel can't be merged without another one, such as light without its colour.
    #[error("{channel} can't be merged without {needed}")]
    Alone {
        /// The channel.
        channel: String,
        /// The missing one.
        needed: String,
    },
    /// What is to be cut out is not in the image.
    #[error("{keep:?} is not inside of {holds:?}")]
    OutOfImage {
        /// What the image holds.
        holds: blendnet_protocol::Tile,
        /// What is wanted of it.
        keep: blendnet_protocol::Tile,
    },
    /// Nothing is merged yet, or no pass is a picture.
    #[error("there is no picture yet")]
    Empty,
    /// A look or preview can't be read or written.
    #[error("{what}")]
    Preview {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: image::ImageError,
    },
    /// A look has another size than a lattice.
    #[error("{} is not a lattice of a look", .0.display())]
    BadLook(PathBuf),
}

impl FilmError {
    /// The reader's or writer's error for a file.
    pub(crate) fn of_exr(path: &Path, source: exr::error::Error) -> Self {
        match source {
            exr::error::Error::Io(error) => Self::Io(named(path, &error)),
            source => Self::BadImage { path: path.to_owned(), source },
        }
    }

    /// A file that says what can't be.
    pub(crate) fn bad_image(path: &Path, reason: impl Into<String>) -> Self {
        let source = exr::error::Error::Invalid(reason.into().into());
        Self::BadImage { path: path.to_owned(), source }
    }
}

/// The reader's errors don't say which file.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

//! What can go wrong with images.

use blendnet_protocol::Region;
use std::io;
use std::path::PathBuf;

/// Why an image can't be read, added or written. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum FilmError {
    /// Not an OpenEXR file, damaged, or of a kind that renders don't have.
    #[error("{} is not a whole OpenEXR image", path.display())]
    BadImage {
        /// Which file.
        path: PathBuf,
        /// What the reader says.
        #[source]
        source: exr::error::Error,
    },
    /// A file can't be read or written.
    #[error("using a film")]
    Io(#[from] io::Error),
    /// The disk has no room.
    #[error("the disk has no room for {needed_bytes} bytes of {}", path.display())]
    DiskFull {
        /// Which file.
        path: PathBuf,
        /// How much it needs.
        needed_bytes: u64,
    },
    /// Not a film, or of another version.
    #[error("{} is not a film that can be used: {reason}", path.display())]
    NotAFilm {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The program ended while a part was being added: what the film holds is unknown.
    #[error("{} was being written when its program ended", path.display())]
    Interrupted {
        /// Which file.
        path: PathBuf,
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
    /// The part has another size than its tile.
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
    /// A light pass came without the colour pass that it is divided by.
    #[error("{channel} can't be merged without {colour}")]
    NoColour {
        /// The light pass's channel.
        channel: String,
        /// The missing channel.
        colour: String,
    },
    /// Nothing is merged yet.
    #[error("nothing is merged yet")]
    Empty,
    /// A look or preview can't be read or written.
    #[error("{what}")]
    Preview {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: ::image::ImageError,
    },
    /// A look has another size than a lattice.
    #[error("{} is not a lattice of a look", .0.display())]
    BadLook(PathBuf),
}

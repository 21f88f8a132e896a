//! Parts of a frame in, the merged frame out.
//!
//! A [`Film`] gathers the parts of one frame in a file of its own, every pass by its own rule
//! ([`Rule`]). What is covered is a valid image at any time. Images are read and written in bands
//! of rows, so memory stays bounded whatever their size.
//!
//! Architecture invariant: knows nothing of agents, chunks or networks; a part is a file and the
//! region that it holds.

#[cfg(test)]
extern crate self as blendnet_film;

mod attributes;
mod band;
mod channel;
mod error;
mod film;
mod finalize;
mod fold;
mod header;
mod image;
mod journal;
mod look;
mod matte;
mod noise;
mod part;
mod picture;
mod planes;
mod preview;
mod rule;
mod slots;
mod write;
mod write_at;

pub use error::FilmError;
pub use film::Film;
pub use finalize::{crop, finalize};
pub use image::Image;
pub use look::Look;
pub use noise::Noise;
pub use rule::Rule;

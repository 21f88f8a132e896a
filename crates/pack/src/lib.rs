//! Reads .blend files without Blender, and finds, checks and packs the files they need.

pub mod blend;
mod error;
pub mod inspect;
pub mod pack;
pub mod trace;

pub use error::PackError;

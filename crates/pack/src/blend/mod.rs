//! Reads .blend files of Blender 2.80 to 5.x by their own DNA, block by block as they are asked for.

mod block;
mod dna;
mod edit;
mod error;
mod file;
mod frames;
mod header;
mod idprop;
mod links;
mod lookup;
mod pack;
mod source;
mod unpack;
mod view;

pub use block::Block;
pub use edit::{Edit, Spot};
pub use error::BlendError;
pub use file::BlendFile;
pub use header::Version;
pub use idprop::IdValue;
pub use view::Struct;

#[cfg(test)]
mod tests;

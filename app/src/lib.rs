//! The artist's program: brings a scene to a farm and its pictures back.
//!
//! - [`workflow`] is the artist's way, without terminal or window; it reports typed events.
//! - [`cli`] shows it on a command line.

pub mod cli;
pub mod workflow;

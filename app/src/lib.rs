//! The artist's program: brings a scene to a farm and its pictures back.
//!
//! - [`workflow`] is the artist's way, without terminal or window; it reports typed events.
//! - [`cli`] shows it on a command line.
//! - [`gui`] shows it in a window; [`background`] runs it there, so that the window never waits.

pub mod background;
pub mod cli;
pub mod gui;
pub mod limits;
pub mod settings;
pub mod text;
pub mod workflow;

//! The artist's way from a .blend to pictures, without terminal or window: it reports typed
//! [`event::Event`]s through a channel and ends with a [`event::Summary`] or a
//! [`problem::Problem`].
//!
//! ```text
//! blend_file ─► farm (join, or launch) ─► upload ─► submit ─► run ─► follow ─► Summary
//!                                           ▲          │               │
//!                                           └─ resolve ┘ (Blender      └─ saver: previews and
//!                                              lists files)               frames to the disk
//! ```

pub mod add_ons;
pub mod blend_file;
pub mod blenders;
pub mod choose;
pub mod compare;
pub mod data_dir;
pub mod estimate;
pub mod event;
pub mod farm;
pub mod follow;
pub mod handoff;
pub mod hashes;
pub mod history;
pub mod launch;
pub mod lenders;
pub mod manager;
pub mod output;
mod pattern;
pub mod places;
pub mod poll;
pub mod problem;
pub mod programs;
pub mod records;
pub mod render;
pub mod report;
pub mod resolve;
pub mod room;
pub mod saver;
pub mod scene_files;
mod shares;
pub mod similar;
pub mod submit;
pub mod upload;

#[cfg(test)]
pub(crate) mod recorded;

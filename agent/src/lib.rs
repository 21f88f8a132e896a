//! The agent: renders chunks of frames with the Blender beside it.

pub mod blender;
pub mod config;
mod heard;
pub mod notice;
pub mod render;
pub mod room;
pub mod serve;
mod server;
pub mod tasks;
pub mod workspace;

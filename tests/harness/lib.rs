//! Starts a real farm on loopback with real Blender, and compares what comes out with what
//! Blender alone makes.

mod blender;
mod compare;
mod farm;
mod programs;
mod render;
mod server;

pub use blender::{Blender, blenders, system_blender};
pub use compare::{Difference, Kind, PngDifference, compare_exr, compare_png};
pub use farm::Farm;
pub use programs::program;
pub use render::{Render, Rendered};
pub use server::{Reply, Server, descendants, is_running, sha1, wait_for};

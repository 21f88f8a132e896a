//! Starts a real farm on loopback with real Blender, and compares what comes out with what
//! Blender alone makes.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    clippy::missing_panics_doc,
    clippy::duration_suboptimal_units,
    reason = "what is not as expected here fails a test"
)]

mod blender;
mod compare;
mod farm;
mod moto;
mod programs;
mod render;
mod server;
mod whereabouts;
mod window;

pub use blender::{Blender, blenders, system_blender};
pub use compare::{Difference, Kind, PngDifference, compare_exr, compare_png, noise_between};
pub use farm::Farm;
pub use moto::{Moto, Wrong};
pub use programs::{cache_home, command, program};
pub use render::{Render, Rendered};
pub use server::{Reply, Server, descendants, is_running, naming, sha1, wait_for};
pub use whereabouts::Thing;
pub use window::{Window, colors, difference, main_button, opened_without_opengl, picture_area};

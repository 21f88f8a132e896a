//! Stories with real processes and real Blender, on loopback.

mod api03;
mod command;
mod exactness;
mod failures;
mod losses;
mod trust;

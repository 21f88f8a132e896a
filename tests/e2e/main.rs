//! Stories with real processes and real Blender, on loopback.

mod command;
mod exactness;
mod losses;

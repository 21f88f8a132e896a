//! Blender beside the agent: found, chosen, jailed, started, asked.

pub mod driver;
pub mod find;
mod group;
pub mod jail;
mod lines;
pub mod parity;
pub mod process;
mod progress;
pub mod sent;
mod unpack;
pub mod version;
mod watchdog;

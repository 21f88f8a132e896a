//! What runs beside the owner: one task for each agent, and the merging of parts.

mod adopt;
mod agent;
mod claim;
mod collect;
mod disk;
mod kept;
mod launch;
mod link;
mod merge;
mod numbered;
mod parts;
mod reap;
mod recover;
mod scenes;

pub(crate) use collect::Given;
pub(crate) use disk::failure_of;
pub(crate) use link::{AgentLink, Command};
pub use merge::{MergeError, Merger};
pub(crate) use reap::run as reap;

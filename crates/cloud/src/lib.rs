//! Machines to render on.
//!
//! One provider so far: this computer. The trait that all providers share comes with the second
//! one, made from what both of them need.

mod local;

pub use local::{LaunchError, LocalInstance, LocalLaunch};

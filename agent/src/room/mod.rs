//! An agent on a machine of the room: how it joins a farm and leaves it, and when it renders.

mod hours;
mod in_use;
mod pairing;
mod service;
mod watch;

pub use hours::{Hours, NoHours};
pub use pairing::{Membership, forget, pair, routes};
pub use service::install;
pub use watch::{Availability, watch};

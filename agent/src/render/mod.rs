//! Work: queued, done one after another by a warm Blender, stored, reported.
//!
//! ```text
//!  submit            take               store                finish
//! ────────► Queued ───────► Running ──────────► (in the background) ──────► Completed
//!             │                │ Blender fails                   └────────► Failed
//!             │                ├─ each step of a part: stored in the background, told in its status
//!             └── delete ──────┴── delete: Blender is killed ───► gone, its results freed
//! ```

mod board;
mod engine;
mod failure;
mod leave;
mod pace;
mod parts;
mod provide;
mod runner;
mod steps;
mod store;
mod trial;
mod warm;

pub use board::{Conflict, SceneError};
pub use engine::{Engine, EngineSettings, SubmitError};
pub use provide::ProvideError;

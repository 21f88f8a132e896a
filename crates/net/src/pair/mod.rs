//! Pairing: a machine joins a farm with nothing but a short code that a person carries over.
//!
//! ```text
//!  manager                                             agent (shows the code)
//!     │ ── hello: version, SPAKE2 element ──────────────► │
//!     │ ◄───── hello: version, SPAKE2 element ─────────── │   both have a key that only somebody
//!     │ ── proof of the key ────────────────────────────► │   with the same code can have
//!     │ ◄───── sealed: name, certificate request, password │   wrong proof: one try less
//!     │ ── sealed: authority, certificate, name here ───► │   writes them down
//!     │ ◄───── sealed: done ────────────────────────────  │
//! ```
//! No certificate can be checked before there is a farm, so the conversation is not TLS. It needs
//! none: SPAKE2 turns the code into a strong key of this conversation alone. Who listens learns
//! nothing to test codes with; who stands in the middle, or plays either side, can test one code a
//! conversation, and the agent ends its pairing after [`TRIES`] wrong ones: 3 in 10⁸. The manager
//! proves first, so a stranger gets nothing from the agent that depends on the code. The keys are
//! derived from both hellos too, so changing a version, or playing an old message again, fails.
//! What follows is sealed with AES-256-GCM, a key for each direction, numbered.

mod code;
mod handshake;
mod talk;
#[cfg(test)]
mod tests;

pub use code::{Code, NoCode};
pub use talk::{Joining, Offer, offer};

use serde::{Deserialize, Serialize};
use std::io;

/// Wrong codes after which an agent ends its pairing.
pub const TRIES: u32 = 3;

/// Why two machines did not pair.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// Nobody there, or the connection broke.
    #[error("{address} can't be reached: {source}")]
    Unreachable {
        /// Who was called.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The connection broke in between.
    #[error("the connection broke while pairing: {0}")]
    Broken(#[from] io::Error),
    /// It took too long.
    #[error("the other machine did not answer in time")]
    TimedOut,
    /// Another code, or somebody in between.
    #[error(
        "the code is wrong ({}), or another machine answers in its place",
        match left { 0 => "no try is left".to_owned(), 1 => "1 try is left".to_owned(), n => format!("{n} tries are left") }
    )]
    WrongCode {
        /// Wrong codes that may still be tried.
        left: u32,
    },
    /// Something that does not speak this.
    #[error("what answers is no agent that waits to be paired: {reason}")]
    Strange {
        /// What was not understood.
        reason: String,
    },
    /// Another version.
    #[error(
        "the other machine has BlendNet {theirs}, this one {ours}; install the same version on both"
    )]
    Version {
        /// There.
        theirs: String,
        /// Here.
        ours: String,
    },
    /// The other side could not go on.
    #[error("the other machine says: {0}")]
    Refused(String),
    /// No random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// What the agent tells of itself, once both know the code.
#[derive(Clone, Serialize, Deserialize)]
pub struct Machine {
    /// Its own name, such as `workshop`.
    pub name: String,
    /// Tells it from others of its name, and stays the same when it is paired again.
    pub machine_id: String,
    /// Its request for a certificate, in PEM.
    pub request_pem: String,
    /// Its password, made there.
    pub password: String,
}

/// What the farm grants it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// The farm's authority, in PEM.
    pub ca_pem: String,
    /// The agent's certificate, in PEM.
    pub cert_pem: String,
    /// What the farm calls it.
    pub name: String,
}

//! What the programs of a farm need to speak with each other: a CA of the farm's own, TLS,
//! passwords, the shell of an HTTPS server, the client, and files stored by their content.
//!
//! A server is a folder, an identity, a password and a router:
//!
//! ```no_run
//! # async fn run(dir: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! use blendnet_net::{auth, blobs::BlobStore, ca::Identity, secret::Password, server};
//!
//! let (soft, hard) = blendnet_net::shutdown_signals();
//! let identity = Identity::load_or_create(dir, &["farm.lan".to_owned()])?;
//! let password = Password::load_or_create(&dir.join("password"))?;
//! let store = BlobStore::open(&dir.join("blobs"), 1 << 40)?;
//!
//! let api = blendnet_net::api::serve(blendnet_net::blobs::routes(store), "A server of blobs");
//! let router = auth::require_password(api, auth::USER, password.into());
//! let bound = server::bind(([127, 0, 0, 1], 8443).into(), &identity).await?;
//! tokio::select! {
//!     () = bound.serve(router, soft) => {}
//!     () = hard.cancelled() => {}
//! }
//! # Ok(())
//! # }
//! ```
//!
//! and a client trusts that farm's CA, and nobody else:
//!
//! ```no_run
//! # async fn run(dir: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! # use blendnet_net::{client::Client, secret::Password};
//! let ca_pem = fs_err::read_to_string(dir.join("ca.pem"))?;
//! let password = Password::load(&dir.join("password"))?;
//! let client = Client::new("127.0.0.1:8443", &ca_pem, &password)?;
//! let running: Vec<String> = client.get("task/running").await?;
//! # Ok(())
//! # }
//! ```
//!
//! Layers, outermost first: [`server`] (TLS, limits of connections) → [`auth`] (password,
//! browsers of other sites) → [`answer`] (JSON in and out) → the program's handlers → [`blobs`].

pub mod answer;
pub mod api;
pub mod auth;
pub mod blobs;
pub mod ca;
pub mod client;
pub mod discovery;
pub mod host;
pub mod log;
pub mod metadata;
pub mod pair;
pub mod parent;
pub mod secret;
pub mod server;
mod signals;
#[cfg(test)]
mod testing;

pub use signals::{Signals, shutdown_signals, signals};

use std::sync::Once;

/// Makes aws-lc-rs the process's cryptography. Everything here calls it itself.
pub fn init_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
            tracing::debug!("another part of the process has installed the cryptography");
        }
    });
}

//! The shell of an HTTPS server: TLS, limits of connections, an end that comes in time.
//!
//! ```text
//! accept ─► (a place free?) ─► task: handshake (10 s) ─► head (15 s) ─► router
//!    ▲                                                       ▲             │
//!    └── never waits for anybody                             └─ keep-alive ┴─► goodbye
//! ```
//! Only HTTP/1.1 is spoken: it is the faster one for large bodies, and a connection has one
//! request at a time, so that the limit of connections is a limit of requests.

mod connection;
mod stall;
#[cfg(test)]
mod tests;

pub(crate) use stall::BodyStalled;

use crate::ca::Identity;
use axum::Router;
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How long the accept loop rests when the machine has no more file handles.
const REST: Duration = Duration::from_millis(100);

/// Why a server can't listen.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Somebody else listens there.
    #[error("port {port} of {address} is in use; end the program that has it, or choose another port", port = address.port(), address = address.ip())]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// Not an address of this machine, or not allowed.
    #[error("{address} can't be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A certificate or key that can't be used.
    #[error("the server's certificate can't be used: {reason}")]
    Certificate {
        /// Why.
        reason: String,
    },
}

/// How much a server puts up with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time; further ones are closed at once.
    pub connections: usize,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, and for silence between two requests.
    pub head: Duration,
    /// For silence within the body of a request.
    pub body_silence: Duration,
    /// For a client that takes nothing of its answer.
    pub write_stall: Duration,
    /// For requests under way when the server ends.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(15),
            body_silence: Duration::from_secs(30),
            write_stall: Duration::from_mins(1),
            drain: Duration::from_secs(10),
        }
    }
}

/// A server that listens and does not answer yet.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    tls: TlsAcceptor,
    limits: Limits,
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bound").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Listens on an address; port 0 is any free one.
pub async fn bind(listen: SocketAddr, identity: &Identity) -> Result<Bound, ServerError> {
    let tls = TlsAcceptor::from(Arc::new(tls_config(identity)?));
    let named = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => ServerError::InUse { address: listen },
        _ => ServerError::Listen { address: listen, source },
    };
    let listener = TcpListener::bind(listen).await.map_err(named)?;
    let address = listener.local_addr().map_err(named)?;
    Ok(Bound { listener, address, tls, limits: Limits::default() })
}

/// TLS 1.3, and 1.2 for old clients, with this identity.
pub(crate) fn tls_config(identity: &Identity) -> Result<ServerConfig, ServerError> {
    crate::init_crypto();
    let unusable =
        |error: &dyn std::fmt::Display| ServerError::Certificate { reason: error.to_string() };
    let chain = CertificateDer::pem_slice_iter(identity.cert_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(&error))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes())
        .map_err(|error| unusable(&error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| unusable(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

impl Bound {
    /// Where it listens, with the port that was found.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Other limits than the usual ones.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Answers until `shutdown` is cancelled; then listens no more, lets requests under way end,
    /// and drops those that do not end in time. Handlers find the client's address in
    /// `ConnectInfo<SocketAddr>`. Those that wait for events should look at `shutdown`, too.
    pub async fn serve(self, router: Router, shutdown: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            let Some((stream, peer)) = taken(accepted).await else { continue };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!(%peer, "closed a connection: {} are open", self.limits.connections);
                continue;
            };
            let (tls, router) = (self.tls.clone(), router.clone());
            let (limits, shutdown) = (self.limits, shutdown.clone());
            connections.spawn(async move {
                connection::serve(stream, peer, &tls, router, limits, shutdown).await;
                drop(place);
            });
        }
        drop(self.listener);
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.drain, drained).await.is_err() {
            tracing::warn!("dropped {} connections that did not end", connections.len());
        }
        connections.shutdown().await;
    }
}

/// A connection that broke before it was taken is nothing; a machine without handles needs a rest.
async fn taken(accepted: io::Result<(TcpStream, SocketAddr)>) -> Option<(TcpStream, SocketAddr)> {
    match accepted {
        Ok(taken) => return Some(taken),
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
        Err(error) => {
            tracing::warn!(%error, "a connection can't be taken");
            tokio::time::sleep(REST).await;
        }
    }
    None
}

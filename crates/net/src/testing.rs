//! A real server on loopback for the tests, and raw connections to it.

use crate::ca::Identity;
use crate::client::Client;
use crate::secret::Password;
use crate::server::{Limits, bind};
use axum::Router;
use rustls::SupportedProtocolVersion;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

pub(crate) struct Farm {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) identity: Identity,
    pub(crate) password: Password,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<()>,
}

impl Farm {
    pub(crate) async fn start(router: impl FnOnce(&std::path::Path) -> Router) -> Self {
        Self::with_limits(router, Limits::default()).await
    }

    pub(crate) async fn with_limits(
        router: impl FnOnce(&std::path::Path) -> Router,
        limits: Limits,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::load_or_create(&dir.path().join("ids"), &[]).unwrap();
        let password = Password::generate().unwrap();
        let router = crate::answer::fallback(router(dir.path()));
        let router =
            crate::auth::require_password(router, crate::auth::USER, password.clone().into());
        let bound = bind(([127, 0, 0, 1], 0).into(), &identity).await.unwrap();
        let address = bound.address();
        let bound = bound.with_limits(limits);
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(bound.serve(router, shutdown.clone()));
        Self { dir, identity, password, address, shutdown, served }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_at(&self.address.to_string())
    }

    pub(crate) fn client_at(&self, address: &str) -> Client {
        Client::new(address, &self.identity.ca_pem, &self.password).unwrap()
    }

    /// The header of a request that knows the password.
    pub(crate) fn login(&self) -> String {
        use base64::Engine as _;
        let plain = format!("blendnet:{}", self.password.reveal());
        let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
        format!("Authorization: Basic {encoded}\r\n")
    }

    pub(crate) async fn connect(&self) -> TlsStream<TcpStream> {
        self.connect_from([127, 0, 0, 1]).await
    }

    /// A connection from another address of this machine.
    pub(crate) async fn connect_from(&self, from: [u8; 4]) -> TlsStream<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        self.handshake(stream, rustls::ALL_VERSIONS).await
    }

    /// A connection with these versions of TLS only.
    pub(crate) async fn connect_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> TlsStream<TcpStream> {
        self.handshake(TcpStream::connect(self.address).await.unwrap(), versions).await
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        versions: &[&'static SupportedProtocolVersion],
    ) -> TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(self.identity.ca_pem.as_bytes()).unwrap();
        roots.add(ca).unwrap();
        let config = rustls::ClientConfig::builder_with_protocol_versions(versions)
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect("localhost".try_into().unwrap(), stream).await.unwrap()
    }

    /// Sends `request` (without its end of head) on a new connection, then reads until the server
    /// closes. Returns status, head and body.
    pub(crate) async fn raw(&self, request: &str) -> Reply {
        let mut stream = self.connect().await;
        let head = format!("{request}Host: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        Reply::read(&mut stream).await
    }

    pub(crate) async fn ended(self) {
        self.shutdown.cancel();
        self.served.await.unwrap();
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) async fn read(stream: &mut TlsStream<TcpStream>) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn code(&self) -> String {
        let answer: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        answer["code"].as_str().unwrap_or_default().to_owned()
    }
}

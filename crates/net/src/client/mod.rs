//! The client of a manager or an agent.
//!
//! It trusts the farm's CA and nobody else, checks names, and sends its password only then.
//! Requests that may be repeated are repeated when a machine or the network was at fault.

mod download;
mod error;
mod retry;
#[cfg(test)]
mod tests;
mod upload;

pub use error::ClientError;
pub use upload::Sent;

use crate::auth::USER;
use crate::secret::Password;
use blendnet_protocol::{Answer, BlobId};
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// For a connection and its handshake.
const CONNECT: Duration = Duration::from_secs(10);
/// For a request with a small body and its answer.
const REQUEST: Duration = Duration::from_secs(30);
/// More time is given for larger bodies.
const SLOWEST_BYTES_PER_SEC: u64 = 64 << 10;
/// Below the time after which a server ends a silent connection, so that none is used while it ends.
const POOL_IDLE: Duration = Duration::from_secs(10);
/// Largest JSON answer that is taken.
const MAX_ANSWER_BYTES: usize = 128 << 20;

/// A client of one server. Clones share connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    address: String,
    http: reqwest::Client,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("address", &self.0.address).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the server at `address` (`host:port`) that logs in as `blendnet`. The server's
    /// certificate must be signed by the CA in `ca_pem` and hold the host's name. Does not connect.
    pub fn new(address: &str, ca_pem: &str, password: &Password) -> Result<Self, ClientError> {
        Self::with_user(address, ca_pem, USER, password)
    }

    /// As [`Client::new`], of a server whose certificate holds `name` and not its address:
    /// `address` is an IP address with a port.
    pub fn named(
        name: &str,
        address: &str,
        ca_pem: &str,
        password: &Password,
    ) -> Result<Self, ClientError> {
        let socket: SocketAddr = address.parse().map_err(|_error| ClientError::Setup {
            address: address.to_owned(),
            reason: "it is no IP address with a port".to_owned(),
        })?;
        let host = format!("{name}:{}", socket.port());
        Self::build(&host, Some((name, socket)), ca_pem, USER, password)
    }

    /// As [`Client::new`] with another user.
    pub fn with_user(
        address: &str,
        ca_pem: &str,
        user: &str,
        password: &Password,
    ) -> Result<Self, ClientError> {
        Self::build(address, None, ca_pem, user, password)
    }

    fn build(
        address: &str,
        named: Option<(&str, SocketAddr)>,
        ca_pem: &str,
        user: &str,
        password: &Password,
    ) -> Result<Self, ClientError> {
        crate::init_crypto();
        let bad = |reason: String| ClientError::Setup { address: address.to_owned(), reason };
        let url = reqwest::Url::parse(&format!("https://{address}/"))
            .map_err(|error| bad(format!("it is not an address: {error}")))?;
        if url.path() != "/" || !url.username().is_empty() || url.query().is_some() {
            return Err(bad("it must be `host:port`".to_owned()));
        }
        let ca = Certificate::from_pem_bundle(ca_pem.as_bytes()).map_err(|error| {
            bad(format!("its CA can't be read: {}", crate::answer::chain(&error)))
        })?;
        if ca.is_empty() {
            return Err(bad("its CA is no certificate in PEM".to_owned()));
        }
        let mut http = reqwest::Client::builder();
        if let Some((name, socket)) = named {
            http = http.resolve(name, socket);
        }
        let http = http
            .tls_certs_only(ca)
            .tls_version_min(reqwest::tls::Version::TLS_1_2)
            .https_only(true)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(POOL_IDLE)
            .default_headers(login(user, password).map_err(bad)?)
            .build()
            .map_err(|error| bad(crate::answer::chain(&error)))?;
        Ok(Self(Arc::new(Inner { address: address.to_owned(), http })))
    }

    /// `host:port` of the server.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// Asks for something. A path that begins with `/` is taken as it is; others are below
    /// `/api/v1/`. Repeated when it fails for a passing reason.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        retry::repeat(|| self.ask(self.request(Method::GET, path).timeout(REQUEST))).await
    }

    /// Asks once and waits longer for the answer: for paths that answer when something happens.
    pub async fn get_with_timeout<T: DeserializeOwned>(
        &self,
        path: &str,
        timeout: Duration,
    ) -> Result<T, ClientError> {
        self.ask(self.request(Method::GET, path).timeout(timeout)).await
    }

    /// Asks for text or bytes that are no JSON answer, at most 128 MiB. Repeated like
    /// [`Client::get`].
    pub async fn get_bytes(&self, path: &str) -> Result<Bytes, ClientError> {
        let once = || async {
            let response = self.send(self.request(Method::GET, path).timeout(REQUEST)).await?;
            self.bytes(self.good(response).await?).await
        };
        retry::repeat(once).await
    }

    /// Sends something that must not be done twice; not repeated.
    pub async fn post<B, T>(&self, path: &str, body: &B) -> Result<T, ClientError>
    where
        B: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        let body = self.json(body)?;
        self.ask(self.with_json(Method::POST, path, &body)).await
    }

    /// Sends something under a name of its own. Repeated when it fails for a passing reason.
    pub async fn put<B, T>(&self, path: &str, body: &B) -> Result<T, ClientError>
    where
        B: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        let body = self.json(body)?;
        retry::repeat(|| self.ask(self.with_json(Method::PUT, path, &body))).await
    }

    /// Sends something under a name of its own, once, and waits longer for the answer.
    pub async fn put_with_timeout<B, T>(
        &self,
        path: &str,
        body: &B,
        timeout: Duration,
    ) -> Result<T, ClientError>
    where
        B: Serialize + ?Sized,
        T: DeserializeOwned,
    {
        let body = self.json(body)?;
        self.ask(self.with_json(Method::PUT, path, &body).timeout(timeout)).await
    }

    /// Removes something. Repeated when it fails for a passing reason.
    pub async fn delete(&self, path: &str) -> Result<(), ClientError> {
        let once = || self.ask(self.request(Method::DELETE, path).timeout(REQUEST));
        retry::repeat(once).await.map(|_: serde_json::Value| ())
    }

    /// Removes something, once, and takes the answer.
    pub async fn delete_answered<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(self.request(Method::DELETE, path).timeout(REQUEST)).await
    }

    /// Those of `blobs` that the server lacks.
    pub async fn missing_blobs(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>, ClientError> {
        let mut missing = Vec::new();
        // 3 MB of JSON at once; the question changes nothing, so it may be repeated.
        for some in blobs.chunks(50_000) {
            let body = self.json(some)?;
            let request = || self.ask(self.with_json(Method::POST, "blob/missing", &body));
            let lacking: Vec<BlobId> = retry::repeat(request).await?;
            missing.extend(lacking);
        }
        Ok(missing)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let address = &self.0.address;
        let url = match path.strip_prefix('/') {
            Some(path) => format!("https://{address}/{path}"),
            None => format!("https://{address}/api/v1/{path}"),
        };
        self.0.http.request(method, url)
    }

    fn json<B: Serialize + ?Sized>(&self, body: &B) -> Result<Bytes, ClientError> {
        let setup = |error: serde_json::Error| ClientError::Setup {
            address: self.address().to_owned(),
            reason: format!("the request is no JSON: {error}"),
        };
        serde_json::to_vec(body).map(Bytes::from).map_err(setup)
    }

    /// A long list may take its time on a slow line.
    fn with_json(&self, method: Method, path: &str, body: &Bytes) -> RequestBuilder {
        let sending = Duration::from_secs(body.len() as u64 / SLOWEST_BYTES_PER_SEC);
        self.request(method, path)
            .timeout(REQUEST + sending)
            .header(CONTENT_TYPE, "application/json")
            .body(body.clone())
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        request.send().await.map_err(|error| ClientError::of_network(self.address(), error))
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        let response = self.good(response).await?;
        let answer: Answer<T> = self.parse(&self.bytes(response).await?)?;
        if !answer.success {
            let Answer { message, code, hint, .. } = answer;
            return Err(self.refused(StatusCode::OK, code, message, hint));
        }
        match answer.data {
            Some(data) => Ok(data),
            // `null` is an answer for types that can be nothing.
            None => self.parse(b"null"),
        }
    }

    fn parse<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(bytes).map_err(|error| self.strange(error.to_string()))
    }

    fn strange(&self, reason: String) -> ClientError {
        ClientError::Answer { address: self.address().to_owned(), reason }
    }

    fn refused(
        &self,
        status: StatusCode,
        code: Option<String>,
        message: String,
        hint: Option<String>,
    ) -> ClientError {
        ClientError::Refused { address: self.address().to_owned(), status, code, message, hint }
    }

    /// The response, if it is a success; else the error that it carries.
    async fn good(&self, response: Response) -> Result<Response, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.bytes(response).await.unwrap_or_default();
        let answer: Option<Answer<serde::de::IgnoredAny>> = serde_json::from_slice(&body).ok();
        Err(match answer {
            Some(Answer { message, code, hint, .. }) => self.refused(status, code, message, hint),
            None => self.refused(status, None, status.to_string(), None),
        })
    }

    /// The body, in bounds: a server may be a machine that somebody else has taken over.
    async fn bytes(&self, mut response: Response) -> Result<Bytes, ClientError> {
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            let chunk = chunk.map_err(|error| ClientError::of_network(self.address(), error))?;
            let Some(chunk) = chunk else { return Ok(body.into()) };
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER_BYTES {
                return Err(self.strange(format!("it has more than {MAX_ANSWER_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
    }
}

fn login(user: &str, password: &Password) -> Result<HeaderMap, String> {
    use base64::Engine as _;
    let plain = format!("{user}:{}", password.reveal());
    let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}"))
        .map_err(|_error| "the user or the password can't be sent".to_owned())?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

/// A name as one segment of a path: everything that means something in a URL is encoded.
pub fn segment(name: &str) -> String {
    name.bytes().fold(String::with_capacity(name.len()), |mut segment, byte| {
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'~')
            || (byte == b'.' && name.bytes().any(|other| other != b'.'))
        {
            segment.push(char::from(byte));
        } else {
            segment.push('%');
            segment.push_str(&hex::encode_upper([byte]));
        }
        segment
    })
}

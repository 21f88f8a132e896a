//! The metadata service that clouds have for their own machines, on an address that no packet leaves the
//! machine's host for. It is plain HTTP, since nobody else can answer there: no other address is asked.

use reqwest::{Method, StatusCode, Url};
use std::net::IpAddr;
use std::time::Duration;

/// It answers from next door.
const LIMIT: Duration = Duration::from_secs(2);

/// The names that clouds have for it.
const NAMES: [&str; 1] = ["metadata.google.internal"];

/// A way to the metadata of this machine.
#[derive(Clone, Debug)]
pub struct Metadata {
    base: Url,
    http: reqwest::Client,
}

/// Why the metadata service does not help.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Elsewhere anybody could answer.
    #[error(
        "{0} is no metadata service: it must be `http://` with a loopback or link-local address"
    )]
    Address(String),
    /// It does not answer.
    #[error("the metadata service of this machine does not answer")]
    Unreachable(#[from] reqwest::Error),
    /// It answers something else.
    #[error("the metadata service of this machine answers {0}")]
    Refused(StatusCode),
}

impl Metadata {
    /// A service such as `http://169.254.169.254`. Does not connect.
    pub fn new(base: &str) -> Result<Self, MetadataError> {
        crate::init_crypto();
        let wrong = || MetadataError::Address(base.to_owned());
        let url = Url::parse(base).map_err(|_error| wrong())?;
        let host = url.host_str().unwrap_or_default();
        let near = match host.trim_matches(['[', ']']).parse() {
            Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
            // AWS has fd00:ec2::254.
            Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
            Err(_) => NAMES.contains(&host),
        };
        if url.scheme() != "http" || !near || url.path() != "/" {
            return Err(wrong());
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LIMIT)
            .build()?;
        Ok(Self { base: url, http })
    }

    /// Reads what is there; `None`: nothing is.
    pub async fn get(
        &self,
        path: &str,
        header: (&str, &str),
    ) -> Result<Option<String>, MetadataError> {
        match self.ask(Method::GET, path, header).await {
            Ok(text) => Ok(Some(text)),
            Err(MetadataError::Refused(StatusCode::NOT_FOUND)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for something that is made by asking, such as a session.
    pub async fn put(&self, path: &str, header: (&str, &str)) -> Result<String, MetadataError> {
        self.ask(Method::PUT, path, header).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        (name, value): (&str, &str),
    ) -> Result<String, MetadataError> {
        let url = self.base.join(path).map_err(|_error| MetadataError::Address(path.to_owned()))?;
        let response = self.http.request(method, url).header(name, value).send().await?;
        if !response.status().is_success() {
            return Err(MetadataError::Refused(response.status()));
        }
        Ok(response.text().await?)
    }
}

impl MetadataError {
    /// Whether a session is over, or there was none.
    pub fn is_session_over(&self) -> bool {
        matches!(self, Self::Refused(StatusCode::UNAUTHORIZED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_s_own_service_is_asked() {
        let near = [
            "http://169.254.169.254",
            "http://[fd00:ec2::254]",
            "http://127.0.0.1:8080",
            "http://metadata.google.internal",
        ];
        for base in near {
            assert!(Metadata::new(base).is_ok(), "{base}");
        }
        let far = [
            "http://192.168.1.1",
            "http://example.org",
            "https://127.0.0.1",
            "http://127.0.0.1/elsewhere",
            "http://metadata.google.internal.example.org",
        ];
        for base in far {
            assert!(matches!(Metadata::new(base), Err(MetadataError::Address(_))), "{base}");
        }
    }
}

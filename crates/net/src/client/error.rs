//! What can go wrong between a client and its server, in words for people.

use crate::answer::chain;
use crate::blobs::BlobError;
use reqwest::StatusCode;
use rustls::CertificateError;
use std::error::Error;
use std::io;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client could not be made.
    #[error("a client for {address} can't be made: {reason}")]
    Setup {
        /// The address.
        address: String,
        /// Why.
        reason: String,
    },
    /// No connection.
    #[error("the server at {address} can't be reached: {reason}")]
    Unreachable {
        /// The address.
        address: String,
        /// Why.
        reason: String,
        /// The error behind it.
        #[source]
        source: reqwest::Error,
    },
    /// Somebody answered, and it is not our server.
    #[error("the server at {address} {reason}; the password was not sent to it")]
    Untrusted {
        /// The address.
        address: String,
        /// What is wrong with its certificate.
        reason: String,
        /// The error behind it.
        #[source]
        source: reqwest::Error,
    },
    /// It took too long.
    #[error("the server at {address} did not answer in time")]
    TimedOut {
        /// The address.
        address: String,
    },
    /// The connection broke.
    #[error("the connection to {address} broke: {reason}")]
    Broken {
        /// The address.
        address: String,
        /// Why.
        reason: String,
        /// The error behind it.
        #[source]
        source: reqwest::Error,
    },
    /// The server said no.
    #[error("{message}{}", hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())]
    Refused {
        /// The address.
        address: String,
        /// The HTTP status.
        status: StatusCode,
        /// Stable name of the error.
        code: Option<String>,
        /// What the server said.
        message: String,
        /// What it says to do next.
        hint: Option<String>,
    },
    /// The answer is none of ours.
    #[error("the answer of {address} can't be understood: {reason}")]
    Answer {
        /// The address.
        address: String,
        /// Why.
        reason: String,
    },
    /// What came is not what was asked for, or there is no room for it.
    #[error("from {address}: {source}")]
    Content {
        /// The address.
        address: String,
        /// What is wrong.
        source: BlobError,
    },
    /// A file on our side.
    #[error("{0}")]
    File(#[from] io::Error),
}

impl ClientError {
    /// Sorts what reqwest says.
    pub(super) fn of_network(address: &str, source: reqwest::Error) -> Self {
        let address = address.to_owned();
        if let Some(reason) = cause::<rustls::Error>(&source).and_then(distrust) {
            return Self::Untrusted { address, reason, source };
        }
        if source.is_timeout() {
            return Self::TimedOut { address };
        }
        let reason = cause::<io::Error>(&source).map_or_else(|| innermost(&source), chain_of_io);
        if source.is_connect() {
            return Self::Unreachable { address, reason, source };
        }
        Self::Broken { address, reason, source }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Broken { .. } => true,
            Self::Content { source, .. } => source.is_transient(),
            Self::Refused { status, .. } => {
                matches!(status.as_u16(), 408 | 416 | 429 | 502 | 503 | 504)
            }
            _ => false,
        }
    }

    /// Whether the password is wrong.
    pub fn is_auth(&self) -> bool {
        self.status() == Some(StatusCode::UNAUTHORIZED)
    }

    /// The HTTP status, if the server said no.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The stable name of the server's error, such as `not_found`.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    /// What the server said, or what happened.
    pub fn message(&self) -> String {
        match self {
            Self::Refused { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }
}

fn chain_of_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        io::ErrorKind::ConnectionReset => "the other side closed it".to_owned(),
        _ => chain(error),
    }
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(next) = error.source() {
        error = next;
    }
    error.to_string()
}

/// Looks for an error of a kind behind another one, inside `io::Error`s too.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(inside) = inside
            && let Some(found) = cause::<E>(inside)
        {
            return Some(found);
        }
        current = error.source();
    }
    None
}

/// Why a certificate is not trusted, in words; `None`: the trouble is another one.
fn distrust(error: &rustls::Error) -> Option<String> {
    let rustls::Error::InvalidCertificate(error) = error else {
        return None;
    };
    Some(match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "presented a certificate that our CA did not sign".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "presented a certificate for another name".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "presented a certificate that is too old; see the clocks of both machines".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "presented a certificate of the future; see the clocks of both machines".to_owned()
        }
        other => format!("presented a bad certificate ({other})"),
    })
}

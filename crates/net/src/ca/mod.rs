//! The farm's certificate authority and the certificates it signs.
//!
//! ```text
//! manager's folder: ca.pem ca.key ── signs ──► server.pem server.key (its own)
//!                                      └─────► agents/<name>/{ca.pem server.pem server.key password}
//! ```
//! Clients trust this CA alone and check names, so a certificate is good for the names in it only.

use crate::secret::{Password, SecretError, create_private_dir, write_private};
use fs_err as fs;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

mod identity;
#[cfg(test)]
mod tests;

pub use identity::Identity;

const DAY: Duration = Duration::from_hours(24);
const CA_LIFE: Duration = DAY.saturating_mul(3650);
/// What the strictest clients accept.
const SERVER_LIFE: Duration = DAY.saturating_mul(825);
/// For clocks that are slow.
const BACKDATED: Duration = DAY;

/// Names of this machine for itself.
pub const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What can go wrong with certificates.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A name that no certificate can hold.
    #[error("`{host}` is neither a host name nor an address")]
    Host {
        /// The name.
        host: String,
    },
    /// A file that is not what its name says.
    #[error("{} can't be used: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A certificate for other names, or too old, where no CA can make a new one.
    #[error(
        "the certificate {} is not good for `{host}`: {reason}; let the farm's manager issue a new one",
        path.display()
    )]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The name that it is not good for.
        host: String,
        /// Why.
        reason: String,
    },
    /// The certificate could not be made.
    #[error("a certificate can't be made: {0}")]
    Make(#[from] rcgen::Error),
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// A file or folder.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A file or folder.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// A certificate and its key.
#[derive(Clone)]
pub struct ServerCert {
    /// The certificate.
    pub cert_pem: String,
    /// Its private key.
    pub key_pem: String,
}

impl std::fmt::Debug for ServerCert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerCert").field("cert_pem", &self.cert_pem).finish_non_exhaustive()
    }
}

/// The farm's certificate authority.
#[derive(Debug)]
pub struct CertificateAuthority {
    cert_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl CertificateAuthority {
    /// Reads `ca.pem` and `ca.key` of a folder, or makes both (mode 0600, the folder 0700).
    pub fn load_or_create(dir: &Path) -> Result<Self, CaError> {
        let (cert_path, key_path) = (dir.join("ca.pem"), dir.join("ca.key"));
        match (fs::exists(&cert_path)?, fs::exists(&key_path)?) {
            (true, true) => Self::load(&cert_path, &key_path),
            (true, false) => Err(CaError::Unusable {
                path: cert_path,
                reason: "its key ca.key is not beside it; only the folder of the manager has both"
                    .to_owned(),
            }),
            // The key is written first: alone, it has signed nothing yet.
            (false, _) => Self::create(dir, &cert_path, &key_path),
        }
    }

    fn load(cert_path: &Path, key_path: &Path) -> Result<Self, CaError> {
        let unusable = |path: &Path, reason: &dyn std::fmt::Display| CaError::Unusable {
            path: path.to_owned(),
            reason: reason.to_string(),
        };
        let cert_pem = fs::read_to_string(cert_path)?;
        let key = KeyPair::from_pem(&fs::read_to_string(key_path)?)
            .map_err(|error| unusable(key_path, &error))?;
        let issuer = Issuer::from_ca_cert_pem(&cert_pem, key)
            .map_err(|error| unusable(cert_path, &error))?;
        Ok(Self { cert_pem, issuer })
    }

    fn create(dir: &Path, cert_path: &Path, key_path: &Path) -> Result<Self, CaError> {
        let mut unique = [0; 8];
        getrandom::fill(&mut unique).map_err(CaError::Random)?;
        let mut params = CertificateParams::default();
        // Two CAs of one name would be told apart only by a bad signature.
        let name = format!("BlendNet farm {}", hex::encode(unique));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let now = SystemTime::now();
        params.not_before = (now - BACKDATED).into();
        params.not_after = (now + CA_LIFE).into();
        let key = KeyPair::generate()?;
        let cert_pem = params.self_signed(&key)?.pem();
        create_private_dir(dir)?;
        write_private(key_path, key.serialize_pem().as_bytes())?;
        write_private(cert_path, cert_pem.as_bytes())?;
        Ok(Self { cert_pem, issuer: Issuer::new(params, key) })
    }

    /// The CA's certificate, which clients trust.
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// Makes a certificate for `name` and exactly these hosts: names or addresses. Without hosts it
    /// is good for this machine's names of itself.
    pub fn issue(&self, name: &str, hosts: &[String]) -> Result<ServerCert, CaError> {
        let key = KeyPair::generate()?;
        let cert_pem = server_params(name, hosts)?.signed_by(&key, &self.issuer)?.pem();
        Ok(ServerCert { cert_pem, key_pem: key.serialize_pem() })
    }

    /// As [`Self::issue`] for the key of a request in PEM, which stays where it was made. Nothing but
    /// the key is taken from the request.
    pub fn sign(&self, request_pem: &str, name: &str, hosts: &[String]) -> Result<String, CaError> {
        let request = CertificateSigningRequestParams::from_pem(request_pem)?;
        Ok(server_params(name, hosts)?.signed_by(&request.public_key, &self.issuer)?.pem())
    }
}

/// A new key and the request that another machine's authority signs, both in PEM.
#[derive(Clone)]
pub struct CertRequest {
    /// The request.
    pub request_pem: String,
    /// The private key.
    pub key_pem: String,
}

impl CertRequest {
    /// Makes a key and asks for a certificate of it.
    pub fn new() -> Result<Self, CaError> {
        let key = KeyPair::generate()?;
        let request_pem = CertificateParams::default().serialize_request(&key)?.pem()?;
        Ok(Self { request_pem, key_pem: key.serialize_pem() })
    }
}

fn server_params(name: &str, hosts: &[String]) -> Result<CertificateParams, CaError> {
    let mut names: Vec<String> =
        if hosts.is_empty() { LOOPBACK.map(str::to_owned).to_vec() } else { hosts.to_vec() };
    if is_dns_name(name) && !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
    if let Some(host) = names.iter().find(|host| !is_dns_name(host) && !is_address(host)) {
        return Err(CaError::Host { host: host.clone() });
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let now = SystemTime::now();
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now + SERVER_LIFE).into();
    Ok(params)
}

fn is_address(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
}

fn is_dns_name(host: &str) -> bool {
    !is_address(host) && rustls_pki_types::DnsName::try_from(host).is_ok()
}

/// Writes the folder of an agent: `ca.pem server.pem server.key password`, all 0600. A password
/// that is there already stays.
pub fn write_bundle(
    ca: &CertificateAuthority,
    dir: &Path,
    name: &str,
    hosts: &[String],
) -> Result<Password, CaError> {
    let cert = ca.issue(name, hosts)?;
    create_private_dir(dir)?;
    write_private(&dir.join("ca.pem"), ca.cert_pem().as_bytes())?;
    identity::write_pair(dir, &cert)?;
    Ok(Password::load_or_create(&dir.join("password"))?)
}

/// Writes the folder of an agent whose key was made there: as [`write_bundle`], with the
/// certificate that a farm signed. An authority of the agent's own is given up.
pub fn install_bundle(
    dir: &Path,
    ca_pem: &str,
    cert: &ServerCert,
    password: &Password,
) -> Result<(), CaError> {
    create_private_dir(dir)?;
    remove_bundle(dir)?;
    identity::write_pair(dir, cert)?;
    write_private(&dir.join("ca.pem"), ca_pem.as_bytes())?;
    write_private(&dir.join("password"), password.reveal().as_bytes())?;
    Ok(())
}

/// Removes what [`install_bundle`] wrote, or what a server made for itself.
pub fn remove_bundle(dir: &Path) -> Result<(), CaError> {
    for name in ["ca.key", "server.pem", "server.key", "ca.pem", "password"] {
        match fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

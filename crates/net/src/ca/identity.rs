//! Who a server is: its certificate, its key, and the CA that clients know it by.

use super::{CaError, CertificateAuthority, DAY, LOOPBACK, ServerCert};
use crate::secret::write_private;
use fs_err as fs;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::path::Path;
use std::sync::Arc;

/// A certificate is renewed at a start when it would end within this time.
const RENEWED_BEFORE_END: std::time::Duration = DAY.saturating_mul(60);

/// A server's certificate, its key and its CA.
#[derive(Clone)]
pub struct Identity {
    /// The CA's certificate, which clients trust.
    pub ca_pem: String,
    /// The server's certificate.
    pub cert_pem: String,
    /// Its private key.
    pub key_pem: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("cert_pem", &self.cert_pem).finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads `ca.pem`, `server.pem` and `server.key` of a folder. A folder without them gets a CA
    /// and a certificate for `hosts` and this machine's names of itself. Where the CA's key is in
    /// the folder, a certificate that lacks one of these names, or soon ends, is made anew.
    pub fn load_or_create(dir: &Path, hosts: &[String]) -> Result<Self, CaError> {
        let has_cert = fs::exists(dir.join("server.pem"))?;
        if has_cert && !fs::exists(dir.join("ca.key"))? {
            let identity = Self::load(dir)?;
            identity.check(dir, hosts, std::time::Duration::ZERO)?;
            return Ok(identity);
        }
        let ca = CertificateAuthority::load_or_create(dir)?;
        let mut names = hosts.to_vec();
        for name in LOOPBACK {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        if has_cert
            && let Ok(identity) = Self::load(dir)
            && identity.check(dir, &names, RENEWED_BEFORE_END).is_ok()
        {
            return Ok(identity);
        }
        write_pair(dir, &ca.issue("blendnet", &names)?)?;
        Self::load(dir)
    }

    fn load(dir: &Path) -> Result<Self, CaError> {
        let read = |name: &str| fs::read_to_string(dir.join(name));
        let identity = Self {
            ca_pem: read("ca.pem")?,
            cert_pem: read("server.pem")?,
            key_pem: read("server.key")?,
        };
        crate::server::tls_config(&identity).map_err(|error| CaError::Unusable {
            path: dir.join("server.pem"),
            reason: error.to_string(),
        })?;
        Ok(identity)
    }

    /// Whether clients of this CA will accept the certificate under all these names, `later` too.
    fn check(
        &self,
        dir: &Path,
        hosts: &[String],
        later: std::time::Duration,
    ) -> Result<(), CaError> {
        let path = dir.join("server.pem");
        let unusable = |reason: &dyn std::fmt::Display| CaError::Unusable {
            path: path.clone(),
            reason: reason.to_string(),
        };
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(self.ca_pem.as_bytes());
        roots.add(ca.map_err(|e| unusable(&e))?).map_err(|e| unusable(&e))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|e| unusable(&e))?;
        let cert =
            CertificateDer::from_pem_slice(self.cert_pem.as_bytes()).map_err(|e| unusable(&e))?;
        let now = UnixTime::since_unix_epoch(
            std::time::Duration::from_secs(UnixTime::now().as_secs()) + later,
        );
        for host in hosts {
            let name = ServerName::try_from(host.as_str())
                .map_err(|_e| CaError::Host { host: host.clone() })?;
            verifier.verify_server_cert(&cert, &[], &name, &[], now).map_err(|error| {
                CaError::Unfit { path: path.clone(), host: host.clone(), reason: error.to_string() }
            })?;
        }
        Ok(())
    }
}

/// The key first: a certificate without its key is worth nothing.
pub(super) fn write_pair(dir: &Path, cert: &ServerCert) -> Result<(), CaError> {
    write_private(&dir.join("server.key"), cert.key_pem.as_bytes())?;
    write_private(&dir.join("server.pem"), cert.cert_pem.as_bytes())?;
    Ok(())
}

//! Who lends machines to this farm: the provider that the command line names.

use crate::config::Lender;
use blendnet_cloud::{FarmTag, LocalProvider, Provider, ProviderError, SlurmProvider};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// Hexadecimal digits of a farm's tag.
const TAG_DIGITS: usize = 12;

/// Opens the provider. Nothing is launched or made yet.
pub fn open(
    lender: &Lender,
    manager_timeout: Duration,
) -> Result<Arc<dyn Provider>, ProviderError> {
    let pairs = lender.settings.iter().map(String::as_str);
    match lender.provider.as_str() {
        "local" => {
            blendnet_cloud::Settings::parse(&[], pairs)?;
            Ok(Arc::new(LocalProvider::with_manager_timeout(manager_timeout)))
        }
        "slurm" => Ok(Arc::new(SlurmProvider::new(pairs)?)),
        other => Err(ProviderError::Setting {
            name: "provider".to_owned(),
            reason: format!("this program knows no provider `{other}`; it has local and slurm"),
        }),
    }
}

/// The tag of the farm whose authority has this certificate: the same as long as the folder lives.
pub fn farm_tag(ca_pem: &str) -> FarmTag {
    let digest = hex::encode(Sha256::digest(ca_pem.as_bytes()));
    FarmTag(digest.chars().take(TAG_DIGITS).collect())
}

//! Who lends machines to this farm: the provider that the command line names.

use crate::config::Lender;
use blendnet_cloud::{
    Check, FarmTag, LocalProvider, Provider, ProviderError, Setting, SettingKind, SlurmProvider,
};
use blendnet_protocol::{Lender as Told, LenderCheck, LenderSetting, LenderSettingKind, Verdict};
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

/// All providers that this program knows, as they say of themselves.
pub fn all() -> Vec<Told> {
    let told = |name: &str, title: &str, about: &str, settings: &[Setting]| Told {
        name: name.to_owned(),
        title: title.to_owned(),
        about: about.to_owned(),
        settings: settings.iter().map(setting).collect(),
    };
    vec![
        told("local", "This computer", "Blenders of this computer, several at once.", &[]),
        told(
            "slurm",
            "Slurm cluster",
            "Jobs of a cluster that this computer may submit to.",
            SlurmProvider::SETTINGS,
        ),
    ]
}

fn setting(setting: &Setting) -> LenderSetting {
    LenderSetting {
        name: setting.name.to_owned(),
        help: setting.help.to_owned(),
        kind: match setting.kind {
            SettingKind::Text => LenderSettingKind::Text,
            SettingKind::Number => LenderSettingKind::Number,
            SettingKind::Flag => LenderSettingKind::Flag,
        },
        default: setting.default.map(str::to_owned),
    }
}

/// Tries out whether a launch would work. A setting that is wrong is a check that failed.
pub async fn check(lender: &Lender) -> Vec<LenderCheck> {
    let provider = match open(lender, Duration::ZERO) {
        Ok(provider) => provider,
        Err(error) => {
            let failed = Check::failed("settings", error.to_string(), "correct the setting");
            return vec![told(failed)];
        }
    };
    provider.check().await.into_iter().map(told).collect()
}

fn told(check: Check) -> LenderCheck {
    LenderCheck {
        name: check.name.to_owned(),
        verdict: match check.verdict {
            blendnet_cloud::Verdict::Passed => Verdict::Passed,
            blendnet_cloud::Verdict::Warned => Verdict::Warned,
            blendnet_cloud::Verdict::Failed => Verdict::Failed,
        },
        found: check.found,
        remedy: check.remedy,
    }
}

/// The tag of the farm whose authority has this certificate: the same as long as the folder lives.
pub fn farm_tag(ca_pem: &str) -> FarmTag {
    let digest = hex::encode(Sha256::digest(ca_pem.as_bytes()));
    FarmTag(digest.chars().take(TAG_DIGITS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lender(provider: &str, settings: &[&str]) -> Lender {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        Lender { provider: provider.to_owned(), settings, usd_per_hour: None }
    }

    #[test]
    fn every_provider_that_is_told_of_is_opened_by_its_name_and_has_the_settings_that_it_tells() {
        for told in all() {
            let provider = open(&lender(&told.name, &[]), Duration::ZERO).unwrap();
            assert_eq!(provider.name(), told.name);
            let own: Vec<&str> = provider.settings().iter().map(|setting| setting.name).collect();
            let listed: Vec<&str> = told.settings.iter().map(|s| s.name.as_str()).collect();
            assert_eq!(own, listed);
        }
    }

    #[tokio::test]
    async fn a_wrong_setting_is_a_failed_check_with_what_would_be_right() {
        let checks = check(&lender("slurm", &["partiton=night"])).await;
        assert_eq!((checks.len(), checks[0].verdict), (1, Verdict::Failed));
        assert!(checks[0].found.contains("partition"), "{}", checks[0].found);
        let checks = check(&lender("aws", &[])).await;
        assert!(checks[0].found.contains("it has local and slurm"), "{}", checks[0].found);
    }
}

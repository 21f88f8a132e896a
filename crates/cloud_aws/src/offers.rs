//! What spot instances of the wanted types cost now, zone by zone.

use crate::error::failed;
use crate::provider::AwsProvider;
use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{InstanceType, InstanceTypeInfo, SpotPrice};
use blendnet_cloud::{Choice, Offer, ProviderError};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// Amazon bills Linux by the second, and a minute at least.
const MIN_BILLED_SECS: u32 = 60;

impl AwsProvider {
    pub(crate) async fn spot_offers(&self) -> Result<Vec<Offer>, ProviderError> {
        let types: Vec<InstanceType> =
            self.wanted.types.iter().map(|t| InstanceType::from(t.as_str())).collect();
        let infos = self.ec2.describe_instance_types().set_instance_types(Some(types.clone()));
        let infos = infos.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let infos = infos.map_err(|e| failed("asking for instance types", e))?;
        let prices = self
            .ec2
            .describe_spot_price_history()
            .set_instance_types(Some(types))
            .product_descriptions("Linux/UNIX")
            .start_time(DateTime::from(SystemTime::now()))
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(|e| failed("asking for spot prices", e))?;
        let mut newest: BTreeMap<(String, Option<String>), Offer> = BTreeMap::new();
        for offer in prices.iter().filter_map(|price| offer(price, &infos)) {
            let key = (offer.what.instance_type.clone(), offer.what.zone.clone());
            let older =
                newest.get(&key).is_none_or(|o| o.priced_unix_secs < offer.priced_unix_secs);
            if older {
                newest.insert(key, offer);
            }
        }
        let mut offers: Vec<Offer> = newest.into_values().collect();
        offers.sort_by_key(|offer| offer.usd_micros_per_hour / u64::from(offer.vcpus.max(1)));
        Ok(offers)
    }
}

fn offer(price: &SpotPrice, infos: &[InstanceTypeInfo]) -> Option<Offer> {
    let kind = price.instance_type()?;
    let info = infos.iter().find(|info| info.instance_type() == Some(kind))?;
    let vcpus = info.v_cpu_info()?.default_v_cpus()?;
    let memory = info.memory_info()?.size_in_mib()?;
    let architecture = info.processor_info()?.supported_architectures().last()?;
    let gpu = info.gpu_info().and_then(|info| info.gpus().first()).and_then(|gpu| gpu.name());
    Some(Offer {
        what: Choice {
            instance_type: kind.as_str().to_owned(),
            zone: price.availability_zone().map(str::to_owned),
            spot: true,
        },
        vcpus: u32::try_from(vcpus).ok()?,
        memory_mib: u64::try_from(memory).ok()?,
        architecture: architecture.as_str().to_owned(),
        gpu: gpu.map(str::to_owned),
        usd_micros_per_hour: micros(price.spot_price()?)?,
        priced_unix_secs: u64::try_from(price.timestamp()?.secs()).ok()?,
        min_billed_secs: MIN_BILLED_SECS,
    })
}

/// Dollars as text, such as `0.412300`, in millionths; what is less than one counts as one.
fn micros(dollars: &str) -> Option<u64> {
    let (whole, fraction) = dollars.split_once('.').unwrap_or((dollars, ""));
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let micros = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?;
    Some(micros.checked_add(fraction.parse().ok()?)?.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_keep_their_whole_part_and_their_fraction() {
        assert_eq!(micros("1.5"), Some(1_500_000));
        assert_eq!(micros("0.412300"), Some(412_300));
        assert_eq!(micros("12"), Some(12_000_000));
        assert_eq!(micros("0.00000001"), Some(1));
        assert_eq!(micros("much"), None);
    }
}

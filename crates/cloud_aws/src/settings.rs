//! What this provider wants to be told. Credentials are no settings: they come from Amazon's own
//! chain (environment, profiles, single sign-on, the machine's role).

use blendnet_cloud::startup::BlenderSource;
use blendnet_cloud::{ProviderError, Setting, SettingKind, Settings};

/// All settings.
pub const SETTINGS: &[Setting] = &[
    text("region", "Region, such as eu-central-1; else that of the profile.", None),
    text("profile", "Profile of ~/.aws/config; else the usual chain.", None),
    text(
        "types",
        "Instance types that will do; the cheapest with capacity is taken.",
        Some("c7a.8xlarge,c7i.8xlarge,c6a.8xlarge,c6i.8xlarge,m7a.8xlarge"),
    ),
    flag("spot", "Whether spot instances are tried first.", "yes"),
    flag("on-demand", "Whether on-demand instances are taken, at last.", "yes"),
    text(
        "manager-cidr",
        "Network that the manager speaks from, such as 203.0.113.7/32; only it reaches agents.",
        None,
    ),
    flag("private-addresses", "Whether agents are reached at their private addresses.", "no"),
    text("image", "AMI to start; else the newest Debian 12 of Debian's own account.", None),
    text("blender", "Where agents get Blender: debian, or bpy==VERSION.", Some("debian")),
    Setting {
        name: "disk-gib",
        help: "Size of an agent's disk.",
        kind: SettingKind::Number,
        default: Some("40"),
    },
    Setting {
        name: "life-minutes",
        help: "An instance ends after so many minutes, whatever happens.",
        kind: SettingKind::Number,
        default: Some("720"),
    },
];

const fn text(name: &'static str, help: &'static str, default: Option<&'static str>) -> Setting {
    Setting { name, help, kind: SettingKind::Text, default }
}

const fn flag(name: &'static str, help: &'static str, default: &'static str) -> Setting {
    Setting { name, help, kind: SettingKind::Flag, default: Some(default) }
}

/// The settings, understood.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) region: String,
    pub(crate) types: Vec<String>,
    pub(crate) spot: bool,
    pub(crate) on_demand: bool,
    pub(crate) manager_cidr: Option<String>,
    pub(crate) private_addresses: bool,
    pub(crate) image: Option<String>,
    pub(crate) blender: BlenderSource,
    pub(crate) disk_gib: i32,
    pub(crate) life_minutes: u32,
}

impl Wanted {
    pub(crate) fn new(settings: &Settings, region: String) -> Result<Self, ProviderError> {
        let refuse = |name: &str, reason: &str| ProviderError::Setting {
            name: name.to_owned(),
            reason: reason.to_owned(),
        };
        let types = settings.list("types");
        if types.is_empty() {
            return Err(refuse("types", "name at least one instance type"));
        }
        let (spot, on_demand) = (settings.flag("spot"), settings.flag("on-demand"));
        if !spot && !on_demand {
            return Err(refuse("on-demand", "with spot=no there is nothing left to launch"));
        }
        let manager_cidr = settings.text("manager-cidr").map(str::to_owned);
        if manager_cidr.as_deref().is_some_and(|cidr| !is_cidr(cidr)) {
            return Err(refuse("manager-cidr", "give an address and a length: 203.0.113.7/32"));
        }
        let blender = settings.text("blender").and_then(BlenderSource::parse);
        let number = |name: &str| settings.number(name).unwrap_or_default();
        Ok(Self {
            region,
            types,
            spot,
            on_demand,
            manager_cidr,
            private_addresses: settings.flag("private-addresses"),
            image: settings.text("image").map(str::to_owned),
            blender: blender.ok_or_else(|| refuse("blender", "give debian, or bpy==VERSION"))?,
            disk_gib: i32::try_from(number("disk-gib").clamp(8, 16_384)).unwrap_or(40),
            life_minutes: u32::try_from(number("life-minutes").max(10)).unwrap_or(u32::MAX),
        })
    }
}

/// Whether it is an IPv4 network that leaves somebody out.
fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let length: Option<u8> = length.parse().ok();
    address.parse::<std::net::Ipv4Addr>().is_ok() && length.is_some_and(|n| (8..=32).contains(&n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(pairs: &[&str]) -> Result<Wanted, ProviderError> {
        let settings = Settings::parse(SETTINGS, pairs.iter().copied())?;
        Wanted::new(&settings, "eu-central-1".to_owned())
    }

    #[test]
    fn the_defaults_make_sense() {
        let wanted = wanted(&[]).unwrap();
        assert!(wanted.spot && wanted.on_demand && wanted.types.len() > 1);
    }

    #[test]
    fn a_firewall_that_lets_the_world_in_is_refused() {
        for bad in ["0.0.0.0/0", "203.0.113.7", "host/32", "1.2.3.4/33"] {
            assert!(wanted(&[&format!("manager-cidr={bad}")]).is_err(), "{bad}");
        }
        assert!(wanted(&["manager-cidr=203.0.113.7/32"]).is_ok());
    }

    #[test]
    fn nothing_to_launch_is_refused() {
        assert!(wanted(&["spot=no", "on-demand=no"]).is_err());
        assert!(wanted(&["types=,"]).is_err());
        assert!(wanted(&["blender=snap"]).is_err());
    }
}

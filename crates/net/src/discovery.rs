//! Who is in the room, by multicast DNS (`_blendnet._tcp.local.`).
//!
//! A server tells where it listens, and never a secret; what it tells is not believed either: who is
//! found still has to be paired, or to have a certificate. Servers that listen on loopback alone tell
//! nothing, and no packet of theirs leaves the machine.

use blendnet_protocol::VERSION;
use mdns_sd::{IfKind, ServiceDaemon, ServiceEvent, ServiceInfo};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const SERVICE: &str = "_blendnet._tcp.local.";

/// Why the room can't be asked.
#[derive(Debug, thiserror::Error)]
#[error("machines can't be looked for: {0}; type their addresses instead")]
pub struct DiscoveryError(#[from] mdns_sd::Error);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An agent that belongs to a farm, or works alone.
    Agent,
    /// An agent that shows a code.
    WaitsToBePaired,
    /// A manager.
    Manager,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::WaitsToBePaired => "waits_to_be_paired",
            Self::Manager => "manager",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Agent, Self::WaitsToBePaired, Self::Manager].into_iter().find(|k| k.text() == text)
    }
}

/// A server of the room, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Found {
    /// The machine's name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where it listens, `host:port`.
    pub address: String,
    /// Its version.
    pub version: String,
}

/// Tells the room of a server until it is dropped.
pub struct Announcement(ServiceDaemon, String);

impl Drop for Announcement {
    fn drop(&mut self) {
        // Who listens forgets it in two minutes, if this does not arrive any more.
        let _told = self.0.unregister(&self.1).is_ok() && self.0.shutdown().is_ok();
    }
}

/// Tells the room of a server that listens at `listen`. `None`: nobody else can reach it there, or the
/// network does not take it; that is logged.
pub fn announce(kind: Kind, listen: SocketAddr) -> Option<Announcement> {
    if listen.ip().is_loopback() {
        return None;
    }
    let announced = ServiceDaemon::new().and_then(|daemon| {
        daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
        announce_with(daemon, kind, listen)
    });
    announced
        .inspect_err(|error| tracing::warn!(%error, "this machine can't tell the room of itself"))
        .ok()
}

fn announce_with(
    daemon: ServiceDaemon,
    kind: Kind,
    listen: SocketAddr,
) -> Result<Announcement, mdns_sd::Error> {
    let name = crate::host::name();
    let instance = format!("{name}-{}", listen.port());
    let host = format!("{name}.local.");
    let properties = [("kind", kind.text()), ("version", VERSION), ("name", name.as_str())];
    let info = |ip: &[IpAddr]| {
        ServiceInfo::new(SERVICE, &instance, &host, ip, listen.port(), &properties[..])
    };
    let info = if listen.ip().is_unspecified() {
        info(&[])?.enable_addr_auto()
    } else {
        info(&[listen.ip()])?
    };
    let full_name = info.get_fullname().to_owned();
    daemon.register(info)?;
    Ok(Announcement(daemon, full_name))
}

/// Asks the room for some time who is there; sorted.
pub async fn find(limit: Duration) -> Result<Vec<Found>, DiscoveryError> {
    let daemon = ServiceDaemon::new()?;
    daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
    find_with(daemon, limit, usize::MAX).await
}

/// Ends early when so many were found.
async fn find_with(
    daemon: ServiceDaemon,
    limit: Duration,
    enough: usize,
) -> Result<Vec<Found>, DiscoveryError> {
    let events = daemon.browse(SERVICE)?;
    let mut found = BTreeMap::new();
    let listen = async {
        while let Ok(event) = events.recv_async().await {
            if let ServiceEvent::ServiceResolved(service) = event
                && let Some(one) = understood(&service)
            {
                found.insert(service.get_fullname().to_owned(), one);
                if found.len() >= enough {
                    break;
                }
            }
        }
    };
    let _time_is_up = tokio::time::timeout(limit, listen).await;
    let _ends_itself_otherwise = daemon.shutdown();
    let mut found: Vec<Found> = found.into_values().collect();
    found.sort();
    Ok(found)
}

/// IPv4 first: addresses of IPv6 that are good on one cable only can't be typed in.
fn understood(service: &mdns_sd::ResolvedService) -> Option<Found> {
    let text = |key: &str| {
        let value = service.get_property(key)?.val_str();
        let plain = value.chars().filter(|c| !c.is_control()).take(100);
        Some(plain.collect::<String>())
    };
    let port = service.get_port();
    let mut v4: Vec<_> = service.get_addresses_v4().into_iter().collect();
    v4.sort();
    let v6 = service.get_addresses().iter().map(mdns_sd::ScopedIp::to_ip_addr);
    let v6 = v6.filter(|ip| matches!(ip, IpAddr::V6(v6) if !v6.is_unicast_link_local())).min();
    let ip = v4.first().map(|v4| IpAddr::V4(*v4)).or(v6)?;
    Some(Found {
        name: text("name")?,
        kind: Kind::parse(&text("kind")?)?,
        address: SocketAddr::new(ip, port).to_string(),
        version: text("version")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A daemon that speaks on loopback only, at a port of its own.
    fn on_loopback(port: u16) -> ServiceDaemon {
        let daemon = ServiceDaemon::new_with_port(port).unwrap();
        daemon.disable_interface(IfKind::All).unwrap();
        daemon.enable_interface(IfKind::LoopbackV4).unwrap();
        daemon
    }

    fn free_port() -> u16 {
        std::net::UdpSocket::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn a_server_is_found_with_its_kind_and_address() {
        let port = free_port();
        let listen = SocketAddr::from(([127, 0, 0, 1], 9443));
        let _told = announce_with(on_loopback(port), Kind::WaitsToBePaired, listen).unwrap();
        let found = find_with(on_loopback(port), Duration::from_mins(1), 1).await.unwrap();
        let expected = Found {
            name: crate::host::name(),
            kind: Kind::WaitsToBePaired,
            address: "127.0.0.1:9443".to_owned(),
            version: VERSION.to_owned(),
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_server_for_this_machine_alone_tells_nobody() {
        assert!(announce(Kind::Manager, "127.0.0.2:9443".parse().unwrap()).is_none());
        assert!(announce(Kind::Agent, "[::1]:9443".parse().unwrap()).is_none());
    }
}

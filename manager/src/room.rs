//! The machines of the room: paired once, remembered over restarts.
//!
//! Each is a file `room/<name>.json` of mode 0600 in the farm's folder: its address and its password.
//! Its certificate is signed by the farm's own authority, so nothing else is needed to reach it.

use crate::farm::{FarmHandle, Request};
use blendnet_net::ca::{CaError, CertificateAuthority};
use blendnet_net::pair::{Code, Grant, Joining, Machine, NoCode, PairError};
use blendnet_net::secret::{SecretError, create_private_dir, write_private};
use blendnet_protocol::{AgentId, RoomMachine};
use fs_err as fs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why a machine did not join.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// Not eight digits.
    #[error(transparent)]
    Code(#[from] NoCode),
    /// The conversation with it.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// Its request is none, or its address can't be in a certificate.
    #[error("its certificate can't be made: {0}")]
    Certificate(#[from] CaError),
    /// Its file.
    #[error("the machine can't be written down: {0}")]
    Store(#[from] SecretError),
}

/// A machine as it is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    machine: RoomMachine,
    machine_id: String,
    password: String,
}

/// All of them.
pub struct Room {
    dir: PathBuf,
    kept: Mutex<BTreeMap<AgentId, Kept>>,
}

impl Room {
    /// Reads the folder, and makes it if it is not there. A file that is damaged is left alone.
    pub fn open(dir: &Path) -> Result<Self, SecretError> {
        create_private_dir(dir)?;
        let mut kept = BTreeMap::new();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            match serde_json::from_slice::<Kept>(&fs::read(&path)?) {
                Ok(one) => drop(kept.insert(one.machine.name.clone(), one)),
                Err(error) => tracing::error!("{}: {error}; pair it again", path.display()),
            }
        }
        Ok(Self { dir: dir.to_owned(), kept: Mutex::new(kept) })
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<AgentId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an agent is one of them.
    pub fn holds(&self, name: &AgentId) -> bool {
        self.kept().contains_key(name)
    }

    /// All of them, by name.
    pub fn list(&self) -> Vec<RoomMachine> {
        self.kept().values().map(|kept| kept.machine.clone()).collect()
    }

    /// Pairs with the machine at `address` (`host:port`) that shows `code`. One that is here already
    /// is kept anew, under its old name unless another one is `wanted`.
    pub async fn pair(
        &self,
        authority: &CertificateAuthority,
        address: &str,
        code: &str,
        wanted: Option<AgentId>,
    ) -> Result<Paired, RoomError> {
        let joining = Joining::knock(address, &Code::parse(code)?).await?;
        let name = self.name_for(&joining.machine, wanted);
        let host = address.rsplit_once(':').map_or(address, |(host, _port)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let cert_pem = match authority.sign(&joining.machine.request_pem, name.as_str(), &[host]) {
            Ok(cert_pem) => cert_pem,
            Err(error) => {
                joining.refuse("the farm could not make its certificate").await;
                return Err(error.into());
            }
        };
        let ca_pem = authority.cert_pem().to_owned();
        let grant = Grant { ca_pem, cert_pem, name: name.to_string() };
        let Machine { machine_id, password, .. } = joining.grant(&grant).await?;
        let machine = RoomMachine { name: name.clone(), address: address.to_owned() };
        let kept = Kept { machine: machine.clone(), machine_id, password: password.clone() };
        let json = serde_json::to_vec(&kept).map_err(std::io::Error::from);
        write_private(&self.file(&name), &json.map_err(SecretError::from)?)?;
        let before = self.before(&kept.machine_id).filter(|before| *before != name);
        if let Some(before) = &before {
            self.remove(before)?;
        }
        self.kept().insert(name, kept);
        Ok(Paired { machine, password, before })
    }

    /// Forgets a machine. `false`: it was none of ours.
    pub fn remove(&self, name: &AgentId) -> Result<bool, SecretError> {
        let known = self.kept().remove(name).is_some();
        if known {
            fs::remove_file(self.file(name))?;
        }
        Ok(known)
    }

    fn file(&self, name: &AgentId) -> PathBuf {
        self.dir.join(format!("{name}.json"))
    }

    /// The name that a machine has here already.
    fn before(&self, machine_id: &str) -> Option<AgentId> {
        let kept = self.kept();
        kept.values().find(|one| one.machine_id == machine_id).map(|one| one.machine.name.clone())
    }

    fn name_for(&self, machine: &Machine, wanted: Option<AgentId>) -> AgentId {
        let before = self.before(&machine.machine_id);
        let own = wanted.or_else(|| before.clone()).unwrap_or_else(|| agent_name(&machine.name));
        let numbered = (2_u32..).map(|n| AgentId::new(format!("{own}-{n}")).unwrap_or(own.clone()));
        let mut names = std::iter::once(own.clone()).chain(numbered);
        names.find(|name| Some(name) == before.as_ref() || !self.holds(name)).unwrap_or(own)
    }
}

/// A machine that has just joined.
pub struct Paired {
    /// As it is remembered.
    pub machine: RoomMachine,
    /// Its password.
    pub password: String,
    /// Another name that it had here before.
    pub before: Option<AgentId>,
}

/// A machine's own name as the name of an agent.
fn agent_name(own: &str) -> AgentId {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let short = own.split('.').next().unwrap_or_default();
    let name: String = short.chars().map(plain).take(60).collect();
    AgentId::new(if name.is_empty() { "machine".to_owned() } else { name })
        .unwrap_or_else(|_never| unnamed())
}

fn unnamed() -> AgentId {
    AgentId::new(format!("machine-{}", crate::random_name())).unwrap_or_else(|_never| unnamed())
}

/// Tells the farm of all machines; for its start.
pub async fn add_all(room: &Room, farm: &FarmHandle) {
    let all: Vec<Kept> = room.kept().values().cloned().collect();
    for Kept { machine, password, .. } in all {
        add(farm, machine, password).await;
    }
}

/// Lets a farm use a machine.
pub async fn add(farm: &FarmHandle, machine: RoomMachine, password: String) {
    let RoomMachine { name, address } = machine;
    let request = Request::AddAgent { agent: name.clone(), address, password, ca_pem: None };
    if let Err(error) = farm.ask(request).await {
        tracing::error!(agent = %name, %error, "a machine of the room can't be used");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blendnet_net::ca::CertRequest;
    use blendnet_net::pair::{Offer, offer};
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    /// Pairs with a machine on loopback that is asked under some id.
    async fn paired(
        room: &Room,
        ca: &CertificateAuthority,
        id: &str,
        name: Option<&str>,
    ) -> Paired {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let machine = Machine {
            name: "Workshop PC.lan".to_owned(),
            machine_id: id.to_owned(),
            request_pem: CertRequest::new().unwrap().request_pem,
            password: format!("of {id}"),
        };
        let code = Code::generate().unwrap();
        let typed = code.show();
        let offered = Arc::new(Offer::new(code, machine));
        let install = |_: &Grant| Ok::<(), String>(());
        let waits = tokio::spawn(async move { offer(&listener, offered, install).await });
        let name = name.map(|name| AgentId::new(name).unwrap());
        let paired = room.pair(ca, &address, &typed, name).await.unwrap();
        assert_eq!(waits.await.unwrap().unwrap().name, paired.machine.name.as_str());
        paired
    }

    #[tokio::test]
    async fn machines_are_remembered_renamed_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let ca = CertificateAuthority::load_or_create(&dir.path().join("ca")).unwrap();
        let folder = dir.path().join("room");
        let room = Room::open(&folder).unwrap();
        let names = |room: &Room| -> Vec<String> {
            room.list().iter().map(|machine| machine.name.to_string()).collect()
        };
        paired(&room, &ca, "m1", None).await;
        paired(&room, &ca, "m2", None).await;
        assert_eq!(names(&room), ["Workshop-PC", "Workshop-PC-2"], "two of one name");
        paired(&room, &ca, "m2", None).await;
        assert_eq!(names(&room), ["Workshop-PC", "Workshop-PC-2"], "paired again, it is the same");
        let renamed = paired(&room, &ca, "m2", Some("north")).await;
        assert_eq!(renamed.before.unwrap().as_str(), "Workshop-PC-2");
        let taken = paired(&room, &ca, "m2", Some("Workshop-PC")).await;
        assert_eq!(taken.machine.name.as_str(), "Workshop-PC-2", "that name is another machine's");
        let mode = fs::metadata(folder.join("Workshop-PC.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(folder.join("damaged.json"), "{").unwrap();
        let later = Room::open(&folder).unwrap();
        assert_eq!(later.list(), room.list());
        assert_eq!(later.kept()[&taken.machine.name].password, "of m2");
        assert!(later.remove(&taken.machine.name).unwrap());
        assert!(!later.remove(&taken.machine.name).unwrap());
        assert_eq!(names(&Room::open(&folder).unwrap()), ["Workshop-PC"]);
    }

    #[test]
    fn any_host_name_becomes_a_name_for_an_agent() {
        assert_eq!(agent_name("render_01.studio.lan").as_str(), "render-01");
        assert_eq!(agent_name("").as_str(), "machine");
        assert_eq!(agent_name("büro").as_str(), "b-ro");
    }
}

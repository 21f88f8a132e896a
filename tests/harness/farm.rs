//! The farm behind a command, looked at and hurt through its own API.

use crate::render::{signal, try_signal};
use blendnet_net::client::{Client, ClientError};
use blendnet_net::secret::Password;
use blendnet_protocol::FarmView;
use fs_err as fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A condition that does not come true in this time is a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client of the farm that a command started.
pub struct Farm {
    /// The way to it.
    pub client: Client,
    /// Such as `127.0.0.1:41234`.
    pub address: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Process id of its manager.
    pub manager: u32,
}

impl Farm {
    /// The farm whose data lie in `folder/data`.
    ///
    /// # Panics
    /// If none runs there.
    pub fn of(folder: &Path) -> Self {
        Self::in_dir(&folder.join("data/farm"))
    }

    /// [`Self::of`]; `None`: none runs there, or it is just starting.
    pub fn found(folder: &Path) -> Option<Self> {
        let json = fs::read(folder.join("data/farm/farm.json")).ok()?;
        let json: serde_json::Value = serde_json::from_slice(&json).ok()?;
        let pid = u32::try_from(json["pid"].as_u64()?).ok()?;
        crate::is_running(pid).then(|| Self::of(folder))
    }

    /// The farm whose manager uses a folder.
    ///
    /// # Panics
    /// If none runs there.
    pub fn in_dir(dir: &Path) -> Self {
        blendnet_net::init_crypto();
        let dir = dir.to_owned();
        let json = fs::read_to_string(dir.join("farm.json")).expect("a farm runs");
        let json: serde_json::Value = serde_json::from_str(&json).expect("farm.json is JSON");
        let address = json["address"].as_str().expect("an address").to_owned();
        let pid = json["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        let manager = pid.expect("a process id");
        let ca = fs::read_to_string(dir.join("ca.pem")).expect("an authority");
        let password = Password::load(&dir.join("password")).expect("a password");
        let client = Client::new(&address, &ca, &password).expect("a client");
        Self { client, address, dir, manager }
    }

    /// What the farm knows now.
    pub async fn view(&self) -> Result<FarmView, ClientError> {
        self.client.get("farm").await
    }

    /// Waits until the farm has changed, or for some seconds.
    ///
    /// # Panics
    /// If the farm is gone.
    pub async fn changed(&self, generation: u64) -> FarmView {
        let path = format!("farm?after={generation}&wait_secs=10");
        let limit = Duration::from_secs(20);
        self.client.get_with_timeout(&path, limit).await.expect("the farm answers")
    }

    /// Waits until the farm's view fits.
    ///
    /// # Panics
    /// If it does not for long, or the farm is gone.
    pub async fn wait_until(&self, what: &str, fits: impl Fn(&FarmView) -> bool) -> FarmView {
        let mut generation = u64::MAX;
        let search = async {
            loop {
                let view = self.changed(generation).await;
                if fits(&view) {
                    return view;
                }
                generation = view.generation;
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_late| panic!("waiting for {what}"))
    }

    /// Sends a process of the farm a signal, such as `STOP`.
    pub fn signal(&self, pid: u32, name: &str) {
        signal(pid, name);
    }

    /// Sends a signal to a process that may be gone by now.
    pub fn try_signal(&self, pid: u32, name: &str) {
        try_signal(pid, name);
    }

    /// Kills a process of the farm at once.
    pub fn kill(&self, pid: u32) {
        signal(pid, "KILL");
    }
}

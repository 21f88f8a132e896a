//! This computer as a provider: an instance is a process.

use crate::local::{LocalInstance, LocalLaunch};
use crate::process;
use crate::{
    Check, Choice, FarmTag, Instance, InstanceId, InstanceState, LaunchRequest, LaunchToken, Offer,
    Provider, ProviderError, Setting,
};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Of agents whose manager was killed.
const MANAGER_TIMEOUT: Duration = Duration::from_mins(1);

/// Launches agents on this computer.
#[derive(Debug)]
pub struct LocalProvider {
    /// After so long without a manager an agent ends itself.
    manager_timeout: Duration,
    running: Mutex<BTreeMap<LaunchToken, Running>>,
    /// One launch at a time, so that two with one token give one process.
    launching: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Running {
    farm: FarmTag,
    instance: Instance,
    log: PathBuf,
    /// Dropped to end it; says how it ended.
    keeper: Keeper,
}

/// The task that holds a process.
#[derive(Debug)]
struct Keeper {
    end: tokio_util::sync::CancellationToken,
    ended: watch::Receiver<Option<String>>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl LocalProvider {
    /// This computer.
    pub fn new() -> Self {
        Self::with_manager_timeout(MANAGER_TIMEOUT)
    }

    /// This computer, with agents that end when no manager is heard of for so long.
    pub fn with_manager_timeout(manager_timeout: Duration) -> Self {
        Self {
            manager_timeout,
            running: Mutex::default(),
            launching: tokio::sync::Mutex::default(),
        }
    }

    /// Takes over what a manager before us launched for this farm and did not end.
    fn take_over(&self, farm: &FarmTag) {
        for found in process::find(&farm.0) {
            let Some(token) = found.token(&farm.0).map(|token| LaunchToken(token.to_owned()))
            else {
                continue;
            };
            let log = found.dir.join("agent.log");
            if self.with(|all| all.contains_key(&token)) {
                continue;
            }
            tracing::info!(pid = found.pid, %token, "an agent of an earlier manager still runs");
            if let Some(process) = LocalInstance::take_over(found) {
                self.run(farm, token, process, log);
            }
        }
    }

    fn run(
        &self,
        farm: &FarmTag,
        token: LaunchToken,
        process: LocalInstance,
        log: PathBuf,
    ) -> Instance {
        let instance = Instance {
            id: InstanceId(process.pid().to_string()),
            token: token.clone(),
            state: InstanceState::Running,
            address: Some(process.address().to_string()),
            pid: Some(process.pid()),
            what: this_computer(),
            launched_unix_secs: Some(now_unix_secs()),
        };
        let running =
            Running { farm: farm.clone(), instance: instance.clone(), log, keeper: keep(process) };
        self.with(|all| all.insert(token, running));
        instance
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<LaunchToken, Running>) -> T) -> T {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, running| running.keeper.ended.borrow().is_none());
        act(&mut running)
    }

    fn found<T>(
        &self,
        id: &InstanceId,
        of: impl FnOnce(&Running) -> T,
    ) -> Result<T, ProviderError> {
        self.with(|all| all.values().find(|running| &running.instance.id == id).map(of))
            .ok_or_else(|| ProviderError::Unknown { id: id.to_string() })
    }
}

impl Default for LocalProvider {
    fn default() -> Self {
        Self::new()
    }
}

fn keep(mut process: LocalInstance) -> Keeper {
    let end = tokio_util::sync::CancellationToken::new();
    let (told, ended) = watch::channel(None);
    let asked = end.clone();
    tokio::spawn(async move {
        let how = tokio::select! {
            how = process.ended() => how,
            () = asked.cancelled() => "it was ended".to_owned(),
        };
        process.terminate().await;
        told.send_replace(Some(how));
    });
    Keeper { end, ended }
}

fn this_computer() -> Choice {
    Choice { instance_type: "process".to_owned(), zone: None, spot: false }
}

fn now_unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[async_trait]
impl Provider for LocalProvider {
    fn name(&self) -> &'static str {
        "local"
    }

    fn boot(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    async fn check(&self) -> Vec<Check> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        vec![Check::passed("processors", format!("{threads} on this computer"))]
    }

    async fn offers(&self) -> Result<Vec<Offer>, ProviderError> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(vec![Offer {
            what: this_computer(),
            vcpus: u32::try_from(threads).unwrap_or(u32::MAX),
            memory_mib: memory_mib(),
            architecture: std::env::consts::ARCH.to_owned(),
            gpu: None,
            usd_micros_per_hour: 0,
            priced_unix_secs: now_unix_secs(),
            min_billed_secs: 0,
        }])
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<Instance, ProviderError> {
        let _one_at_a_time = self.launching.lock().await;
        self.take_over(&request.farm);
        let before = self.with(|all| all.get(&request.token).map(|r| r.instance.clone()));
        if let Some(instance) = before {
            return Ok(instance);
        }
        let launch = LocalLaunch {
            program: request.agent.program.clone(),
            dir: request.agent.dir.clone(),
            threads: request.agent.threads,
            blenders: request.agent.blenders.clone(),
            tag: format!("{}/{}", request.farm, request.token),
            manager_timeout: self.manager_timeout,
        };
        let process = launch.launch().await?;
        let log = launch.dir.join("agent.log");
        Ok(self.run(&request.farm, request.token.clone(), process, log))
    }

    async fn list(&self, farm: &FarmTag) -> Result<Vec<Instance>, ProviderError> {
        let _none_is_about_to_be_ours = self.launching.lock().await;
        self.take_over(farm);
        Ok(self.with(|all| {
            all.values().filter(|r| &r.farm == farm).map(|r| r.instance.clone()).collect()
        }))
    }

    async fn describe(&self, id: &InstanceId) -> Result<Instance, ProviderError> {
        self.found(id, |running| running.instance.clone())
    }

    async fn console(&self, id: &InstanceId) -> Result<String, ProviderError> {
        let log = self.found(id, |running| running.log.clone())?;
        let bytes = fs_err::tokio::read(&log).await.map_err(|error| ProviderError::Failed {
            doing: format!("reading the log of agent process {id}"),
            reason: error.to_string(),
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn terminate(&self, id: &InstanceId) -> Result<(), ProviderError> {
        let Ok((end, mut ended)) =
            self.found(id, |r| (r.keeper.end.clone(), r.keeper.ended.clone()))
        else {
            return Ok(());
        };
        end.cancel();
        let _gone = ended.wait_for(Option::is_some).await.is_ok();
        Ok(())
    }

    async fn ended(&self, id: &InstanceId) -> String {
        let Ok(mut ended) = self.found(id, |running| running.keeper.ended.clone()) else {
            return "it is gone".to_owned();
        };
        let how = ended.wait_for(Option::is_some).await.ok().and_then(|how| how.clone());
        how.unwrap_or_else(|| "it is gone".to_owned())
    }
}

/// Memory of this computer; 0 where the system does not say.
fn memory_mib() -> u64 {
    let text = fs_err::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

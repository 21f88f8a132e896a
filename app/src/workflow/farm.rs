//! The farm of a data folder: joins the one that runs, or starts one.

use std::time::Duration;

use blendnet_net::client::Client;
use blendnet_net::secret::Password;
use blendnet_protocol::{FarmView, JobState, JobView, VERSION};
use serde::{Deserialize, Serialize};
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

use super::data_dir::DataDir;
use super::launch::{self, Launched, Lifetime, Log, StartOptions};
use super::manager::Manager;
use super::poll::Watch;
use super::problem::Problem;

/// How long a farm may take to end.
const END_LIMIT: Duration = Duration::from_secs(40);

/// How often a process that is not our child is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How long another program's farm may take to get going.
const JOIN_LIMIT: Duration = Duration::from_secs(20);

/// A farm that answers.
#[derive(Debug)]
pub struct Farm {
    manager: Manager,
    alive: Alive,
    started: bool,
    user: Option<fs_err::File>,
}

/// What a manager writes of itself while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {
    address: String,
    pid: u32,
    version: String,
}

impl Farm {
    /// Joins the farm that runs, or starts one that ends with its users.
    pub async fn open(data: &DataDir, options: &StartOptions) -> Result<Self, Problem> {
        Self::join_or_start(data, options, Lifetime::WhileUsed).await
    }

    /// Joins the farm that runs, or starts one that stays.
    pub async fn join_or_start(
        data: &DataDir,
        options: &StartOptions,
        lifetime: Lifetime,
    ) -> Result<Self, Problem> {
        if let Some(farm) = Self::join(data).await? {
            return Ok(farm);
        }
        match launch::launch(data, options, lifetime).await {
            Ok(launched) => Self::launched(data, launched),
            // Perhaps another program started one in the same moment.
            Err(problem) => Self::join_soon(data).await?.ok_or(problem),
        }
    }

    /// Joins the farm that runs.
    pub async fn join(data: &DataDir) -> Result<Option<Self>, Problem> {
        Self::join_version(data, Some(VERSION)).await
    }

    /// Joins the farm that runs, of whatever version, to end it.
    pub async fn join_any_version(data: &DataDir) -> Result<Option<Self>, Problem> {
        Self::join_version(data, None).await
    }

    async fn join_version(data: &DataDir, version: Option<&str>) -> Result<Option<Self>, Problem> {
        let Some(listed) = listed(data) else { return Ok(None) };
        let alive = Alive::process(listed.pid, Log::of(data.farm_log()));
        if !alive.is_alive() {
            return Ok(None);
        }
        if version.is_some_and(|version| version != listed.version) {
            return Err(other_version(&listed.address, &listed.version));
        }
        // Before it is asked, so that it can't end in between.
        let user = launch::use_farm(data);
        let manager = connect(data, &listed.address)?;
        match manager.farm().await {
            Ok(view) if view.terminating => {
                alive.ended(END_LIMIT).await.map_err(|_e| never_ends(&listed))?;
                Ok(None)
            }
            Ok(_) => Ok(Some(Self { manager, alive, started: false, user })),
            Err(error) if error.is_transient() && !lock_is_held(data) => Ok(None),
            Err(error) if error.is_transient() => Err(never_answers(&listed)),
            Err(error) => Err(manager.problem("joining the farm", &error)),
        }
    }

    /// Joins a farm that another program is just starting, if its lock shows that one is.
    async fn join_soon(data: &DataDir) -> Result<Option<Self>, Problem> {
        let until = tokio::time::Instant::now() + JOIN_LIMIT;
        while lock_is_held(data) && tokio::time::Instant::now() < until {
            if let Some(farm) = Self::join(data).await? {
                return Ok(Some(farm));
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        Ok(None)
    }

    fn launched(data: &DataDir, launched: Launched) -> Result<Self, Problem> {
        let manager = connect(data, &launched.address)?;
        Ok(Self { manager, alive: launched.alive, started: true, user: launched.user })
    }

    /// Its manager.
    pub fn manager(&self) -> &Manager {
        &self.manager
    }

    /// Whether it was started by us.
    pub fn started(&self) -> bool {
        self.started
    }

    /// Begins to watch it.
    pub fn watch(&self) -> Watch {
        Watch::start(self.manager.clone(), self.alive.clone())
    }

    /// Leaves the farm. One that we started ends, and is waited for, unless others use it.
    pub async fn leave(self) {
        let Self { manager, alive, started, user } = self;
        let in_use = started && manager.farm().await.is_ok_and(|view| has_work(&view));
        drop(user);
        if !started || in_use {
            return;
        }
        if alive.ended(END_LIMIT).await.is_err() {
            let answers = manager.farm().await.is_ok_and(|view| !view.terminating);
            // One that answers is used by somebody who has no job yet.
            if !answers {
                alive.kill();
            }
        }
    }

    /// Ends the farm for everybody, and waits for it.
    pub async fn end(self) -> Result<(), Problem> {
        let asked = self.manager.shut_down(false).await;
        asked.map_err(|e| self.manager.problem("ending the farm", &e))?;
        drop(self.user);
        let pid = self.alive.pid;
        self.alive.ended(END_LIMIT).await.map_err(|_e| {
            Problem::farm(format!("the farm's manager (process {pid}) does not end"))
                .hint(format!("end it with `kill {pid}`"))
        })
    }
}

/// Whether there is a job that is not at rest.
fn has_work(view: &FarmView) -> bool {
    let at_work = |job: &JobView| {
        matches!(
            job.state,
            JobState::Inspecting | JobState::Ready | JobState::Queued | JobState::Running
        )
    };
    view.jobs.iter().any(at_work)
}

fn listed(data: &DataDir) -> Option<Listed> {
    serde_json::from_slice(&fs_err::read(data.farm_dir().join("farm.json")).ok()?).ok()
}

fn connect(data: &DataDir, address: &str) -> Result<Manager, Problem> {
    let dir = data.farm_dir();
    let unreadable = |what: &str, error: &dyn std::fmt::Display| {
        Problem::farm(format!("the farm's {what} can't be read: {error}"))
            .hint("end the farm with the user who started it, or choose another --data-dir")
            .in_window("end the farm with the user who started it, then try again")
    };
    let ca_pem = fs_err::read_to_string(dir.join("ca.pem")).map_err(|e| unreadable("CA", &e))?;
    let password = Password::load(&dir.join("password")).map_err(|e| unreadable("password", &e))?;
    let client =
        Client::new(address, &ca_pem, &password).map_err(|e| unreadable("certificate", &e))?;
    Ok(Manager::new(client, address.to_owned()))
}

/// Whether a manager has the farm's folder. The lock ends with its process.
fn lock_is_held(data: &DataDir) -> bool {
    let Ok(file) = fs_err::File::open(data.farm_dir().join("lock")) else { return false };
    matches!(file.file().try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
}

fn other_version(address: &str, version: &str) -> Problem {
    Problem::farm(format!("the farm at {address} has version {version}, this is {VERSION}"))
        .hint("end it with `blendnet farm stop`, then try again")
        .in_window("end it in Farm (Ctrl+2, End all…), then try again")
}

fn never_answers(listed: &Listed) -> Problem {
    Problem::farm(format!(
        "the farm at {} (process {}) does not answer",
        listed.address, listed.pid
    ))
    .hint(format!("end it with `kill {}`, then try again", listed.pid))
}

fn never_ends(listed: &Listed) -> Problem {
    Problem::farm(format!(
        "the farm at {} (process {}) is ending, but does not come to its end",
        listed.address, listed.pid
    ))
    .hint(format!("end it with `kill {}`, then try again", listed.pid))
}

/// Tells whether a manager still runs.
#[derive(Clone, Debug)]
pub struct Alive {
    pid: u32,
    /// Cancelled when our child ended; `None` for processes of others.
    child_ended: Option<CancellationToken>,
    log: Log,
}

/// A process did not end in time.
#[derive(Debug)]
pub struct StillRuns;

impl Alive {
    /// Our own child.
    pub fn child(mut child: Child, log: Log) -> Self {
        let pid = child.id().unwrap_or_default();
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        drop(tokio::spawn(async move {
            let _guard = guard;
            drop(child.wait().await);
        }));
        Self { pid, child_ended: Some(ended), log }
    }

    /// A process of somebody else.
    pub fn process(pid: u32, log: Log) -> Self {
        Self { pid, child_ended: None, log }
    }

    /// Whether it runs.
    pub fn is_alive(&self) -> bool {
        match (&self.child_ended, self.raw_pid()) {
            (Some(ended), _) => !ended.is_cancelled(),
            (None, Some(pid)) => rustix::process::test_kill_process(pid).is_ok(),
            (None, None) => false,
        }
    }

    /// Waits for its end.
    pub async fn ended(&self, limit: Duration) -> Result<(), StillRuns> {
        let ended = async {
            match &self.child_ended {
                Some(ended) => ended.cancelled().await,
                None => {
                    while self.is_alive() {
                        tokio::time::sleep(LOOK_INTERVAL).await;
                    }
                }
            }
        };
        tokio::time::timeout(limit, ended).await.map_err(|_e| StillRuns)
    }

    /// Ends it at once.
    fn kill(&self) {
        let Some(pid) = self.raw_pid().filter(|_| self.is_alive()) else { return };
        if let Err(error) = rustix::process::kill_process(pid, rustix::process::Signal::KILL) {
            tracing::debug!("ending process {}: {error}", self.pid);
        }
    }

    /// Why the farm is gone, if it is.
    pub fn explain(&self) -> Option<Problem> {
        (!self.is_alive()).then(|| {
            Problem::farm("the farm's manager ended")
                .hint("`blendnet resume` starts it again and goes on with what was rendered")
                .in_window("Go on starts it again and renders the rest; nothing is rendered twice")
                .details(self.log.tail())
        })
    }

    fn raw_pid(&self) -> Option<rustix::process::Pid> {
        rustix::process::Pid::from_raw(i32::try_from(self.pid).ok()?)
    }
}

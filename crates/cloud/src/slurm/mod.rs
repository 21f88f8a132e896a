//! A Slurm cluster as a provider: an instance is a job that runs one agent.
//!
//! ```text
//!  manager                        shared folder                        node
//!     │ certificate, password ──►  <farm>/<token>/in/  (0700, 0600) ──►  copied to the node's own disk
//!     │ sbatch < job script        <farm>/<token>/id                     agent listens on a free port
//!     │ ◄── node and port ───────  <farm>/<token>/listening  ◄───────── written by the job
//!     │ ══ TLS, named by the token, with the farm's authority ════════►  agent
//!     └ arrived: in/ is removed
//! ```
//! No secret is in an argument, the environment or the script. A launch is made by a small shell
//! program that holds a lock for its token and writes the job's number down, and that goes on when its
//! caller dies: so a token is submitted once, whatever happens to the manager.

mod command;
mod parse;
mod script;
#[cfg(test)]
mod tests;

use crate::{
    Check, Choice, FarmTag, Instance, InstanceId, InstanceState, LaunchRequest, LaunchToken, Offer,
    Provider, ProviderError, Setting, SettingKind, Settings,
};
use async_trait::async_trait;
use command::Cluster;
use fs_err as fs;
use parse::Job;
use script::JobOptions;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What an agent needs to begin.
const BUNDLE: [&str; 4] = ["ca.pem", "server.pem", "server.key", "password"];
/// What jobs of ours are called, before the farm's tag and the launch token.
const PREFIX: &str = "blendnet";
/// How often a job is looked at until it has ended.
const END_POLL: Duration = Duration::from_secs(5);
/// How long after its launch a job may be missing from lists.
const LATE: Duration = Duration::from_mins(1);

/// What a cluster has to be told.
const SETTINGS: &[Setting] = &[
    text("partition", "The partition that jobs go to; Slurm's default one without it.", None),
    text("account", "The account that jobs are charged to.", None),
    text("qos", "The quality of service of jobs.", None),
    text("walltime", "How long a job may run, as sbatch --time takes it.", Some("04:00:00")),
    text("memory", "Memory of a job, such as 16G; Slurm's default without it.", None),
    text("gres", "Generic resources of a job, such as gpu:1.", None),
    text(
        "folder",
        "A folder that all nodes see at the same path; ~/.blendnet-slurm without it.",
        None,
    ),
    text("conf", "The cluster's slurm.conf, where it is not Slurm's usual one.", None),
    text("bin", "The folder of Slurm's programs, where they are not on the PATH.", None),
    Setting {
        name: "notice_secs",
        help: "How long before the end of its walltime, or when it is preempted, an agent is told.",
        kind: SettingKind::Number,
        default: Some("60"),
    },
    Setting {
        name: "requeue",
        help: "Whether Slurm queues a preempted job again. Its key then stays in the folder.",
        kind: SettingKind::Flag,
        default: Some("no"),
    },
];

const fn text(name: &'static str, help: &'static str, default: Option<&'static str>) -> Setting {
    Setting { name, help, kind: SettingKind::Text, default }
}

/// A cluster that this computer may submit to.
#[derive(Debug)]
pub struct SlurmProvider {
    cluster: Cluster,
    folder: PathBuf,
    options: JobOptions,
}

impl SlurmProvider {
    /// What a cluster has to be told; the same as [`Provider::settings`].
    pub const SETTINGS: &[Setting] = SETTINGS;

    /// Takes `name=value` pairs; see [`Provider::settings`].
    pub fn new<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<Self, ProviderError> {
        let settings = Settings::parse(SETTINGS, pairs)?;
        let own = |name: &str| settings.text(name).map(str::to_owned);
        let folder = match settings.text("folder") {
            Some(folder) => PathBuf::from(folder),
            None => home()?.join(".blendnet-slurm"),
        };
        if !folder.is_absolute() {
            return Err(bad("folder", "it must be an absolute path"));
        }
        for name in ["partition", "account", "qos", "walltime", "memory", "gres"] {
            plain(name, settings.text(name).unwrap_or_default())?;
        }
        let options = JobOptions {
            partition: own("partition"),
            account: own("account"),
            qos: own("qos"),
            walltime: own("walltime").unwrap_or_default(),
            memory: own("memory"),
            gres: own("gres"),
            notice_secs: settings.number("notice_secs").unwrap_or_default(),
            requeue: settings.flag("requeue"),
        };
        let path = |name: &str| settings.text(name).map(PathBuf::from);
        let cluster = Cluster { conf: path("conf"), bin: path("bin") };
        Ok(Self { cluster, folder, options })
    }

    fn place(&self, farm: &FarmTag, token: &LaunchToken) -> PathBuf {
        self.folder.join(&farm.0).join(&token.0)
    }

    /// Lays out what the job needs. What is there already is the same.
    fn lay_out(&self, request: &LaunchRequest) -> io::Result<PathBuf> {
        let place = self.place(&request.farm, &request.token);
        let input = place.join("in");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&input)?;
        for name in BUNDLE {
            let bytes = fs::read(request.agent.dir.join(name))?;
            write_private(&input.join(name), &bytes)?;
        }
        let script = script::job(&self.options, request, &place);
        write_private(&place.join("job.sh"), script.as_bytes())?;
        Ok(place)
    }

    async fn found(&self, id: &InstanceId) -> Result<Job, ProviderError> {
        if id.0.is_empty() || !id.0.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ProviderError::Unknown { id: id.to_string() });
        }
        let jobs = self.cluster.squeue(&["--states=all", "--jobs", &id.0]).await;
        let jobs = match jobs {
            Err(ProviderError::Failed { reason, .. }) if reason.contains("Invalid job id") => {
                vec![]
            }
            jobs => jobs?,
        };
        let unknown = || ProviderError::Unknown { id: id.to_string() };
        jobs.into_iter().find(|job| job.id == id.0).ok_or_else(unknown)
    }

    async fn instance(&self, job: &Job, farm: &FarmTag, token: LaunchToken) -> Instance {
        let mut address = None;
        if job.state == InstanceState::Running {
            let listening = self.place(farm, &token).join("listening");
            if let Some((node, port)) = fs::read_to_string(&listening)
                .ok()
                .and_then(|text| parse::listening(&text, &job.id))
            {
                address = Some(format!("{}:{port}", self.cluster.node_address(&node).await));
            }
        }
        Instance {
            id: InstanceId(job.id.clone()),
            token,
            state: job.state,
            address,
            pid: None,
            what: Choice {
                instance_type: job.partition.clone(),
                zone: None,
                spot: self.options.requeue,
            },
            launched_unix_secs: None,
        }
    }
}

fn bad(name: &str, reason: &str) -> ProviderError {
    ProviderError::Setting { name: name.to_owned(), reason: reason.to_owned() }
}

/// Refuses what would be something else in a job's script.
fn plain(name: &str, value: &str) -> Result<(), ProviderError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:,+=@".contains(c);
    if value.starts_with('-') || !value.chars().all(plain) {
        return Err(bad(name, "it has a character that Slurm does not take"));
    }
    Ok(())
}

/// Whether a job was submitted a moment ago, so that lists may lack it.
fn is_fresh(place: &Path) -> bool {
    let submitted = fs::metadata(place.join("id")).and_then(|it| it.modified());
    submitted.is_ok_and(|then| then.elapsed().is_ok_and(|age| age < LATE))
}

fn home() -> Result<PathBuf, ProviderError> {
    std::env::home_dir()
        .filter(|home| home.is_absolute())
        .ok_or_else(|| bad("folder", "there is no home folder; name one that all nodes see"))
}

/// A job's name: tags and tokens have no dots.
fn job_name(farm: &FarmTag, token: &str) -> String {
    format!("{PREFIX}.{farm}.{token}")
}

/// A file of mode 0600 that is there whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn not_there(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn failed(doing: &str) -> impl Fn(io::Error) -> ProviderError {
    let doing = doing.to_owned();
    move |error| ProviderError::Failed { doing: doing.clone(), reason: error.to_string() }
}

#[async_trait]
impl Provider for SlurmProvider {
    fn name(&self) -> &'static str {
        "slurm"
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    async fn check(&self) -> Vec<Check> {
        let mut checks = self.cluster.checks(self.options.partition.as_deref()).await;
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        let written = made.and_then(|()| write_private(&self.folder.join("check"), b""));
        checks.push(match written {
            Ok(()) => Check::passed("folder", format!("{} is writable", self.folder.display())),
            Err(error) => Check::failed(
                "folder",
                format!("{}: {error}", self.folder.display()),
                "name a folder that you may write to and all nodes see, with folder=PATH",
            ),
        });
        checks
    }

    async fn offers(&self) -> Result<Vec<Offer>, ProviderError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let partitions = self.cluster.partitions().await?;
        let wanted = self.options.partition.as_deref();
        let fits = |name: &str| wanted.is_none_or(|wanted| wanted == name);
        let offers = partitions.into_iter().filter(|partition| fits(&partition.name));
        Ok(offers.map(|partition| partition.offer(now)).collect())
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<Instance, ProviderError> {
        for choice in &request.choices {
            plain("partition", &choice.instance_type)?;
        }
        let doing = format!("laying out what the job needs in {}", self.folder.display());
        let place = self.lay_out(request).map_err(failed(&doing))?;
        let name = job_name(&request.farm, &request.token.0);
        let id = InstanceId(self.cluster.submit(&place, &name).await?);
        match self.found(&id).await {
            Ok(job) => Ok(self.instance(&job, &request.farm, request.token.clone()).await),
            // Slurm forgets jobs some minutes after their end.
            Err(ProviderError::Unknown { .. }) => {
                let fresh = is_fresh(&place);
                let state = if fresh { InstanceState::Pending } else { InstanceState::Ended };
                let job = Job { id: id.0, name, state, partition: String::new() };
                Ok(self.instance(&job, &request.farm, request.token.clone()).await)
            }
            Err(error) => Err(error),
        }
    }

    async fn list(&self, farm: &FarmTag) -> Result<Vec<Instance>, ProviderError> {
        let mut instances = Vec::new();
        let before = job_name(farm, "");
        for job in self.cluster.squeue(&["--me"]).await? {
            let Some(token) = job.name.strip_prefix(&before) else { continue };
            if job.state != InstanceState::Ended {
                let token = LaunchToken(token.to_owned());
                instances.push(self.instance(&job, farm, token).await);
            }
        }
        Ok(instances)
    }

    async fn describe(&self, id: &InstanceId) -> Result<Instance, ProviderError> {
        let job = self.found(id).await?;
        let (farm, token) = job.owner().ok_or(ProviderError::Unknown { id: id.to_string() })?;
        Ok(self.instance(&job, &farm, token).await)
    }

    async fn console(&self, id: &InstanceId) -> Result<String, ProviderError> {
        let job = self.found(id).await?;
        let (farm, token) = job.owner().ok_or(ProviderError::Unknown { id: id.to_string() })?;
        let log = self.place(&farm, &token).join("agent.log");
        match fs_err::tokio::read(&log).await {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(failed("reading the log of a job")(error)),
        }
    }

    async fn terminate(&self, id: &InstanceId) -> Result<(), ProviderError> {
        let job = match self.found(id).await {
            Err(ProviderError::Unknown { .. }) => return Ok(()),
            job => job?,
        };
        self.cluster.scancel(&job.id).await?;
        if let Some((farm, token)) = job.owner() {
            self.arrived(&farm, &token).await?;
        }
        Ok(())
    }

    async fn arrived(&self, farm: &FarmTag, token: &LaunchToken) -> Result<(), ProviderError> {
        if self.options.requeue {
            return Ok(());
        }
        let input = self.place(farm, token).join("in");
        not_there(fs_err::tokio::remove_dir_all(&input).await)
            .map_err(failed("removing the key of an agent"))
    }

    async fn destroy(&self, farm: &FarmTag) -> Result<Vec<String>, ProviderError> {
        let folder = self.folder.join(&farm.0);
        if !folder.exists() {
            return Ok(vec![]);
        }
        fs_err::tokio::remove_dir_all(&folder)
            .await
            .map_err(failed("removing the farm's folder"))?;
        Ok(vec![folder.display().to_string()])
    }

    async fn ended(&self, id: &InstanceId) -> String {
        loop {
            tokio::time::sleep(END_POLL).await;
            match self.cluster.state_text(&id.0).await {
                Ok(Some(state)) if parse::state(&state) == InstanceState::Ended => {
                    return format!("Slurm says {state}");
                }
                Ok(None) => return "it is gone".to_owned(),
                Ok(Some(_)) => {}
                Err(error) => tracing::debug!(%id, %error, "it is not known whether it runs"),
            }
        }
    }
}

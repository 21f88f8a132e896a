//! Slurm's programs, started and understood.

use super::parse::{self, JOB_FORMAT, Job, PARTITION_FORMAT, Partition};
use crate::{Check, ProviderError};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;

/// How long a program of Slurm may take; a busy controller takes its time.
const LIMIT: Duration = Duration::from_mins(1);
/// Most words of an error that are passed on.
const MAX_REASON_CHARS: usize = 500;

/// Pauses before a busy controller is asked again.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(8)];

/// Submits once for each place, whoever asks, and whatever becomes of who asked: the lock is held by
/// the shell, which is left alone. A job may be there although `sbatch` failed, when its answer was lost.
/// `$1` is the place, `$2` the job's name.
const SUBMIT: &str = r#"
command -v sbatch > /dev/null || {
    echo "Slurm's program sbatch is not installed here; run the manager on a login node" >&2
    exit 1
}
exec 9>> "$1/lock" && flock 9 || exit 1
if [ ! -s "$1/id" ]; then
    id=
    if [ -e "$1/tried" ]; then
        jobs=$(squeue --me --noheader --states=all --format=%A --name="$2" 9>&-) || exit 1
        id=$(echo "$jobs" | head -n 1)
    fi
    : > "$1/tried"
    [ -n "$id" ] || id=$(sbatch --parsable --job-name="$2" --output="$1/agent.log" "$1/job.sh" 9>&-) || exit 1
    echo "${id%%;*}" > "$1/id.new" && mv "$1/id.new" "$1/id" || exit 1
fi
cat "$1/id"
"#;

/// The cluster that is spoken to.
#[derive(Clone, Debug, Default)]
pub(super) struct Cluster {
    /// Its `slurm.conf`; Slurm's usual one without it.
    pub(super) conf: Option<PathBuf>,
    /// Where its programs are, before those of the `PATH`.
    pub(super) bin: Option<PathBuf>,
}

impl Cluster {
    /// Submits the job that is laid out in `place`, unless it was; gives its number.
    pub(super) async fn submit(&self, place: &Path, name: &str) -> Result<String, ProviderError> {
        let command = || {
            let mut command = Command::new("sh");
            command.args(["-c", SUBMIT, "sh"]).arg(place).arg(name).process_group(0);
            command
        };
        let output = self.patiently("submitting a job", command).await?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The jobs that fit the options.
    pub(super) async fn squeue(&self, options: &[&str]) -> Result<Vec<Job>, ProviderError> {
        let options = [&["--noheader", JOB_FORMAT], options].concat();
        let output = self.run("listing jobs", "squeue", &options).await?;
        Ok(parse::jobs(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Slurm's own word for the state of a job; `None`: it has forgotten it.
    pub(super) async fn state_text(&self, id: &str) -> Result<Option<String>, ProviderError> {
        let options = ["--noheader", "--format=%T", "--states=all", "--jobs", id];
        match self.run("looking at a job", "squeue", &options).await {
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                Ok(Some(text).filter(|text| !text.is_empty()))
            }
            Err(ProviderError::Failed { reason, .. }) if reason.contains("Invalid job id") => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Ends a job; one that has ended is no error.
    pub(super) async fn scancel(&self, id: &str) -> Result<(), ProviderError> {
        match self.run("ending a job", "scancel", &[id]).await {
            Ok(_) => Ok(()),
            Err(ProviderError::Failed { reason, .. })
                if reason.contains("Invalid job id") || reason.contains("already completing") =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// All partitions.
    pub(super) async fn partitions(&self) -> Result<Vec<Partition>, ProviderError> {
        let output =
            self.run("listing partitions", "sinfo", &["--noheader", PARTITION_FORMAT]).await?;
        Ok(parse::partitions(&String::from_utf8_lossy(&output.stdout)))
    }

    /// How the manager reaches a node: as the cluster's own configuration says, else by its name.
    pub(super) async fn node_address(&self, node: &str) -> String {
        let shown =
            self.run("looking up a node", "scontrol", &["show", "node", "--oneliner", node]).await;
        let text = shown.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let text = text.unwrap_or_default();
        parse::node_address(&text).unwrap_or(node).to_owned()
    }

    /// Whether this computer may submit, and where.
    pub(super) async fn checks(&self, wanted: Option<&str>) -> Vec<Check> {
        match self.run("looking for Slurm", "sbatch", &["--version"]).await {
            Ok(output) => {
                let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                let mut checks = vec![Check::passed("programs", version)];
                checks.push(partition_check(self.partitions().await, wanted));
                checks
            }
            Err(error) => vec![Check::failed(
                "programs",
                error.to_string(),
                "run the manager on a login node, or install Slurm's client programs here",
            )],
        }
    }

    async fn run(
        &self,
        doing: &str,
        program: &str,
        options: &[&str],
    ) -> Result<Output, ProviderError> {
        let command = || {
            let mut command = Command::new(program);
            command.args(options).kill_on_drop(true);
            command
        };
        self.patiently(doing, command).await
    }

    /// Asks a controller again that is busy, restarts, or does not answer.
    async fn patiently(
        &self,
        doing: &str,
        command: impl Fn() -> Command,
    ) -> Result<Output, ProviderError> {
        for pause in PAUSES {
            match self.output(doing, command()).await {
                Err(error @ ProviderError::Unreachable { .. }) => {
                    tracing::debug!(%error, "asked again");
                    tokio::time::sleep(pause).await;
                }
                result => return result,
            }
        }
        self.output(doing, command()).await
    }

    async fn output(&self, doing: &str, mut command: Command) -> Result<Output, ProviderError> {
        command.stdin(Stdio::null());
        if let Some(conf) = &self.conf {
            command.env("SLURM_CONF", conf);
        }
        if let Some(bin) = &self.bin {
            let others = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(bin.clone()).chain(std::env::split_paths(&others));
            command.env("PATH", std::env::join_paths(folders).unwrap_or(others));
        }
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let failed = |reason: String| ProviderError::Failed { doing: doing.to_owned(), reason };
        let output = match tokio::time::timeout(LIMIT, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(failed(format!("Slurm's program `{program}` is not installed here")));
            }
            Ok(Err(error)) => return Err(failed(format!("{program}: {error}"))),
            Err(_late) => {
                let reason = format!("{program} did not answer in {} s", LIMIT.as_secs());
                return Err(ProviderError::Unreachable { doing: doing.to_owned(), reason });
            }
        };
        if output.status.success() {
            return Ok(output);
        }
        Err(understood(doing, &String::from_utf8_lossy(&output.stderr)))
    }
}

/// What is wrong with the partition that jobs go to, or nothing.
pub(super) fn partition_check(
    partitions: Result<Vec<Partition>, ProviderError>,
    wanted: Option<&str>,
) -> Check {
    let partitions = match partitions {
        Ok(partitions) => partitions,
        Err(error @ ProviderError::Denied { .. }) => {
            let remedy = "ask the cluster's administrators to let this user submit jobs";
            return Check::failed("controller", error.to_string(), remedy);
        }
        Err(error) => {
            let remedy = "see with `scontrol ping` whether the cluster's controller runs";
            return Check::failed("controller", error.to_string(), remedy);
        }
    };
    let names: Vec<&str> = partitions.iter().map(|p| p.name.as_str()).collect();
    let names = names.join(", ");
    let found = partitions.iter().filter(|p| wanted.is_none_or(|wanted| wanted == p.name));
    let found: Vec<&Partition> = found.collect();
    let Some(up) = found.iter().find(|partition| partition.is_up) else {
        let what = match (found.first(), wanted) {
            (Some(down), _) => format!("partition {} is down", down.name),
            (None, Some(wanted)) => format!("there is no partition {wanted}"),
            (None, None) => "there is no partition that this user may use".to_owned(),
        };
        let remedy = format!("choose another one with partition=NAME; there are: {names}");
        return Check::failed("partition", what, remedy);
    };
    Check::passed("partition", format!("{} is up", wanted.unwrap_or(&up.name)))
}

/// What Slurm's words mean for us.
pub(super) fn understood(doing: &str, said: &str) -> ProviderError {
    let reason: String = said.trim().chars().take(MAX_REASON_CHARS).collect();
    let doing = doing.to_owned();
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&["invalid partition", "Invalid qos", "Invalid account", "Invalid generic resource"]) {
        let name = ["partition", "qos", "account"]
            .into_iter()
            .find(|name| reason.contains(&format!("nvalid {name}")));
        return ProviderError::Setting { name: name.unwrap_or("gres").to_owned(), reason };
    }
    if has(&["Munge", "uthentication"]) {
        return ProviderError::Credentials { provider: "slurm", reason };
    }
    if has(&["ermission denied", "not permitted", "Access denied"]) {
        return ProviderError::Denied { doing, reason };
    }
    if has(&["MaxSubmitJob", "job submit limit", "MaxJobsPer"]) {
        return ProviderError::Quota { quota: "jobs that a user may submit".to_owned(), reason };
    }
    if has(&["partition not available"]) {
        return ProviderError::NoCapacity { tried: reason };
    }
    if has(&["nable to contact slurm controller", "timed out", "Connection refused", "temporarily"])
    {
        return ProviderError::Unreachable { doing, reason };
    }
    ProviderError::Failed { doing, reason }
}

//! What Slurm's programs print, read.

use super::PREFIX;
use crate::{Choice, FarmTag, InstanceState, LaunchToken, Offer};

/// What `squeue` is asked to print: number, state, partition, name.
pub(super) const JOB_FORMAT: &str = "--format=%A|%T|%P|%j";
/// What `sinfo` is asked to print: partition, up or down, processors, MB, generic resources.
pub(super) const PARTITION_FORMAT: &str = "--format=%P|%a|%c|%m|%G";

/// A job of `squeue`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: InstanceState,
    pub(super) partition: String,
}

impl Job {
    /// Whose it is.
    pub(super) fn owner(&self) -> Option<(FarmTag, LaunchToken)> {
        let (farm, token) = self.name.strip_prefix(PREFIX)?.strip_prefix('.')?.split_once('.')?;
        Some((FarmTag(farm.to_owned()), LaunchToken(token.to_owned())))
    }
}

/// Reads the lines of [`JOB_FORMAT`].
pub(super) fn jobs(text: &str) -> Vec<Job> {
    let job = |line: &str| {
        let mut fields = line.trim().splitn(4, '|').map(str::to_owned);
        let (id, state) = (fields.next()?, fields.next()?);
        let (partition, name) = (fields.next()?, fields.next()?);
        Some(Job { id, state: self::state(&state), partition, name })
    };
    text.lines().filter_map(job).collect()
}

/// A job's state; one that is only tidied up has ended.
pub(super) fn state(text: &str) -> InstanceState {
    match text {
        "PENDING" | "CONFIGURING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "RESIZING"
        | "SPECIAL_EXIT" => InstanceState::Pending,
        "RUNNING" | "SUSPENDED" | "STOPPED" | "SIGNALING" | "STAGE_OUT" => InstanceState::Running,
        _ => InstanceState::Ended,
    }
}

/// A partition of `sinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    pub(super) name: String,
    pub(super) is_up: bool,
    vcpus: u32,
    memory_mib: u64,
    gpu: Option<String>,
}

impl Partition {
    /// What can be had there; the cluster's owner does the accounting.
    pub(super) fn offer(self, now_unix_secs: u64) -> Offer {
        Offer {
            what: Choice { instance_type: self.name, zone: None, spot: false },
            vcpus: self.vcpus,
            memory_mib: self.memory_mib,
            architecture: std::env::consts::ARCH.to_owned(),
            gpu: self.gpu,
            usd_micros_per_hour: 0,
            priced_unix_secs: now_unix_secs,
            min_billed_secs: 0,
        }
    }
}

/// Reads the lines of [`PARTITION_FORMAT`]. The default one has a `*`, a `+` means "or more".
pub(super) fn partitions(text: &str) -> Vec<Partition> {
    let partition = |line: &str| {
        let mut fields = line.trim().split('|');
        let (name, up) = (fields.next()?, fields.next()?);
        let number = |text: &str| text.trim_end_matches('+').parse::<u64>().ok();
        let vcpus = u32::try_from(number(fields.next()?)?).ok()?;
        let memory_mib = number(fields.next()?)?;
        let gpu = fields.next().filter(|gres| gres.starts_with("gpu")).map(str::to_owned);
        let name = name.trim_end_matches('*').to_owned();
        Some(Partition { name, is_up: up == "up", vcpus, memory_mib, gpu })
    };
    text.lines().filter_map(partition).collect()
}

/// Node and port that a job wrote down; not those of an earlier life of it.
pub(super) fn listening(text: &str, id: &str) -> Option<(String, u16)> {
    let mut words = text.split_whitespace();
    let (job, node, port) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
    (job == id).then(|| (node.to_owned(), port))
}

/// The address of a node, of `scontrol show node --oneliner`.
pub(super) fn node_address(text: &str) -> Option<&str> {
    text.split_whitespace().find_map(|word| word.strip_prefix("NodeAddr="))
}

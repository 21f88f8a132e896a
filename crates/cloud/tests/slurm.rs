//! A real Slurm cluster of one machine does what every provider must.
#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use async_trait::async_trait;
use blendnet_cloud::conformance::{self, Fault, Outcome, Subject};
use blendnet_cloud::{
    AgentProgram, Choice, FarmTag, InstanceState, LaunchRequest, LaunchToken, Provider,
    SlurmProvider, Verdict,
};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Exit code of the script where there can be no cluster.
const SKIPPED: i32 = 77;

/// Says that it listens and stays, as an agent does; takes its time to end.
const AGENT: &str = "#!/bin/sh
[ -s \"$2/server.key\" ] || exit 3
echo '{\"listening\":\"0.0.0.0:4711\",\"pid\":'$$'}'
trap 'echo told to end; exit 0' TERM
while :; do sleep 0.1; done
";

/// Stands before Slurm's own programs and has faults, as often as the files beside it say. An answer that
/// is lost is that of a job which was submitted; a late list lacks the newest job.
const IN_FRONT: &str = r#"#!/bin/sh
faults=$(dirname "$0") program=$(basename "$0")
PATH=${PATH#"$faults":}
due() {
    left=$(cat "$faults/$1" 2> /dev/null || echo 0)
    [ "$left" -gt 0 ] && echo $((left - 1)) > "$faults/$1"
}
if due lost; then
    [ "$program" != sbatch ] || sbatch "$@" > /dev/null
    echo "$program: error: Socket timed out on send/recv operation" >&2
    exit 1
fi
if [ "$program" = squeue ] && due late; then
    squeue "$@" | sort -n | sed '$d'
    exit 0
fi
exec "$program" "$@"
"#;
const PROGRAMS: [&str; 5] = ["sbatch", "squeue", "scancel", "sinfo", "scontrol"];

/// The cluster of `tests/slurm/cluster.sh`.
struct Cluster {
    dir: tempfile::TempDir,
    script: Child,
    conf: String,
}

impl Cluster {
    fn start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/slurm/cluster.sh");
        let mut command = Command::new(path);
        command.arg(dir.path().join("cluster")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().unwrap();
        let mut conf = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut conf).unwrap();
        if conf.is_empty() {
            let code = script.wait().unwrap().code();
            assert_eq!(code, Some(SKIPPED), "the cluster does not start");
            return None;
        }
        let agent = dir.path().join("agent");
        fs_err::write(&agent, AGENT).unwrap();
        fs_err::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
        fs_err::create_dir(dir.path().join("bin")).unwrap();
        for program in PROGRAMS {
            let path = dir.path().join("bin").join(program);
            fs_err::write(&path, IN_FRONT).unwrap();
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Some(Self { dir, script, conf: conf.trim().to_owned() })
    }

    fn provider(&self, setting: &str) -> SlurmProvider {
        let folder = format!("folder={}", self.dir.path().join("shared").display());
        let conf = format!("conf={}", self.conf);
        let bin = format!("bin={}", self.dir.path().join("bin").display());
        SlurmProvider::new([folder.as_str(), conf.as_str(), bin.as_str(), setting]).unwrap()
    }

    /// The next `times` calls have a fault.
    fn due(&self, fault: &str, times: u32) -> bool {
        fs_err::write(self.dir.path().join("bin").join(fault), times.to_string()).is_ok()
    }

    /// Whether a partition takes jobs.
    fn partition(&self, name: &str, state: &str) -> bool {
        let mut scontrol = Command::new("scontrol");
        scontrol.args(["update", &format!("PartitionName={name}"), &format!("State={state}")]);
        scontrol.env("SLURM_CONF", &self.conf).status().unwrap().success()
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("cluster/munge.socket")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _reaped = self.script.wait();
    }
}

#[async_trait]
impl Subject for Cluster {
    async fn caller(&self) -> Arc<dyn Provider> {
        Arc::new(self.provider("walltime=10"))
    }

    fn request(&self, farm: &FarmTag, token: &LaunchToken) -> LaunchRequest {
        let dir = self.dir.path().join(format!("{farm}.{token}"));
        fs_err::create_dir_all(&dir).unwrap();
        for name in ["ca.pem", "server.pem", "server.key", "password"] {
            fs_err::write(dir.join(name), "secret").unwrap();
        }
        let program = self.dir.path().join("agent");
        let agent = AgentProgram { program, dir, threads: 1, blenders: vec![] };
        let choice =
            |name: &str| Choice { instance_type: name.to_owned(), zone: None, spot: false };
        let choices = ["first", "all"].map(choice).to_vec();
        LaunchRequest { token: token.clone(), farm: farm.clone(), choices, agent }
    }

    async fn inject(&self, fault: Fault) -> bool {
        match fault {
            Fault::CredentialsExpired => {
                fs_err::rename(self.socket(), self.socket().with_extension("gone")).is_ok()
            }
            Fault::Throttle => self.due("lost", 2),
            Fault::ListsLate => self.due("late", 4),
            Fault::FirstChoiceTaken => self.partition("first", "INACTIVE"),
            Fault::AllTaken => {
                self.partition("first", "INACTIVE") && self.partition("all", "INACTIVE")
            }
            // squeue has no pages, and Slurm itself refuses clocks that differ.
            Fault::SmallPages | Fault::ClockSkew => false,
        }
    }

    async fn mend(&self) {
        let gone = self.socket().with_extension("gone");
        if gone.exists() {
            fs_err::rename(gone, self.socket()).unwrap();
        }
        assert!(self.due("lost", 0) && self.due("late", 0));
        assert!(self.partition("first", "UP") && self.partition("all", "UP"));
    }
}

async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_mins(1), search).await;
    found.unwrap_or_else(|_late| panic!("waiting for {what}"))
}

#[tokio::test]
async fn a_slurm_cluster_conforms() {
    let Some(cluster) = Cluster::start() else { return };
    let outcomes = conformance::run(&cluster).await.unwrap();
    let skipped = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Skipped);
    let skipped: Vec<&str> = skipped.map(|(name, _)| *name).collect();
    assert_eq!(skipped, ["lists in pages", "clock skew"]);
}

#[tokio::test]
async fn a_job_listens_loses_its_key_is_told_to_end_and_leaves_nothing() {
    let Some(cluster) = Cluster::start() else { return };
    let provider = cluster.provider("walltime=10");
    let checks = provider.check().await;
    assert!(checks.iter().all(|check| check.verdict == Verdict::Passed), "{checks:?}");
    let nowhere = cluster.provider("partition=nowhere");
    assert!(nowhere.check().await.iter().any(|check| check.verdict == Verdict::Failed));
    let (farm, token) = (FarmTag("farm1".to_owned()), LaunchToken("agent-1".to_owned()));
    let no = LaunchToken("no".to_owned());
    let anywhere = LaunchRequest { choices: vec![], ..cluster.request(&farm, &no) };
    let refused = nowhere.launch(&anywhere).await;
    assert!(refused.unwrap_err().to_string().contains("partition"));

    let instance = provider.launch(&cluster.request(&farm, &token)).await.unwrap();
    let address = async || provider.describe(&instance.id).await.unwrap().address;
    assert_eq!(wait_for("its address", address).await, "127.0.0.1:4711");
    let place = cluster.dir.path().join("shared/farm1/agent-1");
    assert!(place.join("in/server.key").exists());
    provider.arrived(&farm, &token).await.unwrap();
    assert!(!place.join("in").exists(), "the key was for one start");

    provider.terminate(&instance.id).await.unwrap();
    wait_for("its end", async || {
        let now = provider.describe(&instance.id).await.unwrap();
        (now.state == InstanceState::Ended).then_some(())
    })
    .await;
    wait_for("the agent's last word", async || {
        let log = fs_err::read_to_string(place.join("agent.log")).unwrap_or_default();
        log.contains("CANCELLED").then_some(())
    })
    .await;
    assert_eq!(provider.destroy(&farm).await.unwrap().len(), 1);
    assert!(!cluster.dir.path().join("shared/farm1").exists());
}

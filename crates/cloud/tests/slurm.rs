//! A real Slurm cluster of one machine does what every provider must.
#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use async_trait::async_trait;
use blendnet_cloud::conformance::{self, Fault, Outcome, Subject};
use blendnet_cloud::{
    AgentProgram, FarmTag, InstanceState, LaunchRequest, LaunchToken, Provider, SlurmProvider,
    Verdict,
};
use std::io::{BufRead as _, BufReader, Write as _};
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
        Some(Self { dir, script, conf: conf.trim().to_owned() })
    }

    fn provider(&self, setting: &str) -> SlurmProvider {
        let folder = format!("folder={}", self.dir.path().join("shared").display());
        let conf = format!("conf={}", self.conf);
        SlurmProvider::new([folder.as_str(), conf.as_str(), setting]).unwrap()
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
        LaunchRequest { token: token.clone(), farm: farm.clone(), choices: vec![], agent }
    }

    async fn inject(&self, fault: Fault) -> bool {
        match fault {
            Fault::CredentialsExpired => {
                fs_err::rename(self.socket(), self.socket().with_extension("gone")).is_ok()
            }
            _ => false,
        }
    }

    async fn mend(&self) {
        let gone = self.socket().with_extension("gone");
        if gone.exists() {
            fs_err::rename(gone, self.socket()).unwrap();
        }
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
    let told = format!("{outcomes:?}\n");
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    let passed = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Passed).count();
    assert!(passed >= 4, "{outcomes:?}");
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
    let refused = nowhere.launch(&cluster.request(&farm, &LaunchToken("no".to_owned()))).await;
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

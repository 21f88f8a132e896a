//! This computer does what every provider must.
#![expect(clippy::unwrap_used, reason = "what is not as expected fails the test")]

use async_trait::async_trait;
use blendnet_cloud::conformance::{self, Fault, Outcome, Subject};
use blendnet_cloud::{AgentProgram, FarmTag, LaunchRequest, LaunchToken, LocalProvider, Provider};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Says that it listens, on stdout and in its folder (`--dir FOLDER`), and goes on, as an agent does.
const AGENT: &str = r#"#!/bin/sh
line='{"listening":"127.0.0.1:9","pid":'$$'}'
echo "$line" > "$2/listening.json"
echo "$line"
while :; do sleep 0.2; done
"#;

struct ThisComputer {
    dir: tempfile::TempDir,
    program: PathBuf,
    /// A second caller at the same time is the same process; after a crash it is a new one.
    caller: Mutex<std::sync::Weak<LocalProvider>>,
}

#[async_trait]
impl Subject for ThisComputer {
    async fn caller(&self) -> Arc<dyn Provider> {
        let mut caller = self.caller.lock().unwrap();
        let now = caller.upgrade().unwrap_or_else(|| Arc::new(LocalProvider::new()));
        *caller = Arc::downgrade(&now);
        now
    }

    fn request(&self, farm: &FarmTag, token: &LaunchToken) -> LaunchRequest {
        let dir = self.dir.path().join(&token.0);
        fs_err::create_dir_all(&dir).unwrap();
        LaunchRequest {
            token: token.clone(),
            farm: farm.clone(),
            choices: vec![],
            agent: AgentProgram {
                program: self.program.clone(),
                dir,
                threads: 1,
                blenders: vec![],
            },
        }
    }

    async fn inject(&self, _fault: Fault) -> bool {
        false
    }

    async fn mend(&self) {}
}

#[tokio::test]
async fn this_computer_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("agent");
    fs_err::write(&program, AGENT).unwrap();
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let subject = ThisComputer { dir, program, caller: Mutex::default() };
    let outcomes = conformance::run(&subject).await.unwrap();
    let passed = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Passed);
    let passed: Vec<&str> = passed.map(|(name, _)| *name).collect();
    // Nobody else's machine, so nothing to throttle, to be late or to expire.
    assert_eq!(passed, ["launch, list, end", "double launch", "crash of the caller at each step"]);
}

#[tokio::test]
async fn a_caller_after_a_crash_finds_what_the_one_before_launched_and_can_end_it() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("agent");
    fs_err::write(&program, AGENT).unwrap();
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let subject = ThisComputer { dir, program, caller: Mutex::default() };
    let (farm, token) = (FarmTag("crash-farm".to_owned()), LaunchToken("agent-1".to_owned()));
    let request = subject.request(&farm, &token);
    let killed = std::mem::ManuallyDrop::new(LocalProvider::new());
    let launched = killed.launch(&request).await.unwrap();

    let after = LocalProvider::new();
    assert!(after.list(&FarmTag("crash".to_owned())).await.unwrap().is_empty(), "another farm");
    let listed = after.list(&farm).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|i| (&i.id, &i.token, &i.address)).collect();
    assert_eq!(ids, [(&launched.id, &token, &launched.address)]);
    assert_eq!(after.launch(&request).await.unwrap().id, launched.id, "not launched twice");
    after.terminate(&launched.id).await.unwrap();
    assert!(LocalProvider::new().list(&farm).await.unwrap().is_empty(), "it is gone");
}

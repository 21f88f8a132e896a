//! The whole program: started, asked over HTTPS, ended in every way.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use blendnet_agent::render::Engine;
use blendnet_net::client::Client;
use blendnet_net::secret::Password;
use blendnet_protocol::{
    AgentReport, Manifest, ManifestFile, Overrides, PackPath, SceneId, SceneSpec, SceneState, Work,
    WorkState, WorkStatus,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::fake::{BLEND, agent_program, alive_in_group, blender, cache, id, part};

const LIMIT: Duration = Duration::from_mins(1);
const ENDLESS: i32 = 16;
const FREE_PORT: &str = "127.0.0.1:0";

/// A running agent with the fake Blender. Killed when dropped.
struct Agent {
    child: Child,
    client: Client,
    dir: PathBuf,
    temp: tempfile::TempDir,
}

fn command(dir: &Path, blender: &Path, listen: &str) -> Command {
    let mut command = Command::new(agent_program());
    command.arg("--dir").arg(dir).args(["--listen", listen, "--threads", "1"]);
    command.arg("--blender").arg(blender).args(["--exit-with-parent", "--notice-secs", "4"]);
    command.env("XDG_CACHE_HOME", cache().parent().unwrap());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

impl Agent {
    fn start() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("agent");
        let mut child = command(&dir, &blender(&temp.path().join("b")), FREE_PORT).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["pid"], child.id());
        let ca = fs_err::read_to_string(dir.join("ca.pem")).unwrap();
        let password = Password::load(&dir.join("password")).unwrap();
        let client = Client::new(told["listening"].as_str().unwrap(), &ca, &password).unwrap();
        Self { child, client, dir, temp }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Sends a scene and an endless work; answers the id of the Blender that does it.
    async fn render_endlessly(&self) -> u32 {
        let scene = self.send_scene().await;
        let work = Work::new(id("endless"), scene, part(ENDLESS));
        let _: WorkStatus = self.client.put("work/endless", &work).await.unwrap();
        let mut generation = 0;
        loop {
            let path = format!("work?after={generation}&wait_secs=5");
            let report: AgentReport = self.client.get(&path).await.unwrap();
            generation = report.generation;
            if let Some(WorkStatus { state: WorkState::Running(progress), .. }) =
                report.works.first()
                && progress.samples_done > 0
            {
                return report.blender_pid.unwrap();
            }
        }
    }

    async fn send_scene(&self) -> SceneId {
        let file = self.temp.path().join("shot.blend");
        fs_err::write(&file, BLEND).unwrap();
        let (blob, size_bytes) = blendnet_net::blobs::hash_file(&file).unwrap();
        let path = PackPath::new("shot.blend").unwrap();
        let files = vec![ManifestFile::new(path.clone(), blob.clone(), size_bytes)];
        let manifest = Manifest { project: path, files };
        let spec = SceneSpec { manifest, overrides: Overrides::default() };
        let scene = Engine::scene_id(&spec).unwrap();
        let path = format!("scene/{scene}");
        let state: SceneState = self.client.put(&path, &spec).await.unwrap();
        assert_eq!(state.missing, std::slice::from_ref(&blob));
        self.client.send_blob(&blob, &file).await.unwrap();
        let state: SceneState = self.client.put(&path, &spec).await.unwrap();
        assert_eq!(state.missing, []);
        scene
    }

    /// Waits for the end of the program.
    async fn ended(&mut self) -> std::process::ExitStatus {
        let mut status = None;
        until("the agent ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }
}

/// Waits for what no event tells of.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while !done() {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.unwrap_or_else(|_late| panic!("never: {what}"));
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ended_already = self.child.kill().is_err();
        self.child.wait().unwrap();
    }
}

/// Waits until nothing of a Blender is left.
async fn gone(blender: u32) {
    until("Blender and its children are gone", || alive_in_group(blender) == 0).await;
}

/// Waits until one process has ended.
async fn process_gone(pid: u32) {
    let stat = format!("/proc/{pid}/stat");
    let alive = || fs_err::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    until("Blender is gone", || !alive()).await;
}

#[tokio::test]
async fn killing_the_agent_with_sigkill_leaves_no_blender() {
    let mut agent = Agent::start();
    let blender = agent.render_endlessly().await;
    agent.signal(Signal::KILL);
    agent.ended().await;
    process_gone(blender).await;
    end_child_of(blender);
}

/// The fake's child is not Blender: nobody but a living agent ends the whole group.
fn end_child_of(blender: u32) {
    let group = Pid::from_raw(i32::try_from(blender).unwrap()).unwrap();
    let _gone_already = rustix::process::kill_process_group(group, Signal::KILL).is_err();
}

#[tokio::test]
async fn sigint_ends_the_agent_and_all_it_started_and_leaves_no_work() {
    let mut agent = Agent::start();
    let blender = agent.render_endlessly().await;
    agent.signal(Signal::INT);
    assert!(agent.ended().await.success());
    gone(blender).await;
    assert!(!agent.dir.join("work").exists());
}

#[tokio::test]
async fn sigterm_lets_the_agent_give_back_its_work_and_ends_it_when_that_is_fetched() {
    let mut agent = Agent::start();
    let blender = agent.render_endlessly().await;
    agent.signal(Signal::TERM);
    let mut generation = 0;
    loop {
        let path = format!("work?after={generation}&wait_secs=20");
        let report: AgentReport = agent.client.get(&path).await.unwrap();
        if matches!(report.works[0].state, WorkState::Canceled) {
            assert!(report.leaving_secs.is_some());
            break;
        }
        generation = report.generation;
    }
    gone(blender).await;
    assert!(agent.child.try_wait().unwrap().is_none(), "it waits for the manager");
    agent.client.delete("work/endless").await.unwrap();
    assert!(agent.ended().await.success());
    assert!(!agent.dir.join("work").exists());
}

#[tokio::test]
async fn an_agent_whose_work_nobody_fetches_ends_when_its_notice_is_over() {
    let mut agent = Agent::start();
    let blender = agent.render_endlessly().await;
    agent.signal(Signal::TERM);
    assert!(agent.ended().await.success());
    gone(blender).await;
}

#[tokio::test]
async fn the_end_of_its_parent_ends_the_agent() {
    let mut agent = Agent::start();
    let blender = agent.render_endlessly().await;
    drop(agent.child.stdin.take());
    assert!(agent.ended().await.success());
    gone(blender).await;
}

#[tokio::test]
async fn a_request_ends_the_agent() {
    let mut agent = Agent::start();
    let blender = agent.render_endlessly().await;
    let _: serde_json::Value = agent.client.post("shutdown", &()).await.unwrap();
    assert!(agent.ended().await.success());
    gone(blender).await;
}

#[tokio::test]
async fn deleting_a_work_over_https_stops_it() {
    let agent = Agent::start();
    let blender = agent.render_endlessly().await;
    agent.client.delete("work/endless").await.unwrap();
    gone(blender).await;
    let report: AgentReport = agent.client.get("work").await.unwrap();
    assert_eq!(report.works, []);
    agent.client.delete("work/endless").await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_a_code() {
    let agent = Agent::start();
    let scene = SceneId::new("a".repeat(64)).unwrap();
    let work = Work::new(id("w"), scene.clone(), part(1));
    let refused = agent.client.put::<_, WorkStatus>("work/w", &work).await.unwrap_err();
    assert_eq!(refused.code(), Some("unknown_scene"));
    let refused = agent.client.put::<_, WorkStatus>("work/other", &work).await.unwrap_err();
    assert_eq!(refused.code(), Some("bad_request"));
    let refused = agent.client.get::<WorkStatus>("work/w").await.unwrap_err();
    assert_eq!(refused.code(), Some("not_found"));
    let ca = fs_err::read_to_string(agent.dir.join("ca.pem")).unwrap();
    let address = agent.client.address().to_owned();
    let stranger = Client::new(&address, &ca, &Password::generate().unwrap()).unwrap();
    assert!(stranger.get::<AgentReport>("work").await.unwrap_err().is_auth());
}

#[tokio::test]
async fn a_second_agent_in_the_same_folder_or_on_the_same_port_says_so() {
    let agent = Agent::start();
    let blender = agent.temp.path().join("b/blender");
    let said = |mut command: Command| {
        let output = command.stderr(Stdio::piped()).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let same_folder = said(command(&agent.dir, &blender, FREE_PORT));
    assert!(same_folder.contains("another agent uses"), "{same_folder}");
    let other = agent.temp.path().join("other");
    let same_port = said(command(&other, &blender, agent.client.address()));
    assert!(same_port.contains("in use"), "{same_port}");
}

#[tokio::test]
async fn an_agent_started_again_after_a_kill_begins_with_an_empty_work_folder() {
    let mut agent = Agent::start();
    let blender = agent.render_endlessly().await;
    agent.signal(Signal::KILL);
    agent.ended().await;
    end_child_of(blender);
    let left = agent.dir.join("work/left");
    fs_err::write(&left, "by the killed one").unwrap();
    let mut again = command(&agent.dir, Path::new("/nonexistent"), FREE_PORT).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(again.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("listening"));
    assert!(!left.exists());
    drop(again.stdin.take());
    again.wait().unwrap();
}

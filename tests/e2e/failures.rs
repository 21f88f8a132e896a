//! Blenders that crash, hang or never start, full disks, and wishes that can't be met.

use crate::exactness::assert_equal;
use blendnet_protocol::{AgentState, FarmView};
use blendnet_tests::{Farm, Render, Server, compare_exr, system_blender};
use fs_err as fs;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program of its own in the place of Blender; it answers `--version` as the real one does.
pub(crate) fn stand_in(folder: &Path, script: &str) -> PathBuf {
    let folder = folder.join("blender-3.4");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("blender");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Is the real Blender, until it is asked for frame 2.
pub(crate) const CRASHES_AT_FRAME_2: &str = r#"#!/usr/bin/python3
import json, os, signal, subprocess, sys
if "--version" in sys.argv:
    os.execv("/usr/bin/blender", ["blender", "--version"])
real = subprocess.Popen(["/usr/bin/blender", *sys.argv[1:]], stdin=subprocess.PIPE)
for line in sys.stdin.buffer:
    if json.loads(line).get("frame") == 2:
        real.kill()
        real.wait()
        print("the light of frame 2 explodes", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    real.stdin.write(line)
    real.stdin.flush()
real.stdin.close()
real.wait()
"#;

const ENDS_AT_ONCE: &str = "#!/bin/sh
[ \"$1\" = --version ] && exec /usr/bin/blender --version
echo 'the license server is not there' >&2
exit 1
";

/// As a driver that can't be imported: Blender itself says so and goes on without it.
const HAS_NO_DRIVER: &str = "#!/bin/sh
[ \"$1\" = --version ] && exec /usr/bin/blender --version
exec /usr/bin/blender -b --factory-startup --python-expr 'import a_module_that_is_not_there'
";

const HANGS_AT_ONCE: &str = "#!/bin/sh
[ \"$1\" = --version ] && exec /usr/bin/blender --version
echo 'looking for a license' >&2
exec sleep 1000
";

#[test]
fn a_frame_at_which_blender_always_crashes_is_given_up_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    system_blender().make_scene("animation", &scene, &["--samples", "2"]);
    let blender = stand_in(folder.path(), CRASHES_AT_FRAME_2);
    let blender = blender.to_str().unwrap();
    let options = ["--blender", blender, "--agents", "1", "--frames", "1-3"];
    let rendered = Render::start(&scene, folder.path(), &options).finish();
    assert_eq!(rendered.code, 1, "{:#?}", rendered.events);
    assert!(rendered.exr(1).is_file() && rendered.exr(3).is_file());
    let error = rendered.event("error").to_string();
    assert!(error.contains("frame 2") && error.contains("SIGSEGV"), "{error}");
    assert!(error.contains("the light of frame 2 explodes"), "Blender's last lines: {error}");
    let failed = |e: &&Value| e["event"] == "frame_failed" || e["event"] == "frame";
    let frames = rendered.events.iter().filter(failed).count();
    assert_eq!(frames, 3, "{:#?}", rendered.events);
}

#[test]
fn a_blender_that_never_starts_is_said_with_its_last_lines() {
    for (script, said) in [
        (ENDS_AT_ONCE, "the license server is not there"),
        (HAS_NO_DRIVER, "a_module_that_is_not_there"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let scene = folder.path().join("scene.blend");
        system_blender().make_scene("combined_only", &scene, &[]);
        let blender = stand_in(folder.path(), script);
        let options = ["--blender", blender.to_str().unwrap(), "--agents", "2"];
        let rendered = Render::start(&scene, folder.path(), &options).finish();
        assert_ne!(rendered.code, 0, "{:#?}", rendered.events);
        let error = rendered.event("error").to_string();
        assert!(error.contains("starting") && error.contains(said), "{error}");
    }
}

/// A manager without agents of its own, with agents that were started with these options.
async fn farm(folder: &Path, agents: &[&[&str]]) -> (Server, Vec<Server>) {
    let manager = Server::start("blendnet-manager", &folder.join("manager"), &[]);
    let start = |(number, options): (usize, &&[&str])| {
        let name = format!("agent-{number}");
        let agent = Server::start("blendnet-agent", &folder.join(&name), options);
        manager.add_agent(&name, &agent);
        agent
    };
    let agents: Vec<Server> = agents.iter().enumerate().map(start).collect();
    let online = |view: &FarmView| {
        view.agents.iter().filter(|a| a.state == AgentState::Online).count() == agents.len()
    };
    manager.farm().wait_until("the agents", online).await;
    (manager, agents)
}

fn submit(manager: &Server, scene: &Path, samples: u32) {
    assert_eq!(manager.upload("task/t/file/scene.blend", scene).status, 200);
    let root = scene.parent().unwrap();
    let config = json!({
        "project": "scene.blend", "project_path": root, "cwd_path": root, "samples": samples,
    });
    manager.put("task/t/config", &config);
    manager.get("task/t/run");
}

#[tokio::test]
async fn a_blender_that_hangs_at_its_start_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    system_blender().make_scene("combined_only", &scene, &[]);
    let blender = stand_in(folder.path(), HANGS_AT_ONCE);
    let options = ["--blender", blender.to_str().unwrap(), "--hang-timeout-secs", "2"];
    let (manager, _agents) = farm(folder.path(), &[&options]).await;
    submit(&manager, &scene, 4);
    let failed = |s: &Value| s["state"] == "ERROR";
    let status = manager.poll("task/t/status", "the error", failed).await;
    let error = status["state_error_info"].to_string();
    assert!(error.contains("did nothing for 2 s"), "{error}");
    assert!(error.contains("looking for a license"), "{error}");
}

#[tokio::test]
async fn a_broken_blender_on_one_agent_leaves_the_work_to_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let blender = system_blender();
    let scene = folder.path().join("scene.blend");
    blender.make_scene("combined_only", &scene, &["--samples", "8"]);
    let broken = stand_in(folder.path(), ENDS_AT_ONCE);
    let broken = ["--blender", broken.to_str().unwrap()];
    let (manager, _agents) = farm(folder.path(), &[&broken, &[]]).await;
    submit(&manager, &scene, 8);
    let done = |s: &Value| {
        assert_ne!(s["state"], "ERROR", "{s}");
        s["state"] == "COMPLETED"
    };
    manager.poll("task/t/status", "the image", done).await;
    let exr = folder.path().join("out.exr");
    manager.download("task/t/status/result/render", &exr);
    let alone = blender.one_go(&scene, &folder.path().join("alone.exr"), 1);
    assert_equal(&compare_exr(&exr, &alone), 1e-6);
}

#[tokio::test]
async fn a_blender_that_hangs_in_mid_render_is_replaced_and_its_range_rendered_again() {
    let folder = tempfile::tempdir().unwrap();
    let blender = system_blender();
    let scene = folder.path().join("scene.blend");
    let size = ["--size", "320", "180", "--samples", "48"];
    blender.make_scene("combined_only", &scene, &size);
    let options = ["--threads", "1", "--hang-timeout-secs", "2"];
    let (manager, agents) = farm(folder.path(), &[&options]).await;
    submit(&manager, &scene, 48);
    let rendering = |view: &FarmView| view.agents.iter().any(|a| a.doing.contains("samples"));
    let view = manager.farm().wait_until("a render", rendering).await;
    let pid = view.agents[0].blender_pid.unwrap();
    manager.farm().signal(pid, "STOP");
    let done = |s: &Value| {
        assert_ne!(s["state"], "ERROR", "{s}");
        s["state"] == "COMPLETED"
    };
    manager.poll("task/t/status", "the image", done).await;
    assert!(agents[0].log().contains("did nothing for 2 s"), "{}", agents[0].log());
    assert!(!blendnet_tests::is_running(pid), "the hung Blender is gone");
    let exr = folder.path().join("out.exr");
    manager.download("task/t/status/result/render", &exr);
    let alone = blender.one_go(&scene, &folder.path().join("alone.exr"), 1);
    assert_equal(&compare_exr(&exr, &alone), 1e-6);
}

#[tokio::test]
async fn an_agent_that_was_killed_and_started_again_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let blender = system_blender();
    let scene = folder.path().join("scene.blend");
    let size = ["--size", "320", "180", "--samples", "48"];
    blender.make_scene("combined_only", &scene, &size);
    let (manager, mut agents) = farm(folder.path(), &[&["--threads", "1"]]).await;
    submit(&manager, &scene, 48);
    let rendering = |view: &FarmView| view.agents.iter().any(|a| a.doing.contains("samples"));
    manager.farm().wait_until("a render", rendering).await;
    let mut killed = agents.remove(0);
    killed.signal("KILL");
    killed.ended();
    let (address, dir) = (killed.address.clone(), killed.dir.clone());
    let _again = Server::start_at(&address, "blendnet-agent", &dir, &["--threads", "1"]);
    let done = |s: &Value| {
        assert_ne!(s["state"], "ERROR", "{s}");
        s["state"] == "COMPLETED"
    };
    manager.poll("task/t/status", "the image", done).await;
    let exr = folder.path().join("out.exr");
    manager.download("task/t/status/result/render", &exr);
    let alone = blender.one_go(&scene, &folder.path().join("alone.exr"), 1);
    assert_equal(&compare_exr(&exr, &alone), 1e-6);
}

/// A small disk; unmounted when dropped.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// `None`: this user may not mount.
    pub(crate) fn mount(folder: &Path, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let size = format!("size={megabytes}m,mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder);
        mount.stderr(std::process::Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        let disk = mounted.then(|| Self(folder.to_owned()));
        if disk.is_none() {
            let said = "skipped: this user may not mount a small disk to fill\n";
            let _unheard = std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes());
        }
        disk
    }

    /// Leaves no byte.
    pub(crate) fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).unwrap();
        let block = vec![0; 64 << 10];
        while std::io::Write::write(&mut file, &block).is_ok_and(|n| n > 0) {}
    }

    /// Takes away what filled it.
    pub(crate) fn free(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_of_the_manager_is_named_and_what_is_rendered_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(&folder.path().join("manager"), 200) else { return };
    let blender = system_blender();
    let scene = folder.path().join("scene.blend");
    blender.make_scene("combined_only", &scene, &["--size", "320", "180", "--samples", "48"]);
    let (manager, _agents) = farm(folder.path(), &[&["--threads", "1"]]).await;
    submit(&manager, &scene, 48);
    let begun = |view: &FarmView| view.jobs.iter().any(|job| job.done > 0.0);
    manager.farm().wait_until("a merged part", begun).await;
    disk.fill();
    let stopped = |view: &FarmView| {
        view.jobs.iter().any(|job| job.state == blendnet_protocol::JobState::Failed)
    };
    let view = manager.farm().wait_until("the error", stopped).await;
    let failure = view.jobs[0].failure.clone().unwrap();
    assert!(failure.message.contains("the manager's disk is full"), "{failure:?}");
    let done = view.jobs[0].done;
    assert!(done > 0.0);
    disk.free();
    let farm = manager.farm();
    let path = format!("job/{}/run", view.jobs[0].id);
    let job: blendnet_protocol::JobView = farm.client.post(&path, &json!({})).await.unwrap();
    assert!(job.done >= done, "what was merged is kept");
    let ended = |view: &FarmView| {
        let state = view.jobs[0].state;
        assert_ne!(state, blendnet_protocol::JobState::Failed, "{:?}", view.jobs[0].failure);
        state == blendnet_protocol::JobState::Completed
    };
    farm.wait_until("the image", ended).await;
    let exr = folder.path().join("out.exr");
    let path = format!("job/{}/frame/1/image", view.jobs[0].id);
    farm.client.download(&path, &exr, None).await.unwrap();
    let alone = blender.one_go(&scene, &folder.path().join("alone.exr"), 1);
    assert_equal(&compare_exr(&exr, &alone), 1e-6);
}

#[tokio::test]
async fn a_full_disk_of_an_agent_is_named_and_leaves_the_work_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(&folder.path().join("agent-0"), 100) else { return };
    let blender = system_blender();
    let scene = folder.path().join("scene.blend");
    blender.make_scene("combined_only", &scene, &["--samples", "8"]);
    let (manager, _agents) = farm(folder.path(), &[&["--threads", "1"]]).await;
    disk.fill();
    submit(&manager, &scene, 8);
    let failed = |s: &Value| s["state"] == "ERROR";
    let status = manager.poll("task/t/status", "the error", failed).await;
    let error = status["state_error_info"].to_string();
    assert!(error.contains("disk") && error.contains("agent-0"), "{error}");

    let other = Server::start("blendnet-agent", &folder.path().join("other"), &[]);
    manager.add_agent("other", &other);
    manager.get("task/t/run");
    let done = |s: &Value| s["state"] == "COMPLETED";
    manager.poll("task/t/status", "the image of the other agent", done).await;
    drop(disk);
}

#[test]
fn a_render_on_a_full_disk_says_so_and_resumes_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(&folder.path().join("data"), 300) else { return };
    let blender = system_blender();
    let scene = folder.path().join("scene.blend");
    blender.make_scene("combined_only", &scene, &["--size", "320", "180", "--samples", "48"]);
    let options = ["--agents", "2", "--threads-per-agent", "1"];
    let mut render = Render::start(&scene, folder.path(), &options);
    render.wait_for_event("preview");
    disk.fill();
    let rendered = render.finish();
    assert_eq!(rendered.code, 5, "{:#?}", rendered.events);
    let error = rendered.event("error").to_string();
    assert!(error.contains("disk") && error.contains("is full"), "{error}");
    assert!(error.contains("free some space"), "{error}");
    disk.free();
    let resumed = Render::command(folder.path(), &["resume"]).finish();
    assert_eq!(resumed.code, 0, "{:#?}", resumed.events);
    let alone = blender.one_go(&scene, &folder.path().join("alone.exr"), 1);
    assert_equal(&compare_exr(&resumed.exr(1), &alone), 1e-6);
}

#[test]
fn a_port_in_use_and_a_folder_in_use_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["blendnet-manager", "blendnet-agent"] {
        let first = Server::start(name, &folder.path().join(name), &[]);
        for (dir, said) in [("other", "is in use"), (name, "another")] {
            let mut command = blendnet_tests::command(name);
            command.arg("--dir").arg(folder.path().join(dir)).args(["--listen", &first.address]);
            let output = command.output().unwrap();
            assert!(!output.status.success());
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(complaint.contains(said), "{complaint}");
        }
    }
}

#[test]
fn an_unreadable_file_and_an_unknown_frame_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    system_blender().make_scene("combined_only", &scene, &[]);
    for frames in ["0x1", "5-", "1-10:0", "99999999999"] {
        let rendered = Render::start(&scene, folder.path(), &["--frames", frames]).finish();
        assert_eq!(rendered.code, 2, "{frames}: {:#?}", rendered.events);
    }
    // Root reads everything but what is no file at all.
    let socket = folder.path().join("socket.blend");
    let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let rendered = Render::start(&socket, folder.path(), &[]).finish();
    assert_eq!(rendered.code, 2, "{:#?}", rendered.events);
    assert!(rendered.event("error").to_string().contains("socket.blend"));
    fs::set_permissions(&scene, std::fs::Permissions::from_mode(0o0)).unwrap();
    if fs::File::open(&scene).is_err() {
        let rendered = Render::start(&scene, folder.path(), &[]).finish();
        assert_eq!(rendered.code, 2, "{:#?}", rendered.events);
        assert!(rendered.event("error").to_string().contains("scene.blend"));
    }
}

#[test]
fn a_split_that_the_engine_can_not_do_is_said_and_done_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let blender = system_blender();
    let scene = folder.path().join("scene.blend");
    blender.make_scene("workbench", &scene, &[]);
    let options = ["--split", "samples", "--agents", "2", "--threads-per-agent", "1"];
    let rendered = Render::start(&scene, folder.path(), &options).finish();
    assert_eq!(rendered.code, 0, "{:#?}", rendered.events);
    let split = rendered.event("scene")["split"].clone();
    assert!(!split["split"].to_string().contains("samples"), "{split}");
    assert!(split["reason"].to_string().contains("samples"), "it says why not: {split}");
    let alone = blender.one_go(&scene, &folder.path().join("alone.exr"), 1);
    assert_equal(&compare_exr(&rendered.exr(1), &alone), 0.0);
}

#[tokio::test]
async fn a_stopped_task_leaves_its_agents_idle_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.blend");
    let size = ["--size", "1280", "720", "--samples", "4096"];
    system_blender().make_scene("combined_only", &scene, &size);
    let (manager, _agents) = farm(folder.path(), &[&["--threads", "1"]]).await;
    submit(&manager, &scene, 4096);
    let farm: Farm = manager.farm();
    let rendering = |v: &FarmView| v.jobs[0].done > 0.0 && v.agents[0].doing.contains("samples");
    let view = farm.wait_until("a render", rendering).await;
    let pid = view.agents[0].blender_pid.unwrap();
    manager.get("task/t/stop");
    let limit = std::time::Duration::from_secs(5);
    blendnet_tests::wait_for("the end of its Blender", limit, || !blendnet_tests::is_running(pid));
    let idle = |view: &FarmView| !view.agents[0].doing.contains("samples");
    farm.wait_until("an idle agent", idle).await;
}

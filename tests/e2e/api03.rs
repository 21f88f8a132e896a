//! BlendNet 0.3's own CI sequence with curl, and the four stories at which 0.3 failed.

use crate::exactness::assert_equal;
use blendnet_protocol::AgentState;
use blendnet_tests::{Blender, Server, compare_exr, compare_png, system_blender};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A manager, and agents that were started by hand and added over the API.
struct Api {
    manager: Server,
    agents: Vec<Server>,
    /// Last: it is gone when they are.
    folder: tempfile::TempDir,
}

impl Api {
    async fn start(agents: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manager = Server::start("blendnet-manager", &folder.path().join("manager"), &[]);
        let mut api = Self { manager, agents: Vec::new(), folder };
        assert_eq!(api.manager.get("status")["terminating"], false);
        for number in 1..=agents {
            let name = format!("agent-{number}");
            let dir = api.folder.path().join(&name);
            let agent = Server::start("blendnet-agent", &dir, &["--threads", "1"]);
            assert!(agent.get("status").is_object(), "an agent alone serves the same");
            api.manager.add_agent(&name, &agent);
            api.agents.push(agent);
        }
        let online = |view: &blendnet_protocol::FarmView| {
            view.agents.iter().filter(|a| a.state == AgentState::Online).count() == agents
        };
        api.manager.farm().wait_until("the agents", online).await;
        api
    }

    /// The artist's folder.
    fn artist(&self) -> PathBuf {
        self.folder.path().join("artist")
    }

    fn scene(&self, blender: &Blender, script: &str, options: &[&str]) -> PathBuf {
        let project = self.artist().join("proj");
        fs_err::create_dir_all(&project).unwrap();
        blender.make_scene(script, &project.join("scene.blend"), options)
    }

    /// Uploads and configures, as 0.3's CI does.
    fn prepare(&self, task: &str, config: &Value) {
        let reply = self.manager.upload(
            &format!("task/{task}/file/proj/scene.blend"),
            &self.artist().join("proj/scene.blend"),
        );
        assert_eq!(reply.status, 200, "{}", reply.body);
        let mut all = json!({
            "project": "scene.blend",
            "project_path": self.artist().join("proj"),
            "cwd_path": self.artist(),
            "compose_filepath": "out/shot-32.png",
        });
        let fields = config.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(fields);
        self.manager.put(&format!("task/{task}/config"), &all);
    }

    async fn until(&self, task: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let path = format!("task/{task}/status");
        self.manager
            .poll(&path, what, |status| {
                assert_ne!(status["state"], "ERROR", "{status}");
                fits(status)
            })
            .await
    }

    /// Both results of a task, downloaded when they are there.
    async fn results(&self, task: &str) -> (PathBuf, PathBuf) {
        let paths = ["render", "compose"].map(|which| {
            let ending = if which == "render" { "exr" } else { "png" };
            (which, self.folder.path().join(format!("{task}-{which}.{ending}")))
        });
        for (which, to) in &paths {
            self.until(task, which, |status| status["result"][*which].is_string()).await;
            self.manager.download(&format!("task/{task}/status/result/{which}"), to);
        }
        let [(_, exr), (_, png)] = paths;
        (exr, png)
    }

    /// Makes a scene that takes some seconds, so that it can be disturbed.
    fn long_scene(&self, blender: &Blender) -> PathBuf {
        self.scene(blender, "combined_only", &["--size", "320", "180", "--samples", "64"])
    }
}

fn assert_same(blender: &Blender, scene: &Path, frame: i32, (exr, png): &(PathBuf, PathBuf)) {
    let alone = blender.one_go(scene, &exr.with_file_name("alone.exr"), frame);
    assert_equal(&compare_exr(exr, &alone), 1e-6);
    let difference = compare_png(png, &alone.with_extension("png"));
    assert!(difference.largest <= 1, "{difference:?}");
}

#[tokio::test]
async fn the_ci_sequence_of_0_3_gives_the_one_machines_image() {
    let api = Api::start(2).await;
    let blender = system_blender();
    let scene = api.scene(&blender, "animation", &["--samples", "23", "--frames", "40"]);
    api.prepare("test-task-1", &json!({ "samples": 23, "frame": 32 }));
    assert_eq!(api.manager.get("task/test-task-1")["state"], "CREATED");
    assert!(api.manager.get("task/test-task-1/file")["proj/scene.blend"].is_string());
    api.manager.get("task/test-task-1/run");
    let results = api.results("test-task-1").await;
    assert_same(&blender, &scene, 32, &results);
    let size = image::image_dimensions(&results.1).unwrap();
    assert_eq!(size, (160, 90), "the scene's resolution");

    let status = api.until("test-task-1", "its end", |s| s["state"] == "COMPLETED").await;
    assert_eq!(status["samples"], 23);
    assert_eq!(status["frame"], 32);
    assert_eq!(status["done"], 1.0);
    assert_eq!(status["compose_filepath"], "out/shot-32.png");
    let resources = api.manager.get("resources");
    assert_eq!(resources["agents"].as_object().map(serde_json::Map::len), Some(2), "{resources}");
    assert!(!api.manager.get("agent/agent-1/log").is_null());
    assert!(!api.manager.get("info").is_null() && !api.manager.get("log").is_null());
    let deleted = api.manager.curl("task/test-task-1", &["--request", "DELETE"]);
    assert_eq!(deleted.status, 200, "{}", deleted.body);
    assert_eq!(api.manager.curl("task/test-task-1/status", &[]).status, 404);
}

#[tokio::test]
async fn a_task_that_was_stopped_goes_on_and_completes() {
    let api = Api::start(2).await;
    let blender = system_blender();
    let size = ["--size", "320", "180", "--samples", "50"];
    let scene = api.scene(&blender, "combined_only", &size);
    api.prepare("stopped", &json!({ "samples": 50 }));
    api.manager.get("task/stopped/run");
    let begun = |s: &Value| s["samples_done"].as_f64() > Some(0.0);
    api.until("stopped", "the first samples", begun).await;
    api.manager.get("task/stopped/stop");
    let status = api.manager.get("task/stopped/status");
    assert_eq!(status["state"], "STOPPED", "{status}");
    assert!(status["result"]["render"].is_null(), "it was stopped on the way: {status}");
    api.manager.get("task/stopped/run");
    let results = api.results("stopped").await;
    let status = api.until("stopped", "its end", |s| s["state"] == "COMPLETED").await;
    assert_eq!(status["samples_done"], 50.0, "{status}");
    assert_same(&blender, &scene, 1, &results);
}

#[tokio::test]
async fn a_task_completes_although_an_agent_was_killed() {
    let mut api = Api::start(2).await;
    let blender = system_blender();
    let scene = api.long_scene(&blender);
    api.prepare("killed", &json!({ "samples": 64 }));
    api.manager.get("task/killed/run");
    let farm = api.manager.farm();
    let view = farm
        .wait_until("an agent in mid-work", |view| {
            view.jobs.iter().any(|job| job.done > 0.0)
                && view.agents.iter().any(|agent| agent.doing.contains("frame"))
        })
        .await;
    let victim = view.agents.iter().find(|agent| agent.doing.contains("frame")).unwrap();
    let at = api.agents.iter().position(|agent| agent.address == victim.address).unwrap();
    let agent = api.agents.remove(at);
    agent.signal("KILL");
    let results = api.results("killed").await;
    assert_same(&blender, &scene, 1, &results);
}

#[tokio::test]
async fn a_name_used_again_is_another_task() {
    let api = Api::start(1).await;
    let blender = system_blender();
    api.scene(&blender, "animation", &["--samples", "4"]);
    api.prepare("again", &json!({ "samples": 4 }));
    api.manager.get("task/again/run");
    let (first, _) = api.results("again").await;
    let first = fs_err::read(first).unwrap();
    api.until("again", "its end", |s| s["state"] == "COMPLETED").await;
    let deleted = api.manager.curl("task/again", &["--request", "DELETE"]);
    assert_eq!(deleted.status, 200, "{}", deleted.body);

    let scene = api.scene(&blender, "combined_only", &["--samples", "4"]);
    api.prepare("again", &json!({ "samples": 4 }));
    let status = api.manager.get("task/again/status");
    assert!(status["result"]["render"].is_null(), "{status}");
    api.manager.get("task/again/run");
    let results = api.results("again").await;
    assert_ne!(fs_err::read(&results.0).unwrap(), first);
    assert_same(&blender, &scene, 1, &results);
}

#[tokio::test]
async fn an_agent_alone_renders_a_scene_whose_only_pass_is_combined() {
    let folder = tempfile::tempdir().unwrap();
    let blender = system_blender();
    let scene = folder.path().join("scene.blend");
    let scene = blender.make_scene("combined_only", &scene, &["--samples", "8"]);
    let agent = Server::start("blendnet-agent", &folder.path().join("agent"), &[]);
    assert_eq!(agent.upload("task/alone/file/scene.blend", &scene).status, 200);
    let config = json!({
        "project": "scene.blend", "project_path": folder.path(), "cwd_path": folder.path(),
        "samples": 8, "frame": 1,
    });
    agent.put("task/alone/config", &config);
    agent.get("task/alone/run");
    blendnet_tests::wait_for("the image", std::time::Duration::from_mins(1), || {
        let status = agent.get("task/alone/status");
        assert_ne!(status["state"], "ERROR", "{status}");
        status["state"] == "COMPLETED"
    });
    let exr = folder.path().join("out.exr");
    agent.download("task/alone/status/result/render", &exr);
    let alone = blender.one_go(&scene, &folder.path().join("alone.exr"), 1);
    assert_equal(&compare_exr(&exr, &alone), 1e-6);
}

use super::harness::{BLEND, Server};
use crate::TaskState;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

async fn state(server: &Server) -> Value {
    server.get("task/t").await.data()["state"].clone()
}

#[tokio::test]
async fn the_ci_sequence_gives_the_host_the_scene_in_the_artists_layout() {
    let server = Server::new().await;
    for path in ["/srv/ci/proj/cache_0032.bphys", "ci/ext/tex/w.png", "ci/proj/a.blend"] {
        server.upload(&format!("task/t/file/{path}"), path.as_bytes()).await.data();
    }
    let config = json!({
        "samples": 23, "compose_filepath": "newout-32.png", "project": "a.blend", "frame": 32,
        "project_path": "/srv/ci/proj", "cwd_path": "/srv"
    });
    server.configure("t", &config).await.data();
    assert_eq!(server.get("task/t/run").await.data(), true);
    let run = server.host.last_run();
    let files: Vec<&str> = run.scene.manifest.files.iter().map(|f| f.path.as_str()).collect();
    let expected = ["srv/ci/ext/tex/w.png", "srv/ci/proj/a.blend", "srv/ci/proj/cache_0032.bphys"];
    assert_eq!(files, expected);
    assert_eq!(run.scene.manifest.project.as_str(), "srv/ci/proj/a.blend");
    assert_eq!((run.frame, run.scene.overrides.samples), (Some(32), Some(23)));
    server.host.say(|run| {
        run.done = 0.5;
        run.samples_done = 11.5;
        run.remaining_secs = Some(7.9);
    });
    let status = server.get("task/t/status").await.data();
    assert_eq!((&status["state"], &status["done"]), (&json!("RUNNING"), &json!(0.5)));
    assert_eq!((&status["samples_done"], &status["remaining"]), (&json!(11), &json!(7)));
    server.host.say(|run| run.state = TaskState::Completed);
    let status = server.get("task/t/status").await.data();
    assert_eq!((&status["state"], &status["done"]), (&json!("COMPLETED"), &json!(1.0)));
    assert_eq!((&status["samples_done"], &status["remaining"]), (&json!(23), &Value::Null));
    assert!(status["end_time"].as_u64() >= status["start_time"].as_u64());
}

#[tokio::test]
async fn a_stopped_task_runs_on_with_what_it_has() {
    let server = Server::new().await;
    server.run("t").await;
    let first = server.host.last_run();
    assert_eq!(server.call("POST", "task/t/stop").await.data(), true);
    assert_eq!(state(&server).await, "STOPPED");
    server.get("task/t/stop").await.data();
    server.call("POST", "task/t/run").await.data();
    assert_eq!(state(&server).await, "RUNNING");
    assert_eq!(server.host.last_run(), first);
    assert!(server.host.forgotten.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_stopped_task_with_other_settings_is_a_fresh_run() {
    let server = Server::new().await;
    server.run("t").await;
    let first = server.host.last_run();
    server.get("task/t/stop").await.data();
    server.configure("t", &json!({"samples": 7})).await.data();
    server.get("task/t/run").await.data();
    assert_ne!(server.host.last_run().run_id, first.run_id);
    assert_eq!(*server.host.forgotten.lock().unwrap(), [first.run_id]);
}

#[tokio::test]
async fn run_again_changes_nothing_while_it_runs_and_when_it_is_done() {
    let server = Server::new().await;
    server.run("t").await;
    server.get("task/t/run").await.data();
    server.host.say(|run| run.state = TaskState::Completed);
    server.get("task/t/run").await.data();
    assert_eq!(state(&server).await, "COMPLETED");
    assert_eq!(server.host.started.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_name_used_again_with_other_content_is_another_run() {
    let server = Server::new().await;
    server.run("t").await;
    let first = server.host.last_run();
    let image = server.result_file("old.png", b"old");
    server.host.say(|run| {
        run.state = TaskState::Completed;
        run.files.compose = Some(image);
    });
    assert!(server.get("task/t/status").await.data()["result"]["compose"].is_string());
    server.call("DELETE", "task/t").await.data();
    assert_eq!(*server.host.forgotten.lock().unwrap(), [first.run_id.as_str()]);
    server.get("task/t").await.error(404);
    server.upload("task/t/file/a.blend", b"another scene").await.data();
    server.configure("t", &json!({"project": "a.blend"})).await.data();
    server.get("task/t/run").await.data();
    let second = server.host.last_run();
    assert_ne!(second.run_id, first.run_id);
    assert_ne!(second.scene, first.scene);
    assert_eq!(server.get("task/t/status").await.data()["result"]["compose"], Value::Null);
}

#[tokio::test]
async fn a_running_task_is_not_deleted() {
    let server = Server::new().await;
    server.run("t").await;
    let message = server.call("DELETE", "task/t").await.error(409);
    assert!(message.contains("running"), "{message}");
    assert_eq!(state(&server).await, "RUNNING");
}

#[tokio::test]
async fn a_task_without_its_project_does_not_run() {
    let server = Server::new().await;
    server.upload("task/t/file/b.blend", BLEND).await.data();
    server.get("task/t/run").await.error(400);
    server.configure("t", &json!({"project": "a.blend"})).await.data();
    let message = server.get("task/t/run").await.error(400);
    assert!(message.contains("a.blend"), "{message}");
    assert_eq!(state(&server).await, "CREATED");
}

#[tokio::test]
async fn an_absolute_file_outside_is_named_before_anything_starts() {
    let server = Server::new().await;
    server.upload("task/t/file//etc/passwd", b"1").await.data();
    server.upload("task/t/file/a.blend", BLEND).await.data();
    let config = json!({"project": "a.blend", "project_path": "/srv", "cwd_path": "/srv"});
    server.configure("t", &config).await.data();
    let message = server.get("task/t/run").await.error(400);
    assert!(message.contains("/etc/passwd"), "{message}");
    assert!(server.host.started.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_the_server_lost_is_named() {
    let server = Server::new().await;
    let sent = server.upload("task/t/file/a.blend", BLEND).await.data();
    server.configure("t", &json!({"project": "a.blend"})).await.data();
    let blob = blendnet_protocol::BlobId::new(sent["id"].as_str().unwrap()).unwrap();
    fs_err::remove_file(server.blobs.path(&blob).unwrap()).unwrap();
    let message = server.get("task/t/run").await.error(409);
    assert!(message.contains("a.blend"), "{message}");
}

#[tokio::test]
async fn a_host_that_refuses_leaves_the_task_as_it_was() {
    let server = Server::new().await;
    server.upload("task/t/file/a.blend", BLEND).await.data();
    server.configure("t", &json!({"project": "a.blend"})).await.data();
    server.host.refuses.store(true, Ordering::SeqCst);
    server.get("task/t/run").await.error(409);
    assert_eq!(state(&server).await, "CREATED");
    server.host.refuses.store(false, Ordering::SeqCst);
    server.host.terminating.store(true, Ordering::SeqCst);
    server.get("task/t/run").await.error(503);
}

#[tokio::test]
async fn a_failed_run_says_why_and_runs_afresh() {
    let server = Server::new().await;
    server.run("t").await;
    let first = server.host.last_run();
    server.host.say(|run| {
        run.state = TaskState::Error;
        run.error = Some("no camera in scene `Scene`".to_owned());
    });
    let task = server.get("task/t").await.data();
    assert_eq!(task["state"], "ERROR");
    assert_eq!(task["state_error_info"], json!([{"t": "no camera in scene `Scene`"}]));
    server.get("task/t/run").await.data();
    assert_ne!(server.host.last_run().run_id, first.run_id);
    assert_eq!(server.get("task/t").await.data()["state_error_info"], json!([]));
}

#[tokio::test]
async fn tasks_survive_a_restart_and_a_running_one_comes_back_stopped() {
    let server = Server::new().await;
    server.run("t").await;
    server.configure("u", &json!({"samples": 5})).await.data();
    let run = server.host.last_run();
    let server = server.restarted().await;
    assert_eq!(state(&server).await, "STOPPED");
    assert_eq!(server.host.runs.lock().unwrap()[&run.run_id].state, TaskState::Stopped);
    assert_eq!(server.get("task/u/status").await.data()["samples"], 5);
    server.get("task/t/run").await.data();
    assert_eq!(server.host.last_run(), run);
}

#[tokio::test]
async fn a_run_that_the_host_lost_is_stopped_and_said() {
    let server = Server::new().await;
    server.run("t").await;
    server.host.runs.lock().unwrap().clear();
    assert_eq!(state(&server).await, "STOPPED");
    let messages = server.get("task/t/messages").await.data();
    assert!(messages["t"][0].as_str().unwrap().contains("run"), "{messages}");
}

#[tokio::test]
async fn a_broken_task_file_takes_no_other_task_with_it() {
    let server = Server::new().await;
    server.configure("t", &json!({"samples": 5})).await.data();
    fs_err::write(server.dir.path().join("tasks/broken.json"), "{").unwrap();
    let server = server.restarted().await;
    assert_eq!(server.get("task").await.data().as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn details_and_messages_are_by_task() {
    let server = Server::new().await;
    server.run("t").await;
    server.host.say(|run| {
        run.details = json!({"split": "samples"});
        run.messages = vec!["split by samples: exact".to_owned()];
    });
    assert_eq!(server.get("task/t/details").await.data(), json!({"t": [{"split": "samples"}]}));
    let messages = server.get("task/t/messages").await.data();
    assert_eq!(messages, json!({"t": ["split by samples: exact"]}));
}

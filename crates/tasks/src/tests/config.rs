use super::harness::{FakeHost, Server};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

async fn put(server: &Server, content_type: &str, body: impl Into<Body>) -> super::harness::Reply {
    let request = Request::put("/api/v1/task/t/config").header("Content-Type", content_type);
    server.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_config_shows_in_the_status() {
    let server = Server::new().await;
    let config = json!({
        "samples": 23, "frame": 32, "seed": 5, "project": "a.blend", "project_path": "/srv/proj",
        "cwd_path": "/srv", "compose_filepath": "newout-32.png", "agents_num": 2,
        "use_compositing_nodes": true
    });
    assert_eq!(server.configure("t", &config).await.data(), true);
    let status = server.get("task/t/status").await.data();
    for field in ["samples", "frame", "seed", "project", "compose_filepath"] {
        assert_eq!(status[field], config[field], "{field}");
    }
    assert_eq!(status["result"], json!({"preview": null, "render": null, "compose": null}));
    assert_eq!(status["remaining"], Value::Null);
}

#[tokio::test]
async fn a_task_without_config_has_the_defaults_of_0_3() {
    let server = Server::new().await;
    server.upload("task/t/file/a", b"1").await.data();
    let status = server.get("task/t/status").await.data();
    assert_eq!(status["samples"], 100);
    for field in ["frame", "seed", "project", "compose_filepath", "start_time", "end_time"] {
        assert_eq!(status[field], Value::Null, "{field}");
    }
}

#[tokio::test]
async fn a_config_is_read_whatever_client_sends_it() {
    let server = Server::new().await;
    let curl = "application/x-www-form-urlencoded";
    for content_type in ["application/json", "application/octet-stream", curl] {
        put(&server, content_type, "{\"samples\": 1}").await.data();
    }
}

#[tokio::test]
async fn what_is_no_config_is_refused_and_makes_no_task() {
    let server = Server::new().await;
    put(&server, "application/json", "{\"samples\":").await.error(400);
    put(&server, "application/json", "").await.error(400);
    put(&server, "application/json", "[1]").await.error(422);
    put(&server, "application/json", "{\"samples\": 0}").await.error(422);
    put(&server, "application/json", "{\"cwd_path\": \"work\"}").await.error(400);
    put(&server, "application/json", "{\"project\": \"../a.blend\"}").await.error(400);
    server.get("task/t").await.error(404);
}

#[tokio::test]
async fn a_refused_config_changes_nothing() {
    let server = Server::new().await;
    server.configure("t", &json!({"samples": 7})).await.data();
    server.configure("t", &json!({"samples": 8, "frame": "x"})).await.error(422);
    assert_eq!(server.get("task/t/status").await.data()["samples"], 7);
}

#[tokio::test]
async fn a_config_over_512_kib_is_413_whether_announced_or_not() {
    let server = Server::new().await;
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(512 * 1024));
    put(&server, "application/json", large.clone()).await.error(413);
    let request = Request::put("/api/v1/task/t/config").header("Content-Length", large.len());
    server.send(request.body(Body::from(large)).unwrap()).await.error(413);
    let fits = format!("{{\"a\": \"{}\"}}", "x".repeat(512 * 1024 - 9));
    put(&server, "application/json", fits).await.data();
}

#[tokio::test]
async fn unknown_fields_are_ignored_with_a_message() {
    let server = Server::new().await;
    server.configure("t", &json!({"samples": 7, "engine": "CYCLES"})).await.data();
    let messages = server.get("task/t/messages").await.data();
    assert!(messages["t"][0].as_str().unwrap().contains("engine"), "{messages}");
}

#[tokio::test]
async fn an_agent_ignores_what_is_the_managers() {
    let server = Server::with(FakeHost { is_agent: true, ..FakeHost::default() }).await;
    server.configure("t", &json!({"agents_num": 0, "compose_filepath": "a.png"})).await.data();
    assert_eq!(server.get("task/t/status").await.data()["compose_filepath"], Value::Null);
    server.run("t").await;
    assert_eq!(server.host.last_run().max_agents, None);
}

#[tokio::test]
async fn a_running_task_takes_no_config() {
    let server = Server::new().await;
    server.run("t").await;
    server.configure("t", &json!({"samples": 1})).await.error(409);
}

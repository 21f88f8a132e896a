use super::harness::Server;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn info_names_engine_platform_and_blender() {
    let info = Server::new().await.get("info").await.data();
    assert_eq!(info["engine"], "Manager");
    assert_eq!(info["blender"]["version_string"], "3.4.1");
    assert_eq!(info["blender"]["version"], serde_json::json!([3, 4, 1]));
    for field in ["system", "arch", "name"] {
        assert!(info["platform"][field].is_string(), "{info}");
    }
    assert!(info["platform"]["cpu"].as_u64().unwrap() >= 1);
}

#[tokio::test]
async fn status_lists_running_tasks_and_the_machine() {
    let server = Server::new().await;
    server.run("t1").await;
    let status = server.get("status").await.data();
    assert_eq!(status["running"], serde_json::json!(["t1"]));
    assert_eq!(status["terminating"], false);
    assert_eq!(status["load"].as_array().unwrap().len(), 3);
    assert!(status["memory"].is_object() && status["disk"].is_object());
    server.host.terminating.store(true, Ordering::SeqCst);
    assert_eq!(server.get("status").await.data()["terminating"], true);
}

#[tokio::test]
async fn the_log_is_a_map_as_in_0_3() {
    assert!(Server::new().await.get("log").await.data().is_object());
}

#[tokio::test]
async fn a_task_that_is_not_there_is_404_everywhere() {
    let server = Server::new().await;
    for (method, path) in [
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/file"),
        ("GET", "/file/a"),
        ("GET", "/run"),
        ("POST", "/run"),
        ("GET", "/stop"),
        ("POST", "/stop"),
        ("GET", "/status"),
        ("GET", "/status/result/render"),
        ("GET", "/details"),
        ("GET", "/messages"),
    ] {
        let message = server.call(method, &format!("task/none{path}")).await.error(404);
        assert!(message.contains("none"), "{message}");
    }
    assert_eq!(server.get("task").await.data(), serde_json::json!({}));
}

#[tokio::test]
async fn names_that_are_no_names_are_refused() {
    let server = Server::new().await;
    for bad in ["a%2Fb", "a%5Cb", "a%00b", "a%0Ab", "..", &"x".repeat(101), "%ff"] {
        server.upload(&format!("task/{bad}/file/a"), b"1").await.error(400);
        server.configure(bad, &serde_json::json!({"samples": 1})).await.error(400);
    }
    for good in ["a%20b", "%C3%BC", ".hidden", "%25", &"x".repeat(100)] {
        server.upload(&format!("task/{good}/file/a"), b"1").await.data();
    }
    let names = server.get("task").await.data();
    assert_eq!(names["ü"]["name"], "ü");
    assert_eq!(names.as_object().unwrap().len(), 5);
}

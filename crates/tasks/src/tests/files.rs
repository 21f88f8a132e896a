use super::harness::{BLEND, Server, sha1_of, upload};
use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::stream;
use serde_json::json;
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn an_uploaded_file_is_listed_with_its_blob_id() {
    let server = Server::new().await;
    let sent = server.upload("task/t/file/tex/w%C3%BC.png", BLEND).await.data();
    let id = sent["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 64);
    assert_eq!(server.get("task/t/file").await.data(), json!({ "tex/wü.png": id }));
    let info = server.get("task/t/file/tex/w%C3%BC.png").await.data();
    assert_eq!((&info["id"], &info["path"]), (&json!(id), &json!("tex/wü.png")));
    assert_eq!(info["blob"], json!({"id": id, "size": 12, "sha1": sha1_of(BLEND)}));
    let task = server.get("task/t").await.data();
    assert_eq!((&task["state"], &task["done"]), (&json!("CREATED"), &json!(0.0)));
    server.get("task/t/file/other").await.error(404);
}

#[tokio::test]
async fn the_same_path_is_replaced() {
    let server = Server::new().await;
    server.upload("task/t/file/a", b"old").await.data();
    let new = server.upload("task/t/file/a", b"new").await.data();
    assert_eq!(server.get("task/t/file").await.data(), json!({ "a": new["id"] }));
}

#[tokio::test]
async fn both_slashes_and_double_ones_are_understood() {
    let server = Server::new().await;
    for (sent, kept) in [
        ("tex%5Ca.png", "tex/a.png"),
        ("//b.png", "//b.png"),
        ("/srv/c.png", "/srv/c.png"),
        ("./d.png", "d.png"),
        ("C:/e.png", "C:/e.png"),
    ] {
        server.upload(&format!("task/t/file/{sent}"), b"1").await.data();
        let files = server.get("task/t/file").await.data();
        assert!(files.as_object().unwrap().contains_key(kept), "{files}");
    }
}

#[tokio::test]
async fn paths_that_climb_are_refused() {
    let server = Server::new().await;
    for bad in ["../a", "a/../../b", "a/..", "//../a", "..%5Ca", "%2e%2e/a", "a%00b", "a/"] {
        server.upload(&format!("task/t/file/{bad}"), b"1").await.error(400);
    }
    server.get("task/t").await.error(404);
}

#[tokio::test]
async fn absolute_paths_outside_the_configured_folders_are_refused() {
    let server = Server::new().await;
    let config = json!({"project_path": "/srv/proj", "cwd_path": "/srv/work"});
    server.configure("t", &config).await.data();
    server.upload("task/t/file//srv/proj/a", b"1").await.data();
    let message = server.upload("task/t/file//etc/passwd", b"1").await.error(400);
    assert!(message.contains("/etc/passwd"), "{message}");
}

#[tokio::test]
async fn an_upload_without_a_length_is_411() {
    let server = Server::new().await;
    let request = Request::put("/api/v1/task/t/file/a").body(Body::from("1")).unwrap();
    server.send(request).await.error(411);
    server.get("task/t").await.error(404);
}

#[tokio::test]
async fn a_wrong_checksum_is_refused_and_leaves_nothing() {
    let server = Server::new().await;
    let request = upload("task/t/file/a", b"one").body(Body::from("two")).unwrap();
    let message = server.send(request).await.error(409);
    assert!(message.contains(&sha1_of(b"one")), "{message}");
    server.get("task/t").await.error(404);
}

#[tokio::test]
async fn a_checksum_that_is_a_path_is_refused() {
    let server = Server::new().await;
    for bad in ["../../../etc/passwd", "", "g000000000000000000000000000000000000000", "ab"] {
        let request = Request::put("/api/v1/task/t/file/a")
            .header("Content-Length", 1)
            .header("X-Checksum-Sha1", bad);
        server.send(request.body(Body::from("1")).unwrap()).await.error(400);
    }
}

#[tokio::test]
async fn a_checksum_may_be_left_out_or_upper_case() {
    let server = Server::new().await;
    let bare = Request::put("/api/v1/task/t/file/a").header("Content-Length", 1);
    server.send(bare.body(Body::from("1")).unwrap()).await.data();
    let upper = Request::put("/api/v1/task/t/file/b")
        .header("Content-Length", 1)
        .header("X-Checksum-Sha1", sha1_of(b"2").to_uppercase());
    server.send(upper.body(Body::from("2")).unwrap()).await.data();
}

#[tokio::test]
async fn an_upload_cut_half_way_leaves_nothing() {
    let server = Server::new().await;
    let pieces = [Ok(Bytes::from_static(b"half")), Err(io::Error::other("connection reset"))];
    let body = Body::from_stream(stream::iter(pieces));
    let reply = server.send(upload("task/t/file/a", b"half and half").body(body).unwrap()).await;
    assert!(reply.status.is_client_error(), "{}", reply.json);
    server.get("task/t").await.error(404);
}

#[tokio::test]
async fn a_length_of_ten_to_the_fifteen_is_refused_and_the_next_upload_works() {
    let server = Server::new().await;
    let request =
        Request::put("/api/v1/task/t/file/a").header("Content-Length", "1000000000000000");
    let status = server.send(request.body(Body::from("1")).unwrap()).await.status.as_u16();
    assert!(status == 413 || status == 507, "{status}");
    server.upload("task/t/file/a", b"1").await.data();
}

#[tokio::test]
async fn what_the_server_has_is_not_read_again() {
    let server = Server::new().await;
    let first = server.upload("task/t/file/a", BLEND).await.data();
    let never = || Body::from_stream(stream::pending::<io::Result<Bytes>>());
    let again = server.send(upload("task/u/file/b", BLEND).body(never()).unwrap()).await.data();
    assert_eq!(again["id"], first["id"]);
    let server = server.restarted().await;
    server.send(upload("task/v/file/c", BLEND).body(never()).unwrap()).await.data();
}

#[tokio::test]
async fn a_known_checksum_with_another_length_is_read() {
    let server = Server::new().await;
    server.upload("task/t/file/a", b"one").await.data();
    let request = Request::put("/api/v1/task/t/file/a")
        .header("Content-Length", 5)
        .header("X-Checksum-Sha1", sha1_of(b"one"));
    let reply = server.send(request.body(Body::from("other")).unwrap()).await;
    assert!(reply.status.is_client_error(), "{}", reply.json);
}

#[tokio::test]
async fn a_running_task_takes_no_files() {
    let server = Server::new().await;
    server.run("t").await;
    let message = server.upload("task/t/file/b", b"1").await.error(409);
    assert!(message.contains("running"), "{message}");
    server.get("task/t/stop").await.data();
    server.upload("task/t/file/b", b"1").await.data();
}

#[tokio::test]
async fn the_host_keeps_the_blobs_that_a_task_names_and_no_others() {
    let server = Server::new().await;
    let held = |server: &Server| {
        let held = server.host.held.lock().unwrap()["t"].clone();
        held.iter().map(|blob| json!(blob)).collect::<Vec<_>>()
    };
    let old = server.upload("task/t/file/a", b"old").await.data();
    assert_eq!(held(&server), [old["id"].clone()]);
    let new = server.upload("task/t/file/a", b"new").await.data();
    assert_eq!(held(&server), [new["id"].clone()]);
    let in_use = server.tasks.blobs_in_use().await;
    assert_eq!(in_use.iter().map(|blob| json!(blob)).collect::<Vec<_>>(), held(&server));
    server.host.held.lock().unwrap().clear();
    let server = server.restarted().await;
    assert_eq!(held(&server), [new["id"].clone()]);
    server.call("DELETE", "task/t").await.data();
    assert!(held(&server).is_empty() && server.tasks.blobs_in_use().await.is_empty());
}

/// Writes all of a request before it reads, as Python's client does.
async fn send_then_read(server: &Server, path: &str, content: &[u8]) -> String {
    let mut stream = server.listen().await;
    let head = format!(
        "PUT /api/v1/{path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: {}\r\nX-Checksum-Sha1: {}\r\n\r\n",
        content.len(),
        sha1_of(content)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(content).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn an_early_answer_reaches_a_client_that_sends_before_it_reads() {
    let server = Server::new().await;
    let content = vec![7; 3 << 20];
    server.upload("task/t/file/a", &content).await.data();
    let known = send_then_read(&server, "task/t/file/b", &content).await;
    assert!(known.starts_with("HTTP/1.1 200"), "{known}");
    server.run("running").await;
    let refused = send_then_read(&server, "task/running/file/b", &content).await;
    assert!(refused.starts_with("HTTP/1.1 409"), "{refused}");
}

#[tokio::test]
async fn what_the_server_has_is_answered_before_the_body_is_sent() {
    let server = Server::new().await;
    let content = vec![7; 3 << 20];
    server.upload("task/t/file/a", &content).await.data();
    let mut stream = server.listen().await;
    let head = format!(
        "PUT /api/v1/task/t/file/b HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\nExpect: 100-continue\r\nX-Checksum-Sha1: {}\r\n\r\n",
        content.len(),
        sha1_of(&content)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, *b"HTTP/1.1 200");
}

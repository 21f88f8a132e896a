use super::harness::{Server, sha1_of};

#[tokio::test]
async fn results_come_with_length_and_checksum() {
    let server = Server::new().await;
    server.run("t").await;
    let render = server.result_file("0032.exr", b"render");
    let preview = server.result_file("preview.png", b"preview");
    let id = render.blob.clone();
    server.host.say(|run| {
        run.files.render = Some(render);
        run.files.preview = Some(preview);
    });
    let status = server.get("task/t/status").await.data();
    assert_eq!(status["result"]["render"], id.as_str());
    for (which, content) in [("render", &b"render"[..]), ("preview", b"preview")] {
        let reply = server.get(&format!("task/t/status/result/{which}")).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.body, content);
        assert_eq!(reply.headers["content-length"], content.len().to_string());
        assert_eq!(reply.headers["x-checksum-sha1"], sha1_of(content));
        assert_eq!(reply.headers["content-type"], "image/png");
    }
    server.get("task/t/status/result/compose").await.error(404);
    server.get("task/t/status/result/other").await.error(404);
}

#[tokio::test]
async fn a_composed_image_names_the_file_unless_the_config_does() {
    let server = Server::new().await;
    server.run("t").await;
    let compose = server.result_file("0001.png", b"composed");
    server.host.say(|run| run.files.compose = Some(compose));
    let status = server.get("task/t/status").await.data();
    assert_eq!(status["compose_filepath"], "0001.png");
}

#[tokio::test]
async fn results_of_a_completed_task_survive_a_restart_without_the_host_knowing() {
    let server = Server::new().await;
    server.run("t").await;
    let render = server.result_file("0001.exr", b"render");
    server.host.say(|run| {
        run.state = crate::TaskState::Completed;
        run.files.render = Some(render);
    });
    server.get("task/t/status").await.data();
    server.host.runs.lock().unwrap().clear();
    let server = server.restarted().await;
    assert_eq!(server.get("task/t/status").await.data()["state"], "COMPLETED");
    assert_eq!(server.get("task/t/status/result/render").await.body, b"render");
}

#[tokio::test]
async fn a_result_whose_file_is_gone_is_404() {
    let server = Server::new().await;
    server.run("t").await;
    let render = server.result_file("0001.exr", b"render");
    let path = render.path.clone();
    server.host.say(|run| run.files.render = Some(render));
    assert_eq!(server.get("task/t/status/result/render").await.status, 200);
    fs_err::remove_file(path).unwrap();
    server.get("task/t/status/result/render").await.error(404);
}

use super::*;
use crate::answer::ok;
use crate::testing::{Farm, Reply};
use axum::Json;
use axum::routing::get;
use base64::engine::general_purpose::STANDARD;
use blendnet_protocol::Answer;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;

async fn hello() -> Json<Answer<&'static str>> {
    ok("hello")
}

async fn farm() -> Farm {
    Farm::start(|_dir| Router::new().route("/hello", get(hello))).await
}

fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

async fn ask(farm: &Farm, headers: &str) -> Reply {
    farm.raw(&format!("GET /hello HTTP/1.1\r\n{headers}")).await
}

#[tokio::test]
async fn the_right_password_passes() {
    let farm = farm().await;
    let reply = ask(&farm, &farm.login()).await;
    assert_eq!((reply.status, reply.body.contains("hello")), (200, true));
    farm.ended().await;
}

#[tokio::test]
async fn no_password_is_refused_and_the_browser_is_told_to_ask() {
    let farm = farm().await;
    for headers in ["", "Authorization: Bearer x\r\n", "Authorization: Basic !\r\n"] {
        let reply = ask(&farm, headers).await;
        assert_eq!((reply.status, reply.code()), (401, "unauthorized".to_owned()), "{headers}");
        assert!(reply.head.contains("www-authenticate: basic realm="), "{}", reply.head);
    }
    let unknown = farm.raw("GET /nowhere HTTP/1.1\r\n").await;
    assert_eq!(unknown.status, 401, "strangers don't learn which paths there are");
    farm.ended().await;
}

#[tokio::test]
async fn a_wrong_password_or_user_is_refused_late_and_later() {
    let farm = farm().await;
    let password = farm.password.reveal().to_owned();
    let start = Instant::now();
    for wrong in [basic("blendnet", "wrong"), basic("other", &password), basic("blendnet", "")] {
        assert_eq!(ask(&farm, &wrong).await.status, 401);
    }
    assert!(start.elapsed() >= Duration::from_millis(250 + 500 + 1000));
    farm.ended().await;
}

#[tokio::test]
async fn others_are_not_slowed_by_wrong_passwords() {
    let farm = farm().await;
    let mut guessing = Vec::new();
    for _ in 0..8 {
        let mut stream = farm.connect_from([127, 0, 0, 2]).await;
        let request = format!("GET /hello HTTP/1.1\r\nHost: x\r\n{}\r\n", basic("blendnet", "no"));
        stream.write_all(request.as_bytes()).await.unwrap();
        guessing.push(stream);
    }
    let start = Instant::now();
    for _ in 0..5 {
        assert_eq!(ask(&farm, &farm.login()).await.status, 200);
    }
    let start_wrong = Instant::now();
    assert_eq!(ask(&farm, &basic("blendnet", "no")).await.status, 401);
    assert!(start_wrong.elapsed() < Duration::from_secs(8), "the other address has its own line");
    assert!(start.elapsed() < Duration::from_secs(15), "eight guesses take nearly twenty");
}

#[tokio::test]
async fn what_a_browser_sends_for_another_site_is_refused() {
    let farm = farm().await;
    for site in ["cross-site", "same-site", "nonsense"] {
        let headers = format!("{}Sec-Fetch-Site: {site}\r\n", farm.login());
        assert_eq!(ask(&farm, &headers).await.status, 403, "{site}");
    }
    for site in ["same-origin", "none"] {
        let headers = format!("{}Sec-Fetch-Site: {site}\r\n", farm.login());
        assert_eq!(ask(&farm, &headers).await.status, 200, "{site}");
    }
    farm.ended().await;
}

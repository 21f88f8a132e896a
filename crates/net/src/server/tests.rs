use super::*;
use crate::answer::{ApiResult, JsonBody, ok};
use crate::testing::{Farm, Reply};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::{get, put};
use futures_util::StreamExt as _;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SHORT: Duration = Duration::from_millis(200);

async fn echo(JsonBody(value): JsonBody<serde_json::Value>) -> ApiResult<serde_json::Value> {
    Ok(ok(value))
}

fn router() -> Router {
    let endless = || futures_util::stream::repeat_with(|| Ok::<_, io::Error>(vec![7; 1 << 16]));
    Router::new()
        .route("/peer", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move {
            ok(peer.ip().to_string())
        }))
        .route("/echo", put(echo))
        .route("/refuse", put(|| async { crate::answer::ApiError::conflict("not now") }))
        .route("/never", get(std::future::pending::<()>))
        .route("/panic", get(|| async { assert!(Limits::default().connections == 0, "our bug") }))
        .route("/endless", get(move || async move { Body::from_stream(endless().map(|x| x)) }))
}

async fn farm(limits: Limits) -> Farm {
    Farm::with_limits(|_dir| router(), limits).await
}

async fn is_served(farm: &Farm) -> bool {
    farm.raw(&format!("GET /peer HTTP/1.1\r\n{}", farm.login())).await.status == 200
}

/// Reads until the server closes; how does not matter.
async fn closed(mut stream: TcpStream) {
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes).await);
}

#[tokio::test]
async fn connections_that_never_speak_are_closed_and_others_are_served() {
    let farm = farm(Limits { handshake: SHORT, ..Limits::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(farm.address).await.unwrap());
    }
    assert!(is_served(&farm).await);
    for stream in silent {
        closed(stream).await;
    }
    let mut no_tls = TcpStream::connect(farm.address).await.unwrap();
    no_tls.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    closed(no_tls).await;
    assert!(is_served(&farm).await);
    farm.ended().await;
}

#[tokio::test]
async fn a_request_whose_head_does_not_end_is_closed() {
    let farm = farm(Limits { head: SHORT, ..Limits::default() }).await;
    for begun in ["", "GET /peer HT", "GET /peer HTTP/1.1\r\nHost: x\r\nX: "] {
        let mut stream = farm.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
    }
    farm.ended().await;
}

#[tokio::test]
async fn a_body_that_stops_is_answered_with_a_time_out() {
    let farm = farm(Limits { body_silence: SHORT, ..Limits::default() }).await;
    let mut stream = farm.connect().await;
    let login = farm.login();
    let head = format!("PUT /echo HTTP/1.1\r\nHost: x\r\n{login}Content-Length: 10\r\n\r\n[1,");
    stream.write_all(head.as_bytes()).await.unwrap();
    let reply = Reply::read(&mut stream).await;
    assert_eq!((reply.status, reply.code()), (408, "request_timeout".to_owned()));
    farm.ended().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_dropped() {
    let farm = farm(Limits { write_stall: SHORT, connections: 1, ..Limits::default() }).await;
    let mut stream = farm.connect().await;
    let head = format!("GET /endless HTTP/1.1\r\nHost: x\r\n{}\r\n", farm.login());
    stream.write_all(head.as_bytes()).await.unwrap();
    // The only place is free again when the server has given up on that client.
    let free = async {
        loop {
            let mut probe = TcpStream::connect(farm.address).await.unwrap();
            let turned_away = tokio::time::timeout(SHORT, probe.read_u8()).await.is_ok();
            if !turned_away {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), free).await.unwrap();
    drop(stream);
    farm.ended().await;
}

#[tokio::test]
async fn connections_above_the_limit_are_closed_at_once_and_later_ones_are_served() {
    let farm = farm(Limits { connections: 2, ..Limits::default() }).await;
    let first = farm.connect().await;
    let second = farm.connect().await;
    closed(TcpStream::connect(farm.address).await.unwrap()).await;
    drop(first);
    drop(second);
    let client = farm.client();
    let peer: String = client.get("/peer").await.unwrap();
    assert_eq!(peer, "127.0.0.1");
}

#[tokio::test]
async fn an_early_refusal_reaches_a_client_that_is_still_sending() {
    let farm = farm(Limits::default()).await;
    let mut stream = farm.connect().await;
    let head = format!(
        "PUT /refuse HTTP/1.1\r\nHost: x\r\n{}Content-Length: 1000000000000000\r\n\r\n",
        farm.login()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..400 {
        stream.write_all(&vec![0; 1 << 16]).await.unwrap();
    }
    let reply = Reply::read(&mut stream).await;
    assert_eq!((reply.status, reply.code()), (409, "conflict".to_owned()));
    farm.ended().await;
}

#[tokio::test]
async fn a_bug_in_a_handler_ends_its_connection_only() {
    let farm = farm(Limits::default()).await;
    let mut stream = farm.connect().await;
    let head = format!("GET /panic HTTP/1.1\r\nHost: x\r\n{}\r\n", farm.login());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes).await);
    assert!(is_served(&farm).await);
    farm.ended().await;
}

#[tokio::test]
async fn the_server_ends_in_time_whatever_its_clients_do() {
    let farm = farm(Limits { drain: SHORT, ..Limits::default() }).await;
    let silent = TcpStream::connect(farm.address).await.unwrap();
    let idle = farm.connect().await;
    let mut waiting = farm.connect().await;
    let head = format!("GET /never HTTP/1.1\r\nHost: x\r\n{}\r\n", farm.login());
    waiting.write_all(head.as_bytes()).await.unwrap();
    assert!(is_served(&farm).await);
    let (start, address) = (Instant::now(), farm.address);
    farm.ended().await;
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert!(TcpStream::connect(address).await.is_err());
    drop((silent, idle, waiting));
}

#[tokio::test]
async fn a_request_under_way_is_answered_when_the_server_ends() {
    let farm = farm(Limits::default()).await;
    let mut stream = farm.connect().await;
    let login = farm.login();
    let head = format!("PUT /echo HTTP/1.1\r\nHost: x\r\n{login}Content-Length: 3\r\n\r\n[1");
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(is_served(&farm).await);
    farm.shutdown.cancel();
    stream.write_all(b"]").await.unwrap();
    assert_eq!(Reply::read(&mut stream).await.status, 200);
    farm.served.await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_said_by_name() {
    let farm = farm(Limits::default()).await;
    let refused = bind(farm.address, &farm.identity).await.unwrap_err();
    assert!(matches!(refused, ServerError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains(&farm.address.port().to_string()), "{refused}");
    farm.ended().await;
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken() {
    let farm = farm(Limits::default()).await;
    for version in [&TLS12, &TLS13] {
        let mut stream = farm.connect_with(&[version]).await;
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let head = format!("GET /peer HTTP/1.0\r\n{}\r\n", farm.login());
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(Reply::read(&mut stream).await.status, 200);
    }
    farm.ended().await;
}

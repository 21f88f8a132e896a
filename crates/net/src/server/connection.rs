//! One connection, from the handshake to the goodbye.

use super::Limits;
use super::stall::{LimitedBody, LimitedWrites};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Read at once from the network: TLS alone asks the system for 4 KiB at a time.
const READ_BYTES: usize = 64 << 10;
/// How long a client that was answered before the end of its request may go on sending, and how
/// long it may be silent then. Old clients send all of a file before they look for the answer.
const GOODBYE: Duration = Duration::from_secs(30);
const GOODBYE_SILENCE: Duration = Duration::from_secs(1);

pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    tls: &TlsAcceptor,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    // Without it a small answer may wait for the other side's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "can't be made prompt");
    }
    let stream = BufReader::with_capacity(READ_BYTES, stream);
    let handshake = tokio::select! {
        handshake = timeout(limits.handshake, tls.accept(stream)) => handshake,
        () = shutdown.cancelled() => return,
    };
    match handshake {
        Ok(Ok(stream)) => {
            let stream = LimitedWrites::new(stream, limits.write_stall);
            converse(stream, peer, router, limits, shutdown).await;
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
        Err(_elapsed) => tracing::debug!(%peer, "did not speak TLS in time"),
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let service = service_fn(move |request| answer(router.clone(), peer, limits, request));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => ended,
        () = shutdown.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "the connection broke");
    }
    let goodbye = say_goodbye(connection.into_parts().io.into_inner());
    if timeout(GOODBYE, goodbye).await.is_err() {
        tracing::debug!(%peer, "does not stop sending");
    }
}

fn answer(
    router: Router,
    peer: SocketAddr,
    limits: Limits,
    request: hyper::Request<Incoming>,
) -> BoxFuture<'static, Result<Response, Infallible>> {
    let mut request: Request =
        request.map(|body| Body::new(LimitedBody::new(body, limits.body_silence)));
    request.extensions_mut().insert(ConnectInfo(peer));
    Box::pin(router.oneshot(request))
}

/// Closing with unread bytes resets the connection, and the client may lose its answer.
async fn say_goodbye(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut rest = vec![0; 64 << 10];
    let mut more = stream.shutdown().await.is_ok();
    while more {
        let read = timeout(GOODBYE_SILENCE, stream.read(&mut rest)).await;
        more = matches!(read, Ok(Ok(1..)));
    }
}

//! Signals that end a program: once to finish, twice to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The first SIGINT or SIGTERM cancels the first token: no new work, finish or save. The second
/// one cancels the second token: end now. Must be called inside a tokio runtime.
pub fn shutdown_signals() -> (CancellationToken, CancellationToken) {
    let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
    let listened = signal(SignalKind::interrupt())
        .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
    match listened {
        Ok((interrupt, terminate)) => {
            tokio::spawn(watch(interrupt, terminate, soft.clone(), hard.clone()));
        }
        Err(error) => tracing::error!(%error, "signals can't be caught; they end the program"),
    }
    (soft, hard)
}

async fn watch(
    mut interrupt: Signal,
    mut terminate: Signal,
    soft: CancellationToken,
    hard: CancellationToken,
) {
    for token in [soft, hard] {
        let caught = tokio::select! {
            caught = interrupt.recv() => caught,
            caught = terminate.recv() => caught,
        };
        if caught.is_none() {
            return;
        }
        token.cancel();
    }
}

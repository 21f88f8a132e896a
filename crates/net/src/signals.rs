//! Signals that end a program: once to finish, twice to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What the signals of a program mean whose machine may be taken away.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// A first SIGTERM: the machine goes soon.
    pub notice: CancellationToken,
    /// A first SIGINT: no new work, finish or save.
    pub soft: CancellationToken,
    /// The second one: end now.
    pub hard: CancellationToken,
}

/// Listens to signals. Must be called inside a tokio runtime.
pub fn signals() -> Signals {
    let signals = Signals::default();
    listen(signals.clone());
    signals
}

/// The first SIGINT or SIGTERM cancels the first token: no new work, finish or save. The second
/// one cancels the second token: end now. Must be called inside a tokio runtime.
pub fn shutdown_signals() -> (CancellationToken, CancellationToken) {
    let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
    listen(Signals { notice: soft.clone(), soft: soft.clone(), hard: hard.clone() });
    (soft, hard)
}

fn listen(signals: Signals) {
    let listened = signal(SignalKind::interrupt())
        .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
    match listened {
        Ok((interrupt, terminate)) => drop(tokio::spawn(watch(interrupt, terminate, signals))),
        Err(error) => tracing::error!(%error, "signals can't be caught; they end the program"),
    }
}

async fn watch(mut interrupt: Signal, mut terminate: Signal, signals: Signals) {
    let Signals { notice, soft, hard } = signals;
    for (at_interrupt, at_terminate) in [(soft, notice), (hard.clone(), hard)] {
        tokio::select! {
            Some(()) = interrupt.recv() => at_interrupt.cancel(),
            Some(()) = terminate.recv() => at_terminate.cancel(),
            else => return,
        }
    }
}

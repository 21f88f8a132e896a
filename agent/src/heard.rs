//! Ends an agent whose manager has not been heard of for long: nobody would come for what it
//! renders, and a machine that nobody ends costs money.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// When somebody with the password last asked something.
#[derive(Clone)]
struct Heard(Arc<Mutex<Last>>);

struct Last {
    at: Instant,
    /// Requests that are being answered.
    open: usize,
}

/// Counts a request as open until it is answered, or its connection breaks.
struct Open(Heard);

impl Heard {
    fn last(&self) -> MutexGuard<'_, Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Open {
        self.last().open += 1;
        Open(self.clone())
    }

    /// When silence will have lasted too long; `None`: while somebody is being answered.
    fn end(&self, limit: Duration) -> Option<Instant> {
        let last = self.last();
        (last.open == 0).then(|| last.at + limit)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut last = self.0.last();
        last.open -= 1;
        last.at = Instant::now();
    }
}

/// Cancels `end` when none of the routes is asked for anything for as long as `limit`.
pub(crate) fn end_unheard(routes: Router, limit: Duration, end: CancellationToken) -> Router {
    let heard = Heard(Arc::new(Mutex::new(Last { at: Instant::now(), open: 0 })));
    tokio::spawn(watch(heard.clone(), limit, end));
    routes.layer(from_fn_with_state(heard, pass))
}

async fn pass(State(heard): State<Heard>, request: Request, next: Next) -> Response {
    let _open = heard.open();
    next.run(request).await
}

async fn watch(heard: Heard, limit: Duration, end: CancellationToken) {
    loop {
        let until = match heard.end(limit) {
            Some(until) if until <= Instant::now() => {
                let secs = limit.as_secs();
                tracing::warn!("the manager was not heard of for {secs} s; the agent ends");
                return end.cancel();
            }
            Some(until) => until,
            None => Instant::now() + limit,
        };
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = end.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    fn heard() -> (Heard, CancellationToken) {
        let heard = Heard(Arc::new(Mutex::new(Last { at: Instant::now(), open: 0 })));
        let end = CancellationToken::new();
        tokio::spawn(watch(heard.clone(), LIMIT, end.clone()));
        (heard, end)
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_ends_when_its_manager_was_silent_for_too_long() {
        let (heard, end) = heard();
        let started = Instant::now();
        tokio::time::advance(LIMIT / 2).await;
        drop(heard.open());
        end.cancelled().await;
        assert_eq!(started.elapsed().as_secs(), 90);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_still_open_is_a_sign_of_life() {
        let (heard, end) = heard();
        let started = Instant::now();
        let open = heard.open();
        tokio::time::sleep(3 * LIMIT).await;
        assert!(!end.is_cancelled());
        drop(open);
        end.cancelled().await;
        assert_eq!(started.elapsed().as_secs(), 240);
    }
}

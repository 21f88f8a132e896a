//! The machine is taken away soon: nothing new is begun, and what is begun ends in time or is given back.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::engine::{Engine, Shared};

/// What handing in takes at most of a long notice; of a short one it is a quarter.
const HANDING_IN: Duration = Duration::from_secs(5);

/// When this agent has to be gone.
#[derive(Debug, Default)]
pub(super) struct Leave {
    told: CancellationToken,
    times: OnceLock<Times>,
    /// When what is being rendered should be done, where that is known.
    step_ends: Mutex<Option<Instant>>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    /// What is not rendered by then is given up.
    give_up: Instant,
    gone: Instant,
}

impl Times {
    fn new(now: Instant, notice: Duration) -> Self {
        let to_render = notice.saturating_sub(HANDING_IN.min(notice / 4));
        Self { give_up: now + to_render, gone: now + notice }
    }
}

impl Leave {
    /// Whether nothing new is to be begun.
    pub(super) fn is_begun(&self) -> bool {
        self.told.is_cancelled()
    }

    /// Seconds until the machine is gone; `None`: it stays.
    pub(super) fn secs_left(&self) -> Option<u64> {
        let times = self.times.get()?;
        Some(times.gone.saturating_duration_since(Instant::now()).as_secs())
    }

    /// Says how long what begins now should take.
    pub(super) fn begin_step(&self, expected_secs: Option<f64>) {
        let takes = expected_secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        let ends = takes.and_then(|takes| Instant::now().checked_add(takes));
        *self.step_ends.lock().unwrap_or_else(PoisonError::into_inner) = ends;
    }

    /// Waits until what is being rendered is of no use any more: it would be done too late.
    pub(super) async fn gives_up(&self) {
        self.told.cancelled().await;
        let Some(times) = self.times.get() else { return std::future::pending().await };
        let ends = *self.step_ends.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.is_none_or(|ends| ends <= times.give_up) {
            tokio::time::sleep_until(times.give_up).await;
        }
    }
}

impl Engine {
    /// The machine is taken away after this notice: gives back what waits, ends what is begun if there is
    /// time for it, and returns when all of it is fetched, or the time is over.
    pub async fn leave(&self, notice: Duration) {
        let shared: &Shared = self.shared();
        let times = *shared.leave.times.get_or_init(|| Times::new(Instant::now(), notice));
        shared.leave.told.cancel();
        shared.board().cancel_queued();
        shared.changed();
        tracing::info!(secs = notice.as_secs(), "this machine is taken away; handing in");
        let mut generation = self.generation();
        let fetched = generation.wait_for(|_| shared.board().is_empty());
        let in_time = tokio::time::timeout_at(times.gone, fetched).await.is_ok();
        tracing::info!(in_time, "what was rendered is handed in");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_notice(notice_secs: u64, step_secs: Option<f64>) -> Leave {
        let leave = Leave::default();
        leave.begin_step(step_secs);
        leave.times.get_or_init(|| Times::new(Instant::now(), Duration::from_secs(notice_secs)));
        leave.told.cancel();
        leave
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_not_be_done_in_time_is_given_up_at_once() {
        let began = Instant::now();
        at_notice(100, Some(96.0)).gives_up().await;
        assert!(began.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_be_done_in_time_is_waited_for_until_handing_it_in_would_come_too_late() {
        for step_secs in [None, Some(90.0)] {
            let began = Instant::now();
            at_notice(100, step_secs).gives_up().await;
            assert_eq!(began.elapsed().as_secs(), 95);
        }
        let short = Times::new(Instant::now(), Duration::from_secs(4));
        assert_eq!(short.gone - short.give_up, Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_stays_gives_nothing_up() {
        let leave = Leave::default();
        let hour = Duration::from_hours(1);
        assert!(tokio::time::timeout(hour, leave.gives_up()).await.is_err());
        assert_eq!(leave.secs_left(), None);
    }
}

//! Repeating what failed for a passing reason.

use super::ClientError;
use backon::{ExponentialBuilder, Retryable as _};
use std::time::Duration;

/// Four more tries within about four seconds.
const POLICY: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(200))
    .with_max_delay(Duration::from_secs(2))
    .with_max_times(4);

/// Runs something that may be repeated until it succeeds or there is no hope.
pub(super) async fn repeat<T, F: Future<Output = Result<T, ClientError>>>(
    once: impl FnMut() -> F,
) -> Result<T, ClientError> {
    once.retry(POLICY)
        .when(ClientError::is_transient)
        .adjust(|_error, delay| delay.map(any_part_of))
        .notify(|error, delay| tracing::debug!(%error, ?delay, "trying again"))
        .await
}

/// Full jitter: those who failed together don't come back together.
fn any_part_of(delay: Duration) -> Duration {
    let dice = getrandom::u32().unwrap_or(u32::MAX);
    delay.mul_f64(f64::from(dice) / f64::from(u32::MAX))
}

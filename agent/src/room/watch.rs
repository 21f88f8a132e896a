//! Looks at the clock and at who uses this machine, and lets the engine say why it takes no work.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::hours::{Hours, minute_of_day};
use super::in_use::{QUIET, Use, read_ticks, session_active};
use crate::render::Engine;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);

/// When an agent takes work.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Availability {
    /// Render only in these hours of this machine's clock; may be given again
    #[arg(long, value_name = "19:00-08:00")]
    pub hours: Vec<Hours>,
    /// Render only while nobody uses this machine: no other program needs a processor, and no desktop
    /// says that keyboard or mouse are used
    #[arg(long)]
    pub when_unused: bool,
}

/// Keeps the engine's word up to date until the end.
pub async fn watch(availability: Availability, engine: Engine, end: CancellationToken) {
    if availability.hours.is_empty() && !availability.when_unused {
        return;
    }
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut uses = Use::new(read_ticks(), u32::try_from(processors).unwrap_or(u32::MAX));
    let mut said = None;
    loop {
        let mut away = outside(&availability.hours, minute_of_day());
        if availability.when_unused {
            let ticks = tokio::task::spawn_blocking(read_ticks).await.unwrap_or_default();
            let in_use = uses.look(ticks, session_active().await, Instant::now());
            let quiet_minutes = QUIET.as_secs() / 60;
            let why = format!("somebody uses it, or did in the last {quiet_minutes} minutes");
            away = away.or(in_use.then_some(why));
        }
        if away != said {
            let now = away.as_deref().unwrap_or("it renders when asked");
            tracing::info!("this machine: {now}");
            engine.set_away(away.clone());
            said = away;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = end.cancelled() => return,
        }
    }
}

/// Why nothing is rendered at this minute of the day; `None`: it is.
fn outside(hours: &[Hours], minute: u32) -> Option<String> {
    if hours.is_empty() || hours.iter().any(|hours| hours.hold(minute)) {
        return None;
    }
    let hours: Vec<String> = hours.iter().map(ToString::to_string).collect();
    Some(format!("it renders at {}", hours.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_hours_a_machine_always_renders_and_with_several_in_each() {
        let hours: Vec<Hours> =
            ["12:00-13:00", "19:00-08:00"].iter().map(|h| h.parse().unwrap()).collect();
        assert_eq!(outside(&[], 600), None);
        assert_eq!(outside(&hours, 12 * 60 + 5), None);
        assert_eq!(outside(&hours, 3 * 60), None);
        let why = outside(&hours, 10 * 60).unwrap();
        assert_eq!(why, "it renders at 12:00-13:00 and 19:00-08:00");
    }
}

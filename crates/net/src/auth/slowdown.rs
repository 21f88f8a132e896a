//! Wrong passwords wait in line: one line for each place they come from.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Wait after the first wrong password; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// Wrong passwords that may wait at the same time.
const LONGEST_LINE: usize = 16;
/// After so long without a wrong password a place starts afresh.
const FORGOTTEN: Duration = Duration::from_mins(1);
/// Places that are remembered; the oldest are forgotten first.
const MAX_PLACES: usize = 1024;

/// Where a request comes from: an IPv4 address, or an IPv6 network as one customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place(Option<IpAddr>);

impl Place {
    pub(super) fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 @ IpAddr::V4(_) => v4,
        }))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("somewhere"),
        }
    }
}

#[derive(Debug)]
struct Line {
    failures: u32,
    waiting: usize,
    last: Instant,
    turn: Arc<tokio::sync::Mutex<()>>,
}

type Lines = HashMap<Place, Line>;

#[derive(Debug, Default)]
pub(super) struct Slowdown {
    lines: Arc<Mutex<Lines>>,
}

fn locked(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slowdown {
    /// Whether the line of a place is full.
    pub(super) fn is_crowded(&self, place: Place) -> bool {
        locked(&self.lines).get(&place).is_some_and(|line| line.waiting >= LONGEST_LINE)
    }

    /// Waits for the turn of a wrong password, and then its time. False: the line is full.
    /// Who goes away keeps standing in line: else guessing would only need to hang up early.
    pub(super) async fn wait_after_failure(&self, place: Place) -> bool {
        let Some((turn, wait)) = self.stand_in_line(place) else { return false };
        let lines = Arc::clone(&self.lines);
        let waited = tokio::spawn(async move {
            let _turn = turn.lock().await;
            sleep(wait).await;
            leave(&lines, place);
        });
        waited.await.is_ok()
    }

    fn stand_in_line(&self, place: Place) -> Option<(Arc<tokio::sync::Mutex<()>>, Duration)> {
        let now = Instant::now();
        let mut lines = locked(&self.lines);
        make_room(&mut lines, now);
        let line = lines.entry(place).or_insert_with(|| Line {
            failures: 0,
            waiting: 0,
            last: now,
            turn: Arc::default(),
        });
        if line.waiting >= LONGEST_LINE {
            return None;
        }
        let wait = FIRST_WAIT.saturating_mul(1 << line.failures.min(10)).min(LONGEST_WAIT);
        line.failures = line.failures.saturating_add(1);
        line.waiting += 1;
        line.last = now;
        Some((Arc::clone(&line.turn), wait))
    }
}

fn leave(lines: &Mutex<Lines>, place: Place) {
    if let Some(line) = locked(lines).get_mut(&place) {
        line.waiting = line.waiting.saturating_sub(1);
        line.last = Instant::now();
    }
}

fn make_room(lines: &mut Lines, now: Instant) {
    lines.retain(|_, line| line.waiting > 0 || now.duration_since(line.last) < FORGOTTEN);
    if lines.len() < MAX_PLACES {
        return;
    }
    let idle = lines.iter().filter(|(_, line)| line.waiting == 0);
    if let Some(oldest) = idle.min_by_key(|(_, line)| line.last).map(|(place, _)| *place) {
        lines.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(last: u8) -> Place {
        Place::of(Some(IpAddr::from([10, 0, 0, last])))
    }

    fn wait_millis(slowdown: &Slowdown, place: Place) -> u128 {
        slowdown.stand_in_line(place).unwrap().1.as_millis()
    }

    #[test]
    fn every_wrong_password_waits_longer_than_the_one_before() {
        let slowdown = Slowdown::default();
        let waits: Vec<_> = (0..7).map(|_| wait_millis(&slowdown, place(1))).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 4000, 4000]);
        assert_eq!(wait_millis(&slowdown, place(2)), 250, "another place starts at the front");
    }

    #[test]
    fn guesses_at_the_same_time_share_one_line_that_ends() {
        let slowdown = Slowdown::default();
        let heard = (0..100).filter(|_| slowdown.stand_in_line(place(1)).is_some()).count();
        assert_eq!(heard, LONGEST_LINE);
        assert!(slowdown.is_crowded(place(1)) && !slowdown.is_crowded(place(2)));
        (0..LONGEST_LINE).for_each(|_| leave(&slowdown.lines, place(1)));
        assert!(!slowdown.is_crowded(place(1)));
    }

    #[tokio::test]
    async fn who_hangs_up_early_keeps_standing_in_line() {
        let slowdown = Slowdown::default();
        for _ in 0..LONGEST_LINE {
            let mut gone = Box::pin(slowdown.wait_after_failure(place(1)));
            assert!(futures_util::poll!(&mut gone).is_pending());
        }
        assert!(slowdown.is_crowded(place(1)));
        let before = Instant::now();
        while slowdown.is_crowded(place(1)) {
            tokio::task::yield_now().await;
        }
        assert!(before.elapsed() >= FIRST_WAIT / 2, "the first one's time is over");
    }

    #[test]
    fn a_place_is_forgotten_when_its_line_is_empty_for_a_while() {
        let slowdown = Slowdown::default();
        assert_eq!(wait_millis(&slowdown, place(1)), 250);
        let later = Instant::now() + 2 * FORGOTTEN;
        make_room(&mut locked(&slowdown.lines), later);
        assert_eq!(wait_millis(&slowdown, place(1)), 500, "somebody stands in line");
        (0..2).for_each(|_| leave(&slowdown.lines, place(1)));
        make_room(&mut locked(&slowdown.lines), later);
        assert_eq!(wait_millis(&slowdown, place(1)), 250);
    }

    #[test]
    fn an_ipv6_network_is_one_place_and_memory_is_bounded() {
        let of = |text: &str| Place::of(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), place(1));
        let (mut lines, now) = (HashMap::new(), Instant::now());
        for number in 0..2000_u32 {
            make_room(&mut lines, now);
            let from = Place::of(Some(std::net::Ipv4Addr::from_bits(number).into()));
            lines.insert(from, Line { failures: 1, waiting: 0, last: now, turn: Arc::default() });
        }
        assert!(lines.len() <= MAX_PLACES);
    }
}

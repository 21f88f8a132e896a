//! Names the points at which the manager may be killed, so that tests can kill it at each of them.
//!
//! In debug builds `BLENDNET_CRASH_AT=NAME` aborts the manager when it passes the point of that name, and
//! `NAME:3` when it does so for the third time. `all` only writes down in the log which it passes.
//! Release builds know nothing of this.

/// A point between two steps of which the first must not be lost with the second.
/// Its name is `{what}-{which}`.
pub(crate) fn point(what: &'static str, which: &'static str) {
    #[cfg(debug_assertions)]
    counted::pass(&format!("{what}-{which}"));
    #[cfg(not(debug_assertions))]
    let _unused = (what, which);
}

#[cfg(debug_assertions)]
mod counted {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static AT: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    fn wanted() -> Option<(String, u64)> {
        let at = std::env::var("BLENDNET_CRASH_AT").ok()?;
        let (name, time) = at.rsplit_once(':').unwrap_or((&at, "1"));
        Some((name.to_owned(), time.parse().ok()?))
    }

    pub(super) fn pass(name: &str) {
        let Some((at, time)) = AT.get_or_init(wanted) else { return };
        if at == "all" {
            tracing::info!(name, "crash point");
        } else if at == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *time {
            tracing::warn!(name, time, "crashing here, as asked to");
            std::process::abort();
        }
    }
}

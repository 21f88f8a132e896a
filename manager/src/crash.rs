//! Names the points at which the manager may be killed, so that tests can kill it at each of them.
//!
//! In debug builds `BLENDNET_CRASH_AT=N` aborts the manager at the N-th point that it passes; 0 only
//! writes down in the log which it passes. Release builds know nothing of this.

/// A point between two steps of which the first must not be lost with the second.
pub(crate) fn point(name: &'static str) {
    #[cfg(debug_assertions)]
    counted::pass(name);
    #[cfg(not(debug_assertions))]
    let _unused = name;
}

#[cfg(debug_assertions)]
mod counted {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static AT: OnceLock<Option<u64>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub(super) fn pass(name: &'static str) {
        let wanted = || std::env::var("BLENDNET_CRASH_AT").ok()?.parse().ok();
        let Some(at) = *AT.get_or_init(wanted) else { return };
        let passed = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        tracing::info!(passed, name, "crash point");
        if passed == at {
            std::process::abort();
        }
    }
}

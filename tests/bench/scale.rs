//! What many agents cost the manager.

mod plan;

pub(crate) fn run() {
    plan::run();
}

//! The parts of a work that is rendered in steps: merged as they appear, whatever becomes of the
//! rest.
//!
//! A part may come twice, late, or after its work was given up: the film knows what it has, and the
//! scheduler's ledger follows the film.

use super::agent::Remote;
use super::collect::{CollectError, Given, lost, merge_part};
use crate::farm::Input;
use blendnet_protocol::{PartFile, Region};
use blendnet_scheduler::Event;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::task::TaskTracker;

/// What was fetched of a work so far.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// Merged, or on the way.
    seen: Mutex<BTreeSet<Region>>,
    on_the_way: TaskTracker,
}

impl Parts {
    fn seen(&self) -> MutexGuard<'_, BTreeSet<Region>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fetches and merges the parts that were not seen before.
pub(crate) fn collect_new(remote: &Remote, given: &Given, parts: &[PartFile]) {
    for part in parts {
        if given.parts.seen().insert(part.region) {
            let (remote, given, part) = (remote.clone(), given.clone(), part.clone());
            let tasks = remote.context.tasks.clone();
            let on_the_way = given.parts.on_the_way.clone();
            tasks.spawn(on_the_way.track_future(async move {
                collect(&remote, &given, &part).await;
            }));
        }
    }
}

/// The work has ended: when its last parts are merged, `then` is told and the agent may forget it.
pub(crate) fn end(remote: &Remote, given: Given, parts: Vec<PartFile>, then: Event) {
    let remote = remote.clone();
    let tasks = remote.context.tasks.clone();
    tasks.spawn(async move {
        given.parts.on_the_way.close();
        given.parts.on_the_way.wait().await;
        // Those that could not be downloaded get one more chance.
        for part in parts {
            if given.parts.seen().insert(part.region) {
                collect(&remote, &given, &part).await;
            }
        }
        remote.farm.tell(Input::Event(then)).await;
        remote.delete(&given.work.id).await;
    });
}

async fn collect(remote: &Remote, given: &Given, part: &PartFile) {
    let Err(error) = merge_part(remote, given, part.region, &part.image).await else { return };
    let (agent, work) = (&remote.id, &given.work.id);
    let cause = crate::chain(&error);
    tracing::warn!(%agent, %work, region = ?part.region, error = cause, "a part is not here");
    if matches!(error, CollectError::Download { .. }) {
        // The agent lists it again in its next report.
        given.parts.seen().remove(&part.region);
        return;
    }
    remote.farm.tell(Input::Event(lost(given, &error))).await;
    remote.give_up(work).await;
}

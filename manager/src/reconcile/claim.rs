//! Who brings which part home: one at a time for each sample of a frame, and nobody what is there.
//!
//! Agents that were given up and those that came after them may hand in the same samples. Only one of
//! them is fetched, written down and merged.

use super::merge::{MergeError, Merger, blocking, lock};
use blendnet_protocol::{JobId, Region};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Parts on their way, and frames that need none any more.
#[derive(Debug, Default)]
pub(super) struct Claims {
    taken: Vec<(JobId, i32, Region)>,
    finished: BTreeSet<(JobId, i32)>,
}

/// What becomes of a part that an agent has.
#[derive(Debug)]
pub(super) enum Claimed {
    /// It is to be fetched, and nobody else fetches any of it meanwhile.
    New(Claim),
    /// All of it is merged.
    Known,
    /// Others were first with some of it.
    Overlapping,
}

/// The right to merge a region. Ends with this.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Arc<Mutex<Claims>>,
    what: (JobId, i32, Region),
}

impl Claims {
    /// No part of the frame is wanted any more.
    pub(super) fn finish(&mut self, job: &JobId, frame: i32) {
        self.finished.insert((job.clone(), frame));
    }

    /// The job is deleted.
    pub(super) fn forget(&mut self, job: &JobId) {
        self.finished.retain(|(of, _)| of != job);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.claims).taken.retain(|what| *what != self.what);
    }
}

impl Merger {
    /// Asks for the right to merge a region.
    pub(super) async fn claim(
        &self,
        job: &JobId,
        frame: i32,
        region: Region,
    ) -> Result<Claimed, MergeError> {
        let (this, job) = (self.clone(), job.clone());
        // A film is locked while something is merged.
        blocking(move || {
            let claim = {
                let mut claims = lock(&this.claims);
                let overlaps = |(of, number, taken): &(JobId, i32, Region)| {
                    (of, *number) == (&job, frame) && taken.overlaps(region)
                };
                if claims.finished.contains(&(job.clone(), frame)) {
                    return Ok(Claimed::Known);
                }
                if claims.taken.iter().any(overlaps) {
                    return Ok(Claimed::Overlapping);
                }
                let what = (job.clone(), frame, region);
                claims.taken.push(what.clone());
                Claim { claims: this.claims.clone(), what }
            };
            // Looked at with the claim in hand: who had one before has merged what it was for.
            let slot = lock(&this.films).get(&(job, frame)).cloned();
            let Some(slot) = slot else { return Ok(Claimed::New(claim)) };
            let slot = lock(&slot);
            let covered = slot.film.covered();
            Ok(if covered.iter().any(|there| there.contains(region)) {
                Claimed::Known
            } else if covered.iter().any(|there| there.overlaps(region)) {
                Claimed::Overlapping
            } else {
                Claimed::New(claim)
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blendnet_protocol::{SampleRange, Tile};

    fn region(start: u32, end: u32) -> Region {
        let tile = Tile::new(0, 0, 8, 8).unwrap();
        Region { tile, samples: SampleRange::new(start, end).unwrap() }
    }

    #[tokio::test]
    async fn a_sample_is_on_its_way_once_and_a_finished_frame_wants_none() {
        let dir = tempfile::tempdir().unwrap();
        let merger = Merger::new(dir.path());
        let job = JobId::new("shot").unwrap();
        let claim = |frame, start, end| {
            let (merger, job) = (merger.clone(), job.clone());
            async move { merger.claim(&job, frame, region(start, end)).await.unwrap() }
        };
        let first = claim(1, 0, 8).await;
        assert!(matches!(first, Claimed::New(_)), "{first:?}");
        assert!(matches!(claim(1, 4, 12).await, Claimed::Overlapping));
        assert!(matches!(claim(2, 4, 12).await, Claimed::New(_)), "of another frame");
        assert!(matches!(claim(1, 8, 12).await, Claimed::New(_)), "beside it");
        drop(first);
        assert!(matches!(claim(1, 4, 12).await, Claimed::New(_)), "the first one failed");
        merger.forget(&job, 1);
        assert!(matches!(claim(1, 4, 12).await, Claimed::Known));
    }
}

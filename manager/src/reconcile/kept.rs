//! Results that are ours: written down before anything else is done with them, so that whatever
//! ends the manager, none is lost and none is counted twice.

use super::MergeError;
use crate::crash;
use crate::farm::{Context, FrameResult, JobFolder};
use crate::store::{Change, SavedPart};
use blendnet_protocol::{FilmRect, JobId, WorkId};

impl Context {
    /// Adds a part, which was downloaded to its place, to its frame's film. Says whether there is
    /// a new preview.
    pub(super) async fn keep_part(
        &self,
        part: SavedPart,
        film: (FilmRect, u32),
    ) -> Result<bool, MergeError> {
        let (job, frame, region) = (part.job.clone(), part.frame, part.region);
        let path = JobFolder::new(&self.jobs_dir, &job).parts().join(&part.file);
        crash::point("part", "downloaded");
        self.store.commit(vec![Change::PartReceived(part)]).await?;
        let added = match self.merger.add(&job, frame, film, region, &path).await {
            Err(error) if self.merger.is_half_added(&job, frame, region) => {
                // Nothing else can be added before the rest of it.
                tracing::warn!(%job, frame, error = crate::chain(&error), "merging is tried again");
                self.merger.add(&job, frame, film, region, &path).await
            }
            added => added,
        };
        crash::point("part", "in-film");
        if added.is_ok() {
            self.store.commit(vec![Change::PartMerged(job, frame, region)]).await?;
        } else if !self.merger.is_half_added(&job, frame, region) {
            self.store.commit(vec![Change::PartGone(job, frame, region)]).await?;
        } else {
            return added;
        }
        let _gone = fs_err::tokio::remove_file(&path).await;
        added
    }

    /// Writes down that a frame is finished; its files are blobs already.
    pub(super) async fn keep_frame(
        &self,
        job: &JobId,
        frame: i32,
        work: &WorkId,
        result: &FrameResult,
    ) -> Result<(), MergeError> {
        let result = serde_json::to_string(result).map_err(std::io::Error::from);
        let result = result.map_err(blendnet_film::FilmError::Io)?;
        let frame = Change::Frame { job: job.clone(), frame, result };
        self.store.commit(vec![frame, Change::WorkEnded(work.clone())]).await?;
        Ok(())
    }
}

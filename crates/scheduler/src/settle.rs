//! Ending a job, or a frame, with what is rendered of it.

use crate::farm::Farm;
use crate::job::{Frame, Job};
use blendnet_protocol::{FrameState, JobId, JobState};

/// Why a job can't be ended with what it has. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// Never was, or was deleted.
    #[error("there is no job `{0}`")]
    UnknownJob(JobId),
    /// It has ended.
    #[error("job `{0}` has ended already")]
    Ended(JobId),
    /// Some pixels of a frame have nothing.
    #[error(
        "frame {frame} of job `{job}` is rendered by tiles and {} % of it are not there yet: its \
         picture would have holes; let it go on, or stop it", .missing_percent
    )]
    Holes {
        /// Whose.
        job: JobId,
        /// Which frame.
        frame: i32,
        /// Share that is missing.
        missing_percent: u32,
    },
}

impl Farm {
    /// Whether [`crate::Event::JobSettle`] would do something.
    pub fn check_settle(&self, id: &JobId) -> Result<(), SettleError> {
        let job = self.jobs.get(id).ok_or_else(|| SettleError::UnknownJob(id.clone()))?;
        if matches!(job.state, JobState::Completed) || job.plan.is_none() {
            return Err(SettleError::Ended(id.clone()));
        }
        match job.frames.iter().find(|(_, frame)| frame.has_holes()) {
            Some((&frame, holey)) => {
                let missing_percent = percent(1.0 - holey.coverage.done_share());
                Err(SettleError::Holes { job: id.clone(), frame, missing_percent })
            }
            None => Ok(()),
        }
    }

    /// As asked; nothing happens where [`Self::check_settle`] refuses.
    pub(crate) fn settle_job(&mut self, id: &JobId) {
        if self.check_settle(id).is_ok() {
            self.settle_with_what_is_there(id);
        }
    }

    /// Finishes frames that have the same samples everywhere, and drops the others.
    pub(crate) fn settle_with_what_is_there(&mut self, id: &JobId) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let dropped = &mut job.dropped;
        job.frames.retain(|number, frame| {
            let kept = !frame.is_open() || frame.settle();
            if !kept {
                dropped.push(number);
            }
            if !kept || frame.coverage.is_settled() {
                self.unsaved.frames.insert((id.clone(), number));
            }
            kept
        });
        if matches!(job.state, JobState::Paused | JobState::Failed | JobState::Ready) {
            job.state = JobState::Running;
        }
        self.end_job_if_done(id);
    }

    /// A frame that is as clean as the job wants it is done.
    pub(crate) fn noise_is(&mut self, id: &JobId, number: i32, noise: f64) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let target = job.limits.noise;
        let Some(frame) = job.frames.get_mut(&number) else { return };
        frame.noise = Some(noise);
        let clean = frame.is_open() && target.is_some_and(|target| noise <= target);
        if clean && frame.settle() {
            self.round.restless = true;
            self.frame_changed(id, number);
        }
    }

    /// Frames that are as clean as a new target wants them are done.
    pub(crate) fn settle_clean_frames(&mut self, id: &JobId) {
        let Some(job) = self.jobs.get(id) else { return };
        let known: Vec<(i32, f64)> =
            job.frames.iter().filter_map(|(&n, frame)| Some((n, frame.noise?))).collect();
        for (number, noise) in known {
            self.noise_is(id, number, noise);
        }
    }
}

impl Frame {
    /// Ends with what is merged, where every pixel has the same of it. `false`: it has not.
    pub(crate) fn settle(&mut self) -> bool {
        if self.coverage.is_complete() {
            return true;
        }
        let even = self.can_settle();
        if even {
            self.coverage.settle();
            self.paused = false;
        }
        even
    }

    /// Whether every pixel has the same of it, and has something.
    pub(crate) fn can_settle(&self) -> bool {
        self.coverage.is_complete() || self.coverage.even_samples().is_some()
    }

    fn has_holes(&self) -> bool {
        self.is_open()
            && !self.coverage.done().is_empty()
            && !self.coverage.is_complete()
            && self.coverage.even_samples().is_none()
    }
}

impl Job {
    /// What the user should know of frames that were given up; `None`: there are none.
    pub fn dropped_message(&self) -> Option<String> {
        let count = self.dropped.len();
        let first = self.dropped.first()?;
        Some(format!(
            "{count} frames were dropped, the first is {first}: nothing, or not all of their \
             picture, was rendered when the job was ended"
        ))
    }

    /// Whether a frame of it is done with fewer samples than asked for.
    pub fn has_settled_frames(&self) -> bool {
        let settled = |f: &Frame| f.coverage.is_settled() && f.state == FrameState::Completed;
        self.frames.values().any(settled)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn percent(share: f64) -> u32 {
    (share * 100.0).clamp(1.0, 100.0) as u32
}

//! Grants wishes for the queue: what comes first, what may cost how much, what is good enough.

use super::owner::Owner;
use super::request::{FarmError, FrameWish};
use blendnet_protocol::{JobId, JobLimits, JobView};
use blendnet_scheduler::Event;

impl Owner {
    pub(crate) fn settle(&mut self, id: &JobId) -> Result<Option<JobView>, FarmError> {
        self.farm.check_settle(id)?;
        self.apply(Event::JobSettle(id.clone()));
        self.answer(id)
    }

    pub(crate) fn set_priority(
        &mut self,
        id: &JobId,
        priority: i32,
    ) -> Result<Option<JobView>, FarmError> {
        self.job_state(id)?;
        if let Some(record) = self.jobs.get_mut(id) {
            record.spec.priority = priority;
        }
        self.apply(Event::JobPriority(id.clone(), priority));
        self.save(id);
        self.answer(id)
    }

    pub(crate) fn set_limits(
        &mut self,
        id: &JobId,
        limits: JobLimits,
    ) -> Result<Option<JobView>, FarmError> {
        self.job_state(id)?;
        check_limits(&limits)?;
        if let Some(record) = self.jobs.get_mut(id) {
            record.spec.limits = limits;
        }
        self.apply(Event::JobLimits(id.clone(), limits));
        self.save(id);
        self.answer(id)
    }

    pub(crate) fn frame_wish(
        &mut self,
        id: &JobId,
        frame: i32,
        wish: FrameWish,
    ) -> Result<Option<JobView>, FarmError> {
        self.job_state(id)?;
        if !self.farm.jobs.get(id).is_some_and(|job| job.frames.contains_key(&frame)) {
            return Err(FarmError::UnknownFrame { job: id.clone(), frame });
        }
        self.apply(match wish {
            FrameWish::First => Event::FrameFirst(id.clone(), frame),
            FrameWish::Pause => Event::FramePause(id.clone(), frame),
            FrameWish::Resume => Event::FrameResume(id.clone(), frame),
        });
        self.answer(id)
    }
}

/// Refuses limits: nothing keeps them yet, and a ceiling that does not hold is worse than none.
pub(crate) fn check_limits(limits: &JobLimits) -> Result<(), FarmError> {
    if *limits == JobLimits::default() {
        return Ok(());
    }
    Err(FarmError::Invalid(
        "this version keeps no budget, deadline or noise target; leave `limits` out".to_owned(),
    ))
}

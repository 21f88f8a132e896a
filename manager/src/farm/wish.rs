//! Grants wishes for the queue: what comes first, what may cost how much, what is good enough.

use super::money::unix_secs;
use super::owner::Owner;
use super::request::{FarmError, FrameWish};
use blendnet_protocol::{JobId, JobLimits, JobView, Split};
use blendnet_scheduler::{Event, Job};
use std::time::Duration;

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
        let split = self.farm.jobs.get(id).and_then(|job| Some(job.plan.as_ref()?.split));
        self.check_limits(&limits, split)?;
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

/// Brightest that a display can be: no noise is more.
const MOST_NOISE: f64 = 1.0;

impl Owner {
    /// Refuses limits that can't be kept: a ceiling that does not hold is worse than none.
    pub(super) fn check_limits(
        &self,
        limits: &JobLimits,
        split: Option<Split>,
    ) -> Result<(), FarmError> {
        let refuse = |why: &str| Err(FarmError::Invalid(why.to_owned()));
        match limits.budget_usd_micros {
            Some(0) => {
                return refuse("a budget of nothing buys nothing; leave it out, or raise it");
            }
            Some(_) if self.farm.offers.is_empty() => return Err(FarmError::NoPrice),
            _ => {}
        }
        if limits.deadline_unix_secs.is_some_and(|deadline| deadline <= unix_secs()) {
            return refuse("the deadline has passed already");
        }
        if limits.noise.is_some_and(|noise| !(noise > 0.0 && noise <= MOST_NOISE)) {
            return refuse(
                "a noise target is more than 0 and at most 1, the brightness of a display; 0.01 \
                 is a clean picture",
            );
        }
        match split.and_then(|split| noise_message(limits, split)) {
            Some(why) => refuse(&why),
            None => Ok(()),
        }
    }

    /// What to say of a job that will not be done by its deadline.
    pub(super) fn late_message(&self, id: &JobId, job: &Job) -> Option<String> {
        let deadline = job.limits.deadline_unix_secs.filter(|_| job.is_active())?;
        let secs = Duration::try_from_secs_f64(self.farm.remaining_secs(id)?).ok()?.as_secs();
        let late = (unix_secs() + secs).checked_sub(deadline).filter(|&late| late >= 60)?;
        Some(format!(
            "at the measured speed this is done {} min after its deadline: add agents, or ask for less",
            late.div_ceil(60)
        ))
    }
}

/// Why a noise target has no meaning for frames that are cut this way.
pub(crate) fn noise_message(limits: &JobLimits, split: Split) -> Option<String> {
    let samples = matches!(split, Split::Samples);
    (limits.noise.is_some() && !samples).then(|| {
        "the noise target is not used: this scene is not split by samples, and only then is the noise \
         known while it renders; with adaptive sampling the scene's own noise threshold decides"
            .to_owned()
    })
}

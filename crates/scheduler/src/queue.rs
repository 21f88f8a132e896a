//! What people ask of the queue: run, stop, first, last.

use crate::{Event, Farm};
use blendnet_protocol::{FrameState, JobId, JobState};

impl Farm {
    pub(crate) fn apply_to_queue(&mut self, event: Event) {
        match event {
            Event::JobRun(id) => self.run_job(&id),
            Event::JobStop(id) => {
                if let Some(job) = self.jobs.get_mut(&id)
                    && (job.is_active() || job.state == JobState::Ready)
                {
                    job.state = JobState::Paused;
                }
            }
            Event::JobSettle(id) => self.settle_job(&id),
            Event::JobPriority(id, priority) => {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.priority = priority;
                }
            }
            Event::JobLimits(id, limits) => {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.limits = limits;
                    job.exhausted = false;
                }
                self.settle_clean_frames(&id);
            }
            Event::FrameFirst(id, frame) => self.frame_first(&id, frame),
            Event::FramePause(id, frame) => self.pause_frame(&id, frame, true),
            Event::FrameResume(id, frame) => self.pause_frame(&id, frame, false),
            Event::JobRemoved(id) => {
                self.jobs.remove(&id);
                self.job_collected(&id);
            }
            Event::JobFailed(id, failure) => self.job_failed(&id, failure),
            _ => {}
        }
    }

    fn run_job(&mut self, id: &JobId) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        if !matches!(job.state, JobState::Ready | JobState::Paused | JobState::Failed) {
            return;
        }
        job.failure = None;
        job.failures = 0;
        job.hold = false;
        for (&number, frame) in job.frames.iter_mut() {
            if frame.state == FrameState::Failed {
                frame.state = FrameState::Running;
                frame.failures = 0;
                self.unsaved.frames.insert((id.clone(), number));
            }
        }
        job.state = if job.plan.is_some() { JobState::Queued } else { JobState::Inspecting };
        for agent in self.agents.values_mut() {
            agent.unfit.remove(id);
        }
        self.launch_failures = 0;
        self.end_job_if_done(id);
    }

    fn frame_first(&mut self, id: &JobId, number: i32) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let last = job.frames.values().map(|frame| frame.rank).max().unwrap_or(0);
        if let Some(frame) = job.frames.get_mut(&number) {
            frame.rank = last + 1;
            self.frame_changed(id, number);
        }
    }

    fn pause_frame(&mut self, id: &JobId, number: i32, paused: bool) {
        let frame = self.jobs.get_mut(id).and_then(|job| job.frames.get_mut(&number));
        if let Some(frame) = frame.filter(|frame| frame.is_open()) {
            frame.paused = paused;
            self.frame_changed(id, number);
        }
    }
}

//! What everybody sees of the farm.

use super::owner::Owner;
use super::record::JobRecord;
use blendnet_protocol::{
    AgentState, AgentView, FarmView, FrameState, FrameView, JobId, JobView, Region, Rendering,
    VERSION,
};
use blendnet_scheduler::{Agent, AgentPhase, Frame, Job, Task};

impl Owner {
    pub(crate) fn farm_view(&self, generation: u64) -> FarmView {
        let mut jobs: Vec<JobView> =
            self.jobs.iter().filter_map(|(id, record)| self.job_view(id, record)).collect();
        jobs.sort_by_key(|job| self.jobs.get(&job.id).map(|record| record.number));
        let agents = self.farm.agents.iter().map(|(id, agent)| self.agent_view(id, agent));
        FarmView {
            generation,
            version: VERSION.to_owned(),
            terminating: self.is_ending(),
            agents: agents.collect(),
            jobs,
        }
    }

    pub(crate) fn job_view(&self, id: &JobId, record: &JobRecord) -> Option<JobView> {
        let job = self.farm.jobs.get(id)?;
        let frames = job.frames.iter().map(|(&n, frame)| frame_view(n, frame, record)).collect();
        Some(JobView {
            id: id.clone(),
            name: record.spec.name.clone(),
            state: job.state,
            created_secs: record.created_secs,
            elapsed_secs: record.elapsed_secs
                + record.running_since.map_or(0.0, |since| self.now().as_secs_f64() - since),
            remaining_secs: self.farm.remaining_secs(id).filter(|_| job.is_active()),
            done: job.done_share(),
            total_samples: job.plan.as_ref().map_or(0, |plan| plan.total_samples),
            work_ratio: work_ratio(job),
            priority: job.priority,
            limits: job.limits,
            cost: self.farm.job_cost(id, self.now()),
            info: record.info.clone(),
            split: record.split.clone(),
            missing: record.missing.clone(),
            messages: self.messages(id, job, record),
            failure: job.failure.clone(),
            frames,
        })
    }

    /// What the user should know.
    fn messages(&self, id: &JobId, job: &Job, record: &JobRecord) -> Vec<String> {
        let late = self.late_message(id, job);
        let of_job = job.dropped_message().into_iter().chain(job.money_message.clone());
        record.messages.iter().cloned().chain(of_job).chain(late).collect()
    }

    fn rendering(&self, id: &JobId, task: &Task) -> Option<Rendering> {
        let job = self.farm.jobs.get(id)?;
        let (frame, region) = match task {
            Task::Part { frame, region } => (*frame, *region),
            Task::Whole { frame } => (*frame, whole(job)?),
            Task::Inspect | Task::Finish { .. } => return None,
        };
        Some(Rendering { job: id.clone(), frame, region })
    }

    fn agent_view(&self, id: &blendnet_protocol::AgentId, agent: &Agent) -> AgentView {
        let link = self.links.get(id);
        let doing = agent.queue.first();
        let speed =
            doing.and_then(|a| Some((agent.speeds.get(&a.job)?, self.farm.jobs.get(&a.job)?)));
        AgentView {
            id: id.clone(),
            state: match agent.phase {
                AgentPhase::Starting => AgentState::Starting,
                AgentPhase::Online => AgentState::Online,
                AgentPhase::Lost(_) => AgentState::Lost,
                AgentPhase::Draining | AgentPhase::Leaving(_) => AgentState::Draining,
            },
            address: link.map(|link| link.address.clone()).unwrap_or_default(),
            pid: link.and_then(|link| link.pid),
            blender_pid: link.and_then(|link| link.report.as_ref()?.blender_pid),
            doing: doing.map_or_else(String::new, |a| {
                describe(&a.task, self.farm.jobs.get(&a.job).and_then(whole))
            }),
            progress: link.and_then(|link| link.progress.clone()),
            samples_per_sec: speed.and_then(|(speed, job)| frame_samples(speed.rate(), job)),
            usd_micros_per_hour: agent.offer.as_ref().map(|offer| offer.usd_micros_per_hour),
            cost_usd_micros: agent.cost_usd_micros(self.now()),
            rendering: doing.and_then(|a| self.rendering(&a.job, &a.task)),
            in_room: self.context.room.holds(id),
            away: link.and_then(|link| link.report.as_ref()?.away.clone()),
        }
    }
}

fn whole(job: &Job) -> Option<Region> {
    let frame = job.frames.values().next()?;
    Some(frame.coverage.bounds())
}

#[expect(clippy::cast_precision_loss, reason = "a number for people")]
fn frame_samples(pixel_samples_per_sec: f64, job: &Job) -> Option<f64> {
    Some(pixel_samples_per_sec / job.plan.as_ref()?.tile.pixel_count() as f64)
}

/// What was rendered over what is merged and finished; 1.0 is no waste.
#[expect(clippy::cast_precision_loss, reason = "a number for people")]
fn work_ratio(job: &Job) -> f64 {
    let merged = |f: &Frame| match f.state {
        FrameState::Completed => f.coverage.bounds().pixel_samples(),
        _ => f.coverage.done_pixel_samples(),
    };
    let merged: u64 = job.frames.values().map(merged).sum();
    if merged == 0 { 1.0 } else { job.rendered_pixel_samples as f64 / merged as f64 }
}

fn frame_view(number: i32, frame: &Frame, record: &JobRecord) -> FrameView {
    let result = record.results.get(&number);
    FrameView {
        frame: number,
        state: frame.state,
        done: frame.done_share(),
        samples_done: samples_done(frame),
        covered: match frame.state {
            FrameState::Running => frame.coverage.done().to_vec(),
            _ => Vec::new(),
        },
        paused: frame.paused,
        noise: frame.noise,
        failures: frame.failures,
        preview: record.previews.get(&number).copied().unwrap_or(0),
        image: result.map(|result| result.image.clone()),
        composed: result.map(|result| result.composed.clone()).unwrap_or_default(),
        failure: frame.failure.clone(),
    }
}

/// A settled frame is done with fewer samples than it was to have.
fn samples_done(frame: &Frame) -> f64 {
    let coverage = &frame.coverage;
    let share = if coverage.is_settled() { coverage.done_share() } else { frame.done_share() };
    share * f64::from(coverage.bounds().samples.sample_count())
}

/// A tile is only named where it is not all of the frame.
fn describe(task: &Task, whole: Option<Region>) -> String {
    match task {
        Task::Inspect => "looks into the scene".to_owned(),
        Task::Whole { frame } => format!("frame {frame}"),
        Task::Finish { frame } => format!("frame {frame}: denoise and compose"),
        Task::Part { frame, region } => {
            let (samples, tile) = (region.samples, region.tile);
            let samples = format!("frame {frame}, samples {}..{}", samples.start(), samples.end());
            if whole.is_some_and(|whole| whole.tile == tile) {
                return samples;
            }
            let (width, height) = (tile.width_px(), tile.height_px());
            format!("{samples}, tile {width}x{height} at {},{}", tile.x_px(), tile.y_px())
        }
    }
}

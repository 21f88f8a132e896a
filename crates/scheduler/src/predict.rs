//! How long a job will take: the same plan and events as in production, in virtual time, with agents
//! that are arithmetic.

use crate::{Action, Assignment, Event, Farm, Job, JobPlan, Limits, SavingLimits, Task, plan};
use blendnet_protocol::{AgentId, JobId, SceneId, WorkId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Steps after which no prediction is made: none of a sensible job takes as many.
const MOST_STEPS: usize = 1_000_000;
/// More frames than this for each agent are predicted from so many.
const FRAMES_PER_AGENT: usize = 24;

/// What an agent costs, as measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgentCost {
    /// Seconds before its first chunk.
    pub cold_secs: f64,
    /// Seconds that each chunk costs whatever its size.
    pub overhead_secs: f64,
    /// Seconds of a pixel's sample.
    pub secs_per_pixel_sample: f64,
}

/// Seconds until agents with these costs have done a job; finishing a frame takes one of them
/// `finish_secs`. `None` where there is nothing to do it with, or it never ends.
pub fn predict_secs(plan: &JobPlan, agents: &[AgentCost], finish_secs: f64) -> Option<f64> {
    let frames = plan.frames.len();
    let enough = agents.len().saturating_mul(FRAMES_PER_AGENT);
    if agents.is_empty() || frames == 0 {
        return None;
    }
    if frames <= enough {
        return Virtual::new(plan, agents, finish_secs)?.run();
    }
    // In the middle of a long animation each frame takes as long as the one before.
    let secs_of = |count: usize| {
        let frames = plan.frames.iter().copied().take(count).collect();
        Virtual::new(&JobPlan { frames, ..plan.clone() }, agents, finish_secs)?.run()
    };
    let (half, all) = (secs_of(enough / 2)?, secs_of(enough)?);
    Some(all + (all - half) * count(frames - enough) / count(enough - enough / 2))
}

#[expect(clippy::cast_precision_loss, reason = "a prediction")]
fn count(number: usize) -> f64 {
    number as f64
}

/// What an agent does.
struct Worker {
    cost: AgentCost,
    warm: bool,
    queue: VecDeque<Assignment>,
    /// When the first of its queue ends, and how long that took.
    ends: Option<(f64, f64)>,
}

struct Virtual {
    farm: Farm,
    now: f64,
    finish_secs: f64,
    costs: Vec<AgentCost>,
    workers: BTreeMap<AgentId, Worker>,
    job: JobId,
    pixel_samples: u64,
}

impl Virtual {
    fn new(plan: &JobPlan, costs: &[AgentCost], finish_secs: f64) -> Option<Self> {
        let always = Duration::MAX;
        let launched_agents = u32::try_from(costs.len()).ok()?;
        let saving = SavingLimits::default();
        let limits = Limits { launched_agents, agent_idle: always, idle: always, saving };
        let job = JobId::new("predicted").ok()?;
        let mut world = Self {
            farm: Farm::new(limits, "predicted"),
            now: 0.0,
            finish_secs,
            costs: costs.to_vec(),
            workers: BTreeMap::new(),
            job: job.clone(),
            pixel_samples: plan.bounds()?.pixel_samples(),
        };
        let scene = SceneId::new("0".repeat(64)).ok()?;
        world.tell(Event::JobAdded(job.clone(), Box::new(Job::new(0, scene, false, None))));
        world.tell(Event::JobInspected { job, plan: plan.clone(), resumed: Vec::new() });
        Some(world)
    }

    fn tell(&mut self, event: Event) {
        self.farm.apply(event, Duration::from_secs_f64(self.now));
        self.act();
    }

    fn act(&mut self) {
        for action in plan(&mut self.farm, Duration::from_secs_f64(self.now)) {
            match action {
                Action::Launch { agent, .. } => self.launch(agent),
                Action::SendScene { agent, scene, .. } => {
                    self.tell(Event::SceneSent { agent, scene, arrived: true });
                }
                Action::Start { agent, assignment, .. } => {
                    if let Some(worker) = self.workers.get_mut(&agent) {
                        worker.queue.push_back(assignment);
                    }
                    self.begin(&agent);
                }
                Action::Cancel { agent, work } => self.cancel(&agent, &work),
                Action::Terminate { agent } => {
                    self.workers.remove(&agent);
                    self.tell(Event::AgentEnded(agent, None));
                }
                Action::Shutdown => {}
            }
        }
    }

    fn launch(&mut self, agent: AgentId) {
        let at = self.workers.len() % self.costs.len();
        let Some(cost) = self.costs.get(at).copied() else { return };
        let worker = Worker { cost, warm: false, queue: VecDeque::new(), ends: None };
        self.workers.insert(agent.clone(), worker);
        self.tell(Event::AgentOnline(agent));
    }

    fn cancel(&mut self, agent: &AgentId, work: &WorkId) {
        let Some(worker) = self.workers.get_mut(agent) else { return };
        let first = worker.queue.front().is_some_and(|first| first.work == *work);
        worker.queue.retain(|assignment| assignment.work != *work);
        if first {
            worker.ends = None;
            self.begin(agent);
        }
    }

    /// Begins with the first of an agent's queue, if it does nothing.
    fn begin(&mut self, agent: &AgentId) {
        let Some(worker) = self.workers.get_mut(agent).filter(|w| w.ends.is_none()) else { return };
        let Some(assignment) = worker.queue.front() else { return };
        let AgentCost { cold_secs, overhead_secs, secs_per_pixel_sample } = worker.cost;
        let rendered = |samples: u64| overhead_secs + secs_per_pixel_sample * as_f64(samples);
        let secs = match assignment.task {
            Task::Part { region, .. } => rendered(region.pixel_samples()),
            Task::Whole { .. } => rendered(self.pixel_samples) + self.finish_secs,
            Task::Finish { .. } => self.finish_secs,
            Task::Inspect => 0.0,
        };
        let cold = if std::mem::replace(&mut worker.warm, true) { 0.0 } else { cold_secs };
        worker.ends = Some((self.now + cold + secs, secs));
    }

    /// Lets the next piece of work end; `None`: nobody does anything.
    fn step(&mut self) -> Option<()> {
        let busy = self.workers.iter().filter_map(|(agent, w)| Some((w.ends?, agent.clone())));
        let ((ends, secs), agent) = busy.min_by(|(a, _), (b, _)| a.0.total_cmp(&b.0))?;
        self.now = ends.max(self.now);
        let worker = self.workers.get_mut(&agent)?;
        worker.ends = None;
        let Assignment { work, job, task } = worker.queue.pop_front()?;
        self.begin(&agent);
        let pixel_samples = match task {
            Task::Part { region, .. } => region.pixel_samples(),
            _ => self.pixel_samples,
        };
        self.tell(Event::Rendered { work: work.clone(), secs, pixel_samples });
        match task {
            Task::Part { frame, .. } => self.tell(Event::Merged { work, job, frame, secs: 0.0 }),
            Task::Whole { frame } | Task::Finish { frame } => {
                self.tell(Event::FrameCompleted { job, frame });
            }
            Task::Inspect => {}
        }
        Some(())
    }

    fn run(mut self) -> Option<f64> {
        for _ in 0..MOST_STEPS {
            if !self.farm.jobs.get(&self.job).is_some_and(Job::is_active) {
                return Some(self.now);
            }
            self.step()?;
        }
        None
    }
}

#[expect(clippy::cast_precision_loss, reason = "a prediction")]
fn as_f64(samples: u64) -> f64 {
    samples as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use blendnet_protocol::{Split, Tile};

    const COST: AgentCost =
        AgentCost { cold_secs: 2.0, overhead_secs: 0.1, secs_per_pixel_sample: 1e-5 };

    fn job(frames: i32, split: Split) -> JobPlan {
        let tile = Tile::new(0, 0, 100, 100).unwrap();
        JobPlan { split, tile, total_samples: 1000, frames: (1..=frames).collect() }
    }

    #[test]
    fn twice_the_agents_take_about_half_the_time() {
        let secs =
            |agents| predict_secs(&job(1, Split::Samples), &vec![COST; agents], 1.0).unwrap();
        let (one, two, eight) = (secs(1), secs(2), secs(8));
        assert!((100.0..110.0).contains(&one), "{one}");
        assert!(two < 0.58 * one && eight < 0.2 * one, "{one} {two} {eight}");
    }

    #[test]
    fn a_long_animation_is_predicted_from_its_first_frames() {
        let secs = predict_secs(&job(10_000, Split::Frames), &[COST, COST], 0.5).unwrap();
        let ideal = 10_000.0 * (100.0 + 0.1 + 0.5) / 2.0;
        assert!((secs / ideal - 1.0).abs() < 0.01, "{secs} against {ideal}");
    }

    #[test]
    fn without_agents_or_frames_nothing_is_predicted() {
        assert_eq!(predict_secs(&job(1, Split::Samples), &[], 0.0), None);
        assert_eq!(predict_secs(&job(0, Split::Samples), &[COST], 0.0), None);
    }
}

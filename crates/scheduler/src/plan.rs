//! What to do now.

use crate::farm::{AgentPhase, Assignment, Farm, Task};
use crate::job::Job;
use crate::offer::Offer;
use crate::round::Sweep;
use crate::size::{GROWTH, is_rendered_whole, samples_of, tiles_wanted};
use crate::split::grid;
use blendnet_protocol::{AgentId, FrameState, JobId, JobState, SceneId, Split, WorkId};
use std::time::Duration;

/// Something for the manager to do. What it leads to comes back as events.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Start an agent under this name.
    Launch {
        /// Its name.
        agent: AgentId,
        /// On what; `None` is the farm's own computer.
        offer: Option<Offer>,
    },
    /// End an agent that we launched.
    Terminate {
        /// Which.
        agent: AgentId,
    },
    /// Send a scene and its files.
    SendScene {
        /// To whom.
        agent: AgentId,
        /// Which.
        scene: SceneId,
        /// Whose.
        job: JobId,
    },
    /// Give work to an agent; it does it when it has done what it was given before.
    Start {
        /// To whom.
        agent: AgentId,
        /// What.
        assignment: Assignment,
        /// Seconds after which it hands in what it has, again and again; `None`: at the end.
        save_secs: Option<f64>,
    },
    /// Take work away again.
    Cancel {
        /// From whom.
        agent: AgentId,
        /// Which.
        work: WorkId,
    },
    /// End the manager: nobody needs it.
    Shutdown,
}

/// What to do now. Decisions are noted in the farm, so that the next plan knows of them.
pub fn plan(farm: &mut Farm, now: Duration) -> Vec<Action> {
    let now = now.max(farm.now);
    farm.now = now;
    let mut actions = Vec::new();
    for job in farm.jobs.values_mut() {
        job.frames.refresh();
    }
    let sweep = farm.begin_sweep(now);
    let sweeps = sweep != Sweep::Hungry;
    if sweeps {
        farm.keep_budgets(now, &mut actions);
    }
    // What was given out is wanted until something happens that is no routine.
    if sweep == Sweep::Everything || farm.round.restless {
        farm.cancel_unwanted(now, &mut actions);
    }
    if sweeps {
        farm.plan_fleet(now, &mut actions);
    }
    let hungry = std::mem::take(&mut farm.round.hungry);
    let asked: Vec<AgentId> = if sweeps {
        farm.agents.iter().filter(|(_, a)| a.may_take_more()).map(|(id, _)| id.clone()).collect()
    } else {
        hungry.into_iter().collect()
    };
    // Everybody gets something before anybody gets something more.
    let jobs = farm.active_jobs();
    for depth in 0..MOST_QUEUED {
        for agent in &asked {
            farm.assign(agent, depth, &jobs, &mut actions);
        }
    }
    if sweeps {
        farm.end_unpaid(now, &mut actions);
    }
    actions
}

/// Works that an agent has at most: the next one is there when it has done the first.
pub(crate) const MOST_QUEUED: usize = 2;

impl Farm {
    /// Takes work back whose job or frame does not want it any more.
    fn cancel_unwanted(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let mut unwanted = Vec::new();
        for (id, agent) in &self.agents {
            let leaves = matches!(agent.phase, AgentPhase::Leaving(_));
            for (at, assignment) in agent.queue.iter().enumerate() {
                let job = self.jobs.get(&assignment.job);
                let wanted = job.is_some_and(|job| job.wants(&assignment.task));
                if !wanted || leaves && at > 0 {
                    unwanted.push((id.clone(), assignment.clone()));
                }
            }
        }
        for (id, assignment) in unwanted {
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.queue.retain(|a| a.work != assignment.work);
                agent.idle_since = now;
            }
            self.give_back(&assignment.work, &assignment.job, assignment.task.frame());
            self.round.holders.remove(&assignment.work);
            actions.push(Action::Cancel { agent: id, work: assignment.work });
        }
    }

    fn assign(&mut self, id: &AgentId, depth: usize, jobs: &[JobId], actions: &mut Vec<Action>) {
        for job in jobs {
            let Some(agent) = self.agents.get(id) else { return };
            if agent.queue.len() != depth || !agent.may_take_more() {
                return;
            }
            let active = self.jobs.get(job).is_some_and(Job::is_active);
            if !active || agent.unfit.contains(job) || !self.may_join(id, job) {
                continue;
            }
            if !self.has_scene(id, job, actions) {
                continue;
            }
            if let Some(assignment) = self.next_assignment(id, job, depth) {
                self.round.hold(id, &assignment);
                let now = self.now;
                if let Some(agent) = self.agents.get_mut(id) {
                    if agent.queue.is_empty() {
                        agent.began = now;
                    }
                    agent.queue.push(assignment.clone());
                    if let Task::Part { frame, .. } = assignment.task {
                        agent.last_frame = Some((job.clone(), frame));
                    }
                }
                self.pays(id, job);
                let save_secs = self.save_secs(id, &assignment);
                actions.push(Action::Start { agent: id.clone(), assignment, save_secs });
                return;
            }
        }
    }

    fn may_join(&self, id: &AgentId, job: &JobId) -> bool {
        let Some(most) = self.jobs.get(job).and_then(|job| job.max_agents) else { return true };
        let others = self.agents.iter().filter(|(other, agent)| {
            *other != id && agent.queue.iter().any(|assignment| &assignment.job == job)
        });
        others.count() < most as usize
    }

    /// Whether the agent has the job's files; sends them when not, also ahead of their use.
    fn has_scene(&mut self, id: &AgentId, job: &JobId, actions: &mut Vec<Action>) -> bool {
        let Some(scene) = self.jobs.get(job).map(|job| job.scene.clone()) else { return false };
        let Some(agent) = self.agents.get_mut(id) else { return false };
        if let Some(&arrived) = agent.scenes.get(&scene) {
            return arrived;
        }
        agent.scenes.insert(scene.clone(), false);
        actions.push(Action::SendScene { agent: id.clone(), scene, job: job.clone() });
        false
    }

    fn next_assignment(&mut self, id: &AgentId, job: &JobId, depth: usize) -> Option<Assignment> {
        let state = self.jobs.get(job)?.state;
        let work: WorkId = self.fresh("work")?;
        let task = if state == JobState::Inspecting {
            (depth == 0 && !self.is_inspected_by_somebody(job)).then_some(Task::Inspect)
        } else {
            self.finish_task(job, &work).or_else(|| self.render_task(id, job, &work, depth))
        }?;
        if let Some(job) = self.jobs.get_mut(job) {
            if job.state == JobState::Queued {
                job.state = JobState::Running;
            }
            let frame = task.frame().and_then(|frame| job.frames.get_mut(&frame));
            if let Some(frame) = frame.filter(|f| f.state == FrameState::Queued) {
                frame.state = FrameState::Running;
            }
            job.frames.refresh();
        }
        Some(Assignment { work, job: job.clone(), task })
    }

    fn is_inspected_by_somebody(&self, job: &JobId) -> bool {
        let work = self.round.inspecting.get(job);
        work.is_some_and(|work| self.round.holders.contains_key(work))
    }

    /// A merged frame to denoise and compose: it is what the artist waits for.
    fn finish_task(&mut self, job: &JobId, work: &WorkId) -> Option<Task> {
        let frames = &mut self.jobs.get_mut(job)?.frames;
        let number = frames.first_to_finish()?;
        let frame = frames.get_mut(&number)?;
        frame.finishing = Some(work.clone());
        frame.state = FrameState::Finishing;
        Some(Task::Finish { frame: number })
    }

    fn render_task(
        &mut self,
        id: &AgentId,
        job: &JobId,
        work: &WorkId,
        depth: usize,
    ) -> Option<Task> {
        let frames = self.jobs.get(job).filter(|job| !job.only_finishes())?.frames.sums();
        if frames.free == 0 {
            return None;
        }
        let pace = self.pace(job)?;
        let (agent, planned) = (self.agents.get(id)?, self.jobs.get(job)?);
        let (speed, interruptible) = (agent.speeds.get(job).copied(), agent.interruptible);
        if depth > 0 && (speed.is_none() || !self.is_worth_queueing(agent, job, &pace)) {
            return None;
        }
        let whole_secs = self.whole_frame_secs(agent, job, &pace);
        let target_secs = self.target_secs(agent, job, &pace);
        let split = planned.plan.as_ref()?.split;
        if pace.agents > 1 && self.is_too_slow(agent, job, &pace) {
            return None;
        }
        let whole = split == Split::Frames
            || planned.frames.len() > 1
                && is_rendered_whole(
                    whole_secs,
                    usize::try_from(frames.untouched_frames).unwrap_or(usize::MAX),
                    pace.agents,
                    interruptible,
                );
        let last = agent.last_frame.as_ref().filter(|(of, _)| of == job).map(|(_, frame)| *frame);
        let frame = planned.frames.choose(last)?;
        let margin = if let Split::Tiles { margin_px } = split { Some(margin_px) } else { None };
        let pixels = planned.frames.get(&frame)?.coverage.free().first()?.tile.pixel_count();
        let first_samples = agent.first_samples(job, &pace, target_secs, pixels);
        let coverage = &mut self.jobs.get_mut(job)?.frames.get_mut(&frame)?.coverage;
        if whole && coverage.is_untouched() {
            coverage.take(work.clone(), u32::MAX)?;
            return Some(Task::Whole { frame });
        }
        let most_samples = match (margin, speed, target_secs) {
            (Some(margin_px), ..) => {
                if coverage.is_untouched() {
                    let wanted = tiles_wanted(pace.agents, whole_secs);
                    coverage.cut_into(&grid(coverage.bounds().tile, margin_px, wanted));
                }
                u32::MAX
            }
            (None, Some(speed), Some(secs)) => {
                let grown = GROWTH * speed.last_pixel_samples();
                samples_of(speed.pixel_samples_in(secs).min(grown), pixels)
            }
            (None, ..) => first_samples,
        };
        let region = coverage.take(work.clone(), most_samples)?;
        Some(Task::Part { frame, region })
    }
}

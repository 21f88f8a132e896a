//! Work that agents still have when a manager starts again.

use crate::farm::{Assignment, Farm, Task};
use blendnet_protocol::{AgentId, FrameState};

impl Farm {
    /// Nobody else is given what the agent does already. Work that nobody wants any more is not kept.
    pub(crate) fn work_kept(&mut self, id: &AgentId, assignment: Assignment) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        let Some(job) = self.jobs.get_mut(&assignment.job) else { return };
        if !job.is_active() {
            return;
        }
        let work = assignment.work.clone();
        let mut frame = assignment.task.frame().and_then(|number| job.frames.get_mut(&number));
        frame = frame.filter(|frame| frame.is_open());
        let kept = match (assignment.task, frame) {
            (Task::Inspect, _) => job.plan.is_none(),
            (_, None) => false,
            (Task::Part { region, .. }, Some(frame)) => {
                frame.state = FrameState::Running;
                frame.coverage.hold(work, region)
            }
            (Task::Whole { .. }, Some(frame)) => {
                frame.state = FrameState::Running;
                frame.coverage.is_untouched() && frame.coverage.hold(work, frame.coverage.bounds())
            }
            (Task::Finish { .. }, Some(frame)) => {
                let wanted = frame.coverage.is_complete() && frame.finishing.is_none();
                if wanted {
                    frame.state = FrameState::Finishing;
                    frame.finishing = Some(work);
                }
                wanted
            }
        };
        if kept {
            self.round.hold(id, &assignment);
            agent.queue.push(assignment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Job, JobPlan, Limits, SavingLimits, plan};
    use blendnet_protocol::{JobId, Region, SampleRange, SceneId, Split, Tile, WorkId};
    use std::time::Duration;

    fn limits() -> Limits {
        let (agent_idle, idle) = (Duration::from_mins(5), Duration::from_mins(30));
        Limits { launched_agents: 0, agent_idle, idle, saving: SavingLimits::default() }
    }

    /// A farm whose job an earlier manager began.
    fn resumed() -> (Farm, JobId, AgentId) {
        let mut farm = Farm::new(limits(), "two");
        let (job, agent) = (JobId::new("shot").unwrap(), AgentId::new("agent-1").unwrap());
        let scene = SceneId::new("a".repeat(64)).unwrap();
        let plan = JobPlan {
            split: Split::Samples,
            tile: Tile::new(0, 0, 32, 18).unwrap(),
            total_samples: 64,
            frames: vec![1],
        };
        let events = [
            Event::JobAdded(job.clone(), Box::new(Job::new(0, scene, false, None))),
            Event::JobInspected { job: job.clone(), plan, resumed: vec![] },
            Event::AgentAdded { agent: agent.clone(), launched: true },
        ];
        for event in events {
            farm.apply(event, Duration::ZERO);
        }
        (farm, job, agent)
    }

    #[test]
    fn what_an_agent_still_renders_is_given_to_nobody_else_until_it_is_lost() {
        let (mut farm, job, agent) = resumed();
        let tile = Tile::new(0, 0, 32, 18).unwrap();
        let region = Region { tile, samples: SampleRange::new(8, 24).unwrap() };
        let work = WorkId::new("work-one-7").unwrap();
        let task = Task::Part { frame: 1, region };
        let assignment = Assignment { work: work.clone(), job: job.clone(), task };
        farm.apply(Event::WorkKept { agent: agent.clone(), assignment }, Duration::ZERO);
        assert_eq!(farm.agents[&agent].queue.len(), 1);
        let coverage = &farm.jobs[&job].frames[&1].coverage;
        assert_eq!(coverage.held()[&work], [region]);
        assert!(!coverage.free().iter().any(|free| free.overlaps(region)));
        farm.apply(Event::AgentOnline(agent.clone()), Duration::ZERO);
        plan(&mut farm, Duration::from_secs(1));
        assert!(farm.jobs[&job].frames[&1].coverage.held().contains_key(&work));
        farm.apply(Event::AgentLost(agent), Duration::from_secs(2));
        assert!(farm.jobs[&job].frames[&1].coverage.is_untouched());
    }
}

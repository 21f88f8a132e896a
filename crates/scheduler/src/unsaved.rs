//! What must outlive the manager, and has changed since it was last written down.

use crate::farm::Farm;
use crate::job::{Frame, Job};
use blendnet_protocol::{AgentId, FrameState, JobId, WorkFailure};
use std::collections::BTreeSet;
use std::time::Duration;

/// Names of what has changed; [`Farm::take_unsaved`] gives them once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsaved {
    /// Frames of which [`Farm::kept_frame`] is another one.
    pub frames: BTreeSet<(JobId, i32)>,
    /// Agents that another job pays for.
    pub payers: BTreeSet<AgentId>,
    /// Jobs of which the cost was booked anew.
    pub costs: BTreeSet<JobId>,
}

/// What is known of a frame besides what of it is rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptFrame {
    /// Whether it waits although the job runs.
    pub paused: bool,
    /// Those of a job with a larger one come first.
    pub rank: u32,
    /// Attempts that failed since something of it was merged.
    pub failures: u32,
    /// The last failure.
    pub failure: Option<WorkFailure>,
    /// Whether it is given up.
    pub failed: bool,
    /// Whether what is merged of it is all that is wanted.
    pub settled: bool,
}

impl Farm {
    /// What has changed since this was last asked.
    pub fn take_unsaved(&mut self) -> Unsaved {
        std::mem::take(&mut self.unsaved)
    }

    /// What the next manager must know of a frame; `None`: the job has dropped it.
    pub fn kept_frame(&self, job: &JobId, number: i32) -> Option<KeptFrame> {
        let frame = self.jobs.get(job)?.frames.get(&number)?;
        Some(KeptFrame {
            paused: frame.paused,
            rank: frame.rank,
            failures: frame.failures,
            failure: frame.failure.clone(),
            failed: frame.state == FrameState::Failed,
            settled: frame.coverage.is_settled(),
        })
    }

    /// A frame is as an earlier manager knew it.
    pub(crate) fn frame_kept(&mut self, id: &JobId, number: i32, kept: Option<KeptFrame>) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        match kept {
            None => job.drop_frame(number),
            Some(kept) => {
                if let Some(frame) = job.frames.get_mut(&number) {
                    frame.take_up(kept);
                }
            }
        }
        self.end_job_if_done(id);
    }

    pub(crate) fn frame_changed(&mut self, job: &JobId, number: i32) {
        self.unsaved.frames.insert((job.clone(), number));
    }

    pub(crate) fn payer_changed(&mut self, agent: &AgentId, before: Option<JobId>) {
        let Some(known) = self.agents.get(agent).filter(|agent| agent.offer.is_some()) else {
            return;
        };
        self.unsaved.costs.extend(known.payer.clone().into_iter().chain(before));
        self.unsaved.payers.insert(agent.clone());
    }

    /// Until when the cost of an agent is booked, and so in what its job has cost.
    pub fn billed_until(&self, agent: &AgentId) -> Option<Duration> {
        Some(self.agents.get(agent)?.billed_until)
    }
}

impl Job {
    fn drop_frame(&mut self, number: i32) {
        if self.frames.remove(number).is_some() {
            self.dropped.push(number);
        }
    }
}

impl Frame {
    fn take_up(&mut self, kept: KeptFrame) {
        (self.paused, self.rank) = (kept.paused, kept.rank);
        (self.failures, self.failure) = (kept.failures, kept.failure);
        if kept.settled {
            let _with_holes = self.settle();
        }
        if kept.failed {
            self.state = FrameState::Failed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Coverage, Event, JobPlan, Limits, Offer, SavingLimits, plan};
    use blendnet_protocol::{
        FailureKind, Fault, JobLimits, JobState, Region, SampleRange, SceneId, Split, Tile, WorkId,
    };

    fn region(start: u32, end: u32) -> Region {
        let samples = SampleRange::new(start, end).unwrap();
        Region { tile: Tile::new(0, 0, 32, 18).unwrap(), samples }
    }

    fn job() -> JobId {
        JobId::new("shot").unwrap()
    }

    /// A farm with a job of four frames of which the third has eight samples.
    fn farm() -> Farm {
        let (agent_idle, idle) = (Duration::from_mins(5), Duration::from_mins(30));
        let saving = SavingLimits::default();
        let mut farm = Farm::new(Limits { launched_agents: 1, agent_idle, idle, saving }, "one");
        let scene = SceneId::new("a".repeat(64)).unwrap();
        let tile = region(0, 1).tile;
        let (split, total_samples) = (Split::Samples, 64);
        let plan = JobPlan { split, tile, total_samples, frames: vec![1, 2, 3, 4] };
        let rendered = Coverage::resumed(region(0, 64), &[region(0, 8)]).unwrap();
        for event in [
            Event::JobAdded(job(), Box::new(Job::new(0, scene, false, None))),
            Event::JobInspected { job: job(), plan, resumed: vec![(3, rendered)] },
        ] {
            farm.apply(event, Duration::ZERO);
        }
        farm
    }

    fn failure(fault: Fault) -> WorkFailure {
        let message = "out of luck".to_owned();
        WorkFailure { kind: FailureKind::Crashed, fault, message, last_lines: vec![] }
    }

    fn fails(farm: &mut Farm, frame: i32, fault: Fault) {
        farm.apply(
            Event::ResultUnusable {
                work: WorkId::new("work").unwrap(),
                job: job(),
                frame: Some(frame),
                failure: failure(fault),
            },
            Duration::ZERO,
        );
    }

    /// What the next manager knows of the job's frames.
    fn restarted(before: &mut Farm) -> Farm {
        let mut after = farm();
        for (job, frame) in before.take_unsaved().frames {
            let kept = before.kept_frame(&job, frame);
            after.apply(Event::FrameKept { job, frame, kept }, Duration::ZERO);
        }
        after
    }

    fn all_kept(farm: &Farm) -> Vec<Option<KeptFrame>> {
        (1..=4).map(|frame| farm.kept_frame(&job(), frame)).collect()
    }

    #[test]
    fn wishes_and_failures_of_frames_are_told_once_and_taken_up_again() {
        let mut farm = farm();
        assert_eq!(farm.take_unsaved(), Unsaved::default());
        farm.apply(Event::FramePause(job(), 1), Duration::ZERO);
        farm.apply(Event::FrameFirst(job(), 4), Duration::ZERO);
        fails(&mut farm, 2, Fault::Attempt);
        fails(&mut farm, 2, Fault::Attempt);
        fails(&mut farm, 4, Fault::Scene);
        let after = restarted(&mut farm);
        assert_eq!(all_kept(&after), all_kept(&farm));
        let frames = &after.jobs[&job()].frames;
        assert!(frames[&1].paused && frames[&4].rank > frames[&3].rank);
        assert_eq!((frames[&2].failures, frames[&4].state), (2, FrameState::Failed));
        assert_eq!(farm.take_unsaved(), Unsaved::default(), "told once");
        farm.apply(Event::JobFailed(job(), failure(Fault::Scene)), Duration::ZERO);
        farm.apply(Event::JobRun(job()), Duration::ZERO);
        assert!(farm.take_unsaved().frames.contains(&(job(), 4)), "it is tried again");
    }

    #[test]
    fn a_settled_job_is_settled_after_a_restart() {
        let mut farm = farm();
        farm.apply(Event::JobSettle(job()), Duration::ZERO);
        let after = restarted(&mut farm);
        assert_eq!(all_kept(&after), all_kept(&farm));
        let job = &after.jobs[&job()];
        assert_eq!((job.frames.len(), job.dropped.as_slice()), (1, &[1, 2, 4][..]));
        assert!(job.frames[&3].coverage.is_settled() && job.state != JobState::Completed);
    }

    #[test]
    fn something_new_of_a_frame_forgives_its_failures() {
        let mut farm = farm();
        fails(&mut farm, 3, Fault::Attempt);
        fails(&mut farm, 3, Fault::Attempt);
        let (work, frame) = (WorkId::new("late").unwrap(), 3);
        let merged =
            |region| Event::PartMerged { work: work.clone(), job: job(), frame, region, secs: 0.1 };
        farm.apply(merged(region(0, 8)), Duration::ZERO);
        assert_eq!(farm.jobs[&job()].frames[&3].failures, 2, "nothing new");
        farm.take_unsaved();
        farm.apply(merged(region(8, 9)), Duration::ZERO);
        assert_eq!(farm.jobs[&job()].frames[&3].failures, 0);
        assert!(farm.take_unsaved().frames.contains(&(job(), 3)));
    }

    #[test]
    fn who_pays_for_an_agent_is_told_with_what_both_owe() {
        let mut farm = farm();
        let offer = Offer {
            provider: "here".to_owned(),
            instance_type: "node".to_owned(),
            zone: String::new(),
            spot: false,
            usd_micros_per_hour: 1_000_000,
            min_billed: Duration::ZERO,
            boot: Duration::ZERO,
        };
        farm.apply(Event::Offers(vec![offer]), Duration::ZERO);
        plan(&mut farm, Duration::ZERO);
        let agent = farm.agents.keys().next().unwrap().clone();
        let told = farm.take_unsaved();
        assert!(told.payers.contains(&agent) && told.costs.contains(&job()));
        let other = JobId::new("other").unwrap();
        let scene = SceneId::new("b".repeat(64)).unwrap();
        let added = Job { limits: JobLimits::default(), ..Job::new(1, scene, false, None) };
        farm.apply(Event::JobAdded(other.clone(), Box::new(added)), Duration::from_secs(7));
        farm.pays(&agent, &other);
        let told = farm.take_unsaved();
        assert_eq!(told.payers, BTreeSet::from([agent.clone()]));
        assert_eq!(told.costs, BTreeSet::from([job(), other.clone()]));
        assert_eq!(farm.billed_until(&agent), Some(Duration::from_secs(7)));
        farm.pays(&agent, &other);
        assert_eq!(farm.take_unsaved(), Unsaved::default(), "nothing has changed");
    }
}

//! A farm in virtual time: the real plan, ledger, fleet and budget; provider and agents are
//! arithmetic.

use crate::audit::{Audit, check};
use crate::instance::{Costs, Instance, SIZE_PX};
use crate::provider::{NOTICE_SECS, bill};
use crate::trace::Trace;
use blendnet_protocol::{
    AgentId, FailureKind, Fault, JobId, JobLimits, Region, SceneId, Split, Tile, WorkFailure,
    WorkId,
};
use blendnet_scheduler::{
    Action, Assignment, Event, Farm, Job, JobPlan, Limits, Offer, SavingLimits, Task, plan,
};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

const TICK_SECS: f64 = 15.0;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Point(usize),
    Fall(usize),
    Tick,
    Booted(AgentId),
    SceneSent(AgentId, SceneId),
    Refused(AgentId),
    StepEnds(AgentId, u64),
    Merged(WorkId, i32, Option<[u32; 6]>),
    Finished(i32),
    Gone(AgentId),
}

/// Spot capacity over time.
pub(crate) struct Spot {
    pub(crate) trace: Trace,
    pub(crate) start: usize,
}

/// The world.
pub(crate) struct World {
    pub(crate) farm: Farm,
    pub(crate) job: JobId,
    pub(crate) instances: BTreeMap<AgentId, Instance>,
    pub(crate) costs: Costs,
    pub(crate) now: f64,
    pub(crate) audit: Audit,
    pub(crate) ceiling_usd_micros: Option<u64>,
    /// Instances that were taken away.
    pub(crate) losses: usize,
    /// Seconds from the last hand-in of each of them to its end.
    pub(crate) wasted_secs: Vec<f64>,
    /// When the job ended.
    pub(crate) ended: Option<f64>,
    pub(crate) spot: Option<Spot>,
    pub(crate) speeds: Vec<f64>,
    pub(crate) dice: StdRng,
    pub(crate) agenda: BinaryHeap<Reverse<(u64, u64, What)>>,
    pub(crate) number: u64,
    pub(crate) billed: f64,
    pub(crate) boot_secs: f64,
    /// How likely launches fail, boots never end, clocks are wrong.
    pub(crate) trouble: f64,
}

/// What is simulated.
pub(crate) struct Scenario {
    pub(crate) agents: u32,
    pub(crate) frames: i32,
    pub(crate) costs: Costs,
    pub(crate) offers: Vec<Offer>,
    pub(crate) limits: JobLimits,
    pub(crate) spot: Option<Spot>,
    pub(crate) speeds: Vec<f64>,
    pub(crate) seed: u64,
    pub(crate) trouble: f64,
}

pub(crate) fn at(secs: f64) -> Duration {
    Duration::from_millis((secs * 1000.0).round() as u64)
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let limits = Limits {
            launched_agents: scenario.agents,
            agent_idle: Duration::from_mins(5),
            idle: Duration::from_mins(30),
            saving: SavingLimits {
                notice: Duration::from_secs(NOTICE_SECS as u64),
                ..SavingLimits::default()
            },
        };
        let boot = scenario.offers.iter().map(|o| o.boot.as_secs_f64()).fold(0.0, f64::max);
        let mut farm = Farm::new(limits, "sim");
        farm.seed = scenario.seed;
        farm.offers = scenario.offers;
        let scene = SceneId::new("0".repeat(64)).expect("a hash");
        let mut job = Job::new(0, scene, false, None);
        job.limits = scenario.limits;
        let tile = Tile::new(0, 0, SIZE_PX.0, SIZE_PX.1).expect("a tile");
        let plan = JobPlan {
            split: Split::Samples,
            tile,
            total_samples: scenario.costs.samples,
            frames: (1..=scenario.frames).collect(),
        };
        let id = JobId::new("job").expect("a name");
        farm.apply(Event::JobAdded(id.clone(), Box::new(job)), Duration::ZERO);
        farm.apply(Event::JobInspected { job: id.clone(), plan, resumed: vec![] }, Duration::ZERO);
        Self {
            farm,
            job: id,
            instances: BTreeMap::new(),
            costs: scenario.costs,
            now: 0.0,
            audit: Audit::default(),
            ceiling_usd_micros: scenario.limits.budget_usd_micros,
            losses: 0,
            wasted_secs: Vec::new(),
            ended: None,
            spot: scenario.spot,
            speeds: scenario.speeds,
            dice: StdRng::seed_from_u64(scenario.seed),
            agenda: BinaryHeap::new(),
            number: 0,
            billed: 0.0,
            boot_secs: boot,
            trouble: scenario.trouble,
        }
    }

    /// Runs until the job has ended and no instance is left.
    pub(crate) fn run(&mut self) {
        self.later(0.0, What::Tick);
        if let Some(spot) = &self.spot {
            let gap = spot.trace.gap_secs;
            self.later(gap, What::Point(1));
            self.later((gap - NOTICE_SECS).max(0.0), What::Fall(1));
        }
        self.act();
        while let Some(Reverse((millis, _, what))) = self.agenda.pop() {
            self.now = millis as f64 / 1000.0;
            self.happen(what);
            if self.trouble > 0.0 {
                self.make_trouble();
            }
            self.act();
            let mut audit = std::mem::take(&mut self.audit);
            check(self, &mut audit);
            self.audit = audit;
            if self.ended.is_none() && !self.farm.has_work() {
                self.ended = Some(self.now);
            }
            if self.ended.is_some() && self.instances.is_empty() {
                break;
            }
            if self.now > 400.0 * 86_400.0 {
                self.audit.note("the job does not end");
                break;
            }
        }
        self.check_end();
    }

    fn check_end(&mut self) {
        let frames: Vec<(i32, u64)> = self
            .farm
            .jobs
            .get(&self.job)
            .map(|job| {
                let done = |(n, f): (&i32, &blendnet_scheduler::Frame)| {
                    let whole = f.coverage.held().len() == 1 && f.coverage.done().is_empty();
                    (!whole).then(|| (*n, f.coverage.done_pixel_samples()))
                };
                job.frames.iter().filter_map(done).collect()
            })
            .unwrap_or_default();
        for (frame, ledger) in frames {
            self.audit.compare(frame, ledger);
        }
    }

    /// What the provider has billed so far, boot, idle time and minimum included.
    pub(crate) fn billed_usd_micros(&self) -> f64 {
        self.billed + self.instances.values().map(|i| bill(i, self.now)).sum::<f64>()
    }

    pub(crate) fn later(&mut self, secs: f64, what: What) {
        self.number += 1;
        let millis = ((self.now + secs) * 1000.0).ceil() as u64;
        self.agenda.push(Reverse((millis, self.number, what)));
    }

    pub(crate) fn tell(&mut self, event: Event) {
        let now = self.clock();
        self.farm.apply(event, now);
    }

    /// The time; where there is trouble it jumps back now and then.
    fn clock(&mut self) -> Duration {
        let late = if self.trouble() { 3600.0 } else { 0.0 };
        at((self.now - late).max(0.0))
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Tick => {
                let calm = self.instances.is_empty();
                self.later(if calm { 4.0 * TICK_SECS } else { TICK_SECS }, What::Tick);
            }
            What::Point(point) => self.point(point),
            What::Fall(point) => self.give_notice(point),
            What::Booted(id) => {
                if let Some(instance) = self.instances.get_mut(&id) {
                    instance.up = Some(self.now);
                    self.tell(Event::AgentOnline(id));
                }
            }
            What::SceneSent(agent, scene) => {
                self.tell(Event::SceneSent { agent, scene, arrived: true });
            }
            What::Refused(id) => {
                let failure = WorkFailure {
                    kind: FailureKind::Internal,
                    fault: Fault::Agent,
                    message: "no capacity".to_owned(),
                    last_lines: vec![],
                };
                self.tell(Event::AgentEnded(id, Some(failure)));
            }
            What::StepEnds(id, epoch) => self.step_ends(&id, epoch),
            What::Merged(work, frame, region) => self.merged(work, frame, region),
            What::Finished(frame) => {
                self.tell(Event::FrameCompleted { job: self.job.clone(), frame });
            }
            What::Gone(id) => self.gone(&id),
        }
    }

    fn act(&mut self) {
        let now = self.clock();
        for action in plan(&mut self.farm, now) {
            match action {
                Action::Launch { agent, offer } => self.launch(agent, offer),
                Action::SendScene { agent, scene, .. } => {
                    self.later(1.0, What::SceneSent(agent, scene));
                }
                Action::Start { agent, assignment, save_secs } => {
                    if let Some(instance) = self.instances.get_mut(&agent) {
                        instance.queue.push_back((assignment, save_secs));
                    }
                    self.go_on(&agent);
                }
                Action::Cancel { agent, work } => self.cancel(&agent, &work),
                Action::Terminate { agent } => {
                    if let Some(instance) = self.instances.get_mut(&agent) {
                        instance.ending = true;
                        instance.step = None;
                        instance.current = None;
                        self.later(5.0, What::Gone(agent));
                    }
                }
                Action::Shutdown => {}
            }
        }
    }

    fn go_on(&mut self, id: &AgentId) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        if instance.step.is_some() || instance.ending {
            return;
        }
        instance.begin();
        let costs = self.costs;
        if let Some(step) = instance.next_step(&costs) {
            let epoch = instance.epoch;
            self.later(step.secs + step.load_secs, What::StepEnds(id.clone(), epoch));
        }
    }

    fn step_ends(&mut self, id: &AgentId, epoch: u64) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        if instance.epoch != epoch || instance.ending {
            return;
        }
        let Some((current, region, done)) = instance.step_done() else { return };
        instance.last_saved = Some(self.now);
        let leaving = instance.leaving;
        let Assignment { work, task, .. } = current.assignment;
        let hand_in = self.costs.hand_in_secs;
        if let (Some(region), Some(frame)) = (region, task.frame()) {
            self.later(hand_in, What::Merged(work.clone(), frame, Some(numbers(region))));
        }
        if done {
            let pixel_samples = match task {
                Task::Part { region, .. } => region.pixel_samples(),
                _ => 0,
            };
            self.tell(Event::Rendered { work, secs: current.rendered_secs, pixel_samples });
            if let Task::Whole { frame } | Task::Finish { frame } = task {
                self.later(hand_in, What::Finished(frame));
            }
        }
        if leaving {
            // All is handed in; it ends itself.
            if let Some(instance) = self.instances.get_mut(id) {
                instance.ending = true;
            }
            self.later(hand_in + 0.5, What::Gone(id.clone()));
        } else {
            self.go_on(id);
        }
    }

    fn merged(&mut self, work: WorkId, frame: i32, region: Option<[u32; 6]>) {
        let Some(region) = region.and_then(region_of) else { return };
        let coverage =
            |w: &Self| Some(w.farm.jobs.get(&w.job)?.frames.get(&frame)?.coverage.clone());
        let before = coverage(self).map_or(0, |c| c.done_pixel_samples());
        let job = self.job.clone();
        if self.audit.film_has_some_of(frame, region) {
            // As the manager does: others have handed in some of it, so the rest is rendered again.
            self.tell(Event::GaveBack { work: work.clone(), job, frame: Some(frame) });
            let ids: Vec<AgentId> = self.instances.keys().cloned().collect();
            for id in &ids {
                self.cancel(id, &work);
            }
            return;
        }
        self.tell(Event::PartMerged { work, job, frame, region, secs: 0.2 });
        let after = coverage(self).map_or(0, |c| c.done_pixel_samples());
        if after - before == region.pixel_samples() {
            if !self.audit.film_takes(frame, region) {
                self.audit.note("a sample is counted twice");
            }
        } else if after != before {
            self.audit.note("a part is counted in part");
        }
    }

    fn cancel(&mut self, id: &AgentId, work: &WorkId) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.queue.retain(|(assignment, _)| &assignment.work != work);
        if instance.current.as_ref().is_some_and(|c| &c.assignment.work == work) {
            instance.current = None;
            instance.step = None;
            self.go_on(id);
        }
    }
}

fn numbers(region: Region) -> [u32; 6] {
    let (tile, samples) = (region.tile, region.samples);
    [tile.x_px(), tile.y_px(), tile.width_px(), tile.height_px(), samples.start(), samples.end()]
}

fn region_of([x, y, width, height, start, end]: [u32; 6]) -> Option<Region> {
    let tile = Tile::new(x, y, width, height).ok()?;
    Some(Region { tile, samples: blendnet_protocol::SampleRange::new(start, end).ok()? })
}

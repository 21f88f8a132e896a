//! What a decision of the scheduler costs, by the number of agents: whole jobs in virtual time, with
//! agents that are arithmetic.

use crate::say;
use blendnet_protocol::{AgentId, JobId, SceneId, Split, Tile, WorkId};
use blendnet_scheduler::{
    Action, Assignment, Event, Farm, Job, JobPlan, Limits, SavingLimits, Task, plan,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

const AGENTS: [u32; 5] = [250, 500, 1000, 2000, 4000];
const FRAMES: i32 = 4000;
const SAMPLES: u32 = 256;
/// So long that each range is one sample: a million of them.
const SAMPLE_SECS: f64 = 30.0;
const CALL_SECS: f64 = 0.5;
const SLOPE_WANTED: f64 = 0.1;

/// Agents and what they have, and the farm that decides.
struct Fleet {
    farm: Farm,
    queues: BTreeMap<AgentId, (f64, VecDeque<Assignment>)>,
    /// When the first work of an agent ends, in milliseconds.
    agenda: BinaryHeap<Reverse<(u64, AgentId, WorkId)>>,
    now: u64,
    decisions: u64,
    deciding: Duration,
}

fn job_plan() -> JobPlan {
    let tile = Tile::new(0, 0, 960, 540).expect("a tile");
    JobPlan { split: Split::Samples, tile, total_samples: SAMPLES, frames: (1..=FRAMES).collect() }
}

impl Fleet {
    fn new(agents: u32) -> Self {
        let always = Duration::MAX;
        let saving = SavingLimits::default();
        let limits = Limits { launched_agents: 0, agent_idle: always, idle: always, saving };
        let mut fleet = Self {
            farm: Farm::new(limits, "bench"),
            queues: BTreeMap::new(),
            agenda: BinaryHeap::new(),
            now: 0,
            decisions: 0,
            deciding: Duration::ZERO,
        };
        let job = JobId::new("shot").expect("a name");
        let scene = SceneId::new("0".repeat(64)).expect("a hash");
        fleet.tell(Event::JobAdded(job.clone(), Box::new(Job::new(0, scene, false, None))));
        fleet.tell(Event::JobInspected { job, plan: job_plan(), resumed: vec![] });
        for number in 0..agents {
            let agent = AgentId::new(format!("agent-{number:05}")).expect("a name");
            // From half to twice the usual speed.
            let speed = 0.5 * 4.0_f64.powf(f64::from(number % 97) / 96.0);
            fleet.queues.insert(agent.clone(), (speed, VecDeque::new()));
            fleet.tell(Event::AgentAdded { agent: agent.clone(), launched: false });
            fleet.tell(Event::AgentOnline(agent));
        }
        fleet
    }

    /// An event, and its time: it is not what is measured.
    fn tell(&mut self, event: Event) {
        let started = Instant::now();
        self.farm.apply(event, Duration::from_millis(self.now));
        self.deciding += started.elapsed();
    }

    fn act(&mut self) {
        let started = Instant::now();
        let actions = plan(&mut self.farm, Duration::from_millis(self.now));
        self.deciding += started.elapsed();
        for action in actions {
            match action {
                Action::SendScene { agent, scene, .. } => {
                    self.tell(Event::SceneSent { agent, scene, arrived: true });
                }
                Action::Start { agent, assignment, .. } => {
                    self.decisions += 1;
                    self.give(&agent, assignment);
                }
                Action::Cancel { agent, work } => {
                    if let Some((_, queue)) = self.queues.get_mut(&agent) {
                        queue.retain(|assignment| assignment.work != work);
                    }
                }
                Action::Launch { .. } | Action::Terminate { .. } | Action::Shutdown => {}
            }
        }
    }

    fn give(&mut self, agent: &AgentId, assignment: Assignment) {
        let Some((_, queue)) = self.queues.get_mut(agent) else { return };
        queue.push_back(assignment);
        if queue.len() == 1 {
            self.begin(agent);
        }
    }

    fn begin(&mut self, agent: &AgentId) {
        let Some((speed, queue)) = self.queues.get(agent) else { return };
        let Some(first) = queue.front() else { return };
        let ends = self.now + millis(secs(&first.task) / speed);
        self.agenda.push(Reverse((ends, agent.clone(), first.work.clone())));
    }

    /// Until nothing is left to do.
    fn run(&mut self) {
        // Scenes are on their way by the first plan, and there by the second.
        self.act();
        self.act();
        while let Some(Reverse((at, agent, work))) = self.agenda.pop() {
            self.now = at;
            let Some((speed, queue)) = self.queues.get_mut(&agent) else { continue };
            if queue.front().is_none_or(|first| first.work != work) {
                continue;
            }
            let Some(done) = queue.pop_front() else { continue };
            let secs = secs(&done.task) / *speed;
            self.begin(&agent);
            self.ended(done, secs);
            self.act();
        }
    }

    fn ended(&mut self, done: Assignment, secs: f64) {
        let Assignment { work, job, task } = done;
        let pixel_samples = match task {
            Task::Part { region, .. } => region.pixel_samples(),
            _ => 0,
        };
        self.tell(Event::Rendered { work: work.clone(), secs, pixel_samples });
        match task {
            Task::Part { frame, region } => {
                self.tell(Event::PartMerged { work, job, frame, region, secs: 0.0 });
            }
            Task::Whole { frame } | Task::Finish { frame } => {
                self.tell(Event::FrameCompleted { job, frame });
            }
            Task::Inspect => {}
        }
    }

    fn is_done(&self) -> bool {
        !self.farm.has_work()
    }
}

fn secs(task: &Task) -> f64 {
    match task {
        Task::Part { region, .. } => {
            CALL_SECS + SAMPLE_SECS * f64::from(region.samples.sample_count())
        }
        Task::Whole { .. } => CALL_SECS + SAMPLE_SECS * f64::from(SAMPLES),
        Task::Finish { .. } => 10.0,
        Task::Inspect => 1.0,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds")]
fn millis(secs: f64) -> u64 {
    (secs * 1000.0).ceil() as u64
}

/// Slope of a line through points of which both coordinates are taken as logarithms.
#[expect(clippy::cast_precision_loss, reason = "a few points")]
pub(super) fn log_slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (x, y) = logs.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / count, b + y / count));
    let over: f64 = logs.iter().map(|(a, b)| (a - x) * (b - y)).sum();
    over / logs.iter().map(|(a, _)| (a - x).powi(2)).sum::<f64>()
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run() {
    let mut points = Vec::new();
    for agents in AGENTS {
        let mut fleet = Fleet::new(agents);
        fleet.run();
        let micros = fleet.deciding.as_secs_f64() * 1e6 / fleet.decisions as f64;
        let end = if fleet.is_done() { "done" } else { "NOT DONE" };
        say(&format!(
            "plan, {agents} agents, {} ranges, {FRAMES} frames: {micros:.1} us a decision, {end}",
            fleet.decisions
        ));
        points.push((f64::from(agents), micros));
    }
    let slope = log_slope(&points);
    say(&format!(
        "plan: slope of a decision's time over agents, both as logarithms: {slope:.3} (at most {SLOPE_WANTED})"
    ));
}

//! A farm in virtual time: the same plan and events as in production, with agents that are
//! arithmetic.
#![expect(clippy::cast_precision_loss, reason = "costs are estimates")]

use crate::*;
use blendnet_protocol::{
    AgentId, FailureKind, Fault, FrameState, JobId, JobState, Region, SceneId, Split, Tile,
    WorkFailure, WorkId,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// What an agent costs in seconds.
#[derive(Clone, Copy)]
struct Cost {
    cold: f64,
    overhead: f64,
    frame: f64,
}

struct Running {
    agent: AgentId,
    assignment: Assignment,
    ends: f64,
    secs: f64,
}

struct World {
    farm: Farm,
    now: f64,
    costs: Vec<Cost>,
    agents: BTreeMap<AgentId, (Cost, bool, Vec<Assignment>)>,
    running: Vec<Running>,
    /// Chunks given out in all.
    chunks: usize,
    longest_chunk: f64,
    shut_down: bool,
}

fn at(secs: f64) -> Duration {
    Duration::from_secs_f64(secs)
}

fn limits(agents: u32) -> Limits {
    Limits {
        launched_agents: agents,
        agent_idle: Duration::from_mins(5),
        idle: Duration::from_mins(30),
        saving: SavingLimits::default(),
    }
}

fn job_id(name: &str) -> JobId {
    JobId::new(name).unwrap()
}

fn job_plan(split: Split, frames: i32) -> JobPlan {
    JobPlan {
        split,
        tile: Tile::new(0, 0, 640, 360).unwrap(),
        total_samples: 256,
        frames: (1..=frames).collect(),
    }
}

impl World {
    fn new(costs: &[Cost]) -> Self {
        let agents = u32::try_from(costs.len()).unwrap();
        Self {
            farm: Farm::new(limits(agents), "r"),
            now: 0.0,
            costs: costs.to_vec(),
            agents: BTreeMap::new(),
            running: Vec::new(),
            chunks: 0,
            longest_chunk: 0.0,
            shut_down: false,
        }
    }

    fn submit(&mut self, name: &str, plan: JobPlan) {
        let number = self.farm.jobs.len() as u64;
        let scene = SceneId::new(format!("{number:064x}")).unwrap();
        let job = Job::new(number, scene, false, None);
        self.tell(Event::JobAdded(job_id(name), Box::new(job)));
        self.tell(Event::JobInspected { job: job_id(name), plan, resumed: vec![] });
    }

    fn tell(&mut self, event: Event) {
        self.farm.apply(event, at(self.now));
        self.act();
    }

    fn act(&mut self) {
        for action in plan(&mut self.farm, at(self.now)) {
            match action {
                Action::Launch { agent, .. } => {
                    let cost = self.costs[self.agents.len() % self.costs.len()];
                    self.agents.insert(agent.clone(), (cost, false, vec![]));
                    self.tell(Event::AgentOnline(agent));
                }
                Action::SendScene { agent, scene, .. } => {
                    self.tell(Event::SceneSent { agent, scene, arrived: true });
                }
                Action::Start { agent, assignment, .. } => {
                    self.chunks += 1;
                    if let Some(state) = self.agents.get_mut(&agent) {
                        state.2.push(assignment);
                    }
                    self.start_next(&agent);
                }
                Action::Cancel { agent, work } => self.drop_work(&agent, &work),
                Action::Terminate { agent } => self.kill(&agent),
                Action::Shutdown => self.shut_down = true,
            }
        }
    }

    fn start_next(&mut self, id: &AgentId) {
        if self.running.iter().any(|r| &r.agent == id) {
            return;
        }
        let Some((cost, warm, queue)) = self.agents.get_mut(id) else { return };
        if queue.is_empty() {
            return;
        }
        let assignment = queue.remove(0);
        let share = match assignment.task {
            Task::Part { region, .. } => region.pixel_samples() as f64 / (640.0 * 360.0 * 256.0),
            Task::Whole { .. } => 1.0,
            Task::Inspect | Task::Finish { .. } => 0.0,
        };
        let cold = if *warm { 0.0 } else { cost.cold };
        *warm = true;
        let secs = cold + cost.overhead + share * cost.frame;
        self.longest_chunk = self.longest_chunk.max(secs);
        self.running.push(Running { agent: id.clone(), assignment, ends: self.now + secs, secs });
    }

    fn drop_work(&mut self, id: &AgentId, work: &WorkId) {
        self.running.retain(|r| &r.assignment.work != work);
        if let Some(state) = self.agents.get_mut(id) {
            state.2.retain(|a| &a.work != work);
        }
        self.start_next(&id.clone());
    }

    fn kill(&mut self, id: &AgentId) {
        self.agents.remove(id);
        self.running.retain(|r| &r.agent != id);
        self.tell(Event::AgentEnded(id.clone(), None));
    }

    /// Lets the next chunk end. `false` when nothing runs.
    fn step(&mut self) -> bool {
        let next = (0..self.running.len())
            .min_by(|&a, &b| self.running[a].ends.total_cmp(&self.running[b].ends));
        let Some(next) = next else { return false };
        let Running { agent, assignment: Assignment { work, job, task }, ends, secs } =
            self.running.remove(next);
        self.now = ends;
        let bounds = self.farm.jobs[&job].plan.as_ref().unwrap().bounds().unwrap();
        let pixel_samples = match task {
            Task::Part { region, .. } => region.pixel_samples(),
            _ => bounds.pixel_samples(),
        };
        self.start_next(&agent);
        self.tell(Event::Rendered { work: work.clone(), secs, pixel_samples });
        match task {
            Task::Part { frame, .. } => {
                self.tell(Event::Merged { work, job, frame, secs: 0.01 });
            }
            Task::Whole { frame } | Task::Finish { frame } => {
                self.tell(Event::FrameCompleted { job, frame });
            }
            Task::Inspect => {}
        }
        true
    }

    fn run(&mut self) -> f64 {
        let start = self.now;
        for _ in 0..200_000 {
            if !self.farm.has_work() {
                return self.now - start;
            }
            assert!(self.step(), "work is left and nobody does it: {:?}", self.farm.jobs);
        }
        panic!("the job does not end");
    }
}

const EVEN: Cost = Cost { cold: 2.0, overhead: 0.2, frame: 120.0 };

#[test]
fn two_agents_end_a_still_together_at_nearly_twice_the_speed() {
    let mut world = World::new(&[EVEN, EVEN]);
    world.submit("still", job_plan(Split::Samples, 1));
    let secs = world.run();
    assert!(secs < 1.05 * (60.0 + 2.0), "{secs} s in {} chunks", world.chunks);
    assert!(world.chunks <= 24, "{secs} s in {} chunks", world.chunks);
    assert_eq!(world.farm.jobs[&job_id("still")].state, JobState::Completed);
}

#[test]
fn slow_and_fast_agents_end_together() {
    let costs = [1.0, 2.0, 6.0, 0.5].map(|slow| Cost { frame: 300.0 * slow, ..EVEN });
    let ideal = 1.0 / costs.iter().map(|c| 1.0 / c.frame).sum::<f64>();
    for split in [Split::Samples, Split::Tiles { margin_px: 0 }] {
        let mut world = World::new(&costs);
        world.submit("still", job_plan(split, 1));
        let secs = world.run();
        let most = if split == Split::Samples { 1.10 } else { 1.6 };
        assert!(secs < most * ideal + 3.0, "{split:?}: {secs} s against {ideal} s");
    }
}

#[test]
fn frames_of_an_animation_are_rendered_whole_until_the_last_ones() {
    let mut world = World::new(&[EVEN, EVEN, EVEN]);
    world.submit("shot", job_plan(Split::Samples, 40));
    let secs = world.run();
    let ideal = 40.0 * 120.0 / 3.0;
    assert!(secs < 1.03 * ideal, "{secs} s against {ideal} s");
    assert!(world.chunks < 40 + 180, "{} chunks", world.chunks);
}

#[test]
fn tiny_frames_are_never_cut_once_that_is_known() {
    let tiny = Cost { cold: 0.5, overhead: 0.1, frame: 0.5 };
    let mut world = World::new(&[tiny, tiny]);
    world.submit("shot", job_plan(Split::Samples, 100));
    let secs = world.run();
    assert!(world.chunks < 125, "{} chunks", world.chunks);
    assert!(secs < 1.1 * 100.0 * 0.6 / 2.0, "{secs} s");
}

#[test]
fn no_chunk_of_a_frame_of_days_takes_longer_than_half_an_hour() {
    let slow = Cost { cold: 30.0, overhead: 5.0, frame: 500_000.0 };
    let mut world = World::new(&[slow, slow]);
    world.submit("still", job_plan(Split::Samples, 1));
    world.run();
    assert!(world.longest_chunk <= 2000.0, "{} s", world.longest_chunk);
}

#[test]
fn agents_that_die_again_and_again_cost_only_what_they_held() {
    let mut world = World::new(&[EVEN, EVEN, EVEN]);
    world.submit("still", job_plan(Split::Samples, 3));
    for round in 0..30 {
        for _ in 0..3 {
            world.step();
        }
        let victim = world.agents.keys().nth(round % 3).cloned();
        if let Some(victim) = victim {
            world.kill(&victim);
        }
    }
    world.run();
    let job = &world.farm.jobs[&job_id("still")];
    assert_eq!(job.state, JobState::Completed);
    assert!(job.frames.values().all(|f| f.coverage.is_complete()));
}

#[test]
fn a_frame_that_fails_three_times_is_given_up_and_the_others_go_on() {
    let mut world = World::new(&[EVEN]);
    world.submit("shot", job_plan(Split::Frames, 3));
    let failure = WorkFailure {
        kind: FailureKind::Crashed,
        fault: Fault::Attempt,
        message: "Blender crashed".into(),
        last_lines: vec![],
    };
    for _ in 0..3 {
        while world.running[0].assignment.task.frame() != Some(1) {
            assert!(world.step(), "the frame is tried again");
        }
        let work = world.running[0].assignment.work.clone();
        let agent = world.running[0].agent.clone();
        world.drop_work(&agent, &work);
        world.tell(Event::Failed { work, failure: failure.clone() });
    }
    world.run();
    let job = &world.farm.jobs[&job_id("shot")];
    assert_eq!(job.state, JobState::Failed);
    let completed = job.frames.values().filter(|f| f.state == FrameState::Completed).count();
    assert_eq!((completed, job.frames[&1].state), (2, FrameState::Failed));
    assert_eq!(job.frames[&1].failure, Some(failure));
}

#[test]
fn a_stopped_job_goes_on_where_it_was() {
    let mut world = World::new(&[EVEN, EVEN]);
    world.submit("still", job_plan(Split::Samples, 1));
    for _ in 0..8 {
        world.step();
    }
    world.tell(Event::JobStop(job_id("still")));
    assert!(world.running.is_empty(), "nobody renders a paused job");
    let kept = world.farm.jobs[&job_id("still")].done_share();
    assert!(kept > 0.0);
    world.tell(Event::JobRun(job_id("still")));
    assert!(world.farm.jobs[&job_id("still")].done_share() >= kept);
    world.run();
    assert_eq!(world.farm.jobs[&job_id("still")].state, JobState::Completed);
}

#[test]
fn idle_agents_and_an_idle_manager_end_to_the_second() {
    let mut world = World::new(&[EVEN, EVEN]);
    world.submit("still", job_plan(Split::Samples, 1));
    world.run();
    let done = world.now;
    world.now = done + 299.0;
    world.act();
    assert_eq!(world.agents.len(), 2);
    world.now = done + 300.0;
    world.act();
    assert_eq!(world.agents.len(), 0);
    world.now = done + 1799.0;
    world.act();
    assert!(!world.shut_down);
    world.now = done + 1800.0;
    world.act();
    assert!(world.shut_down);
}

#[test]
fn the_next_jobs_scene_is_sent_while_the_first_one_renders() {
    let mut world = World::new(&[EVEN]);
    world.submit("first", job_plan(Split::Frames, 1));
    world.submit("second", job_plan(Split::Frames, 1));
    let agent = world.farm.agents.values().next().unwrap();
    assert_eq!(agent.scenes.len(), 2);
    assert_eq!(world.farm.jobs[&job_id("second")].state, JobState::Queued);
    world.run();
    assert!(world.farm.jobs.values().all(|job| job.state == JobState::Completed));
}

#[test]
fn a_job_uses_no_more_agents_than_it_may() {
    let mut world = World::new(&[EVEN, EVEN, EVEN]);
    world.submit("still", job_plan(Split::Samples, 1));
    let id = job_id("still");
    world.tell(Event::JobStop(id.clone()));
    world.farm.jobs.get_mut(&id).unwrap().max_agents = Some(1);
    world.tell(Event::JobRun(id.clone()));
    while world.farm.has_work() {
        let busy = world.farm.agents.values().filter(|a| !a.queue.is_empty()).count();
        assert!(busy <= 1);
        world.step();
    }
}

#[test]
fn a_job_that_is_good_enough_ends_with_what_every_pixel_has() {
    let mut world = World::new(&[EVEN, EVEN]);
    world.submit("shot", job_plan(Split::Samples, 1));
    let id = job_id("shot");
    for _ in 0..8 {
        world.step();
    }
    world.tell(Event::JobSettle(id.clone()));
    let frame = &world.farm.jobs[&id].frames[&1];
    assert!(frame.coverage.is_settled() && frame.coverage.done_share() < 1.0);
    let running = |w: &World| w.running.iter().map(|r| r.assignment.task).collect::<Vec<_>>();
    assert_eq!(running(&world), [Task::Finish { frame: 1 }], "nobody renders it any more");
    world.run();
    assert_eq!(world.farm.jobs[&id].state, JobState::Completed);
}

#[test]
fn settling_drops_frames_without_anything_and_refuses_holes() {
    let mut world = World::new(&[EVEN]);
    world.submit("tiles", job_plan(Split::Tiles { margin_px: 0 }, 1));
    let tiles = job_id("tiles");
    world.step();
    world.step();
    let refused = world.farm.check_settle(&tiles).unwrap_err().to_string();
    assert!(refused.contains("frame 1 of job `tiles`"), "{refused}");
    world.tell(Event::JobSettle(tiles.clone()));
    assert_eq!(world.farm.jobs[&tiles].state, JobState::Running);
    world.run();
    world.submit("shot", job_plan(Split::Samples, 3));
    world.step();
    world.step();
    let shot = job_id("shot");
    world.tell(Event::JobSettle(shot.clone()));
    world.run();
    let job = &world.farm.jobs[&shot];
    assert_eq!((job.state, job.dropped.as_slice()), (JobState::Completed, &[2, 3][..]));
    assert!(job.dropped_message().unwrap().starts_with("2 frames were dropped"));
}

#[test]
fn a_frame_that_is_clean_enough_is_finished_early() {
    let mut world = World::new(&[EVEN]);
    world.submit("still", job_plan(Split::Samples, 1));
    let id = job_id("still");
    let limits = blendnet_protocol::JobLimits { noise: Some(0.01), ..Default::default() };
    world.tell(Event::JobLimits(id.clone(), limits));
    for noise in [0.04, 0.02] {
        world.step();
        world.tell(Event::Noise { job: id.clone(), frame: 1, noise });
    }
    assert!(!world.farm.jobs[&id].frames[&1].coverage.is_settled());
    world.step();
    world.tell(Event::Noise { job: id.clone(), frame: 1, noise: 0.009 });
    world.run();
    let frame = &world.farm.jobs[&id].frames[&1];
    assert_eq!(frame.state, FrameState::Completed);
    assert!(frame.coverage.done_share() < 0.5, "it saved the rest");
}

#[test]
fn what_a_leaving_agent_merged_stays_and_another_one_is_launched_at_once() {
    let mut world = World::new(&[EVEN]);
    world.submit("still", job_plan(Split::Samples, 1));
    for _ in 0..6 {
        world.step();
    }
    let (agent, job) = (world.running[0].agent.clone(), job_id("still"));
    let Assignment { work, task, .. } = world.running[0].assignment.clone();
    let Task::Part { frame, region } = task else { panic!("{task:?}") };
    world.tell(Event::AgentLeaving { agent: agent.clone(), secs_left: 30 });
    assert_eq!(world.agents.len(), 2, "a replacement");
    assert!(world.agents[&agent].2.is_empty(), "what it had not begun is taken back");
    let part = Region { samples: region.samples.split_at(1).0, ..region };
    let before = world.farm.jobs[&job].frames[&1].coverage.done_pixel_samples();
    let merged = Event::PartMerged { work, job: job.clone(), frame, region: part, secs: 0.01 };
    world.tell(merged.clone());
    world.tell(merged);
    world.kill(&agent);
    let after = world.farm.jobs[&job].frames[&1].coverage.done_pixel_samples();
    assert_eq!(after - before, part.pixel_samples(), "once, though told twice");
    world.run();
    assert_eq!(world.farm.jobs[&job].state, JobState::Completed);
}

#[test]
fn more_important_jobs_and_frames_come_first_and_paused_frames_wait() {
    let mut world = World::new(&[EVEN]);
    world.submit("first", job_plan(Split::Frames, 1));
    world.submit("shot", job_plan(Split::Frames, 4));
    let shot = job_id("shot");
    world.tell(Event::JobPriority(shot.clone(), 5));
    world.tell(Event::FrameFirst(shot.clone(), 3));
    world.tell(Event::FramePause(shot.clone(), 2));
    let mut order = Vec::new();
    while let Some(running) = world.running.first() {
        let job = running.assignment.job.clone();
        order.extend(running.assignment.task.frame().map(|frame| (job, frame)));
        world.step();
    }
    let first = job_id("first");
    assert_eq!(order, [(shot.clone(), 3), (shot.clone(), 1), (shot.clone(), 4), (first, 1)]);
    assert!(!world.farm.has_work(), "a paused frame wants nobody");
    world.tell(Event::FrameResume(shot.clone(), 2));
    world.run();
    assert_eq!(world.farm.jobs[&shot].state, JobState::Completed);
}

#[test]
fn agents_are_told_how_often_to_hand_in() {
    let mut world = World::new(&[EVEN]);
    world.submit("still", job_plan(Split::Samples, 1));
    world.farm.agents.clear();
    world.agents.clear();
    world.running.clear();
    let agent = AgentId::new("a").unwrap();
    world.farm.apply(Event::AgentAdded { agent: agent.clone(), launched: true }, at(0.0));
    world.farm.apply(Event::AgentOnline(agent.clone()), at(0.0));
    let scene = world.farm.jobs[&job_id("still")].scene.clone();
    world.farm.apply(Event::SceneSent { agent, scene, arrived: true }, at(0.0));
    let actions = plan(&mut world.farm, at(0.0));
    let save = actions.iter().find_map(|action| match action {
        Action::Start { save_secs, .. } => *save_secs,
        _ => None,
    });
    assert!(save.is_some_and(|secs| (10.0..=30.0).contains(&secs)), "{actions:?}");
}

/// What the first agent of a job gets first, when it renders the reference scene at some speed.
fn first_chunk(reference: Option<u64>) -> Region {
    let mut world = World::new(&[EVEN]);
    let agent = AgentId::new("a").unwrap();
    let added = Event::AgentAdded { agent: agent.clone(), launched: false };
    world.farm.apply(added, at(0.0));
    if let Some(pixel_samples_per_sec) = reference {
        let agent = agent.clone();
        world.farm.apply(Event::Reference { agent, pixel_samples_per_sec }, at(0.0));
    }
    world.farm.apply(Event::AgentOnline(agent.clone()), at(0.0));
    world.agents.insert(agent.clone(), (EVEN, false, vec![]));
    world.farm.limits.launched_agents = 0;
    world.submit("still", job_plan(Split::Samples, 1));
    assert_eq!(world.running[0].assignment.task, Task::Inspect);
    world.step();
    let Task::Part { region, .. } = world.running[0].assignment.task else { panic!("a part") };
    region
}

#[test]
fn the_first_chunk_of_a_job_is_small_however_fast_its_agent_is() {
    for reference in [None, Some(0), Some(100_000), Some(10_000_000)] {
        assert_eq!(first_chunk(reference).samples.sample_count(), 1, "{reference:?}");
    }
    let fast = first_chunk(Some(1_000_000_000)).samples.sample_count();
    assert!(fast > 1, "a sample of it would be nothing to do");
    let region = first_chunk(Some(u64::MAX));
    assert!(region.samples.sample_count() <= 256 && fast < 64, "{fast}");
}

/// What an agent gets first that joins a job of an agent whose speed is measured.
fn first_chunk_of_late(reference: Option<u64>) -> u32 {
    let mut world = World::new(&[EVEN]);
    world.submit("still", job_plan(Split::Samples, 1));
    let early = world.running[0].agent.clone();
    world.tell(Event::Reference { agent: early, pixel_samples_per_sec: 1_000_000 });
    for _ in 0..4 {
        world.step();
    }
    let agent = AgentId::new("late").unwrap();
    world.agents.insert(agent.clone(), (EVEN, false, vec![]));
    world.tell(Event::AgentAdded { agent: agent.clone(), launched: false });
    if let Some(pixel_samples_per_sec) = reference {
        world.tell(Event::Reference { agent: agent.clone(), pixel_samples_per_sec });
    }
    world.tell(Event::AgentOnline(agent.clone()));
    let running = world.running.iter().find(|running| running.agent == agent).unwrap();
    assert_eq!(world.farm.agents[&agent].queue.len(), 1, "more when it has shown its speed");
    let Task::Part { region, .. } = running.assignment.task else { panic!("a part") };
    let samples = region.samples.sample_count();
    world.run();
    assert_eq!(world.farm.jobs[&job_id("still")].state, JobState::Completed);
    samples
}

#[test]
fn an_agent_that_joins_begins_with_what_its_speed_with_the_reference_scene_promises() {
    let unknown = first_chunk_of_late(None);
    let [slow, even, fast, absurd] = [250_000, 1_000_000, 4_000_000, u64::MAX]
        .map(|reference| first_chunk_of_late(Some(reference)));
    assert_eq!(unknown, 1, "nothing is known of it");
    assert!(slow < even && even < fast, "{slow} {even} {fast}");
    // A sample takes 120 s / 256, and at first an opened scene is in what was measured.
    assert!((2..=4).contains(&even), "about 2 s: {even}");
    assert!((3 * even..=5 * even + 4).contains(&fast), "{even} {fast}");
    assert!(absurd <= 20 * even, "no figure is believed without a bound: {absurd}");
}

#[test]
fn many_agents_that_are_not_all_looked_at_each_time_end_together_too() {
    let slow = |n: usize| Cost { frame: [60.0, 120.0, 240.0][n % 3] * 40.0, ..EVEN };
    let costs: Vec<Cost> = (0..120).map(slow).collect();
    let ideal = 60.0 / costs.iter().map(|c| 1.0 / c.frame).sum::<f64>();
    let mut world = World::new(&costs);
    world.submit("shot", job_plan(Split::Samples, 60));
    let secs = world.run();
    assert!(secs < 1.10 * ideal + 10.0, "{secs} s against {ideal} s");
    let job = &world.farm.jobs[&job_id("shot")];
    assert!(job.frames.values().all(|f| f.state == FrameState::Completed));
    assert!(world.farm.agents.values().all(|a| a.queue.is_empty() && a.collecting.is_empty()));
}

#[test]
fn work_of_a_lost_agent_goes_to_others_at_once_however_many_there_are() {
    let mut world = World::new(&[EVEN; 200]);
    world.submit("shot", job_plan(Split::Samples, 20));
    for round in 0..400 {
        world.step();
        if round % 10 == 0 {
            let victim = world.agents.keys().nth(round % 200).cloned();
            if let Some(victim) = victim {
                world.kill(&victim);
            }
        }
    }
    world.run();
    assert_eq!(world.farm.jobs[&job_id("shot")].state, JobState::Completed);
}

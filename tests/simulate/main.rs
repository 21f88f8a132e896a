//! Replays spot traces with the real scheduler, and says what it cost against what was possible.
//!
//! `simulate --traces DIR --seed N --json` prints an object a line for each trace; docs/simulate.md
//! says what the figures are.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures of a simulation"
)]
#![expect(clippy::expect_used, reason = "constants")]

mod audit;
mod instance;
mod provider;
mod trace;
mod world;

use blendnet_protocol::JobLimits;
use blendnet_scheduler::Offer;
use instance::Costs;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trace::Trace;
use world::{Scenario, Spot, World};

const SPOT_USD_MICROS: u64 = 300_000;
const ON_DEMAND_USD_MICROS: u64 = 1_000_000;
const FRAMES: i32 = 100;
/// Starts in each trace.
const RUNS: u64 = 5;

const BOOT_SECS: f64 = 60.0;
/// A job lasts so long if all nodes are there.
const JOB_SECS: f64 = 6.0 * 3600.0;
/// Where nodes are rare, jobs are so small that they can be done within this.
const LONGEST_SECS: f64 = 30.0 * 86_400.0;
/// A node that is there no longer is of no use: its boot, its scene, its first samples.
const OF_NO_USE_SECS: f64 = 240.0;
/// A job is at least so much.
const LEAST_WORK_SECS: f64 = 3600.0;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, seed, json) = match options(&arguments) {
        Ok(options) => options,
        Err(why) => {
            complain(&format!("{why}\nusage: simulate --traces DIR [--seed N] [--json]"));
            return std::process::ExitCode::from(2);
        }
    };
    let mut all_read = true;
    for row in traces(&folder) {
        let row = match row {
            Ok(trace) => replay(&trace, seed),
            Err((name, why)) => {
                all_read = false;
                complain(&why);
                json!({ "trace": name, "error": why })
            }
        };
        say(&if json { row.to_string() } else { text(&row) });
    }
    if !json {
        say(&text(&mixed("16 agents, 100 frames", FRAMES, seed)));
        say(&text(&mixed("16 agents, one still", 1, seed)));
    }
    if all_read { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

/// Folder, seed, and whether rows are JSON.
fn options(arguments: &[String]) -> Result<(PathBuf, u64, bool), String> {
    let (mut folder, mut seed, mut json) = (None, 1, false);
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{name} needs a value"));
        match name.as_str() {
            "--traces" => folder = Some(PathBuf::from(value()?)),
            "--seed" => {
                let text = value()?;
                seed = text.parse().map_err(|e| format!("the seed {text} is not a number: {e}"))?;
            }
            "--json" => json = true,
            _ => return Err(format!("there is no option {name}")),
        }
    }
    Ok((folder.ok_or("where are the traces?")?, seed, json))
}

fn say(line: &str) {
    let _closed = writeln!(std::io::stdout(), "{line}");
}

fn complain(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}

fn text(row: &Value) -> String {
    let field = |(name, value): (&String, &Value)| match value {
        Value::String(text) => text.clone(),
        other => format!("{name} {other}"),
    };
    row.as_object().map_or_else(String::new, |object| {
        object.iter().map(field).collect::<Vec<String>>().join("  ")
    })
}

/// The traces of a folder by name, or why one can't be read.
fn traces(folder: &Path) -> Vec<Result<Trace, (String, String)>> {
    let mut files: Vec<PathBuf> = match fs_err::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) => {
            complain(&format!("no traces are replayed: {error}"));
            vec![]
        }
    };
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    files.iter().map(|path| Trace::read(path).map_err(|why| (name(path), why))).collect()
}

fn offer(spot: bool, usd_micros_per_hour: u64) -> Offer {
    Offer {
        provider: "simulated".to_owned(),
        instance_type: "node".to_owned(),
        zone: "here".to_owned(),
        spot,
        usd_micros_per_hour,
        min_billed: Duration::from_mins(1),
        boot: Duration::from_secs_f64(BOOT_SECS),
    }
}

fn costs(frame_secs: f64) -> Costs {
    Costs {
        sample_secs: frame_secs / 256.0,
        call_secs: 0.5,
        load_secs: 20.0,
        hand_in_secs: 1.0,
        finish_secs: 10.0,
        samples: 256,
    }
}

fn scenario(trace: &Trace, start: usize, work_secs: f64, limits: JobLimits) -> Scenario {
    Scenario {
        agents: trace.most(),
        frames: FRAMES,
        costs: costs(work_secs / f64::from(FRAMES)),
        offers: vec![offer(true, SPOT_USD_MICROS), offer(false, ON_DEMAND_USD_MICROS)],
        limits,
        spot: Some(Spot { trace: trace.clone(), start }),
        speeds: vec![1.0],
        seed: 0,
        trouble: 0.0,
    }
}

fn usd_micros(node_secs: f64, per_hour: u64) -> f64 {
    node_secs / 3600.0 * per_hour as f64
}

#[derive(Default)]
struct Sums {
    cost: f64,
    cost_bound: f64,
    cost_on_demand: f64,
    secs: f64,
    secs_bound: f64,
    deadline_cost: f64,
    deadline_bound: f64,
    deadlines_met: u64,
    spent_of_ceiling: f64,
    wasted: Vec<f64>,
    runs: u64,
    violations: u64,
    found: std::collections::BTreeMap<String, u64>,
    preemptions: usize,
}

/// Node seconds of rendering in a job that starts at a point: six hours of all nodes, or less
/// where so much could not be had in a month.
fn work_secs(trace: &Trace, start: usize) -> f64 {
    let useful = trace.useful_secs(start, LONGEST_SECS, OF_NO_USE_SECS);
    (f64::from(trace.most()) * JOB_SECS).min(useful / 2.0)
}

fn replay(trace: &Trace, seed: u64) -> Value {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut sums = Sums::default();
    for run in 0..RUNS {
        let mut start = dice.random_range(0..trace.nodes.len());
        if work_secs(trace, start) < LEAST_WORK_SECS {
            start = trace.next_available(start);
        }
        let work = work_secs(trace, start);
        if work >= LEAST_WORK_SECS {
            replay_from(trace, start, work, seed.wrapping_add(run), &mut sums);
        }
    }
    if sums.runs == 0 {
        return json!({
            "trace": trace.name,
            "cost_to_bound": null,
            "cost_to_on_demand": null,
            "wasted_seconds_per_preemption": null,
            "makespan_to_bound": null,
            "invariants_violated": 0,
            "note": "no node was ever there for long enough to be of use",
        });
    }
    sums.wasted.sort_by(f64::total_cmp);
    let median = sums.wasted.get(sums.wasted.len() / 2).copied().unwrap_or(0.0);
    let round = |x: f64| (x * 1000.0).round() / 1000.0;
    json!({
        "trace": trace.name,
        "cost_to_bound": round(sums.cost / sums.cost_bound),
        "cost_to_on_demand": round(sums.cost / sums.cost_on_demand),
        "wasted_seconds_per_preemption": round(median),
        "makespan_to_bound": round(sums.secs / sums.secs_bound),
        "invariants_violated": sums.violations,
        "violations": sums.found,
        "preemptions": sums.preemptions,
        "deadline_cost_to_bound": round(sums.deadline_cost / sums.deadline_bound),
        "deadlines_met": format!("{}/{}", sums.deadlines_met, sums.runs),
        "spent_of_ceiling": round(sums.spent_of_ceiling / sums.runs as f64),
    })
}

fn run(scenario: Scenario, sums: &mut Sums) -> World {
    let mut world = World::new(scenario);
    world.run();
    sums.violations += world.audit.count();
    for (what, count) in &world.audit.found {
        *sums.found.entry(what.clone()).or_default() += count;
    }
    world
}

fn replay_from(trace: &Trace, start: usize, rendering: f64, seed: u64, sums: &mut Sums) {
    sums.runs += 1;
    let free = JobLimits::default();
    let scenario = |limits| Scenario { seed, ..scenario(trace, start, rendering, limits) };
    let world = run(scenario(free), sums);
    let work_secs = rendering + f64::from(FRAMES) * costs(1.0).finish_secs;
    let bound = usd_micros(work_secs, SPOT_USD_MICROS);
    sums.cost += world.billed_usd_micros();
    sums.cost_bound += bound;
    sums.cost_on_demand += usd_micros(work_secs, ON_DEMAND_USD_MICROS);
    sums.secs += world.ended.unwrap_or(world.now);
    sums.secs_bound += trace.secs_until(start, work_secs);
    sums.preemptions += world.losses;
    sums.wasted.extend(&world.wasted_secs);

    // Twice the time that all nodes would take.
    let deadline = (2.0 * work_secs / f64::from(trace.most())).max(3600.0);
    let limits = JobLimits { deadline_unix_secs: Some(deadline as u64), ..free };
    let world = run(scenario(limits), sums);
    let spot = trace.capacity_secs(start, deadline).min(work_secs);
    sums.deadline_cost += world.billed_usd_micros();
    sums.deadline_bound +=
        usd_micros(spot, SPOT_USD_MICROS) + usd_micros(work_secs - spot, ON_DEMAND_USD_MICROS);
    sums.deadlines_met += u64::from(world.ended.is_some_and(|ended| ended <= deadline));

    // Half of what it would cost at least.
    let ceiling = (bound / 2.0) as u64;
    let world = run(scenario(JobLimits { budget_usd_micros: Some(ceiling), ..free }), sums);
    sums.spent_of_ceiling += world.billed_usd_micros() / ceiling as f64;
}

/// Sixteen agents of very different speeds that nobody takes away.
fn mixed(name: &str, frames: i32, seed: u64) -> Value {
    let speeds: Vec<f64> = (0..16).map(|n| 0.5 * 4.0_f64.powf(f64::from(n) / 15.0)).collect();
    let total: f64 = speeds.iter().sum();
    let work_secs = total * 3600.0;
    let mut offer = offer(false, ON_DEMAND_USD_MICROS);
    offer.boot = Duration::ZERO;
    let scenario = Scenario {
        agents: 16,
        frames,
        costs: costs(work_secs / f64::from(frames)),
        offers: vec![offer],
        limits: JobLimits::default(),
        spot: None,
        speeds,
        seed,
        trouble: 0.0,
    };
    let mut sums = Sums::default();
    let world = run(scenario, &mut sums);
    let finishing = f64::from(frames) * costs(1.0).finish_secs / total;
    let ratio = world.ended.unwrap_or(world.now) / (3600.0 + finishing);
    json!({
        "fleet": name,
        "makespan_to_bound": (ratio * 1000.0).round() / 1000.0,
        "invariants_violated": sums.violations,
        "violations": sums.found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(gap_secs: f64, nodes: Vec<u32>) -> Value {
        replay(&Trace { name: "made".to_owned(), gap_secs, nodes }, 7)
    }

    #[test]
    fn nodes_that_come_and_go_cost_little_more_than_the_work_and_break_nothing() {
        for (gap_secs, nodes) in [(600.0, vec![3, 3, 3, 2, 3, 1, 0]), (45.0, vec![1; 40])] {
            let row = row(gap_secs, nodes);
            assert_eq!(row["invariants_violated"], 0, "{row}");
            assert!(row["cost_to_bound"].as_f64().unwrap() < 1.15, "{row}");
            assert!(row["cost_to_on_demand"].as_f64().unwrap() < 0.4, "{row}");
            let runs = row["deadlines_met"].as_str().unwrap().split_once('/').unwrap();
            assert_eq!(runs.0, runs.1, "{row}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_figures() {
        let nodes = || vec![2, 2, 0, 1, 2, 2];
        assert_eq!(row(1800.0, nodes()), row(1800.0, nodes()));
    }

    #[test]
    fn where_no_node_can_be_had_no_figures_are_made_up() {
        for nodes in [vec![0, 0], vec![1, 0, 0, 0]] {
            let row = row(30.0, nodes);
            assert!(row["cost_to_bound"].is_null() && row["note"].is_string(), "{row}");
        }
    }

    #[test]
    fn agents_of_different_speed_end_together() {
        for (frames, most) in [(FRAMES, 1.05), (1, 1.10)] {
            let row = mixed("", frames, 3);
            assert!(row["makespan_to_bound"].as_f64().unwrap() <= most, "{row}");
            assert_eq!(row["invariants_violated"], 0, "{row}");
        }
    }

    #[test]
    fn options_that_say_nothing_are_told() {
        let options = |text: &str| {
            options(&text.split_whitespace().map(str::to_owned).collect::<Vec<String>>())
        };
        assert!(options("--traces here --seed 5 --json").is_ok());
        for (text, why) in [("", "traces"), ("--traces", "value"), ("--seed x", "x"), ("-q", "-q")]
        {
            assert!(options(text).unwrap_err().contains(why), "{text}");
        }
    }

    /// A small job with a budget, where whatever can go wrong does.
    fn troubled(seed: u64) -> World {
        let mut dice = StdRng::seed_from_u64(seed);
        let boot = Duration::from_secs(dice.random_range(10..120));
        let min_billed = Duration::from_secs(dice.random_range(0..300));
        let mut lent = |spot, usd_micros| Offer {
            boot,
            min_billed,
            ..offer(spot, usd_micros * dice.random_range(1..10_u64))
        };
        let offers = vec![lent(true, 50_000), lent(false, 200_000)];
        let (frames, samples) = (dice.random_range(1..4), dice.random_range(4..64));
        let budget_usd_micros = Some(dice.random_range(1_000..300_000));
        let deadline_unix_secs = dice.random_bool(0.3).then_some(1800);
        let mut world = World::new(Scenario {
            agents: dice.random_range(1..5),
            frames,
            costs: Costs { samples, ..costs(dice.random_range(60.0..1200.0)) },
            offers,
            limits: JobLimits { budget_usd_micros, deadline_unix_secs, noise: None },
            spot: None,
            speeds: vec![1.0, 0.5],
            seed,
            trouble: 0.1,
        });
        world.run();
        world
    }

    #[test]
    fn ten_thousand_jobs_in_trouble_never_cost_more_than_their_ceiling() {
        for seed in 0..10_000 {
            let world = troubled(seed);
            assert!(world.audit.found.is_empty(), "seed {seed}: {:?}", world.audit.found);
        }
    }
}

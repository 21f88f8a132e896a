//! `blendnet farm start`, `status` and `stop`.

use std::time::Duration;

use blendnet_protocol::{AgentState, AgentView, FarmView, JobState, JobView};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::farm_args::FarmArgs;
use super::printer::{print_json, print_lines};
use super::room::{self, PairArgs, UnpairArgs};
use super::{Ending, Shared, exit};
use crate::text::{count, percent, usd};
use crate::workflow::farm::Farm;
use crate::workflow::launch::Lifetime;

/// What to do with the farm of this machine.
#[derive(Subcommand, Debug)]
pub(super) enum FarmCommand {
    /// Start a farm that stays warm for the next renders
    Start(StartArgs),
    /// Show the farm's agents and jobs
    Status,
    /// End the farm; a job that runs is paused
    Stop,
    /// Let a machine of the room render for this farm; it shows a code with `blendnet-agent --pair`
    Pair(PairArgs),
    /// List the agents and managers of the room that tell of themselves
    Discover,
    /// Let go of a machine of the room
    Unpair(UnpairArgs),
}

/// Arguments of `blendnet farm start`.
#[derive(Args, Debug)]
pub(super) struct StartArgs {
    #[command(flatten)]
    farm: FarmArgs,
    /// End the farm after so long without work [default: agents 5, manager 30]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=525_600))]
    idle_minutes: Option<u32>,
}

/// The farm for scripts.
#[derive(Serialize)]
struct Status<'a> {
    running: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    farm: Option<&'a FarmView>,
}

/// Runs one of them.
pub(super) async fn run(command: FarmCommand, shared: &Shared) -> Ending {
    match command {
        FarmCommand::Start(args) => start(&args, shared).await,
        FarmCommand::Status => status(shared).await,
        FarmCommand::Stop => stop(shared).await,
        FarmCommand::Pair(args) => room::pair(args, shared).await,
        FarmCommand::Discover => room::discover(shared).await,
        FarmCommand::Unpair(args) => room::unpair(&args, shared).await,
    }
}

async fn start(args: &StartArgs, shared: &Shared) -> Ending {
    let mut options = args.farm.start_options()?;
    options.idle = args.idle_minutes.map(|m| Duration::from_secs(u64::from(m) * 60));
    let data = shared.data_dir()?;
    let farm = Farm::join_or_start(&data, &options, Lifetime::Detached).await?;
    let manager = farm.manager();
    if let (false, Some(agents)) = (farm.started(), args.farm.agents()) {
        let asked = manager.want_agents(agents).await;
        asked.map_err(|e| manager.problem("asking for agents", &e))?;
    }
    let address = manager.address();
    if shared.json {
        return printed(print_json(&Status { running: true, address: Some(address), farm: None }));
    }
    let agents = count(options.agents as usize, "agent", "agents");
    let line = if farm.started() {
        format!("a farm with {agents} runs at {address}; `blendnet farm stop` ends it")
    } else {
        format!("a farm runs already at {address}")
    };
    printed(print_lines(&[line]))
}

async fn status(shared: &Shared) -> Ending {
    let data = shared.data_dir()?;
    let Some(farm) = Farm::join(&data).await? else {
        let written = if shared.json {
            print_json(&Status { running: false, address: None, farm: None })
        } else {
            print_lines(&["no farm runs; `blendnet farm start` starts one".to_owned()])
        };
        return printed(written).map(|_| exit::FARM);
    };
    let manager = farm.manager();
    let view = manager.farm().await.map_err(|e| manager.problem("asking for the farm", &e))?;
    let address = manager.address();
    if shared.json {
        let status = Status { running: true, address: Some(address), farm: Some(&view) };
        return printed(print_json(&status));
    }
    printed(print_lines(&status_lines(address, &view)))
}

async fn stop(shared: &Shared) -> Ending {
    let data = shared.data_dir()?;
    let Some(farm) = Farm::join_any_version(&data).await? else {
        return said(shared, "no farm runs");
    };
    farm.end().await?;
    said(shared, "the farm has ended")
}

fn said(shared: &Shared, sentence: &str) -> Ending {
    if shared.json {
        return printed(print_json(&Status { running: false, address: None, farm: None }));
    }
    printed(print_lines(&[sentence.to_owned()]))
}

/// A closed pipe is no error of ours.
pub(super) fn printed(written: std::io::Result<()>) -> Ending {
    match written {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(crate::workflow::problem::Problem::local_file(
                &std::io::Error::new(e.kind(), format!("can't write to stdout: {e}")),
                crate::workflow::problem::ProblemKind::Input,
            ))
        }
        _ => Ok(exit::DONE),
    }
}

fn status_lines(address: &str, view: &FarmView) -> Vec<String> {
    let ending = if view.terminating { ", ending" } else { "" };
    let mut lines = vec![format!(
        "farm at {address}, version {}, {}{ending}",
        view.version,
        count(view.agents.len(), "agent", "agents")
    )];
    lines.extend(view.agents.iter().map(agent_line));
    lines.extend(view.jobs.iter().map(job_line));
    lines
}

fn agent_line(agent: &AgentView) -> String {
    let away = agent.away.as_deref().filter(|_| agent.state != AgentState::Online);
    let state = match agent.state {
        _ if away.is_some() => away.unwrap_or_default(),
        AgentState::Starting => "starting",
        AgentState::Online if agent.doing.is_empty() => "idle",
        AgentState::Online => agent.doing.as_str(),
        AgentState::Lost => "lost",
        AgentState::Draining => "ending",
    };
    let speed =
        agent.samples_per_sec.map_or_else(String::new, |speed| format!(", {speed:.2} samples/s"));
    let what = if agent.in_room { "machine" } else { "agent" };
    format!("{what} {} at {}: {state}{speed}", agent.id, agent.address)
}

/// A job in one line.
pub(super) fn job_line(job: &JobView) -> String {
    let state = match job.state {
        JobState::Inspecting => "is inspected",
        JobState::Ready => "waits for its files",
        JobState::Queued => "waits for agents",
        JobState::Running => "runs",
        JobState::Paused => "paused",
        JobState::Completed => "done",
        JobState::Failed => "failed",
    };
    let frames = count(job.frames.len(), "frame", "frames");
    let line = format!("job {}: {}, {frames}, {state}, {}", job.id, job.name, percent(job.done));
    std::iter::once(line).chain(limit_texts(job)).collect::<Vec<_>>().join(", ")
}

/// What a job has cost, how clean it is, and what it is to keep.
fn limit_texts(job: &JobView) -> Vec<String> {
    let mut texts = Vec::new();
    let spent = job.cost.spent_usd_micros;
    match job.limits.budget_usd_micros {
        Some(budget) => texts.push(format!("{} of {} spent", usd(spent), usd(budget))),
        None if spent > 0 => texts.push(format!("{} spent", usd(spent))),
        None => {}
    }
    if let Some(noise) = job.limits.noise {
        texts.push(format!("to a noise of {noise}"));
    }
    let deadline = job.limits.deadline_unix_secs.and_then(|secs| i64::try_from(secs).ok());
    if let Some(deadline) = deadline.and_then(|secs| jiff::Timestamp::from_second(secs).ok()) {
        let local = deadline.to_zoned(jiff::tz::TimeZone::system());
        texts.push(format!("due {}", local.strftime("%Y-%m-%d %H:%M")));
    }
    if job.priority != 0 {
        texts.push(format!("priority {}", job.priority));
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::recorded::{agent, farm, frame, job};
    use blendnet_protocol::FrameState;

    #[test]
    fn status_lists_agents_and_jobs() {
        let job = job(JobState::Paused, 0.34, vec![frame(1, FrameState::Running, 0.34)]);
        let view = farm(vec![agent("a-1", "frame 1, samples 16..32"), agent("a-2", "")], vec![job]);
        assert_eq!(
            status_lines("127.0.0.1:9", &view),
            [
                "farm at 127.0.0.1:9, version 0.1.0, 2 agents",
                "agent a-1 at 127.0.0.1:40001: frame 1, samples 16..32, 2.00 samples/s",
                "agent a-2 at 127.0.0.1:40001: idle, 2.00 samples/s",
                "job shot-1: shot.blend, 1 frame, paused, 34 %",
            ]
        );
    }

    #[test]
    fn a_closed_pipe_ends_quietly() {
        let closed = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(printed(Err(closed)).unwrap(), exit::DONE);
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(exit::code(printed(Err(full)).unwrap_err().kind), exit::DISK_FULL);
    }
}

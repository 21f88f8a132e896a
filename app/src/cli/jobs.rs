//! `blendnet jobs`.

use blendnet_net::client::ClientError;
use blendnet_protocol::{JobId, JobState, JobView};
use clap::Subcommand;

use super::farm::{job_line, printed};
use super::limits::LimitArgs;
use super::printer::{print_json, print_lines};
use super::{Ending, Shared};
use crate::workflow::farm::Farm;
use crate::workflow::launch::StartOptions;
use crate::workflow::problem::Problem;
use crate::workflow::records::Record;

/// What to do with the jobs that the farm keeps.
#[derive(Subcommand, Debug)]
pub(super) enum JobsCommand {
    /// List them; the same as `blendnet jobs`
    List,
    /// Change the priority, budget, deadline or noise target of a job
    Set {
        /// Its id
        #[arg(value_name = "JOB")]
        job: JobId,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// Pause a job; what is rendered is kept, `blendnet resume` goes on
    Pause {
        /// Its id
        #[arg(value_name = "JOB")]
        job: JobId,
    },
    /// Good enough: finish the frames that were begun with the samples that they have
    Finish {
        /// Its id
        #[arg(value_name = "JOB")]
        job: JobId,
    },
    /// Delete a job and all that was rendered for it; pictures that are saved stay
    Delete {
        /// Its id
        #[arg(value_name = "JOB")]
        job: JobId,
    },
}

/// Runs one of them.
pub(super) async fn run(command: Option<JobsCommand>, shared: &Shared) -> Ending {
    let data = shared.data_dir()?;
    // Jobs are the manager's; one without agents can tell of them.
    let options = StartOptions::default();
    let farm = Farm::open(&data, &options).await?;
    let ending = match command {
        None | Some(JobsCommand::List) => list(&farm, shared).await,
        Some(JobsCommand::Set { job, limits }) => set(&farm, &job, &limits, shared).await,
        Some(JobsCommand::Pause { job }) => {
            let stopped = farm.manager().stop(&job).await;
            changed(&farm, stopped, "pausing the job", shared)
        }
        Some(JobsCommand::Finish { job }) => {
            let settled = farm.manager().settle(&job).await;
            changed(&farm, settled, "finishing the job", shared)
        }
        Some(JobsCommand::Delete { job }) => {
            let deleted = delete(&farm, &job).await;
            if deleted.is_ok() {
                Record::remove(&data, &job);
            }
            deleted
        }
    };
    farm.leave().await;
    ending
}

async fn list(farm: &Farm, shared: &Shared) -> Ending {
    let manager = farm.manager();
    let jobs = manager.jobs().await.map_err(|e| manager.problem("asking for the jobs", &e))?;
    if shared.json {
        return printed(print_json(&jobs));
    }
    if jobs.is_empty() {
        return printed(print_lines(&["the farm keeps no jobs".to_owned()]));
    }
    printed(print_lines(&jobs.iter().map(job_line).collect::<Vec<_>>()))
}

async fn set(farm: &Farm, id: &JobId, wanted: &LimitArgs, shared: &Shared) -> Ending {
    wanted.check_any()?;
    let manager = farm.manager();
    let mut job = manager.job(id).await;
    if let (Ok(view), Some(priority)) = (&job, wanted.priority()) {
        job = manager.prioritise(&view.id, priority).await;
    }
    if let Ok(view) = &job
        && let Some(limits) = wanted.changed(view.limits)
    {
        job = manager.limit(id, &limits).await;
    }
    changed(farm, job, "changing the job", shared)
}

/// Shows a job as it is now.
fn changed(farm: &Farm, job: Result<JobView, ClientError>, doing: &str, shared: &Shared) -> Ending {
    let job = job.map_err(|e| farm.manager().problem(doing, &e))?;
    printed(if shared.json { print_json(&job) } else { print_lines(&[job_line(&job)]) })
}

async fn delete(farm: &Farm, id: &JobId) -> Ending {
    let manager = farm.manager();
    let jobs = manager.jobs().await.map_err(|e| manager.problem("asking for the jobs", &e))?;
    let Some(job) = jobs.iter().find(|job| job.id == *id) else {
        return Err(Problem::input(format!("the farm has no job {id}"))
            .hint("`blendnet jobs` lists those that it has"));
    };
    if matches!(job.state, JobState::Queued | JobState::Running) {
        return Err(Problem::input(format!("job {id} runs"))
            .hint("stop it first, with Ctrl-C where it was started"));
    }
    manager.delete(id).await.map_err(|e| manager.problem("deleting the job", &e))?;
    Ok(super::exit::DONE)
}

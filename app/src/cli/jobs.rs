//! `blendnet jobs`.

use blendnet_protocol::{JobId, JobState};
use clap::Subcommand;

use super::farm::{job_line, printed};
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

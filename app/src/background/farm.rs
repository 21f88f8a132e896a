//! What is asked of the farm beside the renders: more agents, their logs, the end of a job.

use blendnet_net::client::ClientError;
use blendnet_protocol::{JobId, JobView};

use super::{Served, files};
use crate::gui::command::FarmWish;
use crate::gui::event::Event;
use crate::gui::noise::noise_picture;
use crate::workflow::data_dir::DataDir;
use crate::workflow::farm::Farm;
use crate::workflow::launch::StartOptions;
use crate::workflow::manager::Manager;
use crate::workflow::problem::{Problem, ProblemKind};
use crate::workflow::records::Record;

/// Asks, and tells what came of it.
pub(super) async fn ask(wish: FarmWish, served: &Served) {
    let told = match wish {
        FarmWish::Agents(count) => agents(&served.data, count).await.err().map(Event::Trouble),
        FarmWish::Settle(job) => {
            let settled = of_job(&served.data, "finishing it with what it has", async |manager| {
                manager.settle(&job).await
            });
            settled.await.err().map(Event::Trouble)
        }
        FarmWish::Priority(job, priority) => {
            let moved = of_job(&served.data, "moving it first", async |manager| {
                manager.prioritise(&job, priority).await
            });
            moved.await.err().map(Event::Trouble)
        }
        FarmWish::Limit(job, limits) => {
            let limited = of_job(&served.data, "changing its limits", async |manager| {
                manager.limit(&job, &limits).await
            });
            limited.await.err().map(Event::Trouble)
        }
        FarmWish::FrameFirst(job, frame) => {
            let moved = of_job(&served.data, "moving the frame first", async |manager| {
                manager.frame_first(&job, frame).await
            });
            moved.await.err().map(Event::Trouble)
        }
        FarmWish::Log(agent) => {
            let lines = log(&served.data, &agent).await;
            Some(Event::Log(agent, lines))
        }
    };
    if let Some(event) = told {
        served.outbox.tell(event);
    }
}

async fn agents(data: &DataDir, count: u32) -> Result<(), Problem> {
    let farm = running(data).await?;
    let manager = farm.manager();
    let asked = manager.want_agents(count).await;
    asked.map_err(|e| manager.problem("changing the number of agents", &e))
}

/// Asks the manager something of a job.
async fn of_job(
    data: &DataDir,
    doing: &str,
    ask: impl AsyncFnOnce(&Manager) -> Result<JobView, ClientError>,
) -> Result<(), Problem> {
    let farm = running(data).await?;
    let manager = farm.manager();
    ask(manager).await.map(drop).map_err(|e| manager.problem(doing, &e))
}

async fn log(data: &DataDir, agent: &str) -> Result<Vec<String>, Problem> {
    let farm = running(data).await?;
    let manager = farm.manager();
    let asked = manager.agent_log(agent).await;
    asked.map_err(|e| manager.problem(&format!("reading the log of {agent}"), &e))
}

/// Loads the noise map of a frame.
pub(super) async fn noise(job: JobId, frame: i32, served: &Served) {
    let loaded = async {
        let farm = running(&served.data).await?;
        let folder = tempfile::tempdir_in(served.data.root())
            .map_err(|e| Problem::local_file(&e, ProblemKind::Farm))?;
        let map = folder.path().join("noise.png");
        let manager = farm.manager();
        let fetched = manager.noise_map(&job, frame, &map).await;
        fetched.map_err(|e| manager.problem("asking for the noise map", &e))?;
        files::load(&map, None).await
    };
    let loaded = loaded.await;
    served.outbox.tell(Event::Picture(noise_picture(&job, frame), loaded));
}

async fn running(data: &DataDir) -> Result<Farm, Problem> {
    Farm::join(data).await?.ok_or_else(|| {
        Problem::farm("no farm runs any more").hint("it starts with the next render")
    })
}

/// Deletes a job, and what is remembered of it. Jobs are the manager's; one without agents does it.
pub(super) async fn delete(job: JobId, served: &Served) {
    let options = StartOptions::default();
    let deleted = async {
        let farm = Farm::open(&served.data, &options).await?;
        let manager = farm.manager();
        let deleted = match manager.jobs().await {
            Ok(jobs) if jobs.iter().any(|known| known.id == job) => manager.delete(&job).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        let deleted = deleted.map_err(|e| manager.problem(&format!("deleting job {job}"), &e));
        farm.leave().await;
        deleted
    };
    served.outbox.tell(match deleted.await {
        Ok(()) => {
            Record::remove(&served.data, &job);
            Event::Deleted(job)
        }
        Err(problem) => Event::Trouble(problem),
    });
}

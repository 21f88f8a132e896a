//! Follows a running job to its end: tells how far it is, saves what comes out, pauses it when
//! the artist asks.

use std::time::{Duration, Instant};

use blendnet_protocol::{FarmView, JobId, JobState, JobView};
use tokio_util::sync::CancellationToken;

use super::event::{AgentShare, Event, Events};
use super::manager::Manager;
use super::output::Output;
use super::poll::Watch;
use super::problem::{Problem, ProblemKind};
use super::report;
use super::saver::Saver;
use super::shares::Shares;

/// How long a job may take to pause.
const PAUSE_LIMIT: Duration = Duration::from_mins(1);

/// How a job that was followed ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The job, completed, failed or paused.
    pub job: JobView,
    /// How much each agent did.
    pub shares: Vec<AgentShare>,
}

/// Follows `job` until it is at rest and its pictures are on the disk. Its messages so far are
/// known to the artist.
pub async fn follow(
    manager: &Manager,
    watch: &mut Watch,
    job: &JobView,
    output: &Output,
    events: &Events,
    stop: &CancellationToken,
) -> Result<Ended, Problem> {
    let mut saver = Saver::new(manager.clone(), job.id.clone(), output.clone());
    let mut told = job.messages.len();
    let job = &job.id;
    let began = Instant::now();
    let mut shares = Shares::default();
    let mut asked_to_stop = false;
    let give_up = tokio::time::sleep(Duration::MAX);
    tokio::pin!(give_up);
    loop {
        tokio::select! {
            view = watch.next() => {
                let view = view?;
                shares.look(&view, began.elapsed().as_secs_f64());
                if let Some(ended) = look(&view, job, &mut saver, &mut told, events).await? {
                    if ended.state != JobState::Paused {
                        save_the_rest(&mut saver, events).await?;
                    }
                    return Ok(Ended { job: ended, shares: shares.shares() });
                }
            }
            fetched = saver.next() => {
                if let Some(event) = fetched? {
                    events.tell(event).await;
                }
            }
            () = stop.cancelled(), if !asked_to_stop => {
                asked_to_stop = true;
                give_up.as_mut().reset(tokio::time::Instant::now() + PAUSE_LIMIT);
                if let Err(error) = manager.stop(job).await {
                    // It may have ended in this moment; the next view tells.
                    tracing::debug!("stopping {job}: {error}");
                }
            }
            () = &mut give_up, if asked_to_stop => return Err(never_pauses()),
        }
    }
}

/// Takes in a view. Gives the job when it is at rest.
async fn look(
    view: &FarmView,
    id: &JobId,
    saver: &mut Saver,
    told: &mut usize,
    events: &Events,
) -> Result<Option<JobView>, Problem> {
    let job = report::job(view, id).ok_or_else(|| {
        Problem::new(ProblemKind::Interrupted, format!("job {id} was deleted by another program"))
    })?;
    for message in job.messages.iter().skip(*told) {
        events.warn(message).await;
    }
    *told = job.messages.len();
    for failed in saver.look(job) {
        events.tell(failed).await;
    }
    events.hint_at(Event::Progress(Box::new(report::progress(view, job))));
    let at_rest = matches!(job.state, JobState::Completed | JobState::Failed | JobState::Paused);
    Ok(at_rest.then(|| job.clone()))
}

async fn save_the_rest(saver: &mut Saver, events: &Events) -> Result<(), Problem> {
    while !saver.is_idle() {
        if let Some(event) = saver.next().await? {
            events.tell(event).await;
        }
    }
    Ok(())
}

fn never_pauses() -> Problem {
    let limit = PAUSE_LIMIT.as_secs();
    Problem::farm(format!("the farm was asked to pause the job, but did not within {limit} s"))
        .hint("see how it is with `blendnet farm status`; end it with `blendnet farm stop`")
        .in_window("Farm (Ctrl+2) shows how it is; End all… there ends it")
}

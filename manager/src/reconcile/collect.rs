//! Brings the result of a piece of work home.

use super::agent::Remote;
use super::claim::Claimed;
use super::disk;
use super::parts::{self, Parts};
use crate::farm::{FrameResult, Input, JobFolder};
use crate::store::SavedPart;
use blendnet_net::client::ClientError;
use blendnet_protocol::{
    FailureKind, FilmRect, JobId, Outcome, PartFile, Region, ResultFile, Timing, Work, WorkId,
    WorkKind,
};
use blendnet_scheduler::{Assignment, Event};
use std::sync::Arc;
use std::time::Instant;

/// A piece of work that an agent has.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) work: Work,
    pub(crate) assignment: Assignment,
    pub(crate) rect: Option<FilmRect>,
    /// The agent has confirmed it.
    pub(crate) taken: bool,
    /// The farm knows already what this inspection found.
    pub(crate) told: bool,
    /// What of it was fetched already.
    pub(crate) parts: Arc<Parts>,
}

impl Given {
    /// Work that was not sent yet.
    pub(crate) fn new(work: Work, assignment: Assignment, rect: Option<FilmRect>) -> Self {
        Self { work, assignment, rect, taken: false, told: false, parts: Arc::default() }
    }

    /// What of it is not merged is rendered again, by nobody's fault.
    pub(crate) fn gave_back(&self) -> Event {
        let Assignment { job, task, .. } = &self.assignment;
        Event::GaveBack { work: self.work.id.clone(), job: job.clone(), frame: task.frame() }
    }
}

/// Why a result is not here. The work is done again.
#[derive(Debug, thiserror::Error)]
pub(super) enum CollectError {
    #[error("downloading {name}")]
    Download {
        name: String,
        #[source]
        source: ClientError,
    },
    #[error("keeping {name}")]
    Keep {
        name: String,
        #[source]
        source: blendnet_net::blobs::BlobError,
    },
    #[error("merging the part")]
    Merge(#[from] super::MergeError),
    #[error("others have handed in some of it")]
    OthersWereFirst,
    #[error("the agent handed in something else than it was asked for")]
    Unexpected,
}

/// Tells the scheduler at once that the agent is free, then fetches and merges.
pub(crate) async fn collect(remote: Remote, given: Given, outcome: Outcome, parts: Vec<PartFile>) {
    let timing = match &outcome {
        Outcome::Part { timing, .. }
        | Outcome::Parts { timing }
        | Outcome::Image { timing, .. } => *timing,
        Outcome::Inspected { .. } => Timing::default(),
    };
    if !matches!(outcome, Outcome::Inspected { .. }) {
        let event = Event::Rendered {
            work: given.work.id.clone(),
            secs: timing.total_secs - timing.load_secs,
            pixel_samples: rendered_pixel_samples(&given),
        };
        remote.farm.tell(Input::Event(event)).await;
    }
    let parts = match (&outcome, &given.work.kind) {
        (Outcome::Parts { .. }, WorkKind::Part { .. }) => Some(parts),
        (Outcome::Part { image, timing }, &WorkKind::Part { region, .. }) => {
            Some(vec![PartFile { region, image: image.clone(), timing: *timing }])
        }
        _ => None,
    };
    if let Some(parts) = parts {
        let rest = given.gave_back();
        return parts::end(&remote, given, parts, rest);
    }
    let tasks = remote.context.tasks.clone();
    tasks.spawn(async move {
        let work = &given.work;
        if let Err(error) = fetch(&remote, &given, outcome).await {
            let cause = crate::chain(&error);
            tracing::error!(agent = %remote.id, work = %work.id, error = cause, "a result is lost");
            remote.farm.tell(Input::Event(lost(&given, &error))).await;
        }
        remote.delete(&work.id).await;
    });
}

/// What a lost result means: an agent that is gone is nobody's fault, nor that others were first.
pub(super) fn lost(given: &Given, error: &CollectError) -> Event {
    let failure = disk::failure_of("keeping a result", error);
    match error {
        CollectError::Download { .. } if failure.kind != FailureKind::DiskFull => given.gave_back(),
        CollectError::OthersWereFirst => given.gave_back(),
        _ => {
            let Assignment { job, task, .. } = &given.assignment;
            let (work, job, frame) = (given.work.id.clone(), job.clone(), task.frame());
            Event::ResultUnusable { work, job, frame, failure }
        }
    }
}

fn rendered_pixel_samples(given: &Given) -> u64 {
    match (&given.work.kind, given.rect) {
        (WorkKind::Part { region, margin_px, .. }, Some(rect)) => {
            let tile = region.tile.grown(*margin_px, rect.rendered);
            blendnet_protocol::Region { tile, samples: region.samples }.pixel_samples()
        }
        (WorkKind::Part { region, .. }, None) => region.pixel_samples(),
        // The whole frame; the scheduler knows how much that is.
        _ => 0,
    }
}

async fn fetch(remote: &Remote, given: &Given, outcome: Outcome) -> Result<(), CollectError> {
    let context = &remote.context;
    let job = &given.assignment.job;
    let folder = JobFolder::new(&context.jobs_dir, job);
    match (outcome, &given.work.kind) {
        (Outcome::Inspected { info, look }, WorkKind::Inspect) => {
            if let Some(look) = look {
                download(remote, &look, &folder.look()).await?;
            }
            if !given.told {
                let (job, work) = (job.clone(), given.work.id.clone());
                remote.farm.tell(Input::Inspected { job, work, info }).await;
            }
        }
        (
            Outcome::Image { image, composed, .. },
            &WorkKind::Whole { frame } | &WorkKind::Finish { frame, .. },
        ) => {
            for file in std::iter::once(&image).chain(&composed) {
                keep(remote, job, &given.work.id, file).await?;
            }
            let result = FrameResult { image, composed };
            context.keep_frame(job, frame, &given.work.id, &result).await?;
            let FrameResult { image, composed } = result;
            let (job, work) = (job.clone(), given.work.id.clone());
            remote.farm.tell(Input::FrameImage { job, frame, work, image, composed }).await;
        }
        _ => return Err(CollectError::Unexpected),
    }
    Ok(())
}

/// Fetches a part and adds it to its film.
pub(super) async fn merge_part(
    remote: &Remote,
    given: &Given,
    region: Region,
    image: &ResultFile,
) -> Result<(), CollectError> {
    let (WorkKind::Part { frame, total_samples, .. }, Some(rect)) = (&given.work.kind, given.rect)
    else {
        return Err(CollectError::Unexpected);
    };
    let (frame, job, work) = (*frame, given.assignment.job.clone(), given.work.id.clone());
    let context = &remote.context;
    let merged = |secs| {
        let (work, job) = (work.clone(), job.clone());
        Input::Event(Event::PartMerged { work, job, frame, region, secs })
    };
    let _claim = match context.merger.claim(&job, frame, region).await? {
        Claimed::New(claim) => claim,
        Claimed::Known => {
            remote.farm.tell(merged(0.0)).await;
            return Ok(());
        }
        Claimed::Overlapping => return Err(CollectError::OthersWereFirst),
    };
    let file = format!("{work}.{}", region.samples.start());
    download(remote, image, &JobFolder::new(&context.jobs_dir, &job).parts().join(&file)).await?;
    let started = Instant::now();
    let blob = image.blob.clone();
    let part = SavedPart { job: job.clone(), frame, region, blob, file, merged: false };
    let preview = context.keep_part(part, (rect, *total_samples)).await?;
    remote.farm.tell(merged(started.elapsed().as_secs_f64())).await;
    if preview {
        remote.farm.tell(Input::Preview { job, frame }).await;
    }
    Ok(())
}

async fn download(
    remote: &Remote,
    file: &ResultFile,
    to: &std::path::Path,
) -> Result<(), CollectError> {
    remote
        .client
        .download(&format!("blob/{}", file.blob), to, Some(&file.blob))
        .await
        .map_err(|source| CollectError::Download { name: file.name.clone(), source })?;
    Ok(())
}

/// Takes a file into our own blobs.
async fn keep(
    remote: &Remote,
    job: &JobId,
    work: &WorkId,
    file: &ResultFile,
) -> Result<(), CollectError> {
    let context = &remote.context;
    if context.blobs.path(&file.blob).is_some() {
        return Ok(());
    }
    let folder = JobFolder::new(&context.jobs_dir, job);
    let path = folder.parts().join(format!("{work}.{}", file.blob));
    download(remote, file, &path).await?;
    context
        .blobs
        .adopt(&path)
        .await
        .map_err(|source| CollectError::Keep { name: file.name.clone(), source })?;
    Ok(())
}

//! What outlives the manager: an `SQLite` database in the farm's folder.
//!
//! One thread writes. It takes all changes that wait into one transaction, so that many decisions
//! share one wait for the disk, and answers when they are there for good. With a write-ahead log
//! and `synchronous=FULL` that holds against power cuts too: what an agent is told to forget, or a
//! client is told that it is done, must not be forgotten here.

mod agents;
mod frames;
mod jobs;
mod kept;
mod open;
mod parts;
mod works;

pub use agents::SavedAgent;
pub use kept::SavedFrame;
pub use parts::SavedPart;
pub use works::SavedWork;

use crate::crash;
use blendnet_protocol::{AgentId, JobId, Region, WorkId};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use tokio::sync::oneshot;

/// Most changes in one transaction.
const MOST_CHANGES: usize = 10_000;

/// The database's file.
const FILE: &str = "farm.db";

/// Why something is not written down, or can't be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database says so.
    #[error("using the farm's database {}", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// Its file.
    #[error("preparing the farm's database")]
    File(#[source] Arc<std::io::Error>),
    /// A later BlendNet made it.
    #[error(
        "the farm's database {} has version {found}, this BlendNet knows {known}; use a newer one, or another folder",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// The writing thread is gone.
    #[error("the farm's database is closed")]
    Closed,
}

impl StoreError {
    /// Whether the disk has no room.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Sqlite { source, .. } => {
                source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
            }
            Self::File(_) | Self::Newer { .. } | Self::Closed => false,
        }
    }
}

/// Something to write down.
#[derive(Clone, Debug)]
pub enum Change {
    /// A job, as JSON. `spec` is `None` when it is as before.
    Job {
        /// Which.
        job: JobId,
        /// Its submission.
        spec: Option<String>,
        /// The rest.
        state: String,
    },
    /// A job is deleted, with all that belongs to it.
    JobGone(JobId),
    /// A frame's finished files are ours, as JSON; its parts are not needed any more.
    Frame {
        /// Whose.
        job: JobId,
        /// Which.
        frame: i32,
        /// Its files.
        result: String,
    },
    /// A frame is not as a new one is.
    FrameKept(SavedFrame),
    /// A job's frames are new ones again.
    FramesAnew(JobId),
    /// A part lies in our folder.
    PartReceived(SavedPart),
    /// A region is in its frame's film.
    PartMerged(JobId, i32, Region),
    /// A part can't be used.
    PartGone(JobId, i32, Region),
    /// What was merged of a frame is lost.
    FilmGone(JobId, i32),
    /// An agent is given something to do.
    Given(SavedWork),
    /// It is done, or not to be done any more.
    WorkEnded(WorkId),
    /// An agent is to be launched, or was added, or has an address now.
    Agent(SavedAgent),
    /// It does not answer: its works are given to others.
    AgentLost(AgentId),
    /// It is gone for good.
    AgentGone(AgentId),
}

impl Change {
    /// What the points before and after its commit are called by.
    fn name(&self) -> &'static str {
        match self {
            Self::Job { .. } => "job",
            Self::JobGone(_) => "job-gone",
            Self::Frame { .. } => "frame",
            Self::FrameKept(_) => "frame-kept",
            Self::FramesAnew(_) => "frames-anew",
            Self::PartReceived(_) => "part-received",
            Self::PartMerged(..) => "part-merged",
            Self::PartGone(..) => "part-gone",
            Self::FilmGone(..) => "film-gone",
            Self::Given(_) => "given",
            Self::WorkEnded(_) => "work-ended",
            Self::Agent(_) => "agent",
            Self::AgentLost(_) => "agent-lost",
            Self::AgentGone(_) => "agent-gone",
        }
    }
}

/// All that was written down.
#[derive(Debug, Default)]
pub struct Saved {
    /// Id, submission and state of each job, as JSON.
    pub jobs: Vec<(JobId, String, String)>,
    /// Finished files of frames, as JSON.
    pub frames: Vec<(JobId, i32, String)>,
    /// Frames that differ from new ones.
    pub kept: Vec<SavedFrame>,
    /// The ledger.
    pub parts: Vec<SavedPart>,
    /// What agents were given.
    pub works: Vec<SavedWork>,
    /// The agents.
    pub agents: Vec<SavedAgent>,
}

struct Request {
    changes: Vec<Change>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// The way to the database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    requests: mpsc::Sender<Request>,
}

impl Store {
    /// Opens the database of a farm's folder, or makes it. One that is damaged is set aside.
    pub fn open(dir: &Path) -> Result<(Self, Saved), StoreError> {
        let path = dir.join(FILE);
        let (connection, saved) = open::open(&path)?;
        let (requests, waiting) = mpsc::channel();
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write(connection, &path, &waiting))
            .map_err(|error| StoreError::File(Arc::new(error)))?;
        Ok((Self { requests }, saved))
    }

    /// Writes changes down, all or none, for good.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let (done, answer) = oneshot::channel();
        let sent = self.requests.send(Request { changes, done });
        sent.map_err(|_closed| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// The writing thread. It ends with the last [`Store`].
fn write(mut connection: Connection, path: &Path, waiting: &mpsc::Receiver<Request>) {
    while let Ok(first) = waiting.recv() {
        let mut count = first.changes.len();
        let mut requests = vec![first];
        while count < MOST_CHANGES
            && let Ok(next) = waiting.try_recv()
        {
            count += next.changes.len();
            requests.push(next);
        }
        let changes = || requests.iter().flat_map(|request| &request.changes);
        changes().for_each(|change| crash::point("before", change.name()));
        let done = apply_all(&mut connection, changes()).map_err(|source| StoreError::Sqlite {
            path: path.to_owned(),
            source: Arc::new(source),
        });
        changes().for_each(|change| crash::point("after", change.name()));
        for request in requests {
            let _nobody_waits = request.done.send(done.clone());
        }
    }
}

fn apply_all<'c>(
    connection: &mut Connection,
    changes: impl Iterator<Item = &'c Change>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for change in changes {
        apply(&transaction, change)?;
    }
    transaction.commit()
}

fn apply(db: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Job { job, spec, state } => jobs::put(db, job, spec.as_deref(), state),
        Change::JobGone(job) => jobs::delete(db, job),
        Change::Frame { job, frame, result } => frames::put(db, job, *frame, result),
        Change::FrameKept(saved) => kept::put(db, saved),
        Change::FramesAnew(job) => kept::delete_of(db, job),
        Change::PartReceived(part) => parts::received(db, part),
        Change::PartMerged(job, frame, region) => parts::merged(db, job, *frame, *region),
        Change::PartGone(job, frame, region) => parts::delete(db, job, *frame, *region),
        Change::FilmGone(job, frame) => parts::delete_merged(db, job, *frame),
        Change::Given(work) => works::put(db, work),
        Change::WorkEnded(work) => works::delete(db, work),
        Change::Agent(agent) => agents::put(db, agent),
        Change::AgentLost(agent) => works::delete_of(db, agent),
        Change::AgentGone(agent) => agents::delete(db, agent),
    }
}

#[cfg(test)]
mod tests;

//! Brings previews and finished frames to the disk while the job goes on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use blendnet_protocol::{FrameState, FrameView, JobId, JobView};
use tokio::task::JoinSet;

use super::event::{Event, FrameEnded, PreviewSaved};
use super::manager::Manager;
use super::output::{Output, Target};
use super::problem::{Problem, ProblemKind};

/// Frames fetched at the same time.
const FRAMES_AT_ONCE: usize = 2;

/// Fetches what is new on the farm.
#[derive(Debug)]
pub struct Saver {
    manager: Manager,
    job: JobId,
    output: Output,
    waiting: VecDeque<FrameView>,
    seen: BTreeSet<i32>,
    fetching: usize,
    previews: BTreeMap<i32, u64>,
    preview_on_its_way: bool,
    tasks: JoinSet<Fetched>,
}

#[derive(Debug)]
enum Fetched {
    Frame(Result<FrameEnded, Problem>),
    Preview(Option<PreviewSaved>),
}

impl Saver {
    /// A saver for one job.
    pub fn new(manager: Manager, job: JobId, output: Output) -> Self {
        Self {
            manager,
            job,
            output,
            waiting: VecDeque::new(),
            seen: BTreeSet::new(),
            fetching: 0,
            previews: BTreeMap::new(),
            preview_on_its_way: false,
            tasks: JoinSet::new(),
        }
    }

    /// Begins to fetch what is new in a view of the job. Gives the frames that failed.
    pub fn look(&mut self, job: &JobView) -> Vec<Event> {
        let mut failed = Vec::new();
        for frame in &job.frames {
            let ended = matches!(frame.state, FrameState::Completed | FrameState::Failed);
            if !ended || !self.seen.insert(frame.frame) {
                continue;
            }
            if frame.state == FrameState::Completed {
                self.waiting.push_back(frame.clone());
            } else {
                failed.push(Event::Frame(failed_frame(frame)));
            }
        }
        self.begin_frames();
        self.begin_preview(job);
        failed
    }

    fn begin_frames(&mut self) {
        while self.fetching < FRAMES_AT_ONCE {
            let Some(frame) = self.waiting.pop_front() else { return };
            self.fetching += 1;
            let (manager, job) = (self.manager.clone(), self.job.clone());
            let output = self.output.clone();
            self.tasks.spawn(async move {
                Fetched::Frame(fetch_frame(&manager, &job, &frame, &output).await)
            });
        }
    }

    /// The newest preview of a frame in work, one at a time.
    fn begin_preview(&mut self, job: &JobView) {
        let in_work =
            |frame: &&FrameView| matches!(frame.state, FrameState::Running | FrameState::Finishing);
        let is_new = |frame: &&FrameView| {
            frame.preview > self.previews.get(&frame.frame).copied().unwrap_or_default()
        };
        let newest = job.frames.iter().filter(in_work).rfind(is_new);
        let Some(frame) = newest.filter(|_| !self.preview_on_its_way) else { return };
        self.previews.insert(frame.frame, frame.preview);
        self.preview_on_its_way = true;
        let (manager, job) = (self.manager.clone(), self.job.clone());
        let preview =
            PreviewSaved { frame: frame.frame, number: frame.preview, path: self.output.preview() };
        let output = self.output.clone();
        self.tasks.spawn(async move {
            let fetched = manager.preview(&job, preview.frame, &preview.path).await;
            let fetched = fetched.and_then(|()| Ok(output.share(&preview.path)?));
            match fetched {
                Ok(()) => Fetched::Preview(Some(preview)),
                Err(error) => {
                    // Only a preview; the next one may come through.
                    tracing::debug!("preview of frame {}: {error}", preview.frame);
                    Fetched::Preview(None)
                }
            }
        });
    }

    /// Whether nothing is waited for.
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.waiting.is_empty()
    }

    /// The next thing that came to the disk. Waits for ever when [`Self::is_idle`].
    pub async fn next(&mut self) -> Result<Option<Event>, Problem> {
        let Some(fetched) = self.tasks.join_next().await else {
            return std::future::pending().await;
        };
        let fetched = fetched.map_err(|e| {
            Problem::new(ProblemKind::Render, format!("fetching pictures failed: {e}"))
        })?;
        match fetched {
            Fetched::Frame(frame) => {
                self.fetching = self.fetching.saturating_sub(1);
                self.begin_frames();
                Ok(Some(Event::Frame(frame?)))
            }
            Fetched::Preview(preview) => {
                self.preview_on_its_way = false;
                Ok(preview.map(Event::Preview))
            }
        }
    }
}

fn failed_frame(frame: &FrameView) -> FrameEnded {
    FrameEnded {
        frame: frame.frame,
        state: frame.state,
        files: Vec::new(),
        failure: frame.failure.as_ref().map(|failure| failure.message.clone()),
        last_lines: frame.failure.iter().flat_map(|f| f.last_lines.clone()).collect(),
    }
}

async fn fetch_frame(
    manager: &Manager,
    job: &JobId,
    frame: &FrameView,
    output: &Output,
) -> Result<FrameEnded, Problem> {
    let mut files = Vec::new();
    for target in output.targets(frame) {
        if !is_there(&target).await {
            fetch(manager, job, frame.frame, &target).await?;
            let shared = output.share(&target.path);
            shared.map_err(|e| Problem::local_file(&e, ProblemKind::Input))?;
        }
        files.push(target.path);
    }
    Ok(FrameEnded {
        frame: frame.frame,
        state: FrameState::Completed,
        files,
        failure: None,
        last_lines: Vec::new(),
    })
}

async fn fetch(manager: &Manager, job: &JobId, frame: i32, target: &Target) -> Result<(), Problem> {
    if let Some(folder) = target.path.parent() {
        let made = fs_err::tokio::create_dir_all(folder).await;
        made.map_err(|e| Problem::local_file(&e, ProblemKind::Input))?;
    }
    let fetched =
        manager.frame_file(job, frame, target.composed.as_deref(), &target.file.blob, &target.path);
    fetched.await.map_err(|e| manager.problem(&format!("saving {}", target.path.display()), &e))
}

/// Whether a render before this one left the same picture.
async fn is_there(target: &Target) -> bool {
    let (path, size_bytes): (PathBuf, u64) = (target.path.clone(), target.file.size_bytes);
    let hash = move || {
        let same_size = fs_err::metadata(&path).is_ok_and(|m| m.is_file() && m.len() == size_bytes);
        same_size.then(|| blendnet_net::blobs::hash_file(&path).ok()).flatten()
    };
    let hashed = tokio::task::spawn_blocking(hash).await.ok().flatten();
    hashed.is_some_and(|(blob, _)| blob == target.file.blob)
}

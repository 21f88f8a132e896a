//! What the agent was told and what became of it: scenes, works, blobs in use. Plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use blendnet_protocol::{
    BlobId, Outcome, PartFile, Progress, ResultFile, SceneId, SceneInfo, SceneSpec, Work,
    WorkFailure, WorkId, WorkKind, WorkState, WorkStatus,
};
use tokio_util::sync::CancellationToken;

use crate::blender::process::Glimpse;

/// Most works that are kept; a manager deletes what it has seen.
const MAX_WORKS: usize = 1000;

/// Why a work is not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Conflict {
    /// Names are unique for ever.
    #[error("work `{0}` is already there and asks for something else")]
    OtherWork(WorkId),
    /// Nobody deletes them.
    #[error("{MAX_WORKS} works are kept already; delete those that are done")]
    TooMany,
}

/// Why a scene is not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SceneError {
    /// Its name is not what it holds.
    #[error("the scene is named `{given}` and its SHA-256 is `{real}`")]
    WrongName {
        /// From the path.
        given: SceneId,
        /// Of the body.
        real: String,
    },
    /// The .blend is missing in the list of files.
    #[error("the project `{0}` is not among the files")]
    NoProject(String),
    /// Two files, or a file and a folder, in one place.
    #[error("`{0}` is listed twice, or as a file and as a folder")]
    Twice(String),
}

#[derive(Debug)]
enum Phase {
    Queued,
    Running(Glimpse),
    Completed(Outcome),
    Failed(WorkFailure),
    Canceled,
}

#[derive(Debug)]
struct Entry {
    work: Work,
    phase: Phase,
    since: Instant,
    stop: CancellationToken,
    /// What an inspection found.
    info: Option<Box<SceneInfo>>,
    /// Steps of a part that are stored.
    parts: Vec<PartFile>,
    /// Samples of all steps that are rendered, stored or not.
    samples_done: u32,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Board {
    scenes: BTreeMap<SceneId, SceneSpec>,
    /// In the order of arrival.
    works: Vec<Entry>,
    /// Blobs that others use, by the name of their set.
    held: BTreeMap<String, Vec<BlobId>>,
    /// A scene whose files are all here, to be opened by a Blender that has nothing else to do.
    pub(super) ahead: Option<SceneId>,
    /// Process id of the warm Blender.
    pub(super) blender_pid: Option<u32>,
}

impl Board {
    /// Remembers a scene.
    pub(super) fn put_scene(&mut self, id: SceneId, spec: SceneSpec) -> Result<(), SceneError> {
        check_scene(&spec)?;
        self.scenes.insert(id, spec);
        Ok(())
    }

    /// The scene of that name.
    pub(super) fn scene(&self, id: &SceneId) -> Option<&SceneSpec> {
        self.scenes.get(id)
    }

    /// Forgets a scene; answers its blobs.
    pub(super) fn delete_scene(&mut self, id: &SceneId) -> Vec<BlobId> {
        let scene = self.scenes.remove(id);
        scene.iter().flat_map(|scene| &scene.manifest.files).map(|file| file.blob.clone()).collect()
    }

    /// Names a set of blobs that others use; an empty one is no set.
    pub(super) fn hold(&mut self, name: &str, blobs: Vec<BlobId>) -> Vec<BlobId> {
        let before = if blobs.is_empty() {
            self.held.remove(name)
        } else {
            self.held.insert(name.to_owned(), blobs)
        };
        before.unwrap_or_default()
    }

    /// Those of `blobs` that nothing here uses.
    pub(super) fn unused(&self, blobs: Vec<BlobId>) -> Vec<BlobId> {
        let mut used: BTreeSet<&BlobId> = self.held.values().flatten().collect();
        used.extend(self.scenes.values().flat_map(|s| &s.manifest.files).map(|file| &file.blob));
        used.extend(self.works.iter().flat_map(Entry::blobs));
        let mut unused: Vec<BlobId> = blobs.into_iter().filter(|b| !used.contains(b)).collect();
        unused.sort();
        unused.dedup();
        unused
    }

    /// Queues a work. The same one again changes nothing.
    pub(super) fn submit(&mut self, work: Work) -> Result<WorkStatus, Conflict> {
        if let Some(there) = self.works.iter().find(|entry| entry.work.id == work.id) {
            let same = there.work == work;
            return if same { Ok(there.status()) } else { Err(Conflict::OtherWork(work.id)) };
        }
        if self.works.len() >= MAX_WORKS {
            return Err(Conflict::TooMany);
        }
        let (since, stop) = (Instant::now(), CancellationToken::new());
        let (info, parts, samples_done) = (None, Vec::new(), 0);
        let entry = Entry { work, phase: Phase::Queued, since, stop, info, parts, samples_done };
        let status = entry.status();
        self.works.push(entry);
        Ok(status)
    }

    /// The oldest work that waits, running from now on; and the token that stops it.
    pub(super) fn take_next(&mut self) -> Option<(Work, CancellationToken)> {
        let entry = self.works.iter_mut().find(|e| matches!(e.phase, Phase::Queued))?;
        entry.phase = Phase::Running(Glimpse::default());
        entry.since = Instant::now();
        Some((entry.work.clone(), entry.stop.clone()))
    }

    /// Says how a running work goes.
    pub(super) fn progress(&mut self, id: &WorkId, glimpse: Glimpse) {
        if let Some(Entry { phase: Phase::Running(old), .. }) = self.entry(id) {
            *old = glimpse;
        }
    }

    /// A step of a work is rendered.
    pub(super) fn step_rendered(&mut self, id: &WorkId, samples: u32) {
        if let Some(entry) = self.entry(id) {
            entry.samples_done += samples;
            entry.phase = Phase::Running(Glimpse::default());
        }
    }

    /// A step of a work is stored. Answers blobs that came too late: those of a work that is gone.
    pub(super) fn step_stored(&mut self, id: &WorkId, part: PartFile) -> Vec<BlobId> {
        match self.entry(id) {
            Some(entry) => {
                // A short step can be stored before a longer one that was rendered earlier.
                let at = entry.parts.partition_point(|there| there.region < part.region);
                entry.parts.insert(at, part);
            }
            None => return vec![part.image.blob],
        }
        Vec::new()
    }

    /// Says what an inspection found, before it has made the look.
    pub(super) fn found(&mut self, id: &WorkId, info: &SceneInfo) {
        if let Some(entry) = self.entry(id) {
            entry.info = Some(Box::new(info.clone()));
        }
    }

    /// Ends a work. Answers blobs that came too late: those of a work that is gone.
    pub(super) fn finish(
        &mut self,
        id: &WorkId,
        result: Result<Outcome, WorkFailure>,
    ) -> Vec<BlobId> {
        match (self.entry(id), result) {
            (Some(entry), Ok(outcome)) => entry.phase = Phase::Completed(outcome),
            (Some(entry), Err(failure)) => entry.phase = Phase::Failed(failure),
            (None, Ok(outcome)) => return blobs_of(&outcome).cloned().collect(),
            (None, Err(_)) => {}
        }
        Vec::new()
    }

    /// What of a work is not handed in is given back.
    pub(super) fn cancel(&mut self, id: &WorkId) {
        if let Some(entry) = self.entry(id) {
            entry.phase = Phase::Canceled;
        }
    }

    /// Gives back all works that wait.
    pub(super) fn cancel_queued(&mut self) {
        for entry in self.works.iter_mut().filter(|e| matches!(e.phase, Phase::Queued)) {
            entry.phase = Phase::Canceled;
        }
    }

    /// Whether all works were fetched and deleted.
    pub(super) fn is_empty(&self) -> bool {
        self.works.is_empty()
    }

    /// Stops and forgets a work; answers its blobs.
    pub(super) fn delete(&mut self, id: &WorkId) -> Vec<BlobId> {
        let Some(at) = self.works.iter().position(|entry| entry.work.id == *id) else {
            return Vec::new();
        };
        let entry = self.works.remove(at);
        entry.stop.cancel();
        entry.blobs().into_iter().cloned().collect()
    }

    /// Stops all works.
    pub(super) fn stop_all(&self) {
        self.works.iter().for_each(|entry| entry.stop.cancel());
    }

    /// One work.
    pub(super) fn status(&self, id: &WorkId) -> Option<WorkStatus> {
        self.works.iter().find(|entry| entry.work.id == *id).map(Entry::status)
    }

    /// All works, oldest first.
    pub(super) fn statuses(&self) -> Vec<WorkStatus> {
        self.works.iter().map(Entry::status).collect()
    }

    fn entry(&mut self, id: &WorkId) -> Option<&mut Entry> {
        self.works.iter_mut().find(|entry| entry.work.id == *id)
    }
}

impl Entry {
    fn status(&self) -> WorkStatus {
        let state = match &self.phase {
            Phase::Queued => WorkState::Queued,
            Phase::Running(glimpse) => WorkState::Running(self.progress(glimpse)),
            Phase::Completed(outcome) => WorkState::Completed(outcome.clone()),
            Phase::Failed(failure) => WorkState::Failed(failure.clone()),
            Phase::Canceled => WorkState::Canceled,
        };
        WorkStatus { id: self.work.id.clone(), state, parts: self.parts.clone() }
    }

    fn progress(&self, glimpse: &Glimpse) -> Progress {
        let most = match &self.work.kind {
            WorkKind::Part { region, .. } => region.samples.sample_count(),
            _ => u32::MAX,
        };
        Progress {
            samples_done: (self.samples_done + glimpse.samples_done).min(most),
            elapsed_secs: self.since.elapsed().as_secs_f64(),
            remaining_secs: glimpse.remaining_secs,
            memory_mb: glimpse.memory_mb,
            message: glimpse.message.clone(),
            info: self.info.clone(),
        }
    }

    /// What it reads and what came out of it.
    fn blobs(&self) -> Vec<&BlobId> {
        let read = match &self.work.kind {
            WorkKind::Finish { merged, .. } => Some(merged),
            _ => None,
        };
        let outcome = match &self.phase {
            Phase::Completed(outcome) => Some(outcome),
            _ => None,
        };
        let parts = self.parts.iter().map(|part| &part.image.blob);
        read.into_iter().chain(outcome.into_iter().flat_map(blobs_of)).chain(parts).collect()
    }
}

fn blobs_of(outcome: &Outcome) -> impl Iterator<Item = &BlobId> {
    let (first, more): (Option<&ResultFile>, &[ResultFile]) = match outcome {
        Outcome::Inspected { look, .. } => (look.as_ref(), &[]),
        Outcome::Part { image, .. } => (Some(image), &[]),
        Outcome::Parts { .. } => (None, &[]),
        Outcome::Image { image, composed, .. } => (Some(image), composed),
    };
    first.into_iter().chain(more).map(|file| &file.blob)
}

fn check_scene(spec: &SceneSpec) -> Result<(), SceneError> {
    let manifest = &spec.manifest;
    let mut paths = BTreeSet::new();
    for file in &manifest.files {
        if !paths.insert(file.path.as_str()) {
            return Err(SceneError::Twice(file.path.to_string()));
        }
    }
    if !paths.contains(manifest.project.as_str()) {
        return Err(SceneError::NoProject(manifest.project.to_string()));
    }
    for path in &paths {
        let mut folder = *path;
        while let Some((parent, _)) = folder.rsplit_once('/') {
            if paths.contains(parent) {
                return Err(SceneError::Twice(parent.to_owned()));
            }
            folder = parent;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

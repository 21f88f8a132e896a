//! What the rest of the agent uses: scenes in, works in, states and results out.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blendnet_net::blobs::BlobStore;
use blendnet_protocol::{
    AgentReport, BlenderBuild, BlobId, ManifestFile, Outcome, PartFile, SceneId, SceneSpec,
    SceneState, VERSION, Work, WorkFailure, WorkId, WorkKind, WorkState, WorkStatus,
};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, OnceCell, RwLock, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::board::{Board, Conflict, SceneError};
use super::leave::Leave;
use super::provide::Refused;
use super::runner::Runner;
use super::trial::{Trials, try_out};
use super::warm::Start;
use crate::blender::find::{self, Found, Places};
use crate::blender::process::Glimpse;
use crate::blender::{jail, sent};

/// What an engine is made of.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// The agent's folder.
    pub dir: PathBuf,
    /// Where what is known of the Blenders of this computer is kept.
    pub cache: PathBuf,
    /// Paths of Blenders that were given.
    pub blenders: Vec<PathBuf>,
    /// Whether to look for those of this machine beside them.
    pub look: bool,
    /// This program, as the jail is started: `/proc/self/exe`.
    pub agent_program: PathBuf,
    /// Threads of Blender; 0 is all.
    pub threads: u32,
    /// How long Blender may do nothing.
    pub hang_timeout: Duration,
    /// How long after the start Blenders are tried out: not while the first picture is waited for.
    pub trial_delay: Duration,
}

/// Why a work is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It contradicts what is there.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// Its scene was not sent.
    #[error("scene {0} is not here; send it first")]
    NoScene(SceneId),
    /// Files were not sent.
    #[error("blobs are missing: {}", .0.iter().map(BlobId::as_str).collect::<Vec<_>>().join(" "))]
    MissingBlobs(Vec<BlobId>),
    /// The agent ends.
    #[error("the agent is shutting down")]
    Stopping,
}

/// What the engine and its tasks share.
pub(super) struct Shared {
    board: Mutex<Board>,
    generation: watch::Sender<u64>,
    /// Why no work is wanted now.
    away: Mutex<Option<String>>,
    pub(super) leave: Leave,
    /// What Blenders made of known colours.
    pub(super) trials: Trials,
    /// Blenders of the farm that are of no use here.
    pub(super) refused: Refused,
    /// Blenders that may render, best first.
    found: Mutex<Vec<Found>>,
    /// How Blenders are kept from the machine, once it and they are known.
    isolation: OnceCell<String>,
    /// Held while a Blender is installed.
    pub(super) installing: tokio::sync::Mutex<()>,
    /// There may be something to do.
    pub(super) wake: Notify,
    /// The end.
    pub(super) stopping: CancellationToken,
    /// Storing results, removing folders.
    pub(super) background: TaskTracker,
    /// Read while results become blobs, written while blobs are removed: both may mean one blob.
    pub(super) storing: RwLock<()>,
    pub(super) blobs: BlobStore,
}

impl Shared {
    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blenders that may render, best first.
    pub(super) fn found(&self) -> Vec<Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_found(&self, found: Vec<Found>) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }

    pub(super) fn builds(&self) -> Vec<BlenderBuild> {
        self.found().into_iter().map(|found| found.build).collect()
    }

    /// Waits until the Blenders of this machine are known.
    pub(super) async fn looked(&self) {
        let mut generation = self.generation.subscribe();
        let _never_closed = generation.wait_for(|_| self.isolation.initialized()).await.is_err();
    }

    /// Tells everybody who waits.
    pub(super) fn changed(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    pub(super) fn progress(&self, id: &WorkId, glimpse: Glimpse) {
        self.board().progress(id, glimpse);
        self.changed();
    }

    /// Tells of a stored step; answers blobs that came too late.
    pub(super) fn step_stored(&self, id: &WorkId, part: PartFile) -> Vec<BlobId> {
        let late = self.board().step_stored(id, part);
        self.changed();
        late
    }

    /// The rest of a work is given back.
    pub(super) fn give_back(&self, id: &WorkId) {
        self.board().cancel(id);
        self.changed();
    }

    pub(super) fn finish(&self, id: &WorkId, result: Result<Outcome, WorkFailure>) -> Vec<BlobId> {
        let late = self.board().finish(id, result);
        self.changed();
        late
    }

    /// Removes those of `blobs` that nothing uses.
    pub(super) async fn free(&self, blobs: Vec<BlobId>) {
        if blobs.is_empty() {
            return;
        }
        let _nothing_is_stored = self.storing.write().await;
        let unused = self.board().unused(blobs);
        for blob in unused {
            if let Err(error) = self.blobs.remove(&blob) {
                tracing::warn!(%error, "a blob that nothing uses stays");
            }
        }
    }
}

/// Does works with a warm Blender. Cheap to clone; lives until [`Engine::stop`].
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    settings: EngineSettings,
}

impl Engine {
    /// Starts the engine: looks for Blenders, and starts the best one before it is needed.
    ///
    /// Must be called within a tokio runtime.
    pub fn start(settings: EngineSettings, blobs: BlobStore) -> Self {
        let shared = Arc::new(Shared {
            board: Mutex::default(),
            generation: watch::Sender::new(1),
            away: Mutex::default(),
            leave: Leave::default(),
            trials: Trials::default(),
            refused: Refused::default(),
            found: Mutex::default(),
            isolation: OnceCell::new(),
            installing: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            stopping: CancellationToken::new(),
            background: TaskTracker::new(),
            storing: RwLock::new(()),
            blobs,
        });
        let engine = Self { shared, settings };
        engine.shared.background.spawn(engine.clone().run());
        engine
    }

    async fn run(self) {
        let Self { shared, settings } = self;
        let sent = sent::folder_in(&settings.dir);
        sent::clean(&sent);
        let places = Places { given: &settings.blenders, sent: Some(&sent), look: settings.look };
        let finding = find::find(places, &settings.agent_program, &settings.cache);
        let found = tokio::select! {
            found = finding => found,
            () = shared.stopping.cancelled() => return,
        };
        let (found, untried) = shared.trials.sort_out(found, &settings.cache);
        let folders: Vec<PathBuf> = found.iter().flat_map(|f| f.folders.clone()).collect();
        let isolation = jail::isolation(&settings.dir, &folders);
        let start = Start {
            agent_program: settings.agent_program.clone(),
            work: settings.dir.join("work"),
            jailed: isolation.starts_with("landlock"),
            threads: settings.threads,
            hang_timeout: settings.hang_timeout,
        };
        tracing::info!(isolation, "ready to render");
        shared.set_found(found);
        let _set_only_here = shared.isolation.set(isolation).is_err();
        shared.changed();
        shared.background.spawn(try_out(shared.clone(), untried, settings));
        Runner::new(shared, start).run().await;
    }

    /// Says in every report why no work is wanted; `None`: it is. Work that comes is done all the same.
    pub fn set_away(&self, why: Option<String>) {
        *self.shared.away.lock().unwrap_or_else(PoisonError::into_inner) = why;
        self.shared.changed();
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn settings(&self) -> &EngineSettings {
        &self.settings
    }

    /// The blobs of the agent.
    pub fn blobs(&self) -> &BlobStore {
        &self.shared.blobs
    }

    /// The name of a scene: SHA-256 of its JSON.
    pub fn scene_id(spec: &SceneSpec) -> Option<SceneId> {
        let json = serde_json::to_vec(spec).ok()?;
        SceneId::new(hex::encode(Sha256::digest(&json))).ok()
    }

    /// Tells of a scene; answers the blobs that are still missing to open it. What only some frames
    /// need must be there when a work for such a frame is submitted.
    pub fn put_scene(&self, id: SceneId, spec: SceneSpec) -> Result<SceneState, SceneError> {
        let real = Self::scene_id(&spec).map(String::from).unwrap_or_default();
        if real != id.as_str() {
            return Err(SceneError::WrongName { given: id, real });
        }
        let missing = self.missing(&spec, None);
        self.shared.board().put_scene(id.clone(), spec)?;
        if missing.is_empty() {
            self.shared.board().ahead = Some(id.clone());
            self.shared.wake.notify_one();
        }
        Ok(SceneState { id, missing })
    }

    /// The blobs that opening the scene, and rendering that frame, lack.
    fn missing(&self, spec: &SceneSpec, frame: Option<i32>) -> Vec<BlobId> {
        let is_needed = |file: &&ManifestFile| {
            file.frames.is_none() || frame.is_some_and(|frame| file.is_only_for(frame))
        };
        let needed = spec.manifest.files.iter().filter(is_needed);
        let blobs: Vec<BlobId> = needed.map(|file| file.blob.clone()).collect();
        self.shared.blobs.missing(&blobs)
    }

    /// Forgets a scene, and its blobs as far as nothing else uses them.
    pub fn delete_scene(&self, id: &SceneId) {
        let blobs = self.shared.board().delete_scene(id);
        self.free_later(blobs);
    }

    /// Keeps blobs that a scene or work does not name, until the same `name` holds others, or none.
    pub fn hold(&self, name: &str, blobs: Vec<BlobId>) {
        let before = self.shared.board().hold(name, blobs);
        self.free_later(before);
    }

    /// Queues a work. Sending the same one again changes nothing.
    pub fn submit(&self, work: Work) -> Result<WorkStatus, SubmitError> {
        if self.shared.stopping.is_cancelled() || self.shared.leave.is_begun() {
            return Err(SubmitError::Stopping);
        }
        let known = self.status(&work.id).is_some();
        if !known {
            self.check_inputs(&work)?;
        }
        let status = self.shared.board().submit(work)?;
        self.shared.changed();
        self.shared.wake.notify_one();
        Ok(status)
    }

    fn check_inputs(&self, work: &Work) -> Result<(), SubmitError> {
        let spec = self.shared.board().scene(&work.scene).cloned();
        let spec = spec.ok_or_else(|| SubmitError::NoScene(work.scene.clone()))?;
        let mut missing = self.missing(&spec, work.kind.frame());
        if let WorkKind::Finish { merged, .. } = &work.kind {
            missing.extend(self.shared.blobs.missing(std::slice::from_ref(merged)));
        }
        if missing.is_empty() { Ok(()) } else { Err(SubmitError::MissingBlobs(missing)) }
    }

    /// Where a work is; `None`: there is no such work.
    pub fn status(&self, id: &WorkId) -> Option<WorkStatus> {
        self.shared.board().status(id)
    }

    /// Waits until a work is completed or has failed; `None`: it is, or was, deleted.
    pub async fn finished(&self, id: &WorkId) -> Option<WorkState> {
        let mut generation = self.generation();
        loop {
            generation.mark_unchanged();
            match self.status(id)?.state {
                WorkState::Queued | WorkState::Running(_) => {}
                state => return Some(state),
            }
            // The sender lives in `self`.
            let _never_closed = generation.changed().await.is_err();
        }
    }

    /// Stops a work, within a second, and frees its results.
    pub fn delete(&self, id: &WorkId) {
        let blobs = self.shared.board().delete(id);
        self.shared.changed();
        self.free_later(blobs);
    }

    /// Removes the blobs that nothing uses: those that an agent before this one left behind. For
    /// the start, before anybody sends any.
    pub async fn free_unused(&self) {
        match self.shared.blobs.list() {
            Ok(all) => self.shared.free(all).await,
            Err(error) => tracing::warn!(%error, "blobs of an earlier run stay"),
        }
    }

    fn free_later(&self, blobs: Vec<BlobId>) {
        let shared = self.shared.clone();
        self.shared.background.spawn(async move { shared.free(blobs).await });
    }

    /// Grows with every change.
    pub fn generation(&self) -> watch::Receiver<u64> {
        self.shared.generation.subscribe()
    }

    /// The agent's state, as soon as its generation is not `after`, or after `wait`.
    pub async fn report_after(&self, after: u64, wait: Duration) -> AgentReport {
        let mut generation = self.generation();
        let changed = generation.wait_for(|&generation| generation != after);
        tokio::select! {
            _changed = tokio::time::timeout(wait, changed) => {}
            () = self.shared.stopping.cancelled() => {}
        }
        self.report()
    }

    /// The agent's state now.
    pub fn report(&self) -> AgentReport {
        // Read before the rest: a change in between is told next time again, not lost.
        let generation = *self.shared.generation.borrow();
        let isolation = self.shared.isolation.get().cloned();
        let isolation =
            isolation.unwrap_or_else(|| "none: the agent is still looking for Blenders".to_owned());
        let blenders = self.shared.builds();
        let (works, blender_pid) = {
            let board = self.shared.board();
            (board.statuses(), board.blender_pid)
        };
        let parity = self.shared.trials.all();
        let away = self.shared.away.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let away = away.or_else(|| self.shared.trials.unfit(&blenders));
        AgentReport {
            generation,
            version: VERSION.to_owned(),
            threads: self.threads(),
            isolation,
            blenders,
            host: blendnet_net::host::read(&self.settings.dir),
            blender_pid,
            away,
            leaving_secs: self.shared.leave.secs_left(),
            parity,
            works,
        }
    }

    fn threads(&self) -> u32 {
        let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        match self.settings.threads {
            0 => u32::try_from(all()).unwrap_or(u32::MAX),
            threads => threads,
        }
    }

    /// Stops all works, kills Blender, and waits until nothing is left.
    pub async fn stop(&self) {
        self.shared.stopping.cancel();
        self.shared.board().stop_all();
        self.shared.background.close();
        self.shared.background.wait().await;
    }
}

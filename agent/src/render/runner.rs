//! The one task that owns the warm Blender and does the works, one after another.

use std::sync::Arc;
use std::time::Instant;

use blendnet_protocol::{FailureKind, SceneId, Work, WorkFailure, WorkKind};

use super::engine::Shared;
use super::failure;
use super::pace::Pace;
use super::parts::{self, Storing, frame_name};
use super::steps::{self, Made};
use super::store::{self, Clock};
use super::warm::{Start, Warm, Watch};
use crate::blender::driver::Opened;
use crate::blender::find::Found;
use crate::blender::version;

/// The task's own things.
pub(super) struct Runner {
    pub(super) shared: Arc<Shared>,
    start: Start,
    pub(super) warm: Option<Warm>,
    /// Of the last part.
    pub(super) pace: Option<Pace>,
    /// The Blender that was last chosen, to start when nothing else is known.
    favourite: Option<Found>,
    rooms: u64,
}

/// How far a work got without a failure.
pub(super) enum Rendered {
    /// All of it, in one step, which is not stored yet.
    AtOnce(Made, Clock),
    /// All of it, in steps that are being stored.
    InSteps,
    /// What there was time for, in steps that are being stored.
    Left,
}

impl Runner {
    /// A runner without a Blender yet.
    pub(super) fn new(shared: Arc<Shared>, start: Start) -> Self {
        Self { shared, start, warm: None, pace: None, favourite: None, rooms: 0 }
    }

    /// Works until the engine is stopped. Leaves no Blender.
    pub(super) async fn run(mut self) {
        let shared = self.shared.clone();
        self.start_early().await;
        while !shared.stopping.is_cancelled() {
            let next = shared.board().take_next();
            if let Some((work, stop)) = next {
                shared.changed();
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {
                        self.put_down().await;
                        self.start_early().await;
                    }
                    () = self.work(&work) => {}
                }
                continue;
            }
            let ahead = shared.board().ahead.take();
            match ahead {
                Some(scene) => self.open_ahead(&scene).await,
                None => self.wait().await,
            }
        }
        self.put_down().await;
    }

    /// Until there is something to do.
    async fn wait(&mut self) {
        let shared = self.shared.clone();
        let gone = async {
            match &self.warm {
                Some(warm) => warm.blender.gone().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.wake.notified() => {}
            () = shared.stopping.cancelled() => {}
            // Not started again before it is needed: it might end at once for ever.
            () = gone => self.put_down().await,
        }
    }

    /// Starts the Blender that will most likely be wanted, before it is.
    async fn start_early(&mut self) {
        let ends = self.shared.stopping.is_cancelled() || self.shared.leave.is_begun();
        if ends || self.warm.is_some() {
            return;
        }
        let first = || self.shared.found().into_iter().next();
        if let Some(found) = self.favourite.clone().or_else(first)
            && let Err(failure) = self.start_blender(&found).await
        {
            tracing::warn!("{}", failure.message);
        }
    }

    /// Opens a scene that will be wanted: that takes minutes for some. What goes wrong goes wrong
    /// again, and is reported, when it is wanted.
    async fn open_ahead(&mut self, scene: &SceneId) {
        let is_open = self.warm.as_ref().is_some_and(|warm| warm.open.is_some());
        if is_open || self.shared.leave.is_begun() {
            return;
        }
        let shared = self.shared.clone();
        let mut nobody = |_| ();
        tokio::select! {
            opened = self.open(scene, &mut nobody) => {
                if let Err(failure) = opened {
                    tracing::warn!(%scene, "not opened ahead: {}", failure.message);
                }
            }
            () = shared.stopping.cancelled() => {}
        }
    }

    async fn start_blender(&mut self, found: &Found) -> Result<(), WorkFailure> {
        self.put_down().await;
        self.rooms += 1;
        let warm = Warm::start(&self.start, found, self.rooms).await?;
        self.shared.board().blender_pid = Some(warm.blender.pid());
        self.shared.changed();
        self.warm = Some(warm);
        Ok(())
    }

    /// Ends the warm Blender.
    async fn put_down(&mut self) {
        if let Some(warm) = self.warm.take() {
            warm.blender.kill().await;
            self.shared.board().blender_pid = None;
            self.shared.changed();
            // Removing a scene of many files takes its time; the engine waits for it at its end.
            self.shared.background.spawn_blocking(move || drop(warm));
        }
    }

    /// Does one work and has its result stored.
    async fn work(&mut self, work: &Work) {
        let began = Instant::now();
        let shared = self.shared.clone();
        let mut storing = Vec::new();
        let made = tokio::select! {
            biased;
            made = self.make(work, began, &mut storing) => made,
            () = shared.leave.gives_up() => Ok(Rendered::Left),
        };
        if matches!(made, Ok(Rendered::Left)) {
            self.put_down().await;
        }
        if self.warm.as_ref().is_some_and(|warm| warm.blender.is_gone()) {
            self.put_down().await;
            self.start_early().await;
        }
        let work = work.clone();
        shared.clone().background.spawn(async move {
            let rendered = match made {
                Ok(Rendered::AtOnce(made, clock)) => {
                    let storing = shared.storing.read().await;
                    let stored = store::store(made, &frame_name(&work), clock, &shared.blobs).await;
                    let late = shared.finish(&work.id, stored);
                    drop(storing);
                    return shared.free(late).await;
                }
                rendered => rendered,
            };
            parts::end_steps(&shared, &work.id, rendered, storing, began).await;
        });
    }

    async fn make(
        &mut self,
        work: &Work,
        began: Instant,
        storing: &mut Vec<Storing>,
    ) -> Result<Rendered, WorkFailure> {
        let shared = self.shared.clone();
        shared.leave.begin_step(None);
        let mut watch = |glimpse| shared.progress(&work.id, glimpse);
        let opened = self.open(&work.scene, &mut watch).await?;
        if work.kind == WorkKind::Inspect {
            // The others can begin to render while this one makes the look.
            shared.board().found(&work.id, &opened.info);
            shared.changed();
        }
        let clock = Clock { began, load_secs: began.elapsed().as_secs_f64() };
        let warm = self.warm.as_mut().ok_or_else(|| failure::internal("no Blender is running"))?;
        if let Some(frame) = work.kind.frame() {
            warm.bring(frame, &shared.blobs).await?;
        }
        if let Some(region) = parts::in_steps(work) {
            return self.make_steps(work, region, &opened, clock, storing).await;
        }
        let made = steps::make(warm, work, &opened, &shared.blobs, &mut watch).await?;
        self.note_pace(work, &made);
        Ok(Rendered::AtOnce(made, clock))
    }

    /// Has the right Blender running and the scene open in it.
    async fn open(
        &mut self,
        scene: &SceneId,
        watch: Watch<'_>,
    ) -> Result<Arc<Opened>, WorkFailure> {
        if let Some(Warm { open: Some((id, opened)), blender, .. }) = &self.warm
            && id == scene
            && !blender.is_gone()
        {
            return Ok(opened.clone());
        }
        let shared = self.shared.clone();
        let spec = shared
            .board()
            .scene(scene)
            .cloned()
            .ok_or_else(|| failure::internal("the scene was deleted"))?;
        let found = self.choose(&spec)?;
        if self.warm.as_ref().is_some_and(|warm| !warm.is_fit_for(&spec)) {
            self.put_down().await;
        }
        self.have_running(&found).await?;
        let warm = self.warm.as_mut().ok_or_else(|| failure::internal("no Blender is running"))?;
        warm.open(scene, &spec, &shared.blobs, watch).await
    }

    fn choose(&mut self, spec: &blendnet_protocol::SceneSpec) -> Result<Found, WorkFailure> {
        let manifest = &spec.manifest;
        let blob = manifest.files.iter().find(|file| file.path == manifest.project);
        let path = blob
            .and_then(|file| self.shared.blobs.path(&file.blob))
            .ok_or_else(|| failure::internal("the .blend is missing; send it again"))?;
        let project = std::path::Path::new(manifest.project.as_str());
        let all = self.shared.found();
        let builds: Vec<_> = all.iter().map(|found| found.build.clone()).collect();
        let build = version::of_file(&path)
            .and_then(|needed| version::choose(&builds, needed))
            .map_err(|error| failure::of_version(&error.of(project)))?;
        let found = all.iter().find(|found| found.build == *build).cloned();
        self.favourite.clone_from(&found);
        found.ok_or_else(|| failure::of_version(&version::VersionError::NoBlender))
    }

    /// One that was started early may have died since, which says nothing yet: it gets one more
    /// try. One that hangs gets none, since that takes too long.
    async fn have_running(&mut self, found: &Found) -> Result<(), WorkFailure> {
        if let Some(warm) = &mut self.warm
            && warm.found == *found
        {
            match warm.ready().await {
                Ok(()) if !warm.blender.is_gone() => return Ok(()),
                Err(failure) if failure.kind == FailureKind::Hung => return Err(failure),
                Ok(()) | Err(_) => {}
            }
        }
        self.start_blender(found).await?;
        match &mut self.warm {
            Some(warm) => warm.ready().await,
            None => Err(failure::internal("no Blender is running")),
        }
    }
}

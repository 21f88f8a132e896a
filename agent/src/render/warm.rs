//! The warm Blender: a process, its room, and the scene that is open in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use blendnet_net::blobs::BlobStore;
use blendnet_protocol::{Fault, ManifestFile, SceneId, SceneSpec, WorkFailure};

use super::failure::{self, REPORTED_LINES};
use crate::blender::driver::{self, Ask, Opened, Reply};
use crate::blender::find::Found;
use crate::blender::jail::{self, Rules};
use crate::blender::process::{AskError, Blender, Glimpse};
use crate::workspace::Room;

/// How Blenders are started.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// This program, which makes the jail.
    pub(super) agent_program: PathBuf,
    /// Folder for the rooms.
    pub(super) work: PathBuf,
    /// Whether the jail works here.
    pub(super) jailed: bool,
    /// Threads of Blender; 0 is all.
    pub(super) threads: u32,
    /// How long Blender may do nothing.
    pub(super) hang_timeout: Duration,
}

/// A Blender that was started, and what it has open.
#[derive(Debug)]
pub(super) struct Warm {
    pub(super) blender: Blender,
    pub(super) found: Found,
    /// Kept until the last result is stored, even if Blender is gone by then.
    pub(super) room: Arc<Room>,
    pub(super) open: Option<(SceneId, Arc<Opened>)>,
    /// Files of that scene which only some frames need, and which are not laid out yet.
    to_come: Vec<ManifestFile>,
    /// Those that are on, for good: modules and their files.
    add_ons: AddOns,
    /// How long turning on each of them may take.
    add_on_secs: f64,
}

type AddOns = (Vec<String>, Vec<ManifestFile>);

fn add_ons(spec: &SceneSpec) -> AddOns {
    (spec.overrides.add_ons.clone(), spec.manifest.add_ons().cloned().collect())
}

/// Hears how a request goes.
pub(super) type Watch<'a> = &'a mut (dyn FnMut(Glimpse) + Send);

impl Warm {
    /// Starts a Blender; does not wait until it is ready.
    pub(super) async fn start(
        start: &Start,
        found: &Found,
        number: u64,
    ) -> Result<Self, WorkFailure> {
        let room = Room::create(&start.work, number, !start.jailed)
            .map_err(|error| failure::of_disk(&error))?;
        let script = driver::write(&room.input()).map_err(|error| failure::of_disk(&error))?;
        let command = command(start, found, &room, &script);
        let blender = Blender::start(command, start.hang_timeout)
            .await
            .map_err(|error| failure::of_ask(error, "starting it", Vec::new()))?;
        tracing::info!(pid = blender.pid(), version = found.build.version, "started Blender");
        Ok(Self {
            blender,
            found: found.clone(),
            room: Arc::new(room),
            open: None,
            to_come: Vec::new(),
            add_ons: AddOns::default(),
            // Sooner than it is taken for a Blender that hangs, which would be tried again.
            add_on_secs: start.hang_timeout.as_secs_f64() / 2.0,
        })
    }

    /// Waits until Blender can be asked. One that can't is the agent's fault: others may have a
    /// better one.
    pub(super) async fn ready(&mut self) -> Result<(), WorkFailure> {
        let Err(error) = self.blender.ready().await else { return Ok(()) };
        let lines = self.blender.last_lines(REPORTED_LINES);
        let failed =
            WorkFailure { fault: Fault::Agent, ..failure::of_ask(error, "starting", lines) };
        tracing::warn!(kind = ?failed.kind, "{}", failed.message);
        self.blender.kill().await;
        Err(failed)
    }

    /// Asks Blender, which is `doing` something then.
    pub(super) async fn ask<R: Reply>(
        &mut self,
        ask: &Ask<'_>,
        doing: &str,
        watch: Watch<'_>,
    ) -> Result<R, WorkFailure> {
        match self.blender.ask(ask, watch).await {
            Ok(reply) => Ok(reply),
            Err(error) => {
                let refused = matches!(error, AskError::Refused(_));
                let failed = failure::of_ask(error, doing, self.blender.last_lines(REPORTED_LINES));
                tracing::warn!(kind = ?failed.kind, "{}", failed.message);
                if !refused {
                    // It can't be trusted any more; whoever comes next starts another one.
                    self.blender.kill().await;
                }
                Err(failed)
            }
        }
    }

    /// Whether no add-on of another scene is in the way.
    pub(super) fn is_fit_for(&self, spec: &SceneSpec) -> bool {
        self.add_ons == AddOns::default() || self.add_ons == add_ons(spec)
    }

    /// Opens a scene instead of the one that is open.
    pub(super) async fn open(
        &mut self,
        id: &SceneId,
        spec: &SceneSpec,
        blobs: &BlobStore,
        watch: Watch<'_>,
    ) -> Result<Arc<Opened>, WorkFailure> {
        self.add_ons = add_ons(spec);
        let before = self.open.take().map(|(id, _)| self.room.scene(&id));
        let (room, blobs) = (self.room.clone(), blobs.clone());
        let scene = id.clone();
        let (always, to_come): (Vec<_>, Vec<_>) =
            spec.manifest.files.iter().cloned().partition(|file| file.frames.is_none());
        self.to_come = to_come;
        let files = run_blocking(move || {
            if let Some(before) = before {
                room.remove(&before);
            }
            room.lay_out(&scene, &always, &blobs)
        })
        .await?
        .map_err(|error| failure::of_layout(&error))?;
        let blend = files.join(spec.manifest.project.as_str());
        let (overrides, add_on_secs) = (&spec.overrides, self.add_on_secs);
        let ask = Ask::Open { blend: &blend, root: &files, overrides, add_on_secs };
        let doing = format!("opening {}", spec.manifest.project.file_name());
        let opened = self.ask::<Opened>(&ask, &doing, watch).await;
        if opened.is_err() {
            self.room.remove(&files);
        }
        let opened = Arc::new(opened?);
        self.open = Some((id.clone(), opened.clone()));
        Ok(opened)
    }
}

impl Warm {
    /// Lays out the files that only some frames need, this one among them.
    pub(super) async fn bring(&mut self, frame: i32, blobs: &BlobStore) -> Result<(), WorkFailure> {
        let Some((id, _)) = &self.open else { return Ok(()) };
        let files: Vec<ManifestFile> =
            self.to_come.extract_if(.., |file| file.is_only_for(frame)).collect();
        if files.is_empty() {
            return Ok(());
        }
        let (room, id, blobs) = (self.room.clone(), id.clone(), blobs.clone());
        run_blocking(move || room.lay_out(&id, &files, &blobs))
            .await?
            .map_err(|error| failure::of_layout(&error))
            .map(drop)
    }
}

/// Runs what blocks where it may.
pub(super) async fn run_blocking<T: Send + 'static>(
    what: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WorkFailure> {
    tokio::task::spawn_blocking(what).await.map_err(failure::internal)
}

fn command(start: &Start, found: &Found, room: &Room, script: &Path) -> std::process::Command {
    let rules =
        Rules { run: found.folders.clone(), read: vec![room.input()], write: vec![room.own()] };
    let program = Path::new(&found.build.path);
    let mut command = jail::command(&start.agent_program, &rules, program, &room.home());
    let threads = start.threads.to_string();
    if !found.build.is_module {
        command.args(["-b", "--factory-startup", "-Y", "-noaudio", "-t", &threads, "--python"]);
    }
    command.arg(script).arg("--").arg(threads).current_dir(room.home());
    command
}

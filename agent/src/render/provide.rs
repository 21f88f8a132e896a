//! The right Blender for a scene: one that is here, or one that the farm keeps for those who lack it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use blendnet_protocol::{
    BlenderBuild, BlenderState, BlobId, KeptBlender, SceneId, SceneSpec, platform,
};

use super::engine::{Engine, Shared};
use crate::blender::find;
use crate::blender::parity;
use crate::blender::sent::{self, SentError};
use crate::blender::version::{self, VersionError};

/// Why no Blender can open a scene here.
#[derive(Debug, thiserror::Error)]
pub enum ProvideError {
    /// It was not sent.
    #[error("scene {0} is not here; send it first")]
    NoScene(SceneId),
    /// Its .blend was not sent.
    #[error("the .blend of scene {0} is not here; send it first")]
    NoProject(SceneId),
    /// Neither this machine nor the farm has one that fits.
    #[error("{source}{}", in_brackets(.refused))]
    None {
        /// What is here.
        #[source]
        source: VersionError,
        /// Why those of the farm are of no use here.
        refused: Vec<String>,
    },
    /// There is no room for the one that fits.
    #[error("the disk has no room for Blender {version}: {source}")]
    NoRoom {
        /// Which.
        version: String,
        /// What is missing.
        source: SentError,
    },
    /// The agent ends.
    #[error("the agent is shutting down")]
    Stopping,
}

fn in_brackets(refused: &[String]) -> String {
    if refused.is_empty() { String::new() } else { format!(" ({})", refused.join("; ")) }
}

/// Archives that are of no use here, and why; an agent that is started again tries them again.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<BTreeMap<BlobId, String>>);

impl Refused {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<BlobId, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why this one is of no use here.
    fn why(&self, kept: &KeptBlender) -> Option<String> {
        if kept.platform != platform() {
            let (version, theirs) = (&kept.version, &kept.platform);
            return Some(format!(
                "the farm's Blender {version} is for {theirs}, not {}",
                platform()
            ));
        }
        self.lock().get(&kept.blob).cloned()
    }
}

/// A Blender, here or on the shelf.
enum Choice<'a> {
    Here(BlenderBuild),
    Kept(&'a KeptBlender),
}

/// The best one for a file, of those that are here and those of the farm that are of use. Pure.
fn choose<'a>(
    here: &[BlenderBuild],
    of_use: &[&'a KeptBlender],
    needed: version::Version,
) -> Result<Choice<'a>, VersionError> {
    // One that is here comes before one of the same version that is not.
    let mut all = here.to_vec();
    all.extend(of_use.iter().map(|kept| BlenderBuild {
        version: kept.version.clone(),
        path: kept.blob.to_string(),
        is_module: kept.is_module,
    }));
    let best = version::choose(&all, needed)?;
    let kept = of_use.iter().find(|kept| kept.blob.as_str() == best.path);
    Ok(kept.map_or_else(|| Choice::Here(best.clone()), |kept| Choice::Kept(kept)))
}

impl Engine {
    /// Sees to it that the best Blender for a scene is here: `offered` are those that the farm can send. Answers the
    /// one that will be used, or the archive that is missing for it; asked again when that has come, it installs
    /// it, which takes a minute. One that turns out to be of no use is done without, if anything else fits.
    pub async fn provide(
        &self,
        scene: &SceneId,
        offered: &[KeptBlender],
    ) -> Result<BlenderState, ProvideError> {
        let shared = self.shared();
        tokio::select! {
            provided = self.provide_one(scene, offered) => provided,
            () = shared.stopping.cancelled() => Err(ProvideError::Stopping),
        }
    }

    async fn provide_one(
        &self,
        scene: &SceneId,
        offered: &[KeptBlender],
    ) -> Result<BlenderState, ProvideError> {
        let shared = self.shared();
        shared.looked().await;
        let _one_at_a_time = shared.installing.lock().await;
        let spec = shared.board().scene(scene).cloned();
        let spec = spec.ok_or_else(|| ProvideError::NoScene(scene.clone()))?;
        let needed = needed(shared, scene, &spec)?;
        let mut no_room = None;
        loop {
            let refused: Vec<String> =
                offered.iter().filter_map(|kept| shared.refused.why(kept)).collect();
            let is_full = |kept: &&KeptBlender| {
                no_room.as_ref().is_some_and(|(full, _): &(BlobId, _)| full == &kept.blob)
            };
            let of_use = offered.iter().filter(|kept| shared.refused.why(kept).is_none());
            let of_use: Vec<&KeptBlender> = of_use.filter(|kept| !is_full(kept)).collect();
            let kept = match choose(&shared.builds(), &of_use, needed) {
                Ok(Choice::Here(build)) => {
                    let full = no_room.map(|(_, error): (_, ProvideError)| error.to_string());
                    let instead_because = full.or_else(|| refused.into_iter().next());
                    return Ok(BlenderState { missing: None, build: Some(build), instead_because });
                }
                Ok(Choice::Kept(kept)) => kept,
                Err(source) => {
                    let full = no_room.map(|(_, error)| error);
                    return Err(full.unwrap_or(ProvideError::None { source, refused }));
                }
            };
            match self.install(kept).await {
                Ok(None) => {
                    let missing = Some(kept.blob.clone());
                    return Ok(BlenderState { missing, build: None, instead_because: None });
                }
                Ok(Some(build)) => {
                    return Ok(BlenderState {
                        missing: None,
                        build: Some(build),
                        instead_because: None,
                    });
                }
                Err(error) => {
                    let version = kept.version.clone();
                    tracing::warn!(version, %error, "the farm's Blender is not used");
                    if error.is_disk_full() {
                        let error = ProvideError::NoRoom { version, source: error };
                        no_room = Some((kept.blob.clone(), error));
                    } else {
                        let why = format!("the farm's Blender {version} is of no use: {error}");
                        shared.refused.lock().insert(kept.blob.clone(), why);
                    }
                }
            }
        }
    }

    /// Installs a Blender; `None`: its archive is not here.
    async fn install(&self, kept: &KeptBlender) -> Result<Option<BlenderBuild>, SentError> {
        let (shared, settings) = (self.shared(), self.settings());
        if !shared.blobs.contains(&kept.blob) {
            // Nothing is sent for which there is no room.
            drop(shared.blobs.reserve(kept.size_bytes.saturating_add(kept.unpacked_bytes))?);
            return Ok(None);
        }
        let (sent, work) = (sent::folder_in(&settings.dir), settings.dir.join("work"));
        let folders: (&Path, &Path) = (&sent, &work);
        let installed = sent::install(kept, &shared.blobs, folders, &settings.agent_program).await;
        shared.free(vec![kept.blob.clone()]).await;
        let (found, verdict) = installed?;
        parity::keep(&settings.cache, &found, &verdict);
        shared.trials.add(verdict);
        let build = found.build.clone();
        let mut all = shared.found();
        all.retain(|known| known.build.path != build.path);
        all.push(found);
        find::sort(&mut all);
        shared.set_found(all);
        shared.changed();
        tracing::info!(
            version = build.version,
            path = build.path,
            "the farm's Blender is installed"
        );
        Ok(Some(build))
    }
}

/// The version of a scene's file.
fn needed(
    shared: &Shared,
    scene: &SceneId,
    spec: &SceneSpec,
) -> Result<version::Version, ProvideError> {
    let project = &spec.manifest.project;
    let file = spec.manifest.files.iter().find(|file| &file.path == project);
    let path = file.and_then(|file| shared.blobs.path(&file.blob));
    let path = path.ok_or_else(|| ProvideError::NoProject(scene.clone()))?;
    let shown = Path::new(project.as_str());
    version::of_file(&path)
        .map_err(|source| ProvideError::None { source: source.of(shown), refused: vec![] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(version: &str, platform: &str) -> KeptBlender {
        KeptBlender {
            blob: BlobId::new(format!("{:0>64}", version.replace('.', ""))).unwrap(),
            size_bytes: 1,
            unpacked_bytes: 2,
            version: version.to_owned(),
            is_module: true,
            platform: platform.to_owned(),
        }
    }

    fn here(version: &str) -> BlenderBuild {
        let path = format!("/opt/{version}");
        BlenderBuild { version: version.to_owned(), path, is_module: false }
    }

    fn chosen(here: &[BlenderBuild], offered: &[KeptBlender], needed: &str) -> String {
        let shelf: Vec<&KeptBlender> = offered.iter().collect();
        match choose(here, &shelf, version::Version::parse(needed).unwrap()) {
            Ok(Choice::Here(build)) => format!("here {}", build.version),
            Ok(Choice::Kept(kept)) => format!("kept {}", kept.version),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_farms_blender_is_wanted_where_it_fits_the_file_better_than_those_here() {
        let shelf = [kept("4.2.23", "x"), kept("4.5.15", "x")];
        assert_eq!(chosen(&[], &shelf, "4.5"), "kept 4.5.15");
        assert_eq!(chosen(&[here("5.0.1")], &shelf, "4.5"), "kept 4.5.15");
        assert_eq!(chosen(&[here("4.5.1")], &shelf, "4.5"), "kept 4.5.15", "the newest patch");
        assert_eq!(chosen(&[here("4.5.15")], &shelf, "4.5"), "here 4.5.15");
        assert_eq!(chosen(&[here("3.4.1")], &shelf, "3.4"), "here 3.4.1");
        assert!(chosen(&[], &shelf, "5.0").contains("saved by Blender 5.0"));
        assert!(chosen(&[], &[], "5.0").contains("no Blender is installed"));
    }

    #[test]
    fn a_blender_for_another_platform_is_of_no_use_and_it_is_said() {
        let refused = Refused::default();
        assert_eq!(refused.why(&kept("4.5.15", &platform())), None);
        let why = refused.why(&kept("4.5.15", "linux-abacus")).unwrap();
        assert!(why.contains("4.5.15 is for linux-abacus, not "), "{why}");
    }
}

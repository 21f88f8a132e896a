//! Brings a .blend and all that it needs to the farm, up to the point where the job can run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use blendnet_protocol::{
    FrameSet, JobId, JobLimits, JobSpec, JobState, JobView, Overrides, PackPath, SceneSpec,
    SplitChoice,
};

use super::add_ons::AddOn;
use super::blend_file::BlendFile;
use super::event::Events;
use super::hashes::Hashes;
use super::manager::Manager;
use super::poll::Watch;
use super::problem::{MissingFile, Problem, ProblemKind};
use super::resolve::{Resolved, resolve};
use super::scene_files::{Moved, SceneFiles};
use super::upload;

/// What the artist wants rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The .blend.
    pub blend: PathBuf,
    /// Folder of the pictures.
    pub output: PathBuf,
    /// Changes to the scene, but for add-ons.
    pub overrides: Overrides,
    /// Add-ons that go along, beside those that the file names.
    pub add_ons: Vec<AddOn>,
    /// `None`: the scene's current frame.
    pub frames: Option<FrameSet>,
    /// How frames are split.
    pub split: SplitChoice,
    /// Before jobs with a smaller one.
    pub priority: i32,
    /// Budget, deadline and noise target.
    pub limits: JobLimits,
    /// Most agents for this job.
    pub max_agents: Option<u32>,
    /// Render although files are missing.
    pub allow_missing: bool,
    /// Where files and folders are that are not where the .blend says.
    pub moved: Moved,
    /// Seconds that the artist was told it would take.
    pub estimated_secs: Option<f64>,
}

/// Submits a job of files that the farm has; it waits for those that Blender will ask for.
pub async fn submit(
    manager: &Manager,
    blend: &BlendFile,
    scene: &SceneFiles,
    request: &Request,
) -> Result<JobView, Problem> {
    let manifest = upload::manifest(&scene.project, &scene.files);
    let overrides = Overrides { add_ons: scene.add_ons.clone(), ..request.overrides.clone() };
    let spec = JobSpec {
        name: blend.name().to_owned(),
        scene: SceneSpec { manifest, overrides },
        frames: request.frames.clone(),
        split: request.split,
        max_agents: request.max_agents,
        hold: true,
        priority: request.priority,
        limits: request.limits,
    };
    let submitted = manager.submit(&spec).await;
    submitted.map_err(|e| manager.problem("submitting the job", &e))
}

/// Sends the files that Blender lists for a held job, again while linked files bring new ones.
/// Answers with the job when it is ready to run.
pub async fn complete(
    manager: &Manager,
    watch: &mut Watch,
    job: &JobId,
    (blend, hashes): (&BlendFile, &Hashes),
    scene: SceneFiles,
    allow_missing: bool,
    events: &Events,
) -> Result<JobView, Problem> {
    let SceneFiles { mut files, missing: not_there, project, places, unneeded, .. } = scene;
    let mut known: BTreeSet<PackPath> = files.iter().map(|file| file.file.path.clone()).collect();
    known.extend(unneeded);
    loop {
        let view = until_inspected(manager, watch, job).await?;
        let listed = view.info.as_ref().map(|info| info.files.clone()).unwrap_or_default();
        let (near, places, known_now) = (blend.path.clone(), places.clone(), known.clone());
        let resolved =
            tokio::task::spawn_blocking(move || resolve(&listed, &near, &places, &known_now));
        let Resolved { found, missing } = resolved
            .await
            .map_err(|e| Problem::input(format!("looking for the scene's files failed: {e}")))?;
        if !missing.is_empty() && !allow_missing {
            return Err(missing_files(&view.name, missing));
        }
        if found.is_empty() {
            for file in &missing {
                events.warn(missing_in_words(file)).await;
            }
            // What Blender does not list, such as the caches of simulations.
            let listed = |path: &Path| missing.iter().any(|file| Path::new(&file.path) == path);
            for (_, sentence) in not_there.iter().filter(|(path, _)| !listed(path)) {
                events.warn(sentence.as_str()).await;
            }
            return Ok(view);
        }
        for (reason, count) in only_blender_lists(&found) {
            events.warn(format!("{reason}: {count}, known to Blender only, sent too")).await;
        }
        known.extend(found.keys().cloned());
        let found = found.into_iter().map(|(place, (path, _))| (place, path)).collect();
        let new = upload::hash_all(hashes, found).await?;
        upload::send(manager, &new, events).await?;
        files.extend(new);
        let taken = manager.put_files(job, &upload::manifest(&project, &files)).await;
        taken.map_err(|e| manager.problem("adding the scene's files to the job", &e))?;
    }
}

/// What is sent only because Blender lists it: for whom, and how much.
fn only_blender_lists(found: &BTreeMap<PackPath, (PathBuf, String)>) -> Vec<(String, String)> {
    let mut users: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for (path, used_by) in found.values() {
        users.entry(used_by).or_default().push(path);
    }
    let told = users.into_iter().map(|(user, paths)| match paths.as_slice() {
        [path] => (user.to_owned(), path.display().to_string()),
        paths => (user.to_owned(), format!("{} files", paths.len())),
    });
    told.collect()
}

/// Waits until Blender has looked into the scene.
async fn until_inspected(
    manager: &Manager,
    watch: &mut Watch,
    job: &JobId,
) -> Result<JobView, Problem> {
    loop {
        // Asked for itself: what is watched may be older than the last change we made.
        let view = manager.job(job).await;
        let view = view.map_err(|e| manager.problem("asking for the job", &e))?;
        match view.state {
            JobState::Inspecting => drop(watch.next().await?),
            JobState::Failed => return Err(failed(&view)),
            JobState::Paused => {
                return Err(Problem::new(
                    ProblemKind::Interrupted,
                    format!("{} was stopped by another program before it was rendered", view.name),
                ));
            }
            JobState::Ready | JobState::Queued | JobState::Running | JobState::Completed => {
                return Ok(view);
            }
        }
    }
}

/// Why a job failed as a whole.
pub fn failed(view: &JobView) -> Problem {
    match &view.failure {
        Some(failure) => Problem::work_failed(&view.name, failure),
        None => Problem::new(ProblemKind::Render, format!("{} failed", view.name)),
    }
}

fn missing_files(name: &str, missing: Vec<MissingFile>) -> Problem {
    let (count, them) = match missing.len() {
        1 => ("1 file".to_owned(), "it"),
        n => (format!("{n} files"), "them"),
    };
    let mut problem = Problem::new(
        ProblemKind::MissingFiles,
        format!("{name} needs {count} that can't be sent; nothing was rendered"),
    )
    .hint(format!("put {them} in place, or render without {them} with --allow-missing"))
    .in_window(format!("put {them} in place, or let the scene be rendered without {them}"));
    problem.missing = missing;
    problem
}

/// A missing file in one line.
pub fn missing_in_words(file: &MissingFile) -> String {
    let mut words = format!("{} {}", file.path, file.reason);
    if file.as_written != file.path && !file.as_written.is_empty() {
        words = format!("{words}, written as {}", file.as_written);
    }
    if !file.used_by.is_empty() {
        words = format!("{words}, used by {}", file.used_by);
    }
    if let Some(similar) = &file.similar {
        words = format!("{words}; is {} meant?", similar.display());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> MissingFile {
        MissingFile {
            path: "/home/ann/tex/wood.png".to_owned(),
            as_written: "//tex/wood.png".to_owned(),
            used_by: "Image \"wood\"".to_owned(),
            reason: "does not exist".to_owned(),
            similar: Some("/home/ann/Tex/Wood.png".into()),
        }
    }

    #[test]
    fn a_missing_file_is_named_with_its_user_and_a_guess() {
        assert_eq!(
            missing_in_words(&missing()),
            "/home/ann/tex/wood.png does not exist, written as //tex/wood.png, \
             used by Image \"wood\"; is /home/ann/Tex/Wood.png meant?"
        );
    }

    #[test]
    fn missing_files_stop_with_a_remedy() {
        let problem = missing_files("shot.blend", vec![missing()]);
        assert_eq!(problem.kind, ProblemKind::MissingFiles);
        assert!(problem.hint.unwrap().contains("--allow-missing"));
        assert_eq!(problem.missing.len(), 1);
    }
}

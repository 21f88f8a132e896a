//! The artist's way from a .blend to pictures, and from a paused job to pictures.

use std::path::{Path, PathBuf};
use std::time::Instant;

use blendnet_protocol::{FrameState, FrameView, JobId, JobState, JobView};
use tokio_util::sync::CancellationToken;

use super::add_ons;
use super::blend_file::BlendFile;
use super::data_dir::DataDir;
use super::event::{Event, Events, FarmReached, JobTaken, Summary};
use super::farm::Farm;
use super::follow::{Ended, follow};
use super::hashes::Hashes;
use super::history::{self, Entry};
use super::launch::StartOptions;
use super::output::Output;
use super::problem::{Problem, ProblemKind};
use super::records::Record;
use super::scene_files::{self, SceneFiles};
use super::submit::{self, Request};
use super::upload;
use super::{choose, report};

/// What every way needs.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The app's own folder.
    pub data: &'a DataDir,
    /// How to start a farm, if none runs.
    pub start: &'a StartOptions,
    /// Where to report.
    pub events: &'a Events,
    /// Cancelled when the artist wants to stop; what is rendered is kept.
    pub stop: &'a CancellationToken,
}

/// Renders a .blend. `Ok` means that all frames are on the disk.
pub async fn render(setting: &Setting<'_>, request: &Request) -> Result<Summary, Problem> {
    let began = Instant::now();
    let blend = BlendFile::check(&request.blend)?;
    let output = Output::prepare(&request.output, &blend.stem())?;
    // The farm starts, and its Blenders, while the file is read.
    let hashes = Hashes::load(setting.data);
    let wanted = (request.overrides.scene.clone(), request.frames.clone());
    let moved = request.moved.clone();
    let gathering =
        scene_files::gather(hashes.clone(), setting.data.clone(), blend.clone(), wanted, moved);
    let gathering = tokio::spawn(gathering);
    let farm = unless_stopped(setting.stop, &blend, open_farm(setting)).await?;
    let rendered = async {
        let files = unless_stopped(setting.stop, &blend, gathered(gathering)).await?;
        let files = add_ons::bring(&hashes, files, (&blend.path, &request.add_ons)).await?;
        let job = prepare(setting, &farm, request, (&blend, &hashes), &output, files).await?;
        go_on(setting, &farm, job, &output, (began, request.estimated_secs)).await
    };
    let rendered = rendered.await;
    farm.leave().await;
    rendered
}

/// Goes on with a paused job, or with one whose pictures were not saved. `wanted` is its id;
/// without, there must be only one such job. `output` overrides the folder of the pictures.
pub async fn resume(
    setting: &Setting<'_>,
    wanted: Option<&JobId>,
    output: Option<&Path>,
) -> Result<Summary, Problem> {
    let began = Instant::now();
    let farm = open_farm(setting).await?;
    let rendered = resume_on(setting, &farm, wanted, output, began).await;
    farm.leave().await;
    rendered
}

async fn resume_on(
    setting: &Setting<'_>,
    farm: &Farm,
    wanted: Option<&JobId>,
    output: Option<&Path>,
    began: Instant,
) -> Result<Summary, Problem> {
    let manager = farm.manager();
    let jobs = manager.jobs().await.map_err(|e| manager.problem("asking for the jobs", &e))?;
    let job = choose::job(&jobs, wanted, &Record::all(setting.data))?;
    let record = Record::load(setting.data, &job.id);
    let (folder, stem) = match record {
        Some(record) => (record.output, record.stem),
        None => (PathBuf::from("render"), job.name.trim_end_matches(".blend").to_owned()),
    };
    let output = Output::prepare(output.unwrap_or(&folder), &stem)?;
    tell_job(setting, job, &output).await;
    match job.state {
        JobState::Paused | JobState::Failed => {
            let run = manager.run(&job.id).await;
            run.map_err(|e| manager.problem("resuming the job", &e))?;
        }
        JobState::Inspecting | JobState::Ready => {
            return Err(Problem::input(format!("job {} was never sent completely", job.id))
                .hint("render the .blend again; what was sent is not sent twice"));
        }
        JobState::Queued | JobState::Running | JobState::Completed => {}
    }
    go_on(setting, farm, job.clone(), &output, (began, None)).await
}

pub(super) async fn open_farm(setting: &Setting<'_>) -> Result<Farm, Problem> {
    let farm = Farm::open(setting.data, setting.start).await?;
    let reached =
        FarmReached { address: farm.manager().address().to_owned(), started: farm.started() };
    setting.events.tell(Event::Farm(reached)).await;
    Ok(farm)
}

/// Brings the scene to the farm and sets it going. A job that can't run is taken back.
async fn prepare(
    setting: &Setting<'_>,
    farm: &Farm,
    request: &Request,
    (blend, hashes): (&BlendFile, &Hashes),
    output: &Output,
    scene: SceneFiles,
) -> Result<JobView, Problem> {
    let manager = farm.manager();
    let (events, stop) = (setting.events, setting.stop);
    want_agents(farm, request).await?;
    for warning in &scene.warnings {
        events.warn(warning.as_str()).await;
    }
    let sent = upload::send(manager, &scene.files, events);
    unless_stopped(stop, blend, sent).await?;
    let job = submit::submit(manager, blend, &scene, request).await?;
    tell_job(setting, &job, output).await;
    let mut watch = farm.watch();
    let complete = submit::complete(
        manager,
        &mut watch,
        &job.id,
        (blend, hashes),
        scene,
        request.allow_missing,
        events,
    );
    let ready = async {
        let ready = unless_stopped(stop, blend, complete).await?;
        remember(setting.data, &ready.id, blend, output)?;
        tell_scene(events, &ready).await;
        manager.run(&ready.id).await.map_err(|e| manager.problem("starting the job", &e))?;
        Ok(ready)
    };
    let ready = ready.await;
    if ready.is_err() {
        take_back(setting.data, farm, &job.id).await;
    }
    ready
}

/// Asks a farm that runs already for more agents, if it has fewer than wanted.
async fn want_agents(farm: &Farm, request: &Request) -> Result<(), Problem> {
    let (manager, Some(wanted)) = (farm.manager(), request.max_agents) else { return Ok(()) };
    if farm.started() {
        return Ok(());
    }
    let view = manager.farm().await.map_err(|e| manager.problem("asking for the farm", &e))?;
    if u32::try_from(view.agents.len()).unwrap_or(u32::MAX) < wanted {
        let asked = manager.want_agents(wanted).await;
        asked.map_err(|e| manager.problem("asking for more agents", &e))?;
    }
    Ok(())
}

/// Deletes a job that was not rendered.
async fn take_back(data: &DataDir, farm: &Farm, job: &JobId) {
    let manager = farm.manager();
    if let Err(error) = manager.stop(job).await {
        tracing::debug!("stopping {job}: {error}");
    }
    if let Err(error) = manager.delete(job).await {
        tracing::debug!("deleting {job}: {error}");
    }
    Record::remove(data, job);
}

fn remember(
    data: &DataDir,
    job: &JobId,
    blend: &BlendFile,
    output: &Output,
) -> Result<(), Problem> {
    Record {
        job: job.clone(),
        blend: blend.path.clone(),
        output: output.folder().to_owned(),
        stem: output.stem().to_owned(),
        saved: false,
    }
    .store(data)
}

async fn tell_job(setting: &Setting<'_>, job: &JobView, output: &Output) {
    let taken = JobTaken {
        job: job.id.clone(),
        name: job.name.clone(),
        output: output.folder().to_owned(),
    };
    setting.events.tell(Event::Job(taken)).await;
}

async fn tell_scene(events: &Events, job: &JobView) {
    if let Some(scene) = report::scene(job) {
        events.tell(Event::Scene(Box::new(scene))).await;
    }
    for warning in report::warnings(job) {
        events.warn(warning).await;
    }
}

/// Follows a job that runs, and says how it ended.
async fn go_on(
    setting: &Setting<'_>,
    farm: &Farm,
    job: JobView,
    output: &Output,
    (began, estimated_secs): (Instant, Option<f64>),
) -> Result<Summary, Problem> {
    let manager = farm.manager();
    // A new watch: an older one may still show the job as it was before it ran.
    let mut watch = farm.watch();
    let followed = follow(manager, &mut watch, &job, output, setting.events, setting.stop).await;
    let ended = match followed {
        Ok(ended) => ended,
        Err(problem) => {
            // Its pictures can't be saved or followed: rather pause than render on unseen.
            if let Err(error) = manager.stop(&job.id).await {
                tracing::debug!("stopping {}: {error}", job.id);
            }
            return Err(with_resume(problem, setting.data, &job.id));
        }
    };
    if ended.job.state == JobState::Paused {
        return Err(paused(setting.data, &ended.job));
    }
    drop(fs_err::tokio::remove_file(output.preview()).await);
    let summary = Summary { estimated_secs, ..summary(&ended, output, began) };
    history::add(setting.data, &Entry::new(&ended.job.name, &summary));
    setting.events.tell(Event::Done(Box::new(summary.clone()))).await;
    if let Some(problem) = failed_frames(&ended.job) {
        return Err(problem);
    }
    saved(setting.data, farm, &ended.job.id).await;
    Ok(summary)
}

/// Notes that a job's pictures are on the disk, and deletes the finished jobs before it: the
/// newest stays, so that its scene stays warm.
async fn saved(data: &DataDir, farm: &Farm, job: &JobId) {
    for mut record in Record::all(data) {
        if record.job == *job {
            record.saved = true;
            if let Err(problem) = record.store(data) {
                tracing::debug!("{problem}");
            }
        } else if record.saved && farm.manager().delete(&record.job).await.is_ok() {
            Record::remove(data, &record.job);
        }
    }
}

fn summary(ended: &Ended, output: &Output, began: Instant) -> Summary {
    let job = &ended.job;
    let count = |state| job.frames.iter().filter(|frame| frame.state == state).count();
    Summary {
        job: job.id.clone(),
        output: output.folder().to_owned(),
        pictures: job.frames.iter().filter_map(|frame| picture(frame, output)).collect(),
        frames_done: count(FrameState::Completed),
        frames_failed: count(FrameState::Failed),
        total_samples: job.total_samples,
        samples_rendered: samples_rendered(job),
        spent_usd_micros: job.cost.spent_usd_micros,
        wall_secs: began.elapsed().as_secs_f64(),
        render_secs: job.elapsed_secs,
        work_ratio: job.work_ratio,
        split: job.split.as_ref().map(|plan| plan.split),
        estimated_secs: None,
        agents: ended.shares.clone(),
    }
}

/// Samples of a finished frame on average, if any frame has fewer than it was to have.
#[expect(clippy::cast_precision_loss, reason = "a number for people")]
fn samples_rendered(job: &JobView) -> Option<f64> {
    let done = job.frames.iter().filter(|frame| frame.state == FrameState::Completed);
    let samples: Vec<f64> = done.map(|frame| frame.samples_done).collect();
    let fewer = samples.iter().any(|&samples| samples + 0.5 < f64::from(job.total_samples));
    fewer.then(|| samples.iter().sum::<f64>() / samples.len() as f64)
}

/// What to look at: the scene's own output, or the lossless image.
fn picture(frame: &FrameView, output: &Output) -> Option<PathBuf> {
    let targets = output.targets(frame);
    let own = targets.iter().find(|target| target.composed.is_some());
    own.or(targets.first()).map(|target| target.path.clone())
}

/// The problem of a job with frames that failed, or that failed as a whole.
fn failed_frames(job: &JobView) -> Option<Problem> {
    let failed: Vec<&FrameView> =
        job.frames.iter().filter(|frame| frame.state == FrameState::Failed).collect();
    let Some(first) = failed.first() else {
        return (job.state == JobState::Failed).then(|| submit::failed(job));
    };
    let what = format!("{}: {} of {} frames failed", job.name, failed.len(), job.frames.len());
    let what = format!("{what}; frame {}", first.frame);
    let mut problem = match &first.failure {
        Some(failure) => Problem::work_failed(&what, failure),
        None => Problem::new(ProblemKind::Render, what),
    };
    if failed.len() < job.frames.len() {
        problem.kind = ProblemKind::Render;
    }
    Some(problem)
}

/// The command that goes on with a job.
fn resume_command(data: &DataDir, job: &JobId) -> String {
    match data.option() {
        Some(dir) => format!("blendnet resume {job} --data-dir {dir}"),
        None => format!("blendnet resume {job}"),
    }
}

/// How it goes on where there is a button for it.
const GO_ON: &str = "Go on renders the rest; nothing is rendered twice";

fn paused(data: &DataDir, job: &JobView) -> Problem {
    let percent = (job.done * 100.0).floor();
    Problem::new(ProblemKind::Interrupted, format!("{} is paused at {percent} %", job.name))
        .hint(format!("`{}` goes on from there", resume_command(data, &job.id)))
        .in_window(GO_ON)
}

fn with_resume(problem: Problem, data: &DataDir, job: &JobId) -> Problem {
    let after = |hint: Option<&str>, known: &str, resume: String| match hint {
        Some(hint) if !hint.contains(known) => format!("{hint}; then {resume}"),
        _ => resume,
    };
    let resume = format!("`{}` goes on with what is rendered", resume_command(data, job));
    let hint = after(problem.hint.as_deref(), "blendnet resume", resume);
    let in_window = after(problem.window_hint(), "Go on", GO_ON.to_owned());
    problem.hint(hint).in_window(in_window)
}

async fn gathered(
    gathering: tokio::task::JoinHandle<Result<SceneFiles, Problem>>,
) -> Result<SceneFiles, Problem> {
    gathering.await.map_err(|e| Problem::input(format!("reading the .blend failed: {e}")))?
}

/// Waits for a step, unless the artist stops before anything is rendered.
pub(super) async fn unless_stopped<T>(
    stop: &CancellationToken,
    blend: &BlendFile,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    tokio::select! {
        done = work => done,
        () = stop.cancelled() => Err(Problem::new(
            ProblemKind::Interrupted,
            format!("{} was stopped before anything was rendered", blend.name()),
        )),
    }
}

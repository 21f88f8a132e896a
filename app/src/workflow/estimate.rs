//! How long a render will take, before it is asked for: a few samples of its first frame are rendered
//! on the farm, and the scheduler plays the whole render with the speed that was measured.

use std::time::Duration;

use blendnet_pack::inspect;
use blendnet_protocol::{FarmView, FrameSet, JobId, JobLimits, JobState, JobView, Split};
use blendnet_scheduler::{AgentCost, JobPlan, predict_secs};
use serde::Serialize;

use super::add_ons;
use super::blend_file::BlendFile;
use super::farm::Farm;
use super::hashes::Hashes;
use super::problem::{Problem, ProblemKind};
use super::render::{Setting, open_farm, unless_stopped};
use super::submit::{self, Request};
use super::{report, scene_files, upload};

/// Of the samples of a frame, this share is rendered.
const PROBED_SHARE: u32 = 8;
/// At least, and at most so many samples.
const PROBED_SAMPLES: (u32, u32) = (8, 256);
/// What each chunk costs beside its samples: reading it, merging it, giving the next.
const CHUNK_SECS: f64 = 0.25;
/// Numbers of agents that are predicted beside the one that was asked for.
const NUMBERS: [u32; 6] = [1, 2, 4, 8, 16, 32];

/// How long a render will take.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The .blend's name.
    pub name: String,
    /// Frames of the render.
    pub frames: usize,
    /// Samples of a frame; 0 where the engine has none.
    pub samples: u32,
    /// Samples that were rendered to measure it.
    pub probed_samples: u32,
    /// Seconds that measuring took, opening of the scene included.
    pub probed_secs: f64,
    /// Agents that it is for.
    pub agents: u32,
    /// Seconds that it will most likely take.
    pub likely_secs: f64,
    /// Hardly less than this.
    pub least_secs: f64,
    /// Hardly more than this.
    pub most_secs: f64,
    /// What the range comes from, in a sentence.
    pub because: String,
    /// Seconds with other numbers of agents on this computer, which share its processors.
    pub by_agents: Vec<(u32, f64)>,
}

impl Estimate {
    /// What its agents will most likely cost while they render, where an hour of one costs so much; all
    /// in millionths of a dollar.
    pub fn usd_micros(&self, per_hour: u64) -> u64 {
        usd_micros(self.agents, self.likely_secs, per_hour)
    }
}

/// What agents cost for some seconds, where an hour of one costs so much; all in millionths of a dollar.
pub fn usd_micros(agents: u32, secs: f64, per_hour: u64) -> u64 {
    let millis = Duration::try_from_secs_f64(secs).unwrap_or_default().as_millis();
    let micros = millis * u128::from(agents) * u128::from(per_hour) / 3_600_000;
    u64::try_from(micros).unwrap_or(u64::MAX)
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
struct Measured {
    /// Samples of a whole frame a second, of all agents together.
    samples_per_sec: f64,
    /// Until the probe was done, opening of the scene left out.
    elapsed_secs: f64,
    agents: u32,
    job: JobView,
}

/// Renders a few samples and says how long the rest will take.
pub async fn estimate(setting: &Setting<'_>, request: &Request) -> Result<Estimate, Problem> {
    let blend = BlendFile::check(&request.blend)?;
    let hashes = Hashes::load(setting.data);
    let (samples, frames, adaptive) = wanted(request)?;
    let probed = samples.map(|samples| {
        let (least, most) = PROBED_SAMPLES;
        (samples / PROBED_SHARE).clamp(least, most).min(samples)
    });
    let mut probe = request.clone();
    probe.overrides.samples = probed;
    // What ends a render early would measure less of it.
    probe.limits = JobLimits::default();
    probe.frames = frames.frames().first().and_then(|frame| frame.to_string().parse().ok());
    let wanted = (probe.overrides.scene.clone(), probe.frames.clone());
    let gathered = scene_files::gather(
        hashes.clone(),
        setting.data.clone(),
        blend.clone(),
        wanted,
        probe.moved.clone(),
    );
    let files = unless_stopped(setting.stop, &blend, gathered).await?;
    let files = add_ons::bring(&hashes, files, (&blend.path, &request.add_ons)).await?;
    let farm = unless_stopped(setting.stop, &blend, open_farm(setting)).await?;
    let measured = async {
        upload::send(farm.manager(), &files.files, setting.events).await?;
        let job = submit::submit(farm.manager(), &blend, &files, &probe).await?;
        let mut watch = farm.watch();
        let measured = async {
            let (manager, of) = (farm.manager(), (&blend, &hashes));
            let may_miss = request.allow_missing;
            let events = setting.events;
            submit::complete(manager, &mut watch, &job.id, of, files, may_miss, events).await?;
            let run = manager.run(&job.id).await;
            run.map_err(|e| manager.problem("starting the probe", &e))?;
            measure(&farm, &job.id).await
        };
        let measured = unless_stopped(setting.stop, &blend, measured).await;
        end(&farm, &job.id).await;
        measured
    };
    let measured = measured.await;
    farm.leave().await;
    let render = JobPlan {
        total_samples: samples.unwrap_or(1),
        frames: frames.frames().to_vec(),
        ..plan_of(&measured.as_ref().map_err(Clone::clone)?.job)?
    };
    told(&measured?, &render, (probed, adaptive)).ok_or_else(|| {
        Problem::new(ProblemKind::Render, format!("{} can't be estimated", blend.name()))
            .hint("the scene is rendered too fast to be measured; render it")
    })
}

/// Samples, frames, and whether fewer samples may be enough.
fn wanted(request: &Request) -> Result<(Option<u32>, FrameSet, bool), Problem> {
    let found = inspect::inspect(&request.blend).map_err(|e| Problem::of_pack(&e))?;
    let name = request.overrides.scene.as_ref().or(found.active_scene.as_ref());
    let named = found.scenes.iter().find(|scene| Some(&scene.name) == name);
    let scene = named.or(found.scenes.first());
    let scene = scene.ok_or_else(|| Problem::input("there is no scene in the .blend"))?;
    let current = || scene.frame_current.to_string().parse();
    let frames = match &request.frames {
        Some(frames) => frames.clone(),
        None => current().map_err(|e| Problem::input(format!("the scene's frame: {e}")))?,
    };
    let cycles = scene.cycles.as_ref();
    let own = cycles.map(|cycles| u32::try_from(cycles.samples).unwrap_or_default().max(1));
    let samples = own.map(|own| request.overrides.samples.unwrap_or(own));
    Ok((samples, frames, cycles.is_some_and(|cycles| cycles.adaptive)))
}

fn plan_of(job: &JobView) -> Result<JobPlan, Problem> {
    let (Some(info), Some(split)) = (&job.info, &job.split) else {
        return Err(submit::failed(job));
    };
    Ok(JobPlan {
        split: split.split,
        tile: info.film.rendered,
        total_samples: job.total_samples,
        frames: job.frames.iter().map(|frame| frame.frame).collect(),
    })
}

/// Follows the probe to its end.
async fn measure(farm: &Farm, id: &JobId) -> Result<Measured, Problem> {
    let mut watch = farm.watch();
    let mut told_speed = 0.0;
    let mut agents = 1;
    let mut pace = Pace::default();
    loop {
        let view = watch.next().await?;
        let Some(job) = report::job(&view, id) else {
            return Err(Problem::farm("the probe was deleted by another program"));
        };
        let (speed, number) = speed(&view, id);
        // At the end agents have nothing to do; what they had then counts no more.
        if number > 0 {
            (told_speed, agents) = (speed, number.max(agents));
        }
        pace.look(job.elapsed_secs, job.done);
        match job.state {
            JobState::Completed => {
                let samples = f64::from(job.total_samples);
                let samples_per_sec =
                    pace.share_per_sec().map_or(told_speed, |pace| pace * samples);
                let (job, elapsed_secs) = (job.clone(), job.elapsed_secs);
                return Ok(Measured { samples_per_sec, elapsed_secs, agents, job });
            }
            JobState::Failed => return Err(submit::failed(job)),
            JobState::Paused => {
                let what = "the probe was stopped by another program";
                return Err(Problem::new(ProblemKind::Interrupted, what));
            }
            JobState::Inspecting | JobState::Ready | JobState::Queued | JobState::Running => {}
        }
    }
}

/// How fast a job advances after its first part, which opens the scene and says little of the rest.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    first: Option<(f64, f64)>,
    last: Option<(f64, f64)>,
}

impl Pace {
    /// Takes a look: seconds rendered, and the share that is merged.
    fn look(&mut self, secs: f64, done: f64) {
        if done > 0.0 && self.last.is_none_or(|(_, before)| done > before) {
            self.first.get_or_insert((secs, done));
            self.last = Some((secs, done));
        }
    }

    /// `None` where too little was seen of it.
    fn share_per_sec(&self) -> Option<f64> {
        let ((from, little), (to, much)) = self.first.zip(self.last)?;
        (much - little > 0.4 && to > from).then(|| (much - little) / (to - from))
    }
}

/// The speed of the agents that render a job, one that was not measured yet as fast as the others,
/// and how many they are.
fn speed(view: &FarmView, id: &JobId) -> (f64, u32) {
    let renders = view.agents.iter().filter(|a| a.rendering.as_ref().is_some_and(|r| r.job == *id));
    let speeds: Vec<Option<f64>> = renders.map(|agent| agent.samples_per_sec).collect();
    let known: Vec<f64> = speeds.iter().flatten().copied().collect();
    let (number, measured) = (count(speeds.len()), count(known.len()));
    match measured {
        0 => (0.0, 0),
        _ => (known.iter().sum::<f64>() * f64::from(number) / f64::from(measured), number),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Deletes the probe; nothing of it is kept.
async fn end(farm: &Farm, job: &JobId) {
    let manager = farm.manager();
    // Those that are done are not stopped, and those that can't be deleted end with the farm.
    for _ in 0..20 {
        drop(manager.stop(job).await);
        match manager.delete(job).await {
            Ok(()) => return,
            Err(error) => tracing::debug!("deleting the probe {job}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The whole render, played with what was measured. Pure.
fn told(
    measured: &Measured,
    render: &JobPlan,
    (probed, adaptive): (Option<u32>, bool),
) -> Option<Estimate> {
    let probe = plan_of(&measured.job).ok()?;
    let pixels = f64::from(render.tile.width_px()) * f64::from(render.tile.height_px());
    let rate = measured.samples_per_sec;
    let whole = probed.is_none() || rate <= 0.0 || probe.split == Split::Frames;
    let cost = |agents: u32| {
        let secs_per_pixel_sample = if whole { 0.0 } else { f64::from(agents) / (rate * pixels) };
        vec![
            AgentCost { cold_secs: 0.0, overhead_secs: CHUNK_SECS, secs_per_pixel_sample };
            agents as usize
        ]
    };
    // What the probe took beyond its samples is what opening, denoising and composing take.
    let played = predict_secs(&probe, &cost(measured.agents), 0.0)?;
    let mut finish_secs = (measured.elapsed_secs - played).max(0.0);
    if whole && let Some(probed) = probed {
        // Measured as one piece: all of it grows with the samples.
        finish_secs *= f64::from(render.total_samples) / f64::from(probed.max(1));
    }
    let secs = |agents: u32| {
        // Agents of one computer share its processors: whole frames take longer side by side.
        let finish = if whole {
            finish_secs * f64::from(agents) / f64::from(measured.agents)
        } else {
            finish_secs
        };
        predict_secs(render, &cost(agents), finish)
    };
    let likely_secs = secs(measured.agents)?;
    let kind = match (adaptive, whole) {
        (true, _) => Samples::AsNeeded,
        (false, true) => Samples::InOneGo,
        (false, false) => Samples::Even,
    };
    let (least, most, because) = range(render.frames.len(), kind);
    let others = NUMBERS.into_iter().filter(|number| *number <= 4 * measured.agents.max(4));
    let by_agents = others.filter_map(|number| Some((number, secs(number)?))).collect();
    Some(Estimate {
        name: measured.job.name.clone(),
        frames: render.frames.len(),
        samples: probed.map_or(0, |_| render.total_samples),
        probed_samples: probed.unwrap_or_default(),
        probed_secs: measured.elapsed_secs,
        agents: measured.agents,
        likely_secs,
        least_secs: likely_secs * least,
        most_secs: likely_secs * most,
        because: because.to_owned(),
        by_agents,
    })
}

/// What the time of a sample hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Samples {
    /// Pixels get as many as they need.
    AsNeeded,
    /// All are rendered in one go.
    InOneGo,
    /// Each costs the same.
    Even,
}

/// Least and most, as shares of what is likely, and why.
fn range(frames: usize, samples: Samples) -> (f64, f64, &'static str) {
    match (samples, frames) {
        (Samples::AsNeeded, _) => {
            let why = "adaptive sampling: how many samples pixels need is seen while they render";
            (0.3, 1.15, why)
        }
        (_, 2..) => (0.7, 1.4, "measured on the first frame; the others may be lighter or heavier"),
        (Samples::InOneGo, _) => (0.7, 1.3, "measured as one piece: the scene can't be cut"),
        (Samples::Even, _) => (0.85, 1.15, "every sample costs the same"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::recorded;
    use blendnet_protocol::FrameState;

    fn measured(samples: u32, samples_per_sec: f64, elapsed_secs: f64) -> Measured {
        let frames = vec![recorded::frame(1, FrameState::Completed, 1.0)];
        let mut job = recorded::job(JobState::Completed, 1.0, frames);
        job.total_samples = samples;
        Measured { samples_per_sec, elapsed_secs, agents: 2, job }
    }

    fn render(samples: u32, frames: i32) -> JobPlan {
        let probe = plan_of(&measured(1, 1.0, 1.0).job).unwrap();
        JobPlan { total_samples: samples, frames: (1..=frames).collect(), ..probe }
    }

    #[test]
    fn samples_grow_with_the_render_and_what_surrounds_them_does_not() {
        let measured = measured(8, 4.0, 5.0);
        let told = told(&measured, &render(400, 1), (Some(8), false)).unwrap();
        // 100 s of samples, less than 3 s around them, and some of the chunks.
        assert!((100.0..112.0).contains(&told.likely_secs), "{told:?}");
        assert!(told.least_secs < told.likely_secs && told.likely_secs < told.most_secs);
        let by = |number| told.by_agents.iter().find(|(n, _)| *n == number).unwrap().1;
        assert!((by(4) / by(1) - 1.0).abs() < 0.2, "agents share the processors: {told:?}");
    }

    #[test]
    fn frames_that_cannot_be_cut_take_what_the_first_one_took() {
        let told = told(&measured(1, 0.0, 6.0), &render(1, 10), (None, false)).unwrap();
        assert!((27.0..66.0).contains(&told.likely_secs), "{told:?}");
    }

    #[test]
    fn the_slow_first_part_does_not_count() {
        let mut pace = Pace::default();
        for (secs, done) in
            [(0.0, 0.0), (10.0, 0.2), (11.0, 0.2), (12.0, 0.6), (14.0, 1.0), (20.0, 1.0)]
        {
            pace.look(secs, done);
        }
        assert!((pace.share_per_sec().unwrap() - 0.2).abs() < 1e-9, "{pace:?}");
        let mut at_once = Pace::default();
        at_once.look(10.0, 1.0);
        assert_eq!(at_once.share_per_sec(), None);
    }

    #[test]
    fn only_agents_that_render_the_job_count_and_new_ones_are_as_fast_as_the_others() {
        let mut agents = vec![recorded::agent("a", "x"), recorded::agent("b", "x")];
        let job = recorded::job(JobState::Running, 0.5, Vec::new());
        let region = serde_json::from_str(r#"{"tile":[0,0,4,4],"samples":[0,2]}"#).unwrap();
        let rendering = blendnet_protocol::Rendering { job: job.id.clone(), frame: 1, region };
        let id = job.id.clone();
        agents.push(recorded::agent("idle", ""));
        for agent in &mut agents[..2] {
            agent.rendering = Some(rendering.clone());
        }
        agents[1].samples_per_sec = None;
        assert_eq!(speed(&recorded::farm(agents, vec![job]), &id), (4.0, 2));
    }
}

//! Events and problems as lines of text. Pure.

use std::path::Path;

use blendnet_protocol::{AgentState, FrameState, JobState};

use crate::text::{bytes, count, duration, percent, usd};
use crate::workflow::estimate::{Estimate, usd_micros};
use crate::workflow::event::{
    Event, FrameEnded, FrameInWork, ProgressReport, SceneSummary, Summary, Upload,
};
use crate::workflow::problem::Problem;
use crate::workflow::submit::missing_in_words;

/// The lines of an event; progress and previews have none of their own.
pub(super) fn lines(event: &Event) -> Vec<String> {
    match event {
        Event::Farm(farm) if farm.started => vec![format!("farm started at {}", farm.address)],
        Event::Farm(farm) => vec![format!("farm at {} joined", farm.address)],
        Event::Upload(upload) => sent(upload),
        Event::Job(job) => {
            vec![format!("job {} for {}, pictures in {}", job.job, job.name, job.output.display())]
        }
        Event::Scene(scene) => scene_lines(scene),
        Event::Frame(frame) => frame_lines(frame),
        Event::Warning(warning) => vec![format!("warning: {}", warning.message)],
        Event::Done(summary) => done(summary),
        Event::Progress(_) | Event::Preview(_) => Vec::new(),
    }
}

/// How long a render will take, and what it will cost where an hour of an agent has a price.
pub(super) fn estimate(estimate: &Estimate, usd_micros_per_hour: Option<u64>) -> Vec<String> {
    let Estimate { name, likely_secs, least_secs, most_secs, because, .. } = estimate;
    let cost = |agents, secs| {
        let cost = usd_micros_per_hour.map(|price| usd(usd_micros(agents, secs, price)));
        cost.map_or_else(String::new, |cost| format!(", {cost}"))
    };
    let frames = count(estimate.frames, "frame", "frames");
    let agents = count(estimate.agents as usize, "agent", "agents");
    let mut lines = vec![
        format!(
            "{name}: {frames} with {agents} of this computer: about {}{}",
            duration(*likely_secs),
            cost(estimate.agents, *likely_secs)
        ),
        format!("between {} and {}: {because}", duration(*least_secs), duration(*most_secs)),
    ];
    for (agents, secs) in &estimate.by_agents {
        lines.push(format!("{agents:>4} {}{}", duration(*secs), cost(*agents, *secs)));
    }
    lines
}

fn sent(upload: &Upload) -> Vec<String> {
    let files = count(upload.files, "file", "files");
    if upload.files_done == 0 {
        vec![format!("sending {files}, {}", bytes(upload.bytes))]
    } else if upload.files_done == upload.files {
        vec![format!("sent {files}")]
    } else {
        Vec::new()
    }
}

/// How an upload goes.
pub(super) fn sending(upload: &Upload) -> String {
    let rate = upload.bytes_per_sec.map(|rate| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
        let rate = rate as u64;
        format!(", {}/s", bytes(rate))
    });
    let left = upload.remaining_secs.map(|secs| format!(", {} left", duration(secs)));
    format!(
        "sending {}: {} of {}{}{}",
        count(upload.files, "file", "files"),
        bytes(upload.bytes_done),
        bytes(upload.bytes),
        rate.unwrap_or_default(),
        left.unwrap_or_default()
    )
}

fn scene_lines(scene: &SceneSummary) -> Vec<String> {
    let mut what = vec![format!("scene {}", scene.scene)];
    what.extend(scene.camera.as_ref().map(|camera| format!("camera {camera}")));
    if scene.view_layers.len() > 1 {
        what.push(format!("view layers {}", scene.view_layers.join(", ")));
    }
    what.push(match scene.frame_count {
        1 => format!("frame {}", scene.frames),
        count => format!("{count} frames {}", scene.frames),
    });
    what.push(format!("{}x{} px", scene.width_px, scene.height_px));
    let samples = match scene.engine.as_str() {
        "CYCLES" => format!("{}, ", count(scene.samples as usize, "sample", "samples")),
        _ => String::new(),
    };
    let denoised = if scene.denoise { ", denoised" } else { "" };
    let how = format!(
        "{samples}{}{denoised}, Blender {} (file of {})",
        scene.engine, scene.blender_version, scene.file_version
    );
    let mut lines = vec![what.join(", "), how];
    if let Some(plan) = &scene.split {
        let way = crate::text::way(plan.split);
        let exact = if plan.exact { "exact" } else { "not exactly the picture of one machine" };
        lines.push(format!("{way} ({exact}): {}", plan.reason));
    }
    lines
}

fn frame_lines(frame: &FrameEnded) -> Vec<String> {
    if frame.state != FrameState::Failed {
        let files: Vec<String> = frame.files.iter().map(|f| f.display().to_string()).collect();
        return vec![format!("frame {} saved: {}", frame.frame, files.join(", "))];
    }
    let why = frame.failure.as_deref().unwrap_or("no reason is known");
    let mut lines = vec![format!("frame {} failed: {why}", frame.frame)];
    lines.extend(frame.last_lines.iter().map(|line| format!("    {line}")));
    lines
}

fn done(summary: &Summary) -> Vec<String> {
    let frames = count(summary.frames_done, "frame", "frames");
    let failed = match summary.frames_failed {
        0 => String::new(),
        n => format!(", {n} failed"),
    };
    let fewer = summary.samples_rendered.map_or(String::new(), |n| format!("{n:.0} of "));
    let mut lines = vec![format!(
        "{frames} done{failed} in {}, {fewer}{} each",
        duration(summary.wall_secs),
        count(summary.total_samples as usize, "sample", "samples")
    )];
    if summary.spent_usd_micros > 0 {
        lines.push(format!("{} spent", usd(summary.spent_usd_micros)));
    }
    if !summary.agents.is_empty() {
        let shares: Vec<String> = summary
            .agents
            .iter()
            .map(|agent| format!("{} {:.0} %", agent.id, agent.share * 100.0))
            .collect();
        lines.push(format!("work shared by {}", shares.join(", ")));
    }
    lines.push(match summary.pictures.as_slice() {
        [] => format!("no picture in {}", summary.output.display()),
        [one] => format!("picture: {}", one.display()),
        [first, .., last] => format!("pictures: {} to {}", first.display(), last.display()),
    });
    lines
}

/// How far a job is, in one line.
pub(super) fn progress(report: &ProgressReport, preview: Option<&Path>) -> String {
    let mut parts = vec![percent(report.done)];
    if report.frames > 1 {
        parts.push(format!("{} of {} frames", report.frames_done, report.frames));
    }
    let samples: f64 = report.in_work.iter().map(|f| f.samples_done).sum();
    match report.in_work.as_slice() {
        [] => parts.push(at_rest(report.state).to_owned()),
        [one] if one.state == FrameState::Finishing => {
            parts.push(format!("frame {}: denoised and composed", one.frame));
        }
        [one] => parts.push(format!(
            "frame {}: {} of {} samples",
            one.frame,
            samples.floor(),
            report.total_samples
        )),
        several => parts.push(format!("{} frames in work", several.len())),
    }
    if let [FrameInWork { noise: Some(noise), .. }] = report.in_work.as_slice() {
        let target = report.limits.noise.map_or(String::new(), |target| format!(" (to {target})"));
        parts.push(format!("noise {noise:.4}{target}"));
    }
    parts.push(agents(report));
    match report.limits.budget_usd_micros {
        Some(budget) => {
            parts.push(format!("{} of {}", usd(report.spent_usd_micros), usd(budget)));
        }
        None if report.spent_usd_micros > 0 => parts.push(usd(report.spent_usd_micros)),
        None => {}
    }
    if report.frames_failed > 0 {
        parts.push(format!("{} failed", report.frames_failed));
    }
    if let Some(remaining_secs) = report.remaining_secs.filter(|_| report.done < 1.0) {
        parts.push(format!("{} left", duration(remaining_secs)));
    }
    if let Some(preview) = preview {
        parts.push(format!("preview {}", preview.display()));
    }
    parts.join(", ")
}

fn agents(report: &ProgressReport) -> String {
    let online = report.agents.iter().filter(|agent| agent.state == AgentState::Online).count();
    let lost = report.agents.iter().filter(|agent| agent.state == AgentState::Lost).count();
    let text = count(online, "agent", "agents");
    if lost > 0 { format!("{text} ({lost} lost)") } else { text }
}

fn at_rest(state: JobState) -> &'static str {
    match state {
        JobState::Inspecting => "inspected",
        JobState::Ready | JobState::Queued => "waiting for agents",
        JobState::Running => "rendering",
        JobState::Paused => "paused",
        JobState::Completed => "done",
        JobState::Failed => "failed",
    }
}

/// A problem: what happened, what is known of it, what to do next.
pub(super) fn problem(problem: &Problem) -> Vec<String> {
    let mut lines = vec![format!("error: {}", problem.message)];
    for file in &problem.missing {
        lines.push(format!("    {}", missing_in_words(file)));
    }
    lines.extend(problem.details.iter().map(|line| format!("    {line}")));
    if let Some(hint) = &problem.hint {
        lines.push(format!("hint: {hint}"));
    }
    lines
}

/// Decides when progress is worth a line of its own, where lines can't be overwritten. Told the
/// time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pace {
    last: Option<(f64, Steps)>,
}

/// What is worth a line as soon as it changes.
#[derive(Clone, Debug, PartialEq)]
struct Steps {
    state: JobState,
    frames_ended: usize,
    finishing: usize,
    online: usize,
}

impl Pace {
    /// Seconds between two lines that only differ in numbers.
    pub(super) const INTERVAL_SECS: f64 = 5.0;

    /// Whether `report` is due at `now_secs`.
    pub(super) fn is_due(&mut self, report: &ProgressReport, now_secs: f64) -> bool {
        let finishing = |frame: &&FrameInWork| frame.state == FrameState::Finishing;
        let steps = Steps {
            state: report.state,
            frames_ended: report.frames_done + report.frames_failed,
            finishing: report.in_work.iter().filter(finishing).count(),
            online: report.agents.iter().filter(|a| a.state == AgentState::Online).count(),
        };
        let due = match &self.last {
            None => true,
            Some((last_secs, last)) => {
                *last != steps || now_secs - last_secs >= Self::INTERVAL_SECS
            }
        };
        if due {
            self.last = Some((now_secs, steps));
        }
        due
    }
}

#[cfg(test)]
#[path = "text/tests.rs"]
mod tests;

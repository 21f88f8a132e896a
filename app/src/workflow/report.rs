//! What the farm's view says of one job, in short. Pure.

use blendnet_protocol::{AgentState, FarmView, FrameSet, FrameState, JobId, JobView};

use super::event::{AgentReport, FrameInWork, ProgressReport, SceneSummary};

/// The job `id` in a view.
pub fn job<'a>(view: &'a FarmView, id: &JobId) -> Option<&'a JobView> {
    view.jobs.iter().find(|job| job.id == *id)
}

/// How far a job is.
pub fn progress(view: &FarmView, job: &JobView) -> ProgressReport {
    let count = |state| job.frames.iter().filter(|frame| frame.state == state).count();
    ProgressReport {
        job: job.id.clone(),
        state: job.state,
        done: job.done.clamp(0.0, 1.0),
        frames_done: count(FrameState::Completed),
        frames_failed: count(FrameState::Failed),
        frames: job.frames.len(),
        in_work: job
            .frames
            .iter()
            .filter(|frame| matches!(frame.state, FrameState::Running | FrameState::Finishing))
            .map(|frame| FrameInWork {
                frame: frame.frame,
                state: frame.state,
                done: frame.done,
                samples_done: frame.samples_done,
                noise: frame.noise,
                covered: frame.covered.clone(),
            })
            .collect(),
        total_samples: job.total_samples,
        elapsed_secs: job.elapsed_secs,
        remaining_secs: job.remaining_secs,
        limits: job.limits,
        spent_usd_micros: job.cost.spent_usd_micros,
        agents: view
            .agents
            .iter()
            .map(|agent| AgentReport {
                id: agent.id.to_string(),
                state: agent.state,
                doing: agent.doing.clone(),
                samples_per_sec: agent.samples_per_sec,
                memory_mb: agent.progress.as_ref().map(|p| p.memory_mb).filter(|mb| *mb > 0.0),
                rendering: agent.rendering.clone().filter(|rendering| rendering.job == job.id),
                in_room: agent.in_room,
                away: agent.away.clone().filter(|_| agent.state != AgentState::Online),
            })
            .collect(),
    }
}

/// What will be rendered; `None` before the inspection.
pub fn scene(job: &JobView) -> Option<SceneSummary> {
    let info = job.info.as_ref()?;
    let size = if info.film.cropped { info.film.rendered } else { info.film.frame };
    Some(SceneSummary {
        job: job.id.clone(),
        scene: info.scene.clone(),
        camera: info.camera.clone().filter(|_| !info.marker_cameras),
        view_layers: info
            .view_layers
            .iter()
            .filter(|layer| layer.used)
            .map(|layer| layer.name.clone())
            .collect(),
        frames: frame_set(job),
        frame_count: job.frames.len(),
        width_px: size.width_px(),
        height_px: size.height_px(),
        film: info.film,
        engine: info.engine.clone(),
        samples: info.samples,
        denoise: info.denoise,
        blender_version: info.blender_version.clone(),
        file_version: info.file_version.clone(),
        split: job.split.clone(),
        output_format: info.output.file_format.clone(),
    })
}

/// The frames as an artist writes them.
fn frame_set(job: &JobView) -> String {
    let numbers: Vec<String> = job.frames.iter().map(|frame| frame.frame.to_string()).collect();
    numbers.join(",").parse::<FrameSet>().map_or_else(|_e| String::new(), |set| set.to_string())
}

/// What the user should know of the scene before it is rendered. The job's own messages repeat
/// this and the missing files, which are told with more detail.
pub fn warnings(job: &JobView) -> &[String] {
    job.info.as_ref().map_or(&[], |info| &info.warnings)
}

//! Views of farms and jobs as a manager answers them, for tests.

use blendnet_protocol::{
    AgentId, AgentState, AgentView, BlobId, CostView, ExternalFile, FarmView, FrameState,
    FrameView, JobId, JobLimits, JobState, JobView, ResultFile, SceneInfo, Split, SplitPlan,
};

pub(crate) fn farm(agents: Vec<AgentView>, jobs: Vec<JobView>) -> FarmView {
    FarmView { generation: 1, version: "0.1.0".to_owned(), terminating: false, agents, jobs }
}

pub(crate) fn agent(id: &str, doing: &str) -> AgentView {
    AgentView {
        id: AgentId::new(id).unwrap(),
        state: AgentState::Online,
        address: "127.0.0.1:40001".to_owned(),
        pid: Some(7),
        blender_pid: None,
        doing: doing.to_owned(),
        progress: None,
        samples_per_sec: Some(2.0),
        usd_micros_per_hour: None,
        cost_usd_micros: 0,
        rendering: None,
        in_room: false,
        away: None,
    }
}

pub(crate) fn file(name: &str) -> ResultFile {
    let blob = BlobId::new("0".repeat(64)).unwrap();
    ResultFile { name: name.to_owned(), blob, size_bytes: 10 }
}

pub(crate) fn frame(frame: i32, state: FrameState, done: f64) -> FrameView {
    FrameView {
        frame,
        state,
        done,
        samples_done: done * 128.0,
        covered: Vec::new(),
        paused: false,
        noise: None,
        failures: 0,
        preview: 0,
        image: None,
        composed: Vec::new(),
        failure: None,
    }
}

pub(crate) fn job(state: JobState, done: f64, frames: Vec<FrameView>) -> JobView {
    JobView {
        id: JobId::new("shot-1").unwrap(),
        name: "shot.blend".to_owned(),
        state,
        created_secs: 1_790_000_000,
        elapsed_secs: 30.0,
        remaining_secs: Some(72.0),
        done,
        total_samples: 128,
        work_ratio: 1.01,
        priority: 0,
        limits: JobLimits::default(),
        cost: CostView::default(),
        info: Some(info(Vec::new())),
        split: Some(SplitPlan {
            split: Split::Samples,
            exact: true,
            reason: "adaptive sampling is off".to_owned(),
        }),
        missing: Vec::new(),
        messages: Vec::new(),
        failure: None,
        frames,
    }
}

pub(crate) fn info(files: Vec<ExternalFile>) -> SceneInfo {
    let mut info: SceneInfo = serde_json::from_value(serde_json::json!({
        "blender_version": "3.4.1", "file_version": "3.4",
        "scene": "Scene", "scenes": ["Scene"], "camera": "Camera", "marker_cameras": false,
        "view_layers": [{"name": "ViewLayer", "used": true}, {"name": "Off", "used": false}],
        "engine": "CYCLES", "frame_start": 1, "frame_end": 250, "frame_step": 1,
        "frame_current": 1,
        "film": {"frame": [0, 0, 1920, 1080], "rendered": [0, 0, 1920, 1080], "cropped": false},
        "samples": 128, "adaptive": null, "sampling_pattern": "SOBOL", "subset_exact": true,
        "denoise": true, "can_denoise": true, "path_guiding": false, "time_limit_secs": 0.0,
        "compositor": true, "whole_frames_because": null,
        "output": {"file_format": "PNG", "extension": ".png", "is_movie": false},
        "files": [], "warnings": []
    }))
    .unwrap();
    info.files = files;
    info
}

//! Tests of the lines, from views as a manager answers them.

use super::*;
use crate::workflow::event::{
    AgentShare, FarmReached, FrameInWork, JobTaken, PreviewSaved, Warning,
};
use crate::workflow::problem::{MissingFile, ProblemKind};
use crate::workflow::recorded::{agent, farm, frame, job};
use crate::workflow::report;
use blendnet_protocol::{AgentView, FrameView, JobId, JobView};

fn report_of(job: JobView, agents: Vec<AgentView>) -> ProgressReport {
    let view = farm(agents, vec![job]);
    report::progress(&view, &view.jobs[0])
}

fn still(state: FrameState, done: f64) -> ProgressReport {
    let job = job(JobState::Running, done, vec![frame(1, state, done)]);
    report_of(job, vec![agent("a-1", "frame 1"), agent("a-2", "frame 1")])
}

fn animation(states: &[FrameState]) -> ProgressReport {
    let frames: Vec<FrameView> =
        (1..).zip(states).map(|(number, state)| frame(number, *state, 0.5)).collect();
    report_of(job(JobState::Running, 0.5, frames), vec![agent("a-1", "frame 1")])
}

#[test]
fn a_still_shows_samples_agents_time_and_preview() {
    let report = still(FrameState::Running, 0.345);
    assert_eq!(
        progress(&report, Some(Path::new("render/preview.png"))),
        "34 %, frame 1: 44 of 128 samples, 2 agents, 1 min 12 s left, preview render/preview.png"
    );
}

#[test]
fn an_animation_shows_frames_instead() {
    use FrameState::{Completed, Failed, Queued, Running};
    let report = animation(&[Completed, Failed, Running, Running, Queued]);
    assert_eq!(
        progress(&report, None),
        "50 %, 1 of 5 frames, 2 frames in work, 1 agent, 1 failed, 1 min 12 s left"
    );
}

#[test]
fn the_last_step_and_lost_agents_are_said() {
    let mut report = still(FrameState::Finishing, 1.0);
    report.agents[1].state = AgentState::Lost;
    assert_eq!(progress(&report, None), "100 %, frame 1: denoised and composed, 1 agent (1 lost)");
}

#[test]
fn progress_is_due_after_seconds_or_when_a_step_is_done() {
    let mut pace = Pace::default();
    let report = still(FrameState::Running, 0.1);
    assert!(pace.is_due(&report, 0.0));
    assert!(!pace.is_due(&still(FrameState::Running, 0.2), 1.0));
    assert!(pace.is_due(&still(FrameState::Running, 0.3), 5.5));
    assert!(pace.is_due(&still(FrameState::Finishing, 1.0), 5.6));
    assert!(!pace.is_due(&still(FrameState::Finishing, 1.0), 5.7));
}

#[test]
fn the_scene_is_described_before_it_is_rendered() {
    let view = job(JobState::Ready, 0.0, vec![frame(1, FrameState::Queued, 0.0)]);
    let scene = report::scene(&view).unwrap();
    assert_eq!(
        scene_lines(&scene),
        [
            "scene Scene, camera Camera, frame 1, 1920x1080 px",
            "128 samples, CYCLES, denoised, Blender 3.4.1 (file of 3.4)",
            "split by samples (exact): adaptive sampling is off",
        ]
    );
}

#[test]
fn many_frames_are_written_as_the_option_takes_them() {
    let frames = [1, 2, 3, 20].map(|n| frame(n, FrameState::Queued, 0.0)).to_vec();
    let scene = report::scene(&job(JobState::Ready, 0.0, frames)).unwrap();
    assert!(scene_lines(&scene)[0].contains("4 frames 1-3,20"), "{:?}", scene_lines(&scene));
}

#[test]
fn a_failed_frame_shows_blenders_last_lines() {
    let event = Event::Frame(FrameEnded {
        frame: 3,
        state: FrameState::Failed,
        files: Vec::new(),
        failure: Some("Blender crashed 3 times".to_owned()),
        last_lines: vec!["Segmentation fault".to_owned()],
    });
    assert_eq!(
        lines(&event),
        ["frame 3 failed: Blender crashed 3 times", "    Segmentation fault"]
    );
}

fn summary() -> Summary {
    Summary {
        job: JobId::new("shot-1").unwrap(),
        output: "/r".into(),
        pictures: vec!["/r/shot_0001.png".into()],
        frames_done: 1,
        frames_failed: 0,
        total_samples: 128,
        samples_rendered: None,
        spent_usd_micros: 0,
        wall_secs: 62.0,
        render_secs: 58.0,
        work_ratio: 1.0,
        split: None,
        estimated_secs: None,
        agents: vec![
            AgentShare { id: "a-1".to_owned(), share: 0.625 },
            AgentShare { id: "a-2".to_owned(), share: 0.375 },
        ],
    }
}

#[test]
fn an_estimate_tells_money_where_agents_have_a_price() {
    let estimate = Estimate {
        name: "shot.blend".into(),
        frames: 1,
        samples: 64,
        probed_samples: 8,
        probed_secs: 5.0,
        agents: 2,
        likely_secs: 1800.0,
        least_secs: 1700.0,
        most_secs: 1900.0,
        because: "every sample costs the same".into(),
        by_agents: vec![(1, 3600.0)],
    };
    let free = super::estimate(&estimate, None);
    assert_eq!(free[0], "shot.blend: 1 frame with 2 agents of this computer: about 30 min 00 s");
    assert_eq!(free[2], "   1 1 h 00 min");
    let priced = super::estimate(&estimate, Some(1_500_000));
    assert_eq!(priced[0], format!("{}, $1.50", free[0]));
    assert_eq!(priced[2], "   1 1 h 00 min, $1.50");
}

#[test]
fn the_end_says_where_the_picture_is() {
    assert_eq!(
        lines(&Event::Done(Box::new(summary()))),
        [
            "1 frame done in 1 min 02 s, 128 samples each",
            "work shared by a-1 62 %, a-2 38 %",
            "picture: /r/shot_0001.png",
        ]
    );
}

#[test]
fn the_end_says_what_was_spared_and_what_it_cost() {
    let cheap = Summary { samples_rendered: Some(41.6), spent_usd_micros: 4_200, ..summary() };
    let lines = lines(&Event::Done(Box::new(cheap)));
    assert_eq!(lines[0], "1 frame done in 1 min 02 s, 42 of 128 samples each");
    assert_eq!(lines[1], "$0.0042 spent");
}

#[test]
fn a_problem_names_the_missing_files_and_what_to_do() {
    let mut missing = Problem::new(ProblemKind::MissingFiles, "shot.blend needs 1 file").hint("x");
    missing.missing.push(MissingFile {
        path: "/tex/wood.png".to_owned(),
        as_written: "//tex/wood.png".to_owned(),
        used_by: "Image \"wood\"".to_owned(),
        reason: "does not exist".to_owned(),
        similar: None,
    });
    assert_eq!(
        problem(&missing),
        [
            "error: shot.blend needs 1 file",
            "    /tex/wood.png does not exist, written as //tex/wood.png, used by Image \"wood\"",
            "hint: x",
        ]
    );
}

#[test]
fn json_lines_carry_an_event_name() {
    let progress = still(FrameState::Running, 0.5);
    let events = [
        (Event::Farm(FarmReached { address: "127.0.0.1:1".to_owned(), started: true }), "farm"),
        (Event::Upload(Upload::default()), "upload"),
        (
            Event::Job(JobTaken {
                job: JobId::new("j").unwrap(),
                name: "shot.blend".to_owned(),
                output: "/r".into(),
            }),
            "job",
        ),
        (Event::Progress(Box::new(progress)), "progress"),
        (
            Event::Preview(PreviewSaved { frame: 1, number: 2, path: "/r/preview.png".into() }),
            "preview",
        ),
        (Event::Warning(Warning { message: "w".to_owned() }), "warning"),
        (Event::Done(Box::new(summary())), "done"),
    ];
    for (event, name) in events {
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["event"], name);
    }
}

#[test]
fn every_field_of_an_event_is_documented() {
    let documented = include_str!("../../../../docs/command-line.md");
    let in_work = vec![FrameInWork {
        noise: None,
        frame: 1,
        state: FrameState::Running,
        done: 0.0,
        samples_done: 0.0,
        covered: Vec::new(),
    }];
    let mut progress = still(FrameState::Running, 0.5);
    progress.in_work = in_work;
    let view = job(JobState::Ready, 0.0, vec![frame(1, FrameState::Queued, 0.0)]);
    let events = [
        Event::Upload(Upload::default()),
        Event::Progress(Box::new(progress)),
        Event::Scene(Box::new(report::scene(&view).unwrap())),
        Event::Done(Box::new(summary())),
    ];
    for event in events {
        let json = serde_json::to_value(&event).unwrap();
        for field in json.as_object().unwrap().keys() {
            assert!(documented.contains(&format!("`{field}`")), "{field} of {}", json["event"]);
        }
    }
}

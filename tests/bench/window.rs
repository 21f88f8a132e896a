//! What the window costs: a large job against an empty one, at rest, and its start.

use crate::say;
use blendnet_app::gui::app::App;
use blendnet_app::gui::event::{Event, Picture};
use blendnet_app::gui::running::Running;
use blendnet_app::gui::state::Screen;
use blendnet_app::settings::Settings;
use blendnet_app::workflow::event::{
    AgentReport, Event as Step, FrameEnded, FrameInWork, ProgressReport, SceneSummary,
};
use blendnet_protocol::{
    AgentState, FilmRect, FrameState, JobId, JobState, Region, Rendering, SampleRange, Tile,
};
use blendnet_tests::{Window, main_button, system_blender, wait_for};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Frames of the window that are drawn for a measurement.
const DRAWN: usize = 400;
/// As long as the window is watched at rest.
const REST: Duration = Duration::from_secs(30);

/// Prints all three.
pub(crate) fn run() {
    let empty = frame_millis(1, 1, [960, 540]);
    let large = frame_millis(10_000, 200, [3840, 2160]);
    say(&format!(
        "window: {large:.2} ms a frame while scrolling with 10,000 frames, 200 agents and 4K, \
         {empty:.2} ms with one of each, ratio {:.2} (at most 2)",
        large / empty
    ));
    rest();
    start();
}

/// CPU milliseconds of a frame of the window, its triangles included; median.
fn frame_millis(frames: i32, agents: usize, size: [usize; 2]) -> f64 {
    let (commands, _kept) = tokio::sync::mpsc::channel(1024);
    let (events, received) = mpsc::channel();
    let mut app = App::new(Settings::default(), commands, received);
    let key = app.state.renders.add(Running::new("shot.blend".to_owned(), "/out".into()));
    app.state.screen = Screen::Render;
    let preview = "/out/shot_preview.png";
    let _loads = app.state.show_picture(preview.into());
    let pixels = Arc::new(egui::ColorImage::filled(size, egui::Color32::GRAY));
    events
        .send(Event::Picture(preview.into(), Ok(Arc::new(Picture { pixels, pass: None }))))
        .expect("an app");
    events.send(Event::Step(key, Box::new(progress(frames, agents)))).expect("an app");

    events.send(Event::Step(key, Box::new(scene(frames, size)))).expect("an app");
    for frame in 1..=frames / 2 {
        events.send(Event::Step(key, Box::new(ended(frame)))).expect("an app");
    }

    let context = egui::Context::default();
    // Before the first frame it is not known what the graphics chip takes.
    context.run_ui(scrolled(0), |_| {}).textures_delta.clear();
    app.take_events(&context);
    let mut millis = Vec::with_capacity(DRAWN);
    for drawn in 0..DRAWN {
        let input = scrolled(drawn);
        let began = Instant::now();
        app.take_events(&context);
        let mut output = context.run_ui(input, |ui| app.draw(ui));
        output.textures_delta.clear();
        drop(context.tessellate(output.shapes, output.pixels_per_point));
        millis.push(began.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    millis.get(DRAWN / 2).copied().unwrap_or_default()
}

/// The wheel turns above the lists.
fn scrolled(drawn: usize) -> egui::RawInput {
    let turned = egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, if drawn % 100 < 50 { -40.0 } else { 40.0 }),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: egui::Modifiers::NONE,
    };
    egui::RawInput {
        screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1180.0, 760.0))),
        predicted_dt: 1.0 / 60.0,
        max_texture_side: Some(8192),
        events: vec![egui::Event::PointerMoved(egui::pos2(1000.0, 420.0)), turned],
        ..egui::RawInput::default()
    }
}

fn scene(frames: i32, [width_px, height_px]: [usize; 2]) -> Step {
    let px = |length: usize| u32::try_from(length).unwrap_or_default();
    let whole = Tile::new(0, 0, px(width_px), px(height_px)).expect("a tile");
    Step::Scene(Box::new(SceneSummary {
        job: "a1".parse().expect("an id"),
        scene: "Scene".to_owned(),
        camera: Some("Camera".to_owned()),
        view_layers: vec!["ViewLayer".to_owned()],
        frames: format!("1-{frames}"),
        frame_count: usize::try_from(frames).unwrap_or_default(),
        width_px: px(width_px),
        height_px: px(height_px),
        film: FilmRect { frame: whole, rendered: whole, cropped: false },
        engine: "CYCLES".to_owned(),
        samples: 64,
        denoise: false,
        blender_version: "3.4.1".to_owned(),
        file_version: "3.4".to_owned(),
        split: None,
        output_format: "PNG".to_owned(),
    }))
}

fn ended(frame: i32) -> Step {
    Step::Frame(FrameEnded {
        frame,
        state: FrameState::Completed,
        files: ["exr", "png"]
            .map(|ending| format!("/out/shot_{frame:04}.{ending}").into())
            .to_vec(),
        failure: None,
        last_lines: Vec::new(),
    })
}

fn progress(frames: i32, agents: usize) -> Step {
    let job: JobId = "a1".parse().expect("an id");
    let in_work = (1..=frames).map(|frame| FrameInWork {
        noise: None,
        frame,
        state: FrameState::Running,
        done: 0.5,
        samples_done: 32.0,
        covered: Vec::new(),
    });
    let agent = |number| AgentReport {
        in_room: false,
        away: None,
        id: format!("agent-{number}"),
        state: AgentState::Online,
        doing: "frame 1, samples 16..32".to_owned(),
        samples_per_sec: Some(1.0),
        memory_mb: Some(512.0),
        rendering: Some(Rendering {
            job: job.clone(),
            frame: i32::try_from(number).unwrap_or_default() + 1,
            region: Region {
                tile: Tile::new(0, 0, 64, 36).expect("a tile"),
                samples: SampleRange::new(16, 32).expect("a range"),
            },
        }),
    };
    Step::Progress(Box::new(ProgressReport {
        limits: blendnet_protocol::JobLimits::default(),
        spent_usd_micros: 0,
        job: job.clone(),
        state: JobState::Running,
        done: 0.5,
        frames_done: 0,
        frames_failed: 0,
        frames: usize::try_from(frames).unwrap_or_default(),
        in_work: in_work.collect(),
        total_samples: 64,
        elapsed_secs: 60.0,
        remaining_secs: Some(60.0),
        agents: (0..agents).map(agent).collect(),
    }))
}

/// The share of one core that a window takes that is open on a finished job.
fn rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let size = ["--size", "480", "270", "--samples", "16"];
    let scene = system_blender().make_scene("glossy", &folder.path().join("scene.blend"), &size);
    let window = Window::open(folder.path(), &["open".as_ref(), scene.as_os_str()]);
    window.sees("the button that renders", main_button);
    window.key("F12");
    let history = folder.path().join("data/history.jsonl");
    wait_for("the end of the render", Duration::from_mins(4), || history.is_file());
    std::thread::park_timeout(Duration::from_secs(5));
    let before = cpu_ticks(window.pid());
    std::thread::park_timeout(REST);
    let ticks = f64::from(u32::try_from(cpu_ticks(window.pid()) - before).unwrap_or(u32::MAX));
    // A tick is 10 ms on Linux (sysconf _SC_CLK_TCK).
    let share = ticks / 100.0 / REST.as_secs_f64() * 100.0;
    let secs = REST.as_secs();
    say(&format!("window: {share:.2} % of a core for {secs} s on a finished job (under 1)"));
}

fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// Until the window is seen, against a window of nothing; medians of five.
fn start() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = || Window::start_secs(&blendnet_tests::program("blendnet"), &data(folder.path()));
    let own = std::env::current_exe().expect("a running bench has a path");
    let nothing = || Window::start_secs(&own, &["nothing".into()]);
    let median = |of: &dyn Fn() -> f64| {
        let mut secs: Vec<f64> = (0..5).map(|_| of()).collect();
        secs.sort_by(f64::total_cmp);
        secs.get(2).copied().unwrap_or_default()
    };
    let (ours, nothing) = (median(&ours), median(&nothing));
    say(&format!(
        "window: seen {ours:.2} s after its start, an empty one {nothing:.2} s, ratio {:.2} (at most 2)",
        ours / nothing
    ));
}

fn data(folder: &std::path::Path) -> Vec<std::ffi::OsString> {
    vec!["--data-dir".into(), folder.join("data").into()]
}

/// A window of nothing.
pub(crate) fn nothing() {
    let options = eframe::NativeOptions::default();
    drop(eframe::run_ui_native("BlendNet", options, |_ui, _frame| {}));
}

//! A window for tests: events in, commands out, and what a screen reader sees.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;

use blendnet_pack::inspect;
use blendnet_pack::trace::{self, Trace, TraceOptions};
use blendnet_protocol::{AgentState, FrameState, JobId, JobState, Rendering, Split};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use tokio::sync::mpsc;

use crate::gui::app::App;
use crate::gui::command::Command;
use crate::gui::event::{Event, Picture, SceneRead};
use crate::gui::running::Running;
use crate::gui::state::Screen;
use crate::settings::Settings;
use crate::workflow::event::{
    AgentReport, AgentShare, Event as Step, FrameInWork, JobTaken, ProgressReport, Summary,
};
use crate::workflow::problem::Problem;

/// A window, the events that it gets, and the commands that it gives.
pub(super) struct Window<'a> {
    pub(super) harness: Harness<'a, App>,
    events: std_mpsc::Sender<Event>,
    pub(super) commands: mpsc::Receiver<Command>,
}

impl Window<'_> {
    pub(super) fn new() -> Self {
        Self::of_size(1180.0, 760.0, 1.0, Settings::default())
    }

    pub(super) fn of_size(width: f32, height: f32, scale: f32, settings: Settings) -> Self {
        let (sender, commands) = mpsc::channel(64);
        let (events, received) = std_mpsc::channel();
        let mut app = App::new(settings, sender, received);
        let mut begun = false;
        let builder = Harness::builder().with_size([width, height]).with_pixels_per_point(scale);
        let harness = builder.build_ui_state(
            move |ui, app: &mut App| {
                if !begun {
                    app.begin(ui.ctx(), None);
                    begun = true;
                }
                app.take_events(ui.ctx());
                app.draw(ui);
            },
            {
                app.state.history.take(Ok(Box::default()));
                app
            },
        );
        let mut window = Self { harness, events, commands };
        window.asked();
        window
    }

    /// Takes in an event. Spinners want to turn for ever, so a few steps are enough.
    pub(super) fn tell(&mut self, event: Event) {
        self.events.send(event).unwrap();
        self.harness.run_steps(3);
    }

    pub(super) fn step(&mut self, step: Step) {
        let key = self.key();
        self.tell(Event::Step(key, Box::new(step)));
    }

    pub(super) fn end(&mut self, ended: Result<Summary, Problem>) {
        let key = self.key();
        self.tell(Event::RenderEnded(key, ended.map(Box::new)));
    }

    /// Of the render that is looked at.
    pub(super) fn key(&self) -> u64 {
        self.harness.state().state.render().unwrap().key
    }

    pub(super) fn press(&mut self, key: egui::Key) {
        self.harness.key_press(key);
        self.harness.run_steps(2);
    }

    pub(super) fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(3);
    }

    pub(super) fn type_in(&mut self, field: &str, text: &str) {
        let field = |window: &Self, act: &dyn Fn(&egui_kittest::Node<'_>)| {
            act(&window.harness.get_by_role_and_label(egui::Role::TextInput, field));
        };
        field(self, &|node| node.focus());
        self.harness.run_steps(2);
        field(self, &|node| node.type_text(text));
        self.harness.run_steps(2);
    }

    pub(super) fn shows(&self, text: &str) -> bool {
        self.harness.query_all_by_label_contains(text).next().is_some()
    }

    pub(super) fn asked(&mut self) -> Vec<Command> {
        std::iter::from_fn(|| self.commands.try_recv().ok()).collect()
    }

    /// Opens the demo scene; its files are those on the disk.
    pub(super) fn with_demo(self) -> Self {
        self.with_traced_demo(|_| {})
    }

    /// Opens the demo scene, one of whose files is not there, and gives its path.
    pub(super) fn with_a_missing_file() -> (Self, PathBuf) {
        let mut missing = PathBuf::new();
        let window = Self::new().with_traced_demo(|traced| {
            traced.files[1].exists = false;
            missing.clone_from(&traced.files[1].path);
        });
        (window, missing)
    }

    pub(super) fn with_traced_demo(mut self, change: impl FnOnce(&mut Trace)) -> Self {
        let demo = demo();
        self.harness.state_mut().state.open_scene(demo.clone());
        self.tell(Event::SceneRead(demo.clone(), Ok(Arc::new(read(&demo)))));
        let mut traced = trace::trace(&demo, &TraceOptions::default()).unwrap();
        change(&mut traced);
        self.tell(Event::SceneTraced(demo, Ok(Arc::new(traced))));
        self.asked();
        self
    }

    pub(super) fn rendering(mut self) -> Self {
        let state = &mut self.harness.state_mut().state;
        state.renders.add(Running::new("shot.blend".into(), "/out".into()));
        state.screen = Screen::Render;
        let taken = JobTaken { job: job(), name: "shot.blend".into(), output: "/out".into() };
        self.step(Step::Job(taken));
        self
    }

    pub(super) fn place_of(&self, label: &str) -> egui::Rect {
        self.harness.get_by_label(label).rect()
    }
}

pub(super) fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/demo.blend").canonicalize().unwrap()
}

pub(super) fn read(path: &Path) -> SceneRead {
    SceneRead { inspection: inspect::inspect(path).unwrap(), thumbnail: None }
}

pub(super) fn job() -> JobId {
    "a1b2".parse().unwrap()
}

pub(super) fn agent(name: &str, state: AgentState, rendering: Option<Rendering>) -> AgentReport {
    let doing = "frame 1, samples 16..32".to_owned();
    AgentReport {
        id: name.to_owned(),
        state,
        doing,
        samples_per_sec: Some(1.5),
        memory_mb: Some(512.0),
        rendering,
        in_room: false,
        away: None,
    }
}

pub(super) fn progress(frames: i32, agents: Vec<AgentReport>) -> Step {
    let in_work = (1..=frames).map(|frame| FrameInWork {
        noise: None,
        frame,
        state: FrameState::Running,
        done: 0.25,
        samples_done: 16.0,
        covered: Vec::new(),
    });
    Step::Progress(Box::new(ProgressReport {
        limits: blendnet_protocol::JobLimits::default(),
        spent_usd_micros: 0,
        job: job(),
        state: JobState::Running,
        done: 0.25,
        frames_done: 0,
        frames_failed: 0,
        frames: usize::try_from(frames).unwrap(),
        in_work: in_work.collect(),
        total_samples: 64,
        elapsed_secs: 61.0,
        remaining_secs: Some(183.0),
        agents,
    }))
}

pub(super) fn summary(pictures: &[&str]) -> Summary {
    Summary {
        job: job(),
        output: "/out".into(),
        pictures: pictures.iter().map(PathBuf::from).collect(),
        frames_done: 1,
        frames_failed: 0,
        total_samples: 64,
        samples_rendered: None,
        spent_usd_micros: 0,
        wall_secs: 14.0,
        render_secs: 12.0,
        work_ratio: 1.0,
        split: Some(Split::Samples),
        estimated_secs: None,
        agents: vec![AgentShare { id: "agent-1".into(), share: 1.0 }],
    }
}

pub(super) fn picture() -> Arc<Picture> {
    let pixels = Arc::new(egui::ColorImage::filled([64, 36], egui::Color32::from_rgb(9, 8, 7)));
    Arc::new(Picture { pixels, pass: None })
}

/// What is rendered, with these frames.
pub(super) fn scene(frames: &str) -> Step {
    let info = crate::workflow::recorded::info(Vec::new());
    let mut view = crate::workflow::recorded::job(JobState::Running, 0.0, Vec::new());
    view.info = Some(info);
    let mut scene = crate::workflow::report::scene(&view).unwrap();
    scene.frames = frames.to_owned();
    Step::Scene(Box::new(scene))
}

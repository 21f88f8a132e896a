//! Every view in each of its states, as what a screen reader is told and where it is drawn: text
//! beside the tests. `BLENDNET_SNAPSHOTS=1 cargo test -p blendnet snapshot` writes it anew; what
//! changed is then seen by git. Letters are those that are built in, so it is the same everywhere.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blendnet_pack::trace::{self, Trace, TraceOptions};
use blendnet_protocol::{AgentState, FrameState, Region, Rendering};
use egui::accesskit::Role;
use egui_kittest::Node;
use egui_kittest::kittest::NodeT;

use super::farm;
use super::window::*;
use crate::gui::command::PlacesWish;
use crate::gui::event::{Event, Past};
use crate::gui::fetched::Fetched;
use crate::gui::state::Screen;
use crate::settings::{Settings, Theme};
use crate::workflow::event::{Event as Step, FrameEnded, PreviewSaved};
use crate::workflow::history::Entry;
use crate::workflow::problem::{Problem, ProblemKind};
use crate::workflow::records::Record;

type State = (&'static str, fn(Window<'static>) -> Window<'static>);

/// Drawn in the usual window.
const STATES: &[State] = &[
    ("scene empty", |window| window),
    ("scene loading", |mut window| {
        window.harness.state_mut().state.open_scene("/shots/demo.blend".into());
        window
    }),
    ("scene", |window| scene_of(window, "/shots/demo.blend", |_| {})),
    ("scene with a missing file", |window| {
        scene_of(window, "/shots/demo.blend", |traced| traced.files[1].exists = false)
    }),
    ("scene broken", |mut window| {
        window.harness.state_mut().state.open_scene("/shots/demo.blend".into());
        window.tell(Event::SceneRead("/shots/demo.blend".into(), Err(problem())));
        window
    }),
    ("scene with long names", |window| {
        scene_of(window, &format!("/{0}/{0}.blend", long()), |traced| {
            for file in &mut traced.files {
                file.path = format!("/{0}/{0}.png", long()).into();
                file.exists = false;
            }
        })
    }),
    ("scene of 10,000 frames and files", |window| {
        let mut window = scene_of(window, "/shots/demo.blend", |traced| {
            let file = traced.files[0].clone();
            traced.files = vec![file; 10_000];
        });
        let scene = window.harness.state_mut().state.scene.as_mut();
        scene.unwrap().choice.frames = "1-10000".into();
        window
    }),
    ("scene with limits", |window| {
        let mut window = scene_of(window, "/shots/demo.blend", |_| {});
        limit(&mut window, "0.02", "2.50");
        window.harness.state_mut().state.settings.usd_micros_per_hour = 120_000;
        window
    }),
    ("scene with wrong limits", |window| {
        let mut window = scene_of(window, "/shots/demo.blend", |_| {});
        limit(&mut window, "none", "2.50");
        window
    }),
    ("farm loading", |mut window| {
        let wish = PlacesWish::Look;
        window.harness.state_mut().state.places.ask(wish);
        window.harness.state_mut().state.screen = Screen::Farm;
        window
    }),
    ("farm", |window| farm::on_farm(window, "local", 0)),
    ("farm of a cluster", farm::checked_cluster),
    ("farm broken", |window| farm::looked(window, Err(problem()))),
    ("farm with long names", |window| farm::paired(window, &long()[..90], 2)),
    ("farm of 10,000 agents", |window| farm::paired(window, "workshop", 10_000)),
    ("render empty", |mut window| {
        window.harness.state_mut().state.screen = Screen::Render;
        window
    }),
    ("render starts", Window::rendering),
    ("render", |window| rendering(window, 4, "agent-a")),
    ("render with limits", |window| {
        let mut window = rendering(window, 1, "agent-a");
        let Step::Progress(mut report) = progress(1, Vec::new()) else { panic!("progress") };
        report.in_work[0].noise = Some(0.034);
        report.limits.noise = Some(0.02);
        report.limits.budget_usd_micros = Some(2_500_000);
        report.spent_usd_micros = 420_000;
        window.step(Step::Progress(report));
        window
    }),
    ("render with limits written anew", |window| {
        let mut window = rendering(window, 1, "agent-a");
        let Step::Progress(mut report) = progress(1, Vec::new()) else { panic!("progress") };
        report.limits.budget_usd_micros = Some(2_500_000);
        window.step(Step::Progress(report));
        window.click("Change limits");
        window.type_in("Noise", "9");
        window
    }),
    ("render failed", |window| {
        let mut window = rendering(window, 4, "agent-a");
        window.step(Step::Frame(FrameEnded {
            frame: 3,
            state: FrameState::Failed,
            files: Vec::new(),
            failure: Some("Blender crashed".into()),
            last_lines: vec!["Segmentation fault".into()],
        }));
        window.end(Err(problem()));
        window
    }),
    ("render done", |window| {
        let mut window = rendering(window, 4, "agent-a");
        window.end(Ok(summary(&["/out/shot_0001.png"])));
        window.tell(Event::Picture("/out/shot_0001.png".into(), Ok(picture())));
        window
    }),
    ("render with long names", |window| {
        let mut window = rendering(window, 4, &long());
        window.harness.state_mut().state.renders.shown_mut().unwrap().name = long();
        window
    }),
    ("render of 10,000 frames", |window| rendering(window, 10_000, "agent-a")),
    ("results empty", |window| results(window, 0, "shot.blend")),
    ("results loading", |mut window| {
        window.harness.state_mut().state.history = Fetched::Pending(None);
        window.harness.state_mut().state.screen = Screen::Results;
        window
    }),
    ("results", |window| results(window, 3, "shot.blend")),
    ("results without the picture", |window| {
        let mut window = results(window, 3, "shot.blend");
        window.harness.state_mut().state.show_picture("/out/shot_0001.png".into());
        window.tell(Event::Picture("/out/shot_0001.png".into(), Err(problem())));
        window
    }),
    ("results with long names", |window| results(window, 3, &long())),
    ("results of 10,000 renders", |window| results(window, 10_000, "shot.blend")),
    ("settings", settings),
    ("keys", |mut window| {
        window.harness.state_mut().state.help = true;
        window
    }),
    ("trouble", |mut window| {
        window.tell(Event::Trouble(problem()));
        window.tell(Event::Trouble(Problem::farm(long()).hint(long())));
        window.tell(Event::SavedAs("/out/saved.png".into()));
        window
    }),
];

/// Drawn small, light, and on a sharp display as well.
const EVERYWHERE: [&str; 6] =
    ["scene", "farm", "farm of a cluster", "render", "results", "settings"];

fn problem() -> Problem {
    let problem = Problem::new(ProblemKind::Render, "the picture can't be made");
    problem.hint("do it again").details(vec!["Segmentation fault".into(); 3])
}

fn long() -> String {
    "a-very-long-name-".repeat(12)
}

fn scene_of(
    mut window: Window<'static>,
    path: &str,
    change: impl FnOnce(&mut Trace),
) -> Window<'static> {
    let mut traced = trace::trace(&demo(), &TraceOptions::default()).unwrap();
    let folder = demo().parent().unwrap().to_owned();
    for file in &mut traced.files {
        file.path = Path::new("/shots").join(file.path.strip_prefix(&folder).unwrap());
    }
    change(&mut traced);
    window.harness.state_mut().state.open_scene(path.into());
    window.tell(Event::SceneRead(path.into(), Ok(Arc::new(read(&demo())))));
    window.tell(Event::SceneTraced(path.into(), Ok(Arc::new(traced))));
    window
}

fn limit(window: &mut Window<'_>, noise: &str, budget: &str) {
    let choice = &mut window.harness.state_mut().state.scene.as_mut().unwrap().choice;
    (choice.noise, choice.budget) = (noise.to_owned(), budget.to_owned());
}

/// One frame is done, the others are in work; one agent of two is lost.
fn rendering(window: Window<'static>, frames: i32, name: &str) -> Window<'static> {
    let mut window = window.rendering();
    window.step(scene(&format!("1-{frames}")));
    let region: Region = serde_json::from_str(r#"{"tile":[0,0,64,36],"samples":[16,32]}"#).unwrap();
    let at_work = agent(name, AgentState::Online, Some(Rendering { job: job(), frame: 2, region }));
    window.step(progress(frames, vec![at_work, agent("agent-b", AgentState::Lost, None)]));
    let files = ["/out/1.exr", "/out/1.png"].map(PathBuf::from).to_vec();
    let state = FrameState::Completed;
    let (failure, last_lines) = (None, Vec::new());
    window.step(Step::Frame(FrameEnded { frame: 1, state, files, failure, last_lines }));
    let path = PathBuf::from("/out/shot_preview.png");
    window.step(Step::Preview(PreviewSaved { frame: 2, number: 1, path: path.clone() }));
    window.tell(Event::Picture(path, Ok(picture())));
    window
}

fn results(mut window: Window<'static>, number: usize, name: &str) -> Window<'static> {
    window.harness.state_mut().state.screen = Screen::Results;
    let entry = Entry::new(name, &summary(&["/out/shot_0001.png"]));
    let record = Record {
        job: job(),
        blend: format!("/shots/{name}").into(),
        output: "/out".into(),
        stem: "shot".into(),
        saved: false,
    };
    let unfinished = if number > 0 { vec![record] } else { Vec::new() };
    window.tell(Event::History(Box::new(Past { ended: vec![entry; number], unfinished })));
    window
}

fn settings(mut window: Window<'static>) -> Window<'static> {
    window.harness.state_mut().state.screen = Screen::Settings;
    window
}

fn told(node: &Node<'_>, width: f32, depth: usize, text: &mut String) {
    let seen = node.accesskit_node();
    let mut line = String::new();
    for part in [seen.label(), seen.value(), seen.placeholder().map(str::to_owned)] {
        write!(line, "{}", part.map(|part| format!(" {part:?}")).unwrap_or_default()).unwrap();
    }
    if let Some(value) = seen.numeric_value() {
        write!(line, " {value}").unwrap();
    }
    if let Some(toggled) = seen.toggled() {
        write!(line, " {toggled:?}").unwrap();
    }
    if seen.is_disabled() {
        line.push_str(" disabled");
    }
    let is_named = !line.is_empty() && seen.role() != Role::TextRun;
    if is_named {
        let (place, role) = (node.rect(), seen.role());
        let [x, y, right, bottom] =
            [place.left(), place.top(), place.right(), place.bottom()].map(f32::round);
        assert!(right <= width, "{line} is not all in the window");
        let indent = "  ".repeat(depth);
        writeln!(text, "{indent}{role:?}{line} at {x},{y} to {right},{bottom}").unwrap();
    }
    for child in node.children() {
        told(&child, width, depth + usize::from(is_named), text);
    }
}

/// Colours that letters have, with that of the panels in front.
fn colors(window: &Window<'_>) -> String {
    let mut colors = BTreeSet::new();
    for clipped in &window.harness.output().shapes {
        if let egui::Shape::Text(text) = &clipped.shape {
            let sections = text.galley.job.sections.iter().map(|section| section.format.color);
            colors.extend(sections.chain(text.override_text_color).map(|color| color.to_array()));
        }
    }
    let panel = window.harness.ctx.global_style().visuals.panel_fill;
    let hex = |color: [u8; 4]| color.map(|part| format!("{part:02x}")).concat();
    let letters: Vec<String> = colors.into_iter().map(hex).collect();
    format!("panels {}, letters {}\n", hex(panel.to_array()), letters.join(" "))
}

#[test]
fn every_view_in_each_of_its_states_is_as_its_snapshot() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gui/tests/snapshots");
    let mut stored: BTreeSet<PathBuf> = std::fs::read_dir(&folder)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    let mut looks = Vec::new();
    for (name, make) in STATES {
        let sharp = [1180.0, 760.0, 1.0];
        looks.push((name.to_string(), *make, sharp, Theme::Dark));
        if EVERYWHERE.contains(name) {
            looks.push((format!("{name} small"), *make, [640.0, 420.0, 1.0], Theme::Dark));
            looks.push((format!("{name} light"), *make, sharp, Theme::Light));
            looks.push((format!("{name} sharp"), *make, [1180.0, 760.0, 2.0], Theme::Dark));
        }
    }
    let mut wrong = Vec::new();
    for (name, make, [width, height, scale], theme) in looks {
        let settings = Settings { agents: 2, threads_per_agent: 1, theme, ..Settings::default() };
        let mut window = make(Window::of_size(width, height, scale, settings));
        window.harness.run_steps(3);
        let mut text = colors(&window);
        told(&window.harness.root(), width, 0, &mut text);
        let path = folder.join(format!("{}.txt", name.replace([' ', ','], "-")));
        stored.remove(&path);
        if std::env::var_os("BLENDNET_SNAPSHOTS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        if before != text {
            let mut lines = before.lines().zip(text.lines());
            let first = lines.find(|(before, now)| before != now);
            wrong.push(format!("{name}: {first:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(stored.is_empty(), "of no state any more: {stored:?}");
}

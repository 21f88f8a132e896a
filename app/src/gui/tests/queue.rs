//! Several renders: they run or wait side by side, and each is stopped, looked at, or deleted alone.

use blendnet_protocol::AgentState;
use egui_kittest::kittest::Queryable;

use super::window::*;
use crate::gui::command::{Command, FarmWish};
use crate::gui::event::Event;
use crate::settings::Settings;
use crate::workflow::event::{Event as Step, PreviewSaved};
use crate::workflow::problem::{Problem, ProblemKind};

fn preview(path: &str) -> Step {
    Step::Preview(PreviewSaved { frame: 1, number: 1, path: path.into() })
}

#[test]
fn a_second_render_waits_beside_the_first_and_both_are_listed() {
    let mut window = Window::new().rendering();
    window.step(progress(1, vec![agent("agent-a", AgentState::Online, None)]));
    let first = window.key();
    let mut window = window.with_demo();
    window.press(egui::Key::F12);
    let asked = window.asked();
    assert!(matches!(&asked[..], [Command::Render(2, _)]), "{asked:?}");
    assert!(window.shows("2 renders") && window.shows("shot.blend") && window.shows("25 %"));
    window.asked();
    window.tell(Event::Step(first, Box::new(preview("/out/shot_preview.png"))));
    assert!(window.asked().is_empty(), "only the picture of the one that is looked at is loaded");
    window.click("shot.blend");
    assert_eq!(window.asked(), [Command::LoadPicture("/out/shot_preview.png".into())]);
    window.click("Stop all");
    assert_eq!(window.asked(), [Command::Stop(1), Command::Stop(2)]);
}

#[test]
fn the_same_scene_is_not_rendered_twice_into_one_folder_at_once() {
    let mut window = Window::new().with_demo();
    window.press(egui::Key::F12);
    window.asked();
    window.click("Scene");
    assert!(window.shows("it is rendered to this folder already"));
    window.press(egui::Key::F12);
    assert!(window.asked().is_empty());
    window.type_in("Pictures to", "-2");
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Enter);
    window.harness.run_steps(2);
    assert!(matches!(&window.asked()[..], [Command::Render(2, _)]));
}

#[test]
fn a_render_is_deleted_only_by_a_second_click_and_after_it_stopped() {
    let mut window = Window::new().rendering();
    window.click("Cancel");
    assert!(window.asked().is_empty());
    window.click("Delete what is not finished");
    assert_eq!(window.asked(), [Command::Stop(1)]);
    window.end(Err(Problem::new(ProblemKind::Interrupted, "shot.blend is paused at 3 %")));
    assert_eq!(window.asked(), [Command::Delete(job())]);
    assert!(window.shows("Nothing is rendered"));
}

#[test]
fn a_render_that_was_taken_back_before_it_began_leads_to_the_scene() {
    let mut window = Window::new().with_demo().rendering();
    window.end(Err(Problem::farm("no agent has a Blender")));
    assert!(window.shows("no agent has a Blender") && !window.shows("Go on"));
    window.click("To the scene");
    assert_eq!(window.harness.state().state.screen, crate::gui::state::Screen::Scene);
}

#[test]
fn agents_are_added_and_dropped_and_their_logs_are_read_when_asked_for() {
    let mut window = Window::new().rendering();
    let agents = ["agent-a", "agent-b"].map(|name| agent(name, AgentState::Online, None));
    window.step(progress(1, agents.into()));
    assert!(window.shows("samples 16..32; 512.0 MB"));
    window.click("One agent more");
    window.click("One agent less");
    window.click("agent-b");
    let farm = |wish| Command::Farm(wish);
    let log = FarmWish::Log("agent-b".into());
    let wanted = [farm(FarmWish::Agents(3)), farm(FarmWish::Agents(1)), farm(log)];
    assert_eq!(window.asked(), wanted);
    let lines = vec!["Blender 3.4.1 started".to_owned(), "CUDA is not there".to_owned()];
    window.tell(Event::Log("agent-b".into(), Ok(lines)));
    assert!(window.shows("Log of agent-b") && window.shows("CUDA is not there"));
    window.tell(Event::Log("agent-b".into(), Err(Problem::farm("agent-b does not answer"))));
    assert!(window.shows("agent-b does not answer"));
    window.click("Close the log");
    assert!(!window.shows("Log of agent-b"));
}

#[test]
fn a_machine_of_the_room_says_why_it_renders_later_and_is_none_of_the_agents_to_have_more_of() {
    let mut window = Window::new().rendering();
    let mut workshop = agent("workshop", AgentState::Lost, None);
    workshop.in_room = true;
    workshop.away = Some("renders from 19:00 to 08:00".to_owned());
    window.step(progress(1, vec![agent("agent-a", AgentState::Online, None), workshop]));
    assert!(window.shows("workshop") && window.shows("renders later"));
    assert!(window.shows("renders from 19:00 to 08:00; 512.0 MB"));
    window.click("One agent more");
    assert_eq!(window.asked(), [Command::Farm(FarmWish::Agents(2))]);
}

#[test]
fn how_it_went_is_drawn_over_time() {
    let mut window = Window::new().rendering();
    for second in 0..5 {
        let Step::Progress(mut report) = progress(1, Vec::new()) else { panic!("progress") };
        report.elapsed_secs = f64::from(second);
        window.step(Step::Progress(report));
    }
    assert!(window.shows("Rendered") && window.shows("Speed, samples/s") && !window.shows("Cost"));
}

#[test]
fn who_looks_elsewhere_is_told_by_the_desktop_and_who_looks_at_another_screen_by_the_window() {
    let mut window = Window::new().rendering();
    window.harness.state_mut().state.screen = crate::gui::state::Screen::Scene;
    window.end(Ok(summary(&["/out/a.png"])));
    assert!(window.shows("shot.blend is rendered: 1 frame in 12 s"));
    let notified = |asked: &[Command]| asked.iter().any(|c| matches!(c, Command::Notify { .. }));
    assert!(!notified(&window.asked()));
    for quiet in [false, true] {
        let settings = Settings { quiet, ..Settings::default() };
        let mut window = Window::of_size(800.0, 600.0, 1.0, settings).rendering();
        window.harness.input_mut().focused = false;
        window.harness.run_steps(2);
        window.end(Err(Problem::farm("the farm's manager ended")));
        assert_eq!(notified(&window.asked()), !quiet);
    }
}

#[test]
fn a_changed_setting_is_taken_back_and_changed_again() {
    let mut window = Window::new();
    window.click("Settings");
    window.harness.run_steps(80);
    window.click("For bright rooms");
    window.harness.run_steps(80);
    let shown = |window: &Window<'_>| window.harness.state().state.settings.theme;
    assert_eq!(shown(&window), crate::settings::Theme::Light);
    window.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
    window.harness.run_steps(2);
    assert_eq!(shown(&window), crate::settings::Theme::Dark);
    let again = egui::Modifiers::COMMAND | egui::Modifiers::SHIFT;
    window.harness.key_press_modifiers(again, egui::Key::Z);
    window.harness.run_steps(2);
    assert_eq!(shown(&window), crate::settings::Theme::Light);
}

#[test]
fn all_keys_are_shown_in_one_place_and_escape_puts_them_away() {
    let mut window = Window::new();
    window.press(egui::Key::F1);
    window.harness.run_steps(3);
    for text in ["Takes back a changed setting", "Finished frame before", "Pixel for pixel"] {
        assert!(window.shows(text), "{text}");
    }
    window.press(egui::Key::Escape);
    window.harness.run_steps(3);
    assert!(!window.shows("Pixel for pixel"));
    assert!(window.harness.query_by_label("Keys").is_some(), "the button stays");
}

pub(super) fn estimate() -> std::sync::Arc<crate::workflow::estimate::Estimate> {
    std::sync::Arc::new(crate::workflow::estimate::Estimate {
        name: "demo.blend".into(),
        frames: 1,
        samples: 72,
        probed_samples: 6,
        probed_secs: 5.0,
        agents: 2,
        likely_secs: 125.0,
        least_secs: 106.0,
        most_secs: 143.0,
        because: "every sample costs the same".into(),
        by_agents: vec![(1, 126.0), (2, 125.0), (4, 127.0)],
    })
}

#[test]
fn an_estimate_is_told_until_something_is_changed_and_stands_beside_what_it_took() {
    let mut window = Window::new().with_demo();
    window.click("Estimate");
    let asked = window.asked();
    let [Command::Estimate(order)] = &asked[..] else { panic!("{asked:?}") };
    assert!(window.shows("Renders a few samples"));
    window.tell(Event::Estimated(order.clone(), Ok(estimate())));
    for text in ["about 2 min 05 s", "1 min 46 s to 2 min 23 s", "every sample costs the same"] {
        assert!(window.shows(text), "{text}");
    }
    window.type_in("Camera", "Other");
    assert!(window.shows("Something was changed since the estimate"));
    assert!(!window.shows("about 2 min 05 s"));
    window.harness.state_mut().state.scene.as_mut().unwrap().choice.camera.clear();
    window.press(egui::Key::F12);
    let asked = window.asked();
    let rendered = asked.iter().find_map(|command| match command {
        Command::Render(_, order) => Some(order.request.estimated_secs),
        _ => None,
    });
    assert_eq!(rendered, Some(Some(125.0)), "{asked:?}");
    let mut done = summary(&["/out/a.png"]);
    done.estimated_secs = Some(125.0);
    window.end(Ok(done));
    assert!(window.shows("Estimated") && window.shows("2 min 05 s"));
}

#[test]
fn an_estimate_that_fails_says_why_and_can_be_asked_for_again() {
    let mut window = Window::new().with_demo();
    window.click("Estimate");
    let asked = window.asked();
    let [Command::Estimate(order)] = &asked[..] else { panic!("{asked:?}") };
    let problem = Problem::farm("no agent has a Blender").hint("install one");
    window.tell(Event::Estimated(order.clone(), Err(problem)));
    assert!(window.shows("no agent has a Blender") && window.shows("install one"));
    window.click("Estimate");
    assert!(matches!(&window.asked()[..], [Command::Estimate(_)]));
}

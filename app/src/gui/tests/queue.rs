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
    window.tell(Event::Step(first, Box::new(preview("/out/preview.png"))));
    assert!(window.asked().is_empty(), "only the picture of the one that is looked at is loaded");
    window.click("shot.blend");
    assert_eq!(window.asked(), [Command::LoadPicture("/out/preview.png".into())]);
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
fn how_it_went_is_drawn_over_time() {
    let mut window = Window::new().rendering();
    for second in 0..5 {
        let Step::Progress(mut report) = progress(1, Vec::new()) else { panic!("progress") };
        report.elapsed_secs = f64::from(second);
        window.step(Step::Progress(report));
    }
    assert!(window.shows("Rendered, %") && window.shows("Speed, samples/s"));
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

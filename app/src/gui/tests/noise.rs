//! The noise map beside the picture that it is of.

use std::sync::Arc;

use blendnet_protocol::{AgentState, Split};
use egui_kittest::kittest::{NodeT, Queryable};

use super::window::*;
use crate::gui::command::Command;
use crate::gui::event::{Event, Picture};
use crate::gui::noise::noise_picture;
use crate::workflow::event::{Event as Step, PreviewSaved};
use crate::workflow::problem::Problem;

const PREVIEW: &str = "/out/shot_preview.png";

fn preview(number: u64) -> Step {
    Step::Preview(PreviewSaved { frame: 1, number, path: PREVIEW.into() })
}

fn noisy(noise: Option<f64>) -> Step {
    let agents = vec![agent("agent-a", AgentState::Online, None)];
    let Step::Progress(mut report) = progress(1, agents) else { panic!("progress") };
    report.in_work[0].noise = noise;
    Step::Progress(report)
}

/// Frame 1 is in work, and its picture is seen.
fn at_work(noise: Option<f64>) -> Window<'static> {
    let mut window = Window::new().rendering();
    window.step(scene("1"));
    window.step(noisy(noise));
    window.step(preview(1));
    window.tell(Event::Picture(PREVIEW.into(), Ok(picture())));
    window.asked();
    window
}

fn map(color: egui::Color32) -> Event {
    let pixels = Arc::new(egui::ColorImage::filled([16, 9], color));
    Event::Picture(noise_picture(&job(), 1), Ok(Arc::new(Picture { pixels, pass: None })))
}

fn is_beside(window: &Window<'_>) -> bool {
    window.harness.query_by_role_and_label(egui::Role::Slider, "Compare").is_some()
}

/// The button; a fact beside the picture has the same name.
fn is_enabled(window: &Window<'_>) -> bool {
    let button = window.harness.get_by_role_and_label(egui::Role::Button, "Noise");
    !button.accesskit_node().is_disabled()
}

fn switch(window: &mut Window<'_>) {
    window.harness.get_by_role_and_label(egui::Role::Button, "Noise").click();
    window.harness.run_steps(3);
}

#[test]
fn the_map_is_fetched_when_it_is_switched_on_and_with_each_preview_until_it_is_off() {
    let mut window = at_work(Some(0.05));
    switch(&mut window);
    assert_eq!(window.asked(), [Command::LoadNoise(job(), 1)]);
    assert!(!is_beside(&window), "nothing stands there before it came");
    window.tell(map(egui::Color32::from_rgb(255, 0, 0)));
    assert!(is_beside(&window));
    let place = window.harness.get_by_role_and_label(egui::Role::Image, "Picture").rect();
    window.harness.hover_at(place.center() + egui::vec2(30.0, 0.0));
    window.harness.run_steps(4);
    assert!(window.shows("noise 0.033"));
    window.step(preview(2));
    let wanted = [Command::LoadPicture(PREVIEW.into()), Command::LoadNoise(job(), 1)];
    assert_eq!(window.asked(), wanted);
    assert!(is_beside(&window), "the one before stays meanwhile");
    window.press(egui::Key::N);
    assert!(!is_beside(&window));
    window.step(preview(3));
    assert_eq!(window.asked(), [Command::LoadPicture(PREVIEW.into())]);
}

#[test]
fn without_a_map_the_switch_says_why() {
    let mut window = at_work(None);
    assert!(!is_enabled(&window), "one part tells nothing");
    window.press(egui::Key::N);
    assert!(window.asked().is_empty(), "keys do no more than the button");
    window.step(noisy(Some(0.05)));
    assert!(is_enabled(&window));
    let Step::Scene(mut tiles) = scene("1") else { panic!("a scene") };
    tiles.split.as_mut().unwrap().split = Split::Frames;
    window.step(Step::Scene(tiles));
    let place = window.harness.get_by_role_and_label(egui::Role::Button, "Noise").rect();
    window.harness.hover_at(place.center());
    window.harness.run_steps(60);
    assert!(!is_enabled(&window) && window.shows("split by samples"));
}

#[test]
fn a_map_that_does_not_come_is_told_and_one_that_came_before_stays() {
    let lost = || Event::Picture(noise_picture(&job(), 1), Err(Problem::farm("no noise map")));
    let mut window = at_work(Some(0.05));
    switch(&mut window);
    window.tell(lost());
    assert!(window.shows("no noise map") && !is_beside(&window));
    switch(&mut window);
    window.tell(map(egui::Color32::BLACK));
    window.step(preview(2));
    window.tell(lost());
    assert!(is_beside(&window));
}

#[test]
fn the_map_goes_when_something_else_is_looked_at_and_stays_beside_the_finished_picture() {
    let mut window = at_work(Some(0.05));
    switch(&mut window);
    window.tell(map(egui::Color32::BLACK));
    window.end(Ok(summary(&["/out/shot_0001.png"])));
    window.tell(Event::Picture("/out/shot_0001.png".into(), Ok(picture())));
    assert!(is_beside(&window) && is_enabled(&window), "it can be put away");
    window.click("Passes");
    assert!(!is_beside(&window) && !is_enabled(&window));
}

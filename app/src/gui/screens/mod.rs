//! What is drawn: the bar on top, one screen below it, what went wrong at the bottom.

mod agents;
pub mod cost;
mod farm;
mod frames;
mod help;
mod job;
mod limits;
mod picture;
mod places;
mod plots;
pub mod render;
pub mod results;
pub mod scene;
pub mod settings;
mod timeline;

use super::app::App;
use super::icons::{self, named, sign_button_ui};
use super::state::{Screen, State};
use super::theme;
use super::widgets::problem::problem_ui;
use super::wish::Wish;
use crate::settings::Theme;

/// Draws all of the window.
pub fn window_ui(ui: &mut egui::Ui, app: &mut App, wishes: &mut Vec<Wish>) {
    egui::Panel::top("bar").show(ui, |ui| bar_ui(ui, &app.state, wishes));
    if !app.state.troubles.is_empty() || app.state.note.is_some() {
        egui::Panel::bottom("troubles").show(ui, |ui| troubles_ui(ui, &mut app.state, wishes));
    }
    egui::CentralPanel::default().show(ui, |ui| match app.state.screen {
        Screen::Scene => scene::scene_ui(ui, &mut app.state, &mut app.thumbnail, wishes),
        Screen::Farm => farm::farm_ui(ui, &mut app.state, wishes),
        Screen::Render => {
            render::render_ui(ui, &app.state, (&mut app.viewer, &app.thumbs), wishes);
        }
        Screen::Results => results::results_ui(ui, &app.state, &mut app.viewer, wishes),
        Screen::Settings => settings::settings_ui(ui, &mut app.state, wishes),
    });
    if app.state.help {
        help::help_ui(ui.ctx(), wishes);
    }
}

fn bar_ui(ui: &mut egui::Ui, state: &State, wishes: &mut Vec<Wish>) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.label(egui::RichText::new("BlendNet").heading().color(theme::ACCENT));
        ui.add_space(theme::GAP);
        let screens = [
            (Screen::Scene, "Scene", "Ctrl+1"),
            (Screen::Farm, "Farm", "Ctrl+2"),
            (Screen::Render, "Render", "Ctrl+3"),
            (Screen::Results, "Results", "Ctrl+4"),
        ];
        for (screen, name, key) in screens {
            let button = egui::Button::selectable(state.screen == screen, name);
            if ui.add(button).on_hover_text(key).clicked() {
                wishes.push(Wish::Go(screen));
            }
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            tools_ui(ui, state, wishes);
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                going_ui(ui, state, wishes);
            });
        });
    });
    ui.add_space(4.0);
}

fn tools_ui(ui: &mut egui::Ui, state: &State, wishes: &mut Vec<Wish>) {
    if sign_button_ui(ui, icons::HELP, "Keys").clicked() {
        wishes.push(Wish::Help);
    }
    let settings = state.screen == Screen::Settings;
    let button = egui::Button::selectable(settings, icons::SETTINGS);
    if named(ui.add(button), "Settings").on_hover_text("Settings (Ctrl+,)").clicked() {
        wishes.push(Wish::Go(Screen::Settings));
    }
    let (sign, name) = match state.settings.theme {
        Theme::Dark => (icons::LIGHT, "Light"),
        Theme::Light => (icons::DARK, "Dark"),
    };
    if sign_button_ui(ui, sign, name).clicked() {
        wishes.push(Wish::OtherTheme);
    }
}

/// What runs, wherever the artist looks; a click goes there.
fn going_ui(ui: &mut egui::Ui, state: &State, wishes: &mut Vec<Wish>) {
    let mut going = state.renders.going();
    let Some(render) = going.next() else { return };
    ui.add_space(theme::GAP);
    ui.add(bar_of(render.done()).desired_width(120.0));
    let more = going.count();
    let name =
        if more == 0 { render.name.clone() } else { format!("{} and {more} more", render.name) };
    if ui.add(egui::Label::new(name).truncate().sense(egui::Sense::click())).clicked() {
        wishes.push(Wish::LookAt(render.key));
        wishes.push(Wish::Go(Screen::Render));
    }
}

fn troubles_ui(ui: &mut egui::Ui, state: &mut State, wishes: &mut Vec<Wish>) {
    ui.add_space(4.0);
    for (at, problem) in state.troubles.iter().enumerate() {
        problem_ui(ui, problem);
        if ui.button("Put away").clicked() {
            wishes.push(Wish::PutAway(at));
        }
    }
    let mut put_away = false;
    if let Some(note) = &state.note {
        ui.horizontal(|ui| {
            put_away = ui.small_button("×").on_hover_text("Put away").clicked();
            ui.add(egui::Label::new(note).truncate());
        });
    }
    if put_away {
        state.note = None;
    }
    ui.add_space(4.0);
}

/// A bar that is filled so far.
#[expect(clippy::cast_possible_truncation, reason = "a share for a bar")]
pub(super) fn bar_of(done: f64) -> egui::ProgressBar {
    egui::ProgressBar::new(done as f32)
        .corner_radius(4)
        .text(format!("{} %", (done * 100.0).floor()))
}

//! What is drawn: the bar on top, one screen below it, what went wrong at the bottom.

pub mod render;
pub mod results;
pub mod scene;

use super::app::App;
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
        Screen::Render => render::render_ui(ui, &app.state, &mut app.viewer, wishes),
        Screen::Results => results::results_ui(ui, &app.state, &mut app.viewer, wishes),
    });
}

fn bar_ui(ui: &mut egui::Ui, state: &State, wishes: &mut Vec<Wish>) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.label(egui::RichText::new("BlendNet").heading().color(theme::ACCENT));
        ui.add_space(theme::GAP);
        let screens = [
            (Screen::Scene, "Scene", "Ctrl+1"),
            (Screen::Render, "Render", "Ctrl+2"),
            (Screen::Results, "Results", "Ctrl+3"),
        ];
        for (screen, name, key) in screens {
            let button = egui::Button::selectable(state.screen == screen, name);
            if ui.add(button).on_hover_text(key).clicked() {
                wishes.push(Wish::Go(screen));
            }
        }
        if let Some(render) = state.render.as_ref().filter(|render| render.is_going()) {
            ui.add_space(theme::GAP);
            ui.add(bar_of(render.done()).desired_width(160.0));
            ui.label(&render.name);
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let (name, hint) = match state.settings.theme {
                Theme::Dark => ("Light", "Light colours"),
                Theme::Light => ("Dark", "Dark colours, as Blender"),
            };
            if ui.button(name).on_hover_text(hint).clicked() {
                wishes.push(Wish::OtherTheme);
            }
        });
    });
    ui.add_space(4.0);
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
    egui::ProgressBar::new(done as f32).text(format!("{} %", (done * 100.0).floor()))
}

//! The render: the picture while it grows, how far it is, who renders what.

use super::picture::{NoiseSwitch, picture_ui};
use super::{agents, frames, job, plots, timeline};
use crate::gui::running::Running;
use crate::gui::state::State;
use crate::gui::theme;
use crate::gui::thumbs::Thumbs;
use crate::gui::widgets::coverage;
use crate::gui::widgets::sign::warning_ui;
use crate::gui::widgets::viewer::Viewer;
use crate::gui::wish::Wish;

/// Draws the screen.
pub fn render_ui(
    ui: &mut egui::Ui,
    state: &State,
    (viewer, thumbs): (&mut Viewer, &Thumbs),
    wishes: &mut Vec<Wish>,
) {
    let Some(render) = state.render() else {
        ui.vertical_centered(|ui| {
            ui.add_space(60.0);
            ui.heading("Nothing is rendered");
            ui.label("Open a scene and render it; here the picture grows.");
        });
        return;
    };
    let side = egui::Panel::right("side").default_size(theme::COLUMN).size_range(220.0..=520.0);
    side.show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            job::queue_ui(ui, &state.renders, wishes);
            job::head_ui(ui, render, state.closing, wishes);
            agents::agents_ui(ui, state, render, wishes);
            warnings_ui(ui, render);
            frames::frames_ui(ui, render, wishes);
            plots::plots_ui(ui, render);
        });
    });
    let looks_at_work = render.is_going() && render.looked_at.is_none();
    let progress = render.progress.as_ref().filter(|_| looks_at_work);
    let coverage = progress.and_then(coverage::of);
    let film = render.scene.as_ref().map(|scene| &scene.film);
    egui::CentralPanel::default().show(ui, |ui| {
        if let Some(coverage) = &coverage {
            egui::Panel::bottom("coverage").show(ui, |ui| coverage::strip_ui(ui, coverage, film));
        }
        if render.numbers().len() > 1 {
            egui::Panel::bottom("timeline").show(ui, |ui| {
                timeline::timeline_ui(ui, state, render, thumbs, wishes);
            });
        }
        let over = |painter: &egui::Painter, place| {
            if let (Some(coverage), Some(film)) = (&coverage, film) {
                coverage::tiles_ui(painter, place, coverage, film);
            }
        };
        let nothing = if render.is_going() { "The first picture comes soon" } else { "No picture" };
        let on = state.shows_noise();
        let beside = state.beside.as_ref().filter(|_| on);
        let map = beside.and_then(|beside| Some(beside.picture.value()?.as_ref()));
        let noise = NoiseSwitch { on, none: render.noise().err(), map };
        picture_ui(ui, (state.shown.as_ref(), nothing), (viewer, Some(noise)), wishes, over);
    });
}

fn warnings_ui(ui: &mut egui::Ui, render: &Running) {
    for warning in &render.warnings {
        ui.horizontal_wrapped(|ui| {
            warning_ui(ui, theme::signals(ui.visuals()).warning);
            ui.label(warning);
        });
    }
}

//! What the artist sets once for all scenes. Every change is kept at once, and Ctrl+Z takes it back.

use crate::gui::state::State;
use crate::gui::theme;
use crate::gui::widgets::form::{help, row, text_row, usd_row};
use crate::gui::wish::Wish;
use crate::settings::{Settings, Theme};

/// Draws the screen.
pub fn settings_ui(ui: &mut egui::Ui, state: &mut State, wishes: &mut Vec<Wish>) {
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.set_max_width(ui.available_width().min(2.0 * theme::COLUMN));
        let before = state.settings.clone();
        let settings = &mut state.settings;
        looks_ui(ui, settings);
        ui.add_space(theme::GAP);
        pictures_ui(ui, settings);
        ui.add_space(theme::GAP);
        money_ui(ui, settings);
        ui.add_space(theme::GAP);
        let defaults = Settings {
            recent: settings.recent.clone(),
            theme: settings.theme,
            ..Settings::default()
        };
        ui.horizontal(|ui| {
            let reset = ui.add_enabled(*settings != defaults, egui::Button::new("Set all back"));
            if reset.on_hover_text("All but the colours").clicked() {
                *settings = defaults;
            }
            ui.label(egui::RichText::new("Ctrl+Z takes back a change").weak());
        });
        if state.settings != before {
            wishes.push(Wish::Settings);
        }
    });
}

fn looks_ui(ui: &mut egui::Ui, settings: &mut Settings) {
    ui.heading("Looks");
    row(ui, "Colours", |ui| {
        ui.selectable_value(&mut settings.theme, Theme::Dark, "As Blender");
        ui.selectable_value(&mut settings.theme, Theme::Light, "For bright rooms");
    });
    row(ui, "Size", |ui| {
        let mut chosen = if settings.scale_percent == 0 { 100 } else { settings.scale_percent };
        for percent in [75, 100, 125, 150, 200] {
            ui.selectable_value(&mut chosen, percent, format!("{percent} %"));
        }
        settings.scale_percent = if chosen == 100 { 0 } else { chosen };
    });
}

fn money_ui(ui: &mut egui::Ui, settings: &mut Settings) {
    ui.heading("Money");
    usd_row(ui, "An agent, hourly", &mut settings.usd_micros_per_hour);
    let text = "Cost of an agent in US dollars an hour: electricity, or what a cluster bills. Renders can \
                have a budget then. A farm that runs keeps the one that it was started with.";
    row(ui, "", |ui| help(ui, text));
}

fn pictures_ui(ui: &mut egui::Ui, settings: &mut Settings) {
    ui.heading("Pictures");
    text_row(ui, "Folder", &mut settings.output, "render, beside the .blend");
    let help = "A folder of your own gets one for each scene. It is where scenes that are opened from \
                now on put their pictures.";
    row(ui, "", |ui| ui.add(egui::Label::new(egui::RichText::new(help).weak()).wrap()));
    row(ui, "When done", |ui| {
        let mut tells = !settings.quiet;
        ui.checkbox(&mut tells, "Tell it while I look elsewhere");
        settings.quiet = !tells;
    });
}

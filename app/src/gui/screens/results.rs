//! The renders that were made: what, when, how long, and their pictures.

use super::picture::picture_ui;
use crate::gui::command::Command;
use crate::gui::icons::{self, button_ui, named};
use crate::gui::running::can_be_shown;
use crate::gui::state::State;
use crate::gui::theme;
use crate::gui::widgets::viewer::Viewer;
use crate::gui::wish::Wish;
use crate::text::{count, duration, way};
use crate::workflow::history::Entry;
use crate::workflow::records::Record;

/// Draws the screen.
pub fn results_ui(ui: &mut egui::Ui, state: &State, viewer: &mut Viewer, wishes: &mut Vec<Wish>) {
    let past = state.history.value().map(Box::as_ref);
    let entries = past.map(|past| past.ended.as_slice()).unwrap_or_default();
    let unfinished = past.map(|past| past.unfinished.as_slice()).unwrap_or_default();
    if entries.is_empty() && unfinished.is_empty() {
        ui.vertical_centered(|ui| {
            ui.add_space(60.0);
            if past.is_none() {
                ui.label(egui::RichText::new("The renders of earlier are read").weak());
                return;
            }
            ui.heading("No renders yet");
            ui.label("Finished renders are listed here, with their pictures.");
        });
        return;
    }
    let panel = egui::Panel::left("history").default_size(theme::COLUMN).size_range(240.0..=520.0);
    panel.show(ui, |ui| {
        unfinished_ui(ui, unfinished, state, wishes);
        let height = row_height(ui);
        let area = egui::ScrollArea::vertical().auto_shrink(false);
        area.show_rows(ui, height, entries.len(), |ui, range| {
            for entry in entries.get(range).unwrap_or_default() {
                entry_ui(ui, entry, height, wishes);
            }
        });
    });
    egui::CentralPanel::default().show(ui, |ui| {
        let shown = (state.shown.as_ref(), "Choose a render to look at");
        picture_ui(ui, shown, (viewer, None), wishes, |_, _| {});
    });
}

/// Renders that were stopped; the one that runs is among them.
fn unfinished_ui(ui: &mut egui::Ui, records: &[Record], state: &State, wishes: &mut Vec<Wish>) {
    let goes = |record: &Record| state.renders.going().any(|r| r.job.as_ref() == Some(&record.job));
    let records: Vec<&Record> = records.iter().filter(|record| !goes(record)).collect();
    if records.is_empty() {
        return;
    }
    ui.strong(count(records.len(), "render is not finished", "renders are not finished"));
    let area = egui::ScrollArea::vertical().id_salt("unfinished").max_height(160.0);
    area.auto_shrink([false, true]).show(ui, |ui| {
        for record in records {
            ui.horizontal(|ui| {
                let hint = "Goes on with what is rendered; nothing is rendered twice";
                if button_ui(ui, icons::PLAY, "Go on").on_hover_text(hint).clicked() {
                    wishes.push(Wish::GoOn(Box::new(record.clone())));
                }
                let menu = ui.menu_button(icons::DELETE, |ui| {
                    if button_ui(ui, icons::DELETE, "Delete what is not finished").clicked() {
                        wishes.push(Wish::Delete(record.job.clone()));
                    }
                    ui.label("Finished pictures stay in their folder");
                });
                named(menu.response, "Delete");
                let name = record.blend.file_name().unwrap_or_default().to_string_lossy();
                let label = ui.add(egui::Label::new(name).truncate());
                label.on_hover_text(format!("to {}", record.output.display()));
            });
        }
    });
    ui.separator();
}

fn row_height(ui: &egui::Ui) -> f32 {
    let line = ui.text_style_height(&egui::TextStyle::Body) + ui.spacing().item_spacing.y;
    2.0 * line + 2.0 * ui.spacing().interact_size.y
}

fn entry_ui(ui: &mut egui::Ui, entry: &Entry, height: f32, wishes: &mut Vec<Wish>) {
    let size = egui::vec2(ui.available_width(), height - ui.spacing().item_spacing.y);
    ui.allocate_ui(size, |ui| {
        ui.set_min_size(size);
        ui.add(egui::Label::new(egui::RichText::new(&entry.name).strong()).truncate());
        let what = what(entry);
        let line = egui::Label::new(egui::RichText::new(&what).weak()).truncate();
        ui.add(line).on_hover_text(what);
        ui.horizontal_wrapped(|ui| {
            let last = entry.pictures.iter().rfind(|path| can_be_shown(path));
            let show = ui.add_enabled(last.is_some(), egui::Button::new("Show"));
            if let Some(path) = last.filter(|_| show.clicked()) {
                wishes.push(Wish::LookBack(Box::new(entry.clone()), path.clone()));
            }
            let hint = "Shows it right of the one that is shown; drag the line between them";
            let compare = ui.add_enabled(last.is_some(), egui::Button::new("Compare"));
            if let Some(path) = last.filter(|_| compare.on_hover_text(hint).clicked()) {
                wishes.push(Wish::Compare(Some(path.clone())));
            }
            if let Some(path) = entry.pictures.last() {
                if button_ui(ui, icons::LOOK, "Open").clicked() {
                    wishes.push(Wish::Ask(Command::OpenWithDesktop(path.clone())));
                }
                let hint = "The EXR with all passes, before the view transform";
                if button_ui(ui, icons::LAYERS, "Passes").on_hover_text(hint).clicked() {
                    wishes.push(Wish::Show(path.with_extension("exr")));
                }
                if button_ui(ui, icons::SAVE, "Save as…").clicked() {
                    wishes.push(Wish::Ask(Command::SaveAs(path.clone())));
                }
            }
            if button_ui(ui, icons::FOLDER, "Folder")
                .on_hover_text(entry.output.display().to_string())
                .clicked()
            {
                wishes.push(Wish::Ask(Command::OpenWithDesktop(entry.output.clone())));
            }
        });
        ui.separator();
    });
}

fn what(entry: &Entry) -> String {
    let mut what = format!(
        "{}, {} samples, {} by {}",
        count(entry.frames_done, "frame", "frames"),
        entry.total_samples,
        duration(entry.render_secs),
        count(entry.agents, "agent", "agents"),
    );
    if let Some(split) = entry.split {
        what = format!("{what}; {}", way(split));
    }
    if let Some(estimated_secs) = entry.estimated_secs {
        what = format!("{what}; estimated {}", duration(estimated_secs));
    }
    if entry.frames_failed > 0 {
        let failed = count(entry.frames_failed, "frame failed", "frames failed");
        what = format!("{what}; {failed}");
    }
    what
}

//! Which keys there are.

use crate::gui::keys;
use crate::gui::wish::Wish;

/// Draws them above the rest, which goes on meanwhile.
pub(super) fn help_ui(context: &egui::Context, wishes: &mut Vec<Wish>) {
    let mut open = true;
    let window = egui::Window::new("Keys").open(&mut open).resizable(false).collapsible(false);
    window.anchor(egui::Align2::CENTER_CENTER, egui::Vec2::ZERO).show(context, |ui| {
        egui::Grid::new("keys").striped(true).num_columns(2).show(ui, |ui| {
            for shortcut in keys::all() {
                ui.monospace(keys::written(shortcut.key));
                ui.label(shortcut.does);
                ui.end_row();
            }
            for (key, does) in keys::OF_THE_PICTURE {
                ui.monospace(key);
                ui.label(does);
                ui.end_row();
            }
        });
    });
    let escaped = context.input_mut(|i| i.consume_key(egui::Modifiers::NONE, egui::Key::Escape));
    if !open || escaped {
        wishes.push(Wish::Help);
    }
}

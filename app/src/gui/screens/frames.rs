//! The frames of a render.

use blendnet_protocol::FrameState;

use crate::gui::icons::{self, sign_button_ui};
use crate::gui::running::{FrameRow, Running};
use crate::gui::theme;
use crate::gui::wish::Wish;
use crate::text::percent;

/// Draws those that were begun, as rows.
pub(super) fn frames_ui(ui: &mut egui::Ui, render: &Running, wishes: &mut Vec<Wish>) {
    let several = render.frames.len() > 1 || render.progress.as_ref().is_some_and(|p| p.frames > 1);
    if !several && !render.frames.iter().any(|row| row.failure.is_some()) {
        return;
    }
    ui.horizontal(|ui| {
        ui.strong("Frames");
        ui.label(egui::RichText::new("arrow keys look at the finished ones").weak());
    });
    let height =
        ui.text_style_height(&egui::TextStyle::Button) + 2.0 * ui.spacing().button_padding.y;
    let rows = render.frames.len();
    let area = egui::ScrollArea::vertical().id_salt("frames").max_height(320.0);
    area.auto_shrink([false, true]).show_rows(ui, height, rows, |ui, range| {
        for row in render.frames.get(range).unwrap_or_default() {
            frame_ui(ui, row, render.looked_at == Some(row.frame), wishes);
        }
    });
}

fn frame_ui(ui: &mut egui::Ui, row: &FrameRow, looked_at: bool, wishes: &mut Vec<Wish>) {
    let signals = theme::signals(ui.visuals());
    let frame = row.frame;
    ui.horizontal(|ui| {
        let button = egui::Button::selectable(looked_at, frame.to_string());
        if ui.add_enabled(row.picture().is_some(), button).clicked() {
            wishes.push(Wish::Look(Some(frame)));
        }
        match (row.state, &row.failure) {
            (_, Some((why, lines))) => {
                let label = egui::Label::new(egui::RichText::new(why).color(signals.bad));
                ui.add(label.truncate()).on_hover_text(format!("{why}\n{}", lines.join("\n")));
                if ui.small_button("Copy").clicked() {
                    ui.ctx().copy_text(format!("frame {frame}: {why}\n{}", lines.join("\n")));
                }
            }
            (FrameState::Completed, _) => {
                ui.label(egui::RichText::new("done").color(signals.good));
            }
            (FrameState::Finishing, _) => {
                ui.label("is finished");
            }
            _ => {
                ui.label(percent(row.done));
                if sign_button_ui(ui, icons::FIRST, "Before the others").clicked() {
                    wishes.push(Wish::FrameFirst(frame));
                }
            }
        }
    });
}

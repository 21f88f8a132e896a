//! The frames of a render.

use blendnet_protocol::FrameState;
use egui::{Align2, Rect, Sense, TextStyle, vec2};

use crate::gui::icons::{self, named};
use crate::gui::running::{FrameRow, Running};
use crate::gui::theme;
use crate::gui::widgets::line::{Line, lit_ui};
use crate::gui::wish::Wish;
use crate::text::percent;

/// Width of a frame's number, and of the sign at a row's end, in points.
const NUMBER: f32 = 52.0;
const SIGN: f32 = 28.0;

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

/// How a frame is, in a word or a sentence, and in which colour.
fn told(row: &FrameRow, visuals: &egui::Visuals) -> (String, egui::Color32) {
    let signals = theme::signals(visuals);
    match (row.state, &row.failure) {
        (_, Some((why, _))) => (why.clone(), signals.bad),
        (FrameState::Completed, _) => ("done".to_owned(), signals.good),
        (FrameState::Finishing, _) => ("is finished".to_owned(), visuals.text_color()),
        _ => (percent(row.done), visuals.text_color()),
    }
}

fn frame_ui(ui: &mut egui::Ui, row: &FrameRow, looked_at: bool, wishes: &mut Vec<Wish>) {
    let height =
        ui.text_style_height(&egui::TextStyle::Button) + 2.0 * ui.spacing().button_padding.y;
    let (has_picture, frame) = (row.picture().is_some(), row.frame);
    let sense = if has_picture { Sense::click() } else { Sense::hover() };
    let (place, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), sense);
    let (said, color) = told(row, ui.visuals());
    response.widget_info(|| {
        let name = format!("Frame {frame}: {said}");
        egui::WidgetInfo::selected(egui::Role::Button, has_picture, looked_at, name)
    });
    lit_ui(ui, &response, place, looked_at);
    let mut line = Line::new(ui, place.shrink2(vec2(6.0, 0.0)));
    let begins = line.left().left();
    line.text(&frame.to_string(), ui.visuals().text_color());
    line.indent(begins + NUMBER);
    let sign = Rect::from_min_max(egui::pos2(place.right() - SIGN, place.top()), place.max);
    line.text_before(&said, color, sign.left());
    if response.clicked() {
        wishes.push(Wish::Look(Some(frame)));
    }
    match (row.state, &row.failure) {
        (_, Some((why, lines))) => {
            let all = || format!("frame {frame}: {why}\n{}", lines.join("\n"));
            if sign_ui(ui, (sign, frame), icons::COPY, "Copy") {
                ui.ctx().copy_text(all());
            }
            response.on_hover_ui(|ui| {
                ui.label(all());
            });
        }
        (FrameState::Running | FrameState::Queued, None)
            if sign_ui(ui, (sign, frame), icons::FIRST, "Before the others") =>
        {
            wishes.push(Wish::FrameFirst(frame));
        }
        _ => {}
    }
}

/// A button with nothing but a sign, at its place; whether it is clicked.
fn sign_ui(ui: &egui::Ui, (place, frame): (Rect, i32), sign: &str, name: &str) -> bool {
    let response = ui.interact(place, ui.scope_id().with((frame, name)), Sense::click());
    lit_ui(ui, &response, place, false);
    let color = ui.style().interact(&response).fg_stroke.color;
    let font = TextStyle::Button.resolve(ui.style());
    ui.painter().text(place.center(), Align2::CENTER_CENTER, sign, font, color);
    named(response, name).on_hover_text(name).clicked()
}

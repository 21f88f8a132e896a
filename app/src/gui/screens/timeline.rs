//! The frames of an animation along the time: how far each is, small pictures of what is done, and
//! what is done as a film.

use blendnet_protocol::FrameState;
use egui::{Color32, Rect, Sense, Stroke, pos2, vec2};

use crate::gui::command::Command;
use crate::gui::icons::{self, button_enabled_ui, button_ui};
use crate::gui::running::{FrameRow, Phase, Running};
use crate::gui::state::State;
use crate::gui::theme;
use crate::gui::thumbs::Thumbs;
use crate::gui::wish::Wish;

/// Height of the strip, in points.
const STRIP: f32 = 16.0;
/// Size of a small picture with the space around it, in points.
const CELL: egui::Vec2 = vec2(104.0, 62.0);

/// Draws it, where there are several frames.
pub(super) fn timeline_ui(
    ui: &mut egui::Ui,
    state: &State,
    render: &Running,
    thumbs: &Thumbs,
    wishes: &mut Vec<Wish>,
) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let finished = render.frames.iter().filter(|row| row.picture().is_some()).count();
        let (sign, name) =
            if state.playing.is_some() { (icons::PAUSE, "Halt") } else { (icons::PLAY, "Play") };
        let play = button_enabled_ui(ui, finished > 1, sign, name);
        if play.on_hover_text("Plays the finished frames (Space)").clicked() {
            wishes.push(Wish::Play);
        }
        if render.looked_at.is_some() && render.is_going() && ui.button("Follow").clicked() {
            wishes.push(Wish::Look(None));
        }
        if let Phase::Done(summary) = &render.phase
            && summary.pictures.len() > 1
        {
            let hint = "One file of all frames, by ffmpeg";
            if button_ui(ui, icons::FILM, "Video…").on_hover_text(hint).clicked() {
                let film = Command::SaveVideo(summary.pictures.clone(), render.fps);
                wishes.push(Wish::Ask(film));
            }
        }
        let frame = render.looked_at.map_or_else(String::new, |frame| format!("frame {frame}, "));
        ui.label(egui::RichText::new(format!("{frame}{} a second", render.fps)).weak());
    });
    strip_ui(ui, render, wishes);
    thumbs_ui(ui, render, thumbs, wishes);
}

/// All frames as one strip; where there are more frames than points, several share a column.
fn strip_ui(ui: &mut egui::Ui, render: &Running, wishes: &mut Vec<Wish>) {
    let (place, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), STRIP), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Slider, true, "Timeline"));
    let painter = ui.painter_at(place);
    painter.rect_filled(place, 3.0, ui.visuals().extreme_bg_color);
    let numbers = render.numbers();
    let signals = theme::signals(ui.visuals());
    let each = place.width() / as_f32(numbers.len().max(1));
    let x_of = |at: usize| place.left() + each * as_f32(at);
    // Neighbours that look the same are one rectangle.
    let mut run: Option<(f32, f32, Color32)> = None;
    let mut rows = render.frames.iter().peekable();
    for (at, number) in numbers.iter().enumerate() {
        let Some(row) = rows.next_if(|row| row.frame == *number) else { continue };
        let Some(color) = color_of(row, signals) else { continue };
        let (left, right) = (x_of(at), x_of(at + 1));
        match &mut run {
            Some((_, end, known)) if *known == color && left - *end < 0.5 => *end = right,
            _ => {
                paint(&painter, place, run.replace((left, right, color)));
            }
        }
    }
    paint(&painter, place, run);
    if let Some(at) = render.looked_at.and_then(|frame| numbers.binary_search(&frame).ok()) {
        let x = x_of(at) + each / 2.0;
        painter.vline(x, place.y_range(), Stroke::new(2.0, theme::ACCENT));
    }
    let at = response.interact_pointer_pos().filter(|_| response.is_pointer_button_down_on());
    if let Some(frame) = at.and_then(|at| nearest(render, numbers, (at.x - place.left()) / each))
        && render.looked_at != Some(frame)
    {
        wishes.push(Wish::Look(Some(frame)));
    }
}

fn paint(painter: &egui::Painter, place: Rect, run: Option<(f32, f32, Color32)>) {
    let Some((left, right, color)) = run else { return };
    let right = right.max(left + 1.0);
    let rect = Rect::from_min_max(pos2(left, place.top()), pos2(right, place.bottom()));
    painter.rect_filled(rect, 0.0, color);
}

/// Few enough colours that neighbours mostly look the same.
fn color_of(row: &FrameRow, signals: theme::Signals) -> Option<Color32> {
    match row.state {
        FrameState::Completed => Some(signals.good.gamma_multiply(0.8)),
        FrameState::Failed => Some(signals.bad),
        FrameState::Running | FrameState::Finishing => Some(signals.warning.gamma_multiply(0.8)),
        FrameState::Queued => None,
    }
}

/// The finished frame that is nearest to a place on the strip.
fn nearest(render: &Running, numbers: &[i32], at: f32) -> Option<i32> {
    let wanted = *numbers.get(as_index(at).min(numbers.len().checked_sub(1)?))?;
    let finished = render.frames.iter().filter(|row| row.picture().is_some());
    finished.map(|row| row.frame).min_by_key(|frame| frame.abs_diff(wanted))
}

/// Small pictures of the frames that were begun; only those that are seen are loaded.
fn thumbs_ui(ui: &mut egui::Ui, render: &Running, thumbs: &Thumbs, wishes: &mut Vec<Wish>) {
    let rows = render.frames.as_slice();
    let area = egui::ScrollArea::horizontal().id_salt("thumbs").auto_shrink([false, true]);
    area.show_viewport(ui, |ui, seen| {
        ui.set_width(CELL.x * as_f32(rows.len()));
        ui.set_height(CELL.y);
        let origin = ui.min_rect().min;
        let (first, last) = (as_index(seen.left() / CELL.x), as_index(seen.right() / CELL.x));
        for (at, row) in rows.iter().enumerate().take(last + 1).skip(first) {
            let min = origin + vec2(CELL.x * as_f32(at), 0.0);
            let place = Rect::from_min_size(min, CELL).shrink(3.0);
            thumb_ui(ui, (place, row), render.looked_at == Some(row.frame), thumbs, wishes);
        }
    });
}

fn thumb_ui(
    ui: &mut egui::Ui,
    (place, row): (Rect, &FrameRow),
    looked_at: bool,
    thumbs: &Thumbs,
    wishes: &mut Vec<Wish>,
) {
    let picture = row.picture();
    let sense = if picture.is_some() { Sense::click() } else { Sense::hover() };
    let response = ui.interact(place, ui.scope_id().with(("thumb", row.frame)), sense);
    let name = format!("Frame {}", row.frame);
    let enabled = picture.is_some();
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, enabled, &name));
    let painter = ui.painter_at(place);
    painter.rect_filled(place, 3.0, theme::behind_pictures());
    match picture.map(|path| thumbs.texture(&path).ok_or(path)) {
        Some(Ok(texture)) => {
            let fitted = texture.size_vec2() * fit(texture.size_vec2(), place.size());
            let inside = Rect::from_center_size(place.center(), fitted);
            let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            painter.image(texture.id(), inside, uv, Color32::WHITE);
        }
        Some(Err(path)) if !thumbs.is_known(&path) => wishes.push(Wish::Thumb(path)),
        Some(Err(_)) | None => {}
    }
    let font = egui::TextStyle::Small.resolve(ui.style());
    let at = place.left_bottom() + vec2(4.0, -2.0);
    painter.text(at, egui::Align2::LEFT_BOTTOM, row.frame, font, Color32::WHITE);
    if looked_at {
        let stroke = Stroke::new(2.0, theme::ACCENT);
        painter.rect_stroke(place, 3.0, stroke, egui::StrokeKind::Inside);
    }
    if response.clicked() {
        wishes.push(Wish::Look(Some(row.frame)));
    }
}

fn fit(size: egui::Vec2, into: egui::Vec2) -> f32 {
    (into.x / size.x.max(1.0)).min(into.y / size.y.max(1.0))
}

#[expect(clippy::cast_precision_loss, reason = "a place on the screen")]
fn as_f32(number: usize) -> f32 {
    number as f32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn as_index(at: f32) -> usize {
    at.floor() as usize
}

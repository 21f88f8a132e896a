//! The frames of an animation along the time: how far each is, small pictures of what is done, and
//! what is done as a film.

use egui::{Color32, Rect, Sense, Stroke, pos2, vec2};

use crate::gui::command::Command;
use crate::gui::icons::{self, button_enabled_ui, button_ui};
use crate::gui::running::{FrameRow, Phase, Running};
use crate::gui::state::State;
use crate::gui::strip::Look;
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
        let (sign, name) =
            if state.playing.is_some() { (icons::PAUSE, "Halt") } else { (icons::PLAY, "Play") };
        let play = button_enabled_ui(ui, render.finished() > 1, sign, name);
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
    // What would lie in a column of pixels that is filled already is left out; a failure is as wide
    // as such a column, and nothing is filled over it.
    let (mut filled, mut warned) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    for stretch in render.strip() {
        let failed = stretch.look == Look::Failed;
        let before = if failed { warned } else { filled.max(warned) };
        let (left, right) = (x_of(stretch.from).max(warned), x_of(stretch.to));
        if right.floor() <= before {
            continue;
        }
        filled = right.max(left + 1.0);
        if failed {
            warned = filled;
        }
        let rect = Rect::from_x_y_ranges(left..=filled, place.y_range());
        painter.rect_filled(rect, 0.0, color_of(stretch.look, signals));
    }
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

fn color_of(look: Look, signals: theme::Signals) -> Color32 {
    match look {
        Look::Done => signals.good.gamma_multiply(0.8),
        Look::Failed => signals.bad,
        Look::Begun => signals.warning.gamma_multiply(0.8),
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
    let enabled = picture.is_some();
    response.widget_info(|| {
        let name = format!("Frame {}", row.frame);
        egui::WidgetInfo::labeled(egui::Role::Button, enabled, name)
    });
    let painter = ui.painter_at(place);
    painter.rect_filled(place, 3.0, theme::behind_pictures());
    match picture.map(|path| thumbs.texture(path).ok_or(path)) {
        Some(Ok(texture)) => {
            let fitted = texture.size_vec2() * fit(texture.size_vec2(), place.size());
            let inside = Rect::from_center_size(place.center(), fitted);
            let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            painter.image(texture.id(), inside, uv, Color32::WHITE);
        }
        Some(Err(path)) if !thumbs.is_known(path) => wishes.push(Wish::Thumb(path.to_owned())),
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

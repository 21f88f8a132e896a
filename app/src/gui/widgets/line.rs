//! Texts of long lists, painted at their places: a widget for each would cost as much as a window.

use egui::text::{LayoutJob, TextWrapping};
use egui::{Color32, FontId, Painter, Pos2, Rect, Response, Stroke, StrokeKind, TextStyle, Ui};

use crate::gui::theme;

/// A row of a list, to be painted on.
pub struct Line<'u> {
    painter: &'u Painter,
    font: FontId,
    /// What is left of the row.
    left: Rect,
    gap: f32,
}

impl<'u> Line<'u> {
    /// A row at `place`.
    pub fn new(ui: &'u Ui, place: Rect) -> Self {
        let font = TextStyle::Body.resolve(ui.style());
        Self { painter: ui.painter(), font, left: place, gap: ui.spacing().item_spacing.x }
    }

    /// A dot at the left.
    pub fn dot(&mut self, color: Color32) {
        let middle = Pos2::new(self.left.left() + 5.0, self.left.center().y);
        self.painter.circle_filled(middle, 4.5, color);
        self.left.min.x += 10.0 + self.gap;
    }

    /// A text at the left, with an end that says so where there is no room for all of it.
    pub fn text(&mut self, text: &str, color: Color32) {
        let galley = self.laid_out(text, color);
        let width = galley.size().x;
        let at = Pos2::new(self.left.left(), self.left.center().y - galley.size().y / 2.0);
        self.painter.galley(at, galley, color);
        self.left.min.x = (self.left.left() + width + self.gap).min(self.left.right());
    }

    /// A text at the right.
    pub fn text_right(&mut self, text: &str, color: Color32) {
        let galley = self.laid_out(text, color);
        let size = galley.size();
        let at = Pos2::new(self.left.right() - size.x, self.left.center().y - size.y / 2.0);
        self.painter.galley(at, galley, color);
        self.left.max.x = (at.x - self.gap).max(self.left.left());
    }

    /// A text at the left that ends before `right`.
    pub fn text_before(&mut self, text: &str, color: Color32, right: f32) {
        self.left.max.x = self.left.right().min(right);
        self.text(text, color);
    }

    /// What follows begins here, or later.
    pub fn indent(&mut self, to: f32) {
        self.left.min.x = self.left.left().max(to).min(self.left.right());
    }

    /// Where there is room still.
    pub fn left(&self) -> Rect {
        self.left
    }

    fn laid_out(&self, text: &str, color: Color32) -> std::sync::Arc<egui::Galley> {
        let mut job = LayoutJob::simple_singleline(text.to_owned(), self.font.clone(), color);
        job.wrap = TextWrapping::truncate_at_width(self.left.width().max(0.0));
        self.painter.layout_job(job)
    }
}

/// Shows under a row that it is chosen, pointed at, or has the keyboard.
pub fn lit_ui(ui: &Ui, response: &Response, place: Rect, chosen: bool) {
    if chosen {
        ui.painter().rect_filled(place, 4.0, ui.visuals().selection.bg_fill);
    } else if response.hovered() && response.sense.senses_click() {
        ui.painter().rect_filled(place, 4.0, ui.visuals().widgets.hovered.weak_bg_fill);
    }
    if response.has_focus() {
        let stroke = Stroke::new(1.0, theme::ACCENT);
        ui.painter().rect_stroke(place, 4.0, stroke, StrokeKind::Inside);
    }
}

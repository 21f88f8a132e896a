//! A picture to look into: zoom to the pixel, move, exposure, the value under the pointer.

use egui::{Color32, ColorImage, Pos2, Rect, Sense, Stroke, Vec2, pos2, vec2};

use super::tiles::Tiles;
use crate::gui::event::Picture;
use crate::gui::theme;

/// Furthest in: a pixel of the picture in points.
const MOST_ZOOM: f32 = 64.0;
/// Stops of exposure in either direction.
const MOST_STOPS: f32 = 6.0;

/// How a picture is looked at.
#[derive(Default)]
pub struct Viewer {
    /// Points for each pixel; `None` fits the picture in.
    pub zoom: Option<f32>,
    /// Where the picture's middle is, in pixels of it off the view's middle.
    pub offset: Vec2,
    /// Stops brighter; darker below 0. Of what is shown, the files stay as they are.
    pub stops: f32,
    /// Where the picture ends and the one beside it begins: a share of the view's width.
    pub split: Option<f32>,
    shown: Tiles,
    beside: Option<Tiles>,
}

/// A pixel and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixel {
    /// From the left.
    pub x: usize,
    /// From the top.
    pub y: usize,
    /// As in the file.
    pub color: Color32,
}

impl Viewer {
    /// Brings pixels to the graphics chip, once for each `generation` and exposure; all at once where a
    /// film is played, else in parts.
    pub fn upload(
        &mut self,
        context: &egui::Context,
        (picture, generation): (&Picture, u64),
        all_at_once: bool,
    ) {
        if self.shown.bring(context, picture, (generation, self.stops), all_at_once) {
            context.request_repaint();
        }
    }

    /// The same for the picture that it is compared with, which may have no exposure.
    pub fn upload_beside(
        &mut self,
        context: &egui::Context,
        beside: Option<(&Picture, u64, bool)>,
    ) {
        let Some((picture, generation, exposed)) = beside else {
            self.beside = None;
            return;
        };
        let tiles = self.beside.get_or_insert_default();
        let stops = if exposed { self.stops } else { 0.0 };
        if tiles.bring(context, picture, (generation, stops), false) {
            context.request_repaint();
        }
    }

    /// Whether another picture is drawn beside it.
    pub fn compares(&self) -> bool {
        self.beside.is_some()
    }

    /// The row of controls above a picture.
    pub fn controls_ui(&mut self, ui: &mut egui::Ui) {
        if ui.button("Fit").on_hover_text("Shows all of the picture (F)").clicked() {
            self.fit();
        }
        if ui.button("1:1").on_hover_text("One pixel is one pixel (1)").clicked() {
            self.zoom = Some(1.0 / ui.ctx().pixels_per_point());
            self.offset = Vec2::ZERO;
        }
        ui.label("Exposure");
        let range = -MOST_STOPS..=MOST_STOPS;
        let stops = egui::DragValue::new(&mut self.stops).range(range).speed(0.02).suffix(" stops");
        let response = ui.add(stops.fixed_decimals(2)).on_hover_text("Of what you see; files stay");
        response
            .widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, "Exposure"));
        if response.double_clicked() {
            self.stops = 0.0;
        }
    }

    fn fit(&mut self) {
        self.zoom = None;
        self.offset = Vec2::ZERO;
    }

    /// Draws the picture in all the space that is left, and `over` on it. Gives the pixel under the
    /// pointer.
    pub fn picture_ui(
        &mut self,
        ui: &mut egui::Ui,
        pixels: &ColorImage,
        over: impl FnOnce(&egui::Painter, Rect),
    ) -> Option<Pixel> {
        let (view, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Picture"));
        let painter = ui.painter_at(view);
        painter.rect_filled(view, 4.0, theme::behind_pictures());
        let size = size_of(pixels);
        self.keys(ui);
        self.pointer(ui, &response, view, size);
        let zoom = self.points_per_pixel(view, size);
        let place = place(view, size, zoom, self.offset);
        self.shown.paint(&painter, place);
        self.beside_ui(ui, view, place);
        over(&painter, place);
        pixel_at(pixels, place, zoom, response.hover_pos()?)
    }

    /// Draws the other picture right of a line that can be dragged.
    fn beside_ui(&mut self, ui: &mut egui::Ui, view: Rect, place: Rect) {
        let Some(beside) = &self.beside else { return };
        let share = self.split.unwrap_or(0.5);
        let x = view.left() + view.width() * share;
        let right = view.intersect(Rect::everything_right_of(x));
        let painter = ui.painter_at(right);
        painter.rect_filled(right, 0.0, theme::behind_pictures());
        beside.paint(&painter, place);
        let line = Rect::from_min_max(pos2(x - 4.0, view.top()), pos2(x + 4.0, view.bottom()));
        let handle = ui.interact(line, ui.scope_id().with("split"), Sense::drag());
        handle.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Slider, true, "Compare"));
        let handle = handle.on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
        if let Some(at) = handle.interact_pointer_pos().filter(|_| handle.dragged()) {
            self.split = Some(((at.x - view.left()) / view.width()).clamp(0.02, 0.98));
        }
        ui.painter_at(view).vline(x, view.y_range(), Stroke::new(2.0, theme::ACCENT));
    }

    fn points_per_pixel(&self, view: Rect, size: Vec2) -> f32 {
        self.zoom.unwrap_or_else(|| fitting(view, size))
    }

    fn keys(&mut self, ui: &egui::Ui) {
        if ui.ctx().egui_wants_keyboard_input() {
            return;
        }
        if ui.input(|input| input.key_pressed(egui::Key::F)) {
            self.fit();
        }
        if ui.input(|input| input.key_pressed(egui::Key::Num1)) {
            self.zoom = Some(1.0 / ui.ctx().pixels_per_point());
            self.offset = Vec2::ZERO;
        }
    }

    fn pointer(&mut self, ui: &egui::Ui, response: &egui::Response, view: Rect, size: Vec2) {
        let zoom = self.points_per_pixel(view, size);
        if response.double_clicked() {
            self.fit();
            return;
        }
        if response.dragged() {
            self.offset += response.drag_delta() / zoom;
            self.zoom.get_or_insert(zoom);
        }
        let Some(at) = response.hover_pos() else { return };
        let factor =
            ui.input(|input| (input.smooth_scroll_delta().y / 200.0).exp2() * input.zoom_delta());
        if (factor - 1.0).abs() < 1e-4 {
            return;
        }
        let least = fitting(view, size).min(1.0) / 4.0;
        let wanted = (zoom * factor).clamp(least, MOST_ZOOM);
        // What is under the pointer stays there.
        let from_middle = at - view.center();
        self.offset += from_middle / wanted - from_middle / zoom;
        self.zoom = Some(wanted);
    }
}

/// Points for each pixel that show all of the picture, small ones not enlarged beyond 8.
fn fitting(view: Rect, size: Vec2) -> f32 {
    (view.width() / size.x).min(view.height() / size.y).min(8.0)
}

fn place(view: Rect, size: Vec2, zoom: f32, offset: Vec2) -> Rect {
    Rect::from_center_size(view.center() + offset * zoom, size * zoom)
}

fn pixel_at(pixels: &ColorImage, place: Rect, zoom: f32, at: Pos2) -> Option<Pixel> {
    if !place.contains(at) {
        return None;
    }
    let (x, y) = index((at - place.min) / zoom);
    let [width, height] = pixels.size;
    let color =
        *pixels.pixels.get(y.checked_mul(width)? + x).filter(|_| x < width && y < height)?;
    Some(Pixel { x, y, color })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside the picture")]
fn index(at: Vec2) -> (usize, usize) {
    (at.x.floor() as usize, at.y.floor() as usize)
}

#[expect(clippy::cast_precision_loss, reason = "pictures have less than 2^24 pixels in a row")]
fn size_of(pixels: &ColorImage) -> Vec2 {
    vec2(pixels.size[0] as f32, pixels.size[1] as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pixel_under_the_pointer_is_the_one_of_the_file() {
        let mut pixels = ColorImage::filled([4, 2], Color32::BLACK);
        pixels.pixels[4 + 3] = Color32::RED;
        let view = Rect::from_min_size(pos2(10.0, 10.0), vec2(80.0, 80.0));
        let place = place(view, vec2(4.0, 2.0), 10.0, Vec2::ZERO);
        let at = pos2(10.0 + 20.0 + 39.0, 10.0 + 30.0 + 19.0);
        let found = pixel_at(&pixels, place, 10.0, at).unwrap();
        assert_eq!((found.x, found.y, found.color), (3, 1, Color32::RED));
        assert_eq!(pixel_at(&pixels, place, 10.0, pos2(11.0, 11.0)), None);
    }
}

//! A sign that fonts may not have, drawn.

use egui::{Color32, Sense, Shape, Stroke, pos2, vec2};

/// A triangle with an exclamation mark.
pub fn warning_ui(ui: &mut egui::Ui, color: Color32) {
    let (place, response) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Warning"));
    let middle = place.center().x;
    let corners = vec![
        pos2(middle, place.top() + 1.0),
        pos2(place.right() - 0.5, place.bottom() - 2.0),
        pos2(place.left() + 0.5, place.bottom() - 2.0),
    ];
    ui.painter().add(Shape::convex_polygon(corners, color, Stroke::NONE));
    let ink = Stroke::new(2.0, ui.visuals().panel_fill);
    let (top, bottom) = (place.top() + 5.5, place.bottom() - 6.0);
    ui.painter().line_segment([pos2(middle, top), pos2(middle, bottom)], ink);
    ui.painter().circle_filled(pos2(middle, bottom + 2.2), 1.1, ink.color);
}

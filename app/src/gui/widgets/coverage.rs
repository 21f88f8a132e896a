//! Who renders what: the samples of a frame as a strip, its tiles as rectangles on the picture.

use blendnet_protocol::{FilmRect, Region, Tile};
use egui::{Rect, Sense, Stroke, StrokeKind, pos2, vec2};

use crate::gui::theme;
use crate::workflow::event::ProgressReport;

/// Height of the strip, in points.
const HEIGHT: f32 = 22.0;

/// What is covered of the frame in work, and by whom it is covered further.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage<'r> {
    /// What is merged.
    pub merged: &'r [Region],
    /// The place of each agent in the farm, its name, and what it renders.
    pub live: Vec<(usize, &'r str, Region)>,
    /// Samples of the frame.
    pub total_samples: u32,
}

/// The coverage of the frame that is in work first.
pub fn of(progress: &ProgressReport) -> Option<Coverage<'_>> {
    let frame = progress.in_work.first()?;
    let agents = progress.agents.iter().enumerate();
    let live = agents.filter_map(|(place, agent)| {
        let rendering = agent.rendering.as_ref().filter(|r| r.frame == frame.frame)?;
        Some((place, agent.id.as_str(), rendering.region))
    });
    Some(Coverage {
        merged: &frame.covered,
        live: live.collect(),
        total_samples: progress.total_samples.max(1),
    })
}

/// Draws the samples from the first to the last: merged ones gray, those in work in the agents'
/// colours. A region of some of the pixels only is as high as its share of them.
pub fn strip_ui(ui: &mut egui::Ui, coverage: &Coverage<'_>, film: Option<&FilmRect>) {
    let (place, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Image, true, "Samples: merged and in work")
    });
    let painter = ui.painter_at(place);
    painter.rect_filled(place, 3.0, ui.visuals().extreme_bg_color);
    for region in coverage.merged {
        painter.rect_filled(block(place, *region, coverage, film), 0.0, theme::MERGED);
    }
    let mut hover = None;
    for (agent, name, region) in &coverage.live {
        let block = block(place, *region, coverage, film);
        painter.rect_filled(block, 2.0, theme::agent(*agent));
        if response.hover_pos().is_some_and(|at| block.contains(at)) {
            let samples = region.samples;
            hover = Some(format!("{name}: samples {} to {}", samples.start(), samples.end() - 1));
        }
    }
    if let Some(hover) = hover {
        response.on_hover_text(hover);
    }
}

fn block(place: Rect, region: Region, coverage: &Coverage<'_>, film: Option<&FilmRect>) -> Rect {
    let at = |sample: u32| place.left() + place.width() * share(sample, coverage.total_samples);
    let (top, bottom) = match film {
        Some(film) => rows(region.tile, film.rendered),
        None => (0.0, 1.0),
    };
    let y = |share: f32| place.top() + place.height() * share;
    let (left, right) = (at(region.samples.start()), at(region.samples.end()));
    Rect::from_min_max(pos2(left, y(top)), pos2(right.max(left + 1.0), y(bottom)))
}

/// From which share of the height to which, from the top.
fn rows(tile: Tile, whole: Tile) -> (f32, f32) {
    let height = whole.height_px();
    let low = tile.y_px().saturating_sub(whole.y_px());
    let high = (low + tile.height_px()).min(height);
    (1.0 - share(high, height), 1.0 - share(low, height))
}

/// Draws the tiles in work on the picture, which is at `place`.
pub fn tiles_ui(painter: &egui::Painter, place: Rect, coverage: &Coverage<'_>, film: &FilmRect) {
    let whole = if film.cropped { film.rendered } else { film.frame };
    for (agent, _, region) in &coverage.live {
        if region.tile == film.rendered {
            continue;
        }
        let stroke = Stroke::new(2.0, theme::agent(*agent));
        painter.rect_stroke(on_picture(region.tile, whole, place), 0.0, stroke, StrokeKind::Inside);
    }
}

fn on_picture(tile: Tile, whole: Tile, place: Rect) -> Rect {
    let (top, bottom) = rows(tile, whole);
    let left = tile.x_px().saturating_sub(whole.x_px());
    let (from, to) =
        (share(left, whole.width_px()), share(left + tile.width_px(), whole.width_px()));
    let min = place.min + vec2(place.width() * from, place.height() * top);
    let max = place.min + vec2(place.width() * to, place.height() * bottom);
    Rect::from_min_max(min, max)
}

#[expect(clippy::cast_precision_loss, reason = "a place on the screen")]
fn share(part: u32, of: u32) -> f32 {
    part as f32 / of.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_at_the_bottom_left_is_drawn_there() {
        let whole = Tile::new(0, 0, 100, 50).unwrap();
        let place = Rect::from_min_size(pos2(10.0, 20.0), vec2(200.0, 100.0));
        let drawn = on_picture(Tile::new(0, 0, 25, 10).unwrap(), whole, place);
        assert_eq!(drawn, Rect::from_min_max(pos2(10.0, 100.0), pos2(60.0, 120.0)));
    }
}

//! A picture on the graphics chip, in parts: a few are brought there for each frame of the window, so
//! that a large picture holds nothing up.

use egui::{Color32, ColorImage, Context, Painter, Rect, TextureHandle, pos2, vec2};

use crate::gui::event::Picture;
use crate::gui::linear;
use crate::gui::theme;

/// Longest side of a part.
const PART_PX: usize = 1024;
/// Pixels that are brought for each frame of the window: some milliseconds, developing included.
const EACH_FRAME_PX: usize = 2 << 20;

/// Which pixels of a picture a part has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// From the left.
    pub x: usize,
    /// From the top.
    pub y: usize,
    /// How many in a row.
    pub width: usize,
    /// How many rows.
    pub height: usize,
}

/// A picture on the graphics chip.
#[derive(Default)]
pub struct Tiles {
    size: [usize; 2],
    parts: Vec<(Part, Option<TextureHandle>)>,
    /// Which picture the parts before `next` are of, and with which exposure.
    shown: Option<(u64, f32)>,
    next: usize,
}

impl Tiles {
    /// Brings some parts, or all where a film is played; says whether there are more to bring.
    pub fn bring(
        &mut self,
        context: &Context,
        picture: &Picture,
        wanted: (u64, f32),
        all_at_once: bool,
    ) -> bool {
        if self.size != picture.pixels.size {
            self.size = picture.pixels.size;
            self.parts = parts(self.size).into_iter().map(|part| (part, None)).collect();
            self.shown = None;
        }
        if self.shown != Some(wanted) {
            self.shown = Some(wanted);
            self.next = 0;
        }
        let mut brought_px = 0;
        for (part, texture) in self.parts.iter_mut().skip(self.next) {
            let image = developed(picture, wanted.1, *part);
            match texture {
                Some(texture) => texture.set(image, theme::texture_options()),
                None => {
                    *texture =
                        Some(context.load_texture("picture", image, theme::texture_options()));
                }
            }
            self.next += 1;
            brought_px += part.width * part.height;
            if brought_px >= EACH_FRAME_PX && !all_at_once {
                break;
            }
        }
        self.next < self.parts.len()
    }

    /// Draws the picture at `place`, as far as it is there.
    pub fn paint(&self, painter: &Painter, place: Rect) {
        let zoom = place.width() / as_f32(self.size[0]).max(1.0);
        let at = |x: usize, y: usize| place.min + zoom * vec2(as_f32(x), as_f32(y));
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        for (part, texture) in &self.parts {
            // Neighbours have the very same edge.
            let (right, bottom) = (part.x + part.width, part.y + part.height);
            let rect = Rect::from_min_max(at(part.x, part.y), at(right, bottom));
            if let Some(texture) = texture.as_ref().filter(|_| painter.clip_rect().intersects(rect))
            {
                painter.image(texture.id(), rect, uv, Color32::WHITE);
            }
        }
    }
}

/// The parts of a picture of this size, row by row.
fn parts([width, height]: [usize; 2]) -> Vec<Part> {
    let steps = |length: usize| {
        (0..length).step_by(PART_PX).map(move |from| (from, PART_PX.min(length - from)))
    };
    let row = |(y, height)| steps(width).map(move |(x, width)| Part { x, y, width, height });
    steps(height).flat_map(row).collect()
}

/// The pixels of a part, so many stops brighter.
fn developed(picture: &Picture, stops: f32, part: Part) -> ColorImage {
    match &picture.pass {
        Some(pass) if stops != 0.0 => pass.linear.developed_part(stops, part),
        _ => linear::brighter(&picture.pixels, stops, part),
    }
}

#[expect(clippy::cast_precision_loss, reason = "pictures have less than 2^24 pixels in a row")]
fn as_f32(length: usize) -> f32 {
    length as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn picture(size: [usize; 2], color: Color32) -> Picture {
        Picture { pixels: Arc::new(ColorImage::filled(size, color)), pass: None }
    }

    #[test]
    fn the_parts_of_a_picture_are_all_of_it_and_none_is_longer_than_a_chip_takes() {
        for size in [[1, 1], [960, 540], [1024, 2048], [3840, 2160], [3000, 7]] {
            let parts = parts(size);
            let pixels: usize = parts.iter().map(|part| part.width * part.height).sum();
            assert_eq!(pixels, size[0] * size[1]);
            assert!(parts.iter().all(|part| part.width.max(part.height) <= PART_PX));
            assert!(parts.iter().all(|p| p.x + p.width <= size[0] && p.y + p.height <= size[1]));
        }
        assert_eq!(parts([3840, 2160]).len(), 12);
    }

    #[test]
    fn a_large_picture_comes_over_several_frames_and_only_once() {
        let context = Context::default();
        let picture = picture([3840, 2160], Color32::RED);
        let mut tiles = Tiles::default();
        let bring = |tiles: &mut Tiles, generation| {
            let more = tiles.bring(&context, &picture, (generation, 0.0), false);
            let mut delta = context.tex_manager().write().take_delta();
            let deltas = delta.set.values().flatten();
            let px: usize = deltas.map(|delta| delta.image.width() * delta.image.height()).sum();
            delta.clear();
            (more, px)
        };
        let mut frames = 0;
        let mut all_px = 0;
        loop {
            let (more, px) = bring(&mut tiles, 1);
            assert!(px < 2 * EACH_FRAME_PX);
            (frames, all_px) = (frames + 1, all_px + px);
            if !more {
                break;
            }
        }
        assert!((3..=8).contains(&frames), "{frames}");
        assert_eq!(all_px, 3840 * 2160);
        assert_eq!(bring(&mut tiles, 1), (false, 0), "it is there");
        assert!(bring(&mut tiles, 2).1 > 0, "the next one begins at once");
        let more = tiles.bring(&context, &picture, (2, 0.0), true);
        context.tex_manager().write().take_delta().clear();
        assert!(!more, "a film is not played in stripes");
    }

    #[test]
    fn a_part_has_the_pixels_of_its_place() {
        let mut pixels = ColorImage::filled([1030, 4], Color32::BLACK);
        pixels.pixels[2 * 1030 + 1026] = Color32::RED;
        let picture = Picture { pixels: Arc::new(pixels), pass: None };
        let part = Part { x: 1024, y: 0, width: 6, height: 4 };
        let shown = developed(&picture, 0.0, part);
        assert_eq!((shown.size, shown.pixels[2 * 6 + 2]), ([6, 4], Color32::RED));
    }
}

//! A small picture of what is merged so far.

use crate::film::Film;
use crate::{FilmError, Look};
use ::image::{ExtendedColorType, ImageEncoder as _, codecs::png};

/// Sums of the pixels that one preview pixel stands for.
#[derive(Clone, Copy, Default)]
struct Cell {
    colour: [f64; 3],
    alpha: f64,
    rendered: f64,
    all: f64,
}

impl Film {
    /// The picture so far as PNG, its longer side at most `max_px`, in the scene's look or plain
    /// sRGB. What is not rendered yet is transparent.
    pub fn preview(&self, look: Option<&Look>, max_px: u32) -> Result<Vec<u8>, FilmError> {
        let planes = self.channels.combined().ok_or(FilmError::Empty)?;
        let (width, height) = (self.planes.width(), self.planes.height());
        let step = width.max(height).div_ceil(max_px.max(1) as usize).max(1);
        let (small_width, small_height) = (width.div_ceil(step), height.div_ceil(step));
        let mut pixels = Vec::with_capacity(small_width * small_height * 4);
        for small_row in 0..small_height {
            let mut cells = vec![Cell::default(); small_width];
            for row in small_row * step..((small_row + 1) * step).min(height) {
                self.gather(row, step, planes, &mut cells)?;
            }
            pixels.extend(cells.iter().flat_map(|cell| cell.pixel(look)));
        }
        let mut bytes = Vec::new();
        let fast = png::PngEncoder::new_with_quality(
            &mut bytes,
            png::CompressionType::Fast,
            png::FilterType::Up,
        );
        let size = |px: usize| u32::try_from(px).unwrap_or(u32::MAX);
        fast.write_image(&pixels, size(small_width), size(small_height), ExtendedColorType::Rgba8)
            .map_err(|source| FilmError::Preview { what: "writing a preview", source })?;
        Ok(bytes)
    }

    fn gather(
        &self,
        row: usize,
        step: usize,
        [red, green, blue, alpha]: [Option<usize>; 4],
        cells: &mut [Cell],
    ) -> Result<(), FilmError> {
        let width = self.planes.width();
        let read = |plane: Option<usize>| {
            plane.map(|plane| self.planes.read(plane, row, 0, width)).transpose()
        };
        let (red, green, blue, alpha) = (read(red)?, read(green)?, read(blue)?, read(alpha)?);
        for (x, weight) in self.weights(row).into_iter().enumerate() {
            let Some(cell) = cells.get_mut(x / step) else { continue };
            cell.all += 1.0;
            if weight == 0.0 {
                continue;
            }
            let value = |sums: &Option<Vec<f64>>, none: f64| {
                sums.as_ref().and_then(|sums| sums.get(x)).map_or(none, |sum| sum / weight)
            };
            cell.rendered += 1.0;
            cell.alpha += value(&alpha, 1.0);
            for (sum, of) in cell.colour.iter_mut().zip([&red, &green, &blue]) {
                *sum += value(of, 0.0);
            }
        }
        Ok(())
    }
}

impl Cell {
    /// Colours in renders are premultiplied by alpha, those of PNG are not.
    fn pixel(self, look: Option<&Look>) -> [u8; 4] {
        if self.rendered == 0.0 {
            return [0; 4];
        }
        let alpha = (self.alpha / self.rendered).clamp(0.0, 1.0);
        let straight = self.rendered * if alpha > 0.0 { alpha } else { 1.0 };
        let linear = self.colour.map(|sum| (sum / straight) as f32);
        let display = look.map_or_else(|| linear.map(srgb), |look| look.apply(linear));
        let [red, green, blue] = display.map(byte);
        [red, green, blue, byte((alpha * self.rendered / self.all) as f32)]
    }
}

/// IEC 61966-2-1.
fn srgb(linear: f32) -> f32 {
    if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

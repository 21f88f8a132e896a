//! A small picture of what is merged so far.

use crate::film::Film;
use crate::planes::{Area, Plane};
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
    /// sRGB. What is not rendered yet is transparent; without that or an alpha of the scene's the
    /// PNG has no alpha.
    pub fn preview(&self, look: Option<&Look>, max_px: u32) -> Result<Vec<u8>, FilmError> {
        self.check_usable()?;
        let planes = self.channels.combined(&self.header.channels).ok_or(FilmError::Empty)?;
        let (width, height) = (self.planes.width(), self.planes.height());
        let step = width.max(height).div_ceil(max_px.max(1) as usize).max(1);
        let (small_width, small_height) = (width.div_ceil(step), height.div_ceil(step));
        let mut pixels = Vec::with_capacity(small_width * small_height);
        for top in (0..height).step_by(step) {
            let rows = self.planes.rows(top..height.min(top + step));
            let mut cells = vec![Cell::default(); small_width];
            self.gather(&rows, step, planes, &mut cells)?;
            pixels.extend(cells.iter().map(|cell| cell.pixel(look)));
        }
        encode(&pixels, small_width, small_height)
    }

    /// Adds rows to the preview's pixels that they belong to.
    fn gather(
        &self,
        rows: &Area,
        step: usize,
        ([red, green, blue], alpha): ([Plane; 3], Option<Plane>),
        cells: &mut [Cell],
    ) -> Result<(), FilmError> {
        let sums = |plane| self.planes.sums(plane, rows);
        let (red, green, blue) = (sums(red)?, sums(green)?, sums(blue)?);
        let alpha = alpha.map(sums).transpose()?;
        let weights = rows.rows.clone().flat_map(|row| self.header.weights(row));
        let colours = red.iter().zip(&green).zip(&blue);
        for (pixel, (weight, ((red, green), blue))) in weights.zip(colours).enumerate() {
            let Some(cell) = cells.get_mut(pixel % rows.width / step) else { continue };
            cell.all += 1.0;
            if weight == 0.0 {
                continue;
            }
            cell.rendered += 1.0;
            let alpha = alpha.as_ref().map_or(Some(&weight), |sums| sums.get(pixel));
            cell.alpha += alpha.map_or(1.0, |sum| sum / weight);
            for (sum, value) in cell.colour.iter_mut().zip([red, green, blue]) {
                *sum += value / weight;
            }
        }
        Ok(())
    }
}

impl Cell {
    /// Colours in renders are multiplied by alpha, those in PNG are not.
    #[expect(clippy::cast_possible_truncation, reason = "a display needs no more")]
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

pub(crate) fn encode(
    pixels: &[[u8; 4]],
    width: usize,
    height: usize,
) -> Result<Vec<u8>, FilmError> {
    let is_opaque = pixels.iter().all(|[_, _, _, alpha]| *alpha == u8::MAX);
    let (bytes, kind) = if is_opaque {
        let colours = pixels.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]);
        (colours.collect(), ExtendedColorType::Rgb8)
    } else {
        (pixels.concat(), ExtendedColorType::Rgba8)
    };
    let mut png = Vec::new();
    let encoder = png::PngEncoder::new_with_quality(
        &mut png,
        png::CompressionType::Fast,
        png::FilterType::Up,
    );
    let size = |px: usize| u32::try_from(px).unwrap_or(u32::MAX);
    encoder
        .write_image(&bytes, size(width), size(height), kind)
        .map_err(|source| FilmError::Preview { what: "writing a preview", source })?;
    Ok(png)
}

/// IEC 61966-2-1.
fn srgb(linear: f32) -> f32 {
    if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

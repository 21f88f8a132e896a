//! How noisy the merged picture is.
//!
//! Parts go to two halves of about as many samples. Each is an estimate of the picture by itself;
//! with `a` and `b` samples in them, the variance of the whole is that of their difference times
//! `a·b/(a+b)²`. That holds for independent samples. Those of a low-discrepancy sequence fill each
//! other's gaps, so the whole is a little better than said: the figure errs to the safe side, by up
//! to a half where the light is smooth (docs/MEASURED.md).
//!
//! Noise is counted in the brightness of a display, from 0 to 1, nearly as the eye sees it: the
//! square root of the luminance, what is brighter than white taken as white. The worst thousandth
//! of the pixels is left out: single bright ones tell more of luck than of noise.

use crate::FilmError;
use crate::film::Film;
use crate::header::Header;
use crate::planes::Area;
use crate::preview::encode;

/// Share of the pixels, the worst ones, that the figure leaves out.
const LEFT_OUT: f64 = 0.001;

/// Share of the pixels of which both halves must be there for a figure.
const ENOUGH: f64 = 0.99;

/// Steps of the counted noise to an octave.
const STEPS: f64 = 32.0;
/// Octaves below 1 that are told apart; what is less counts as the least.
const OCTAVES: f64 = 48.0;

/// The noise that the brightest colour of a map stands for.
const MAP_WHITE: f64 = 0.1;

/// Of linear light, Rec. 709.
pub(crate) fn luminance([red, green, blue]: [f64; 3]) -> f64 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn brightness(luminance: f64) -> f64 {
    if luminance > 0.0 { luminance.min(1.0).sqrt() } else { 0.0 }
}

/// How noisy a picture is.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// The standard error of the picture's brightness (0 to 1), over all pixels (root mean square).
    pub level: f64,
    /// Where it is noisy, as PNG: black is clean, white is a noise of 0.1 or more. What can't be told
    /// yet is transparent.
    pub map: Vec<u8>,
}

impl Film {
    /// How noisy the picture is, with a map whose longer side is at most `max_px`. `None` where too
    /// little is merged to tell, or where there is no picture.
    pub fn noise(&self, max_px: u32) -> Result<Option<Noise>, FilmError> {
        self.check_usable()?;
        let Header { half, covered, rect, .. } = &self.header;
        // Of one half nothing can be told, and frames in tiles have no second one.
        if half.is_empty() || half == covered {
            return Ok(None);
        }
        let (width, height) = (self.planes.width(), self.planes.height());
        // A pixel's two halves tell little of its own noise: at least 4 x 4 of them are taken together.
        let step = width.max(height).div_ceil(max_px.max(1) as usize).max(4);
        let (small_width, small_height) = (width.div_ceil(step), height.div_ceil(step));
        let mut pixels = Vec::with_capacity(small_width * small_height);
        let mut tally = Tally::default();
        for top in (0..height).step_by(step) {
            let mut cells = vec![(0.0, 0.0); small_width];
            for row in top..height.min(top + step) {
                let Some(squares) = self.squares(row)? else { return Ok(None) };
                for (column, square) in squares.into_iter().enumerate() {
                    if let (Some(square), Some(cell)) = (square, cells.get_mut(column / step)) {
                        *cell = (cell.0 + square, cell.1 + 1.0);
                        tally.add(square);
                    }
                }
            }
            pixels.extend(cells.into_iter().map(|(sum, count)| heat(sum, count)));
        }
        let Some(level) = tally.noise(rect.rendered.pixel_count()) else { return Ok(None) };
        Ok(Some(Noise { level, map: encode(&pixels, small_width, small_height)? }))
    }

    /// The squared standard error of each pixel of a row that both halves have; `None`: no picture.
    fn squares(&self, row: usize) -> Result<Option<Vec<Option<f64>>>, FilmError> {
        let planes = self.channels.combined(&self.header.channels);
        let (Some(half), Some((colour, _))) = (self.channels.half, planes) else { return Ok(None) };
        let area: Area = self.planes.rows(row..row + 1);
        let one = self.planes.sums(half.plane, &area)?;
        let [red, green, blue] = colour.map(|plane| self.planes.sums(plane, &area));
        let (red, green, blue) = (red?, green?, blue?);
        let (all, ones) = (self.header.weights(row), self.header.half_weights(row));
        let light = red.iter().zip(&green).zip(&blue);
        let light = light.map(|((&red, &green), &blue)| luminance([red, green, blue]));
        let halves = light.zip(one).zip(all.into_iter().zip(ones));
        let square = |((light, one), (all, ones)): ((f64, f64), (f64, f64))| {
            let others = all - ones;
            let error = (one / ones - (light - one) / others) * (ones * others).sqrt() / all;
            // Around the whole, which is cleaner than its halves: brightness is not linear.
            let (mean, apart) = (light / all, brightness(light / all + error));
            let apart = (apart - brightness(mean - error)) / 2.0;
            (ones > 0.0 && others > 0.0).then_some(apart * apart)
        };
        Ok(Some(halves.map(square).collect()))
    }
}

/// Counts squared errors by their size, so that the worst can be left out of any number of them.
#[derive(Default)]
struct Tally {
    /// Number and sum, from the smallest on.
    steps: Vec<(u64, f64)>,
}

impl Tally {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    fn add(&mut self, square: f64) {
        let octave = square.max(f64::MIN_POSITIVE).log2() + OCTAVES;
        let step = (octave * STEPS).clamp(0.0, OCTAVES * STEPS) as usize;
        if self.steps.is_empty() {
            self.steps = vec![(0, 0.0); (OCTAVES * STEPS) as usize + 1];
        }
        if let Some((count, sum)) = self.steps.get_mut(step) {
            *count += 1;
            *sum += square;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of pixels")]
    fn noise(&self, pixels: u64) -> Option<f64> {
        let count: u64 = self.steps.iter().map(|(count, _)| count).sum();
        if count == 0 || (count as f64) < ENOUGH * pixels as f64 {
            return None;
        }
        let kept = (count as f64 * (1.0 - LEFT_OUT)).ceil();
        let (mut left, mut total) = (kept, 0.0);
        for &(count, sum) in &self.steps {
            let taken = left.min(count as f64);
            if taken > 0.0 {
                total += sum * taken / count as f64;
                left -= taken;
            }
        }
        Some((total / kept).sqrt())
    }
}

/// From black over red and yellow to white.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn heat(sum: f64, count: f64) -> [u8; 4] {
    if count == 0.0 {
        return [0; 4];
    }
    let level = 3.0 * ((sum / count).sqrt() / MAP_WHITE).min(1.0);
    let byte = |level: f64| (level.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
    [byte(level), byte(level - 1.0), byte(level - 2.0), u8::MAX]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_thousandth_is_left_out() {
        let mut tally = Tally::default();
        (0..10_000).for_each(|_| tally.add(1e-4));
        assert!((tally.noise(10_000).unwrap() - 0.01).abs() < 1e-9);
        (0..10).for_each(|_| tally.add(1.0));
        assert!((tally.noise(10_010).unwrap() - 0.01).abs() < 1e-9);
        (0..90).for_each(|_| tally.add(1.0));
        assert!(tally.noise(10_100).unwrap() > 0.05);
    }

    #[test]
    fn with_too_little_of_the_picture_nothing_is_said() {
        let mut tally = Tally::default();
        assert_eq!(tally.noise(0), None);
        tally.add(1e-4);
        assert_eq!(tally.noise(2), None);
    }

    #[test]
    fn a_clean_picture_has_no_noise() {
        let mut tally = Tally::default();
        tally.add(0.0);
        assert_eq!(tally.noise(1), Some(0.0));
    }

    #[test]
    fn maps_go_from_black_to_white() {
        assert_eq!(heat(0.0, 4.0), [0, 0, 0, 255]);
        assert_eq!(heat(4.0, 4.0), [255, 255, 255, 255]);
        assert_eq!(heat(0.0, 0.0), [0; 4]);
    }
}

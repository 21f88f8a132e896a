//! A scene's view transform as a lattice of colours that Blender itself made.

use crate::FilmError;
use std::path::Path;

/// Points of the lattice along each axis.
const POINTS: usize = 33;
/// Width and height of its image.
const SIZE_PX: (u32, u32) = (33 * 33, 33);
/// The last point of an axis.
const LAST: f32 = 32.0;
/// Stops that the lattice spans.
const STOPS: f32 = 22.0;
/// The darkest of them, as a power of two.
const DARKEST: f32 = -16.0;

/// Scene-linear colour to display colour.
pub struct Look {
    /// Display colours from 0 to 1: red runs fastest, then green, then blue.
    colours: Vec<[f32; 3]>,
}

impl Look {
    /// Reads the image that the agent's Blender made: the blue axis selects a square along x;
    /// inside it red runs along x and green from the bottom.
    pub fn read(path: &Path) -> Result<Self, FilmError> {
        let reading = |source| FilmError::Preview { what: "reading a look", source };
        let bytes = fs_err::read(path)?;
        let image = ::image::load_from_memory(&bytes).map_err(reading)?.to_rgb16();
        if image.dimensions() != SIZE_PX {
            return Err(FilmError::BadLook(path.to_owned()));
        }
        let mut colours = vec![[0.0; 3]; POINTS * POINTS * POINTS];
        for (x, y, pixel) in image.enumerate_pixels() {
            let (x, y) = (x as usize, y as usize);
            let (blue, red, green) = (x / POINTS, x % POINTS, POINTS - 1 - y);
            if let Some(colour) = colours.get_mut((blue * POINTS + green) * POINTS + red) {
                *colour = pixel.0.map(|value| f32::from(value) / 65535.0);
            }
        }
        Ok(Self { colours })
    }

    /// The display colour of a scene-linear one.
    pub fn apply(&self, linear: [f32; 3]) -> [f32; 3] {
        let places = linear.map(|value| place(value) * LAST);
        let low = places.map(whole);
        let part = places.map(f32::fract);
        let mut colour = [0.0; 3];
        for corner in 0..8_usize {
            let mut weight = 1.0;
            let mut index = 0;
            for axis in [2, 1, 0] {
                let up = corner >> axis & 1;
                let (Some(&low), Some(&part)) = (low.get(axis), part.get(axis)) else { continue };
                weight *= if up == 1 { part } else { 1.0 - part };
                index = index * POINTS + (low + up).min(POINTS - 1);
            }
            let Some(point) = self.colours.get(index) else { continue };
            for (sum, value) in colour.iter_mut().zip(point) {
                *sum += weight * value;
            }
        }
        colour
    }
}

/// The point at or before a place, which is never negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 32")]
fn whole(place: f32) -> usize {
    place as usize
}

/// Where a value lies on an axis, 0 to 1: logarithmic, with 0 at 0.
fn place(linear: f32) -> f32 {
    let floor = DARKEST.exp2();
    let value = if linear.is_nan() { 0.0 } else { linear.max(0.0) };
    (((value + floor).log2() - DARKEST) / STOPS).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lattice_of_a_smooth_curve_gives_that_curve() {
        let linear = |t: f32| (t * STOPS + DARKEST).exp2() - DARKEST.exp2();
        let curve = |value: f32| value / (value + 1.0);
        let mut colours = Vec::new();
        for blue in 0..33_u8 {
            for green in 0..33 {
                for red in 0..33 {
                    let at = |index: u8| curve(linear(f32::from(index) / LAST));
                    colours.push([at(red), at(green), at(blue)]);
                }
            }
        }
        let look = Look { colours };
        for value in [0.0, 0.01, 0.18, 0.5, 1.0, 7.0] {
            let [red, green, blue] = look.apply([value, 0.18, 0.0]);
            assert!((red - curve(value)).abs() < 0.01, "{value}: {red}");
            assert!((green - curve(0.18)).abs() < 0.01 && blue < 0.001);
        }
        assert!(look.apply([f32::NAN, f32::INFINITY, -1.0])[2].abs() < f32::EPSILON);
    }
}

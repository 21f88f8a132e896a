//! Values of an EXR as they are, and as they are shown: linear light, encoded as sRGB.

use std::sync::OnceLock;

use egui::{Color32, ColorImage};

use super::widgets::tiles::Part;

/// Floats that differ in no more than their lower half look the same: the upper half has 7 bits of
/// the fraction, and a screen 8 bits of its root.
const SHADES: usize = 1 << 16;

/// What each upper half looks like.
static SHADES_OF_HALVES: OnceLock<Vec<u8>> = OnceLock::new();

/// A pass: up to three values for each pixel.
#[derive(Debug, PartialEq)]
pub struct Linear {
    /// Width and height in pixels.
    pub size: [usize; 2],
    /// What the values are called, such as `R`, `G`, `B`.
    pub components: Vec<String>,
    /// Row by row from the top.
    pub values: Vec<[f32; 3]>,
    /// The least value, and what makes 1 of the difference to the largest, where there is one channel.
    range: (f32, f32),
}

impl Linear {
    /// The pass of these channels, each with a value for each pixel. One channel is shown in gray,
    /// from its least to its largest value; more than three are left out.
    pub fn new(size: [usize; 2], channels: &[(String, Vec<f32>)]) -> Self {
        let components = channels.iter().take(3).map(|(name, _)| name.clone()).collect();
        let value = |channel: usize, at: usize| {
            channels.get(channel).and_then(|(_, values)| values.get(at)).copied().unwrap_or(0.0)
        };
        let pixel = |at| [value(0, at), value(1, at), value(2, at)];
        let values: Vec<[f32; 3]> = (0..size[0].saturating_mul(size[1])).map(pixel).collect();
        let range = range(&values);
        Self { size, components, values, range }
    }

    /// As it is shown, so many stops brighter.
    pub fn developed(&self, stops: f32) -> ColorImage {
        let [width, height] = self.size;
        self.developed_part(stops, Part { x: 0, y: 0, width, height })
    }

    /// The same of some pixels.
    pub fn developed_part(&self, stops: f32, part: Part) -> ColorImage {
        let shades = SHADES_OF_HALVES.get_or_init(|| (0..SHADES).map(shade).collect());
        let of = |value: f32| shades.get(upper_half(value)).copied().unwrap_or_default();
        let factor = stops.exp2();
        let (least, scale) = self.range;
        let gray = |value: f32| of((value - least) * scale * factor);
        let is_gray = self.components.len() == 1;
        let color = |&[red, green, blue]: &[f32; 3]| {
            if is_gray {
                Color32::from_gray(gray(red))
            } else {
                Color32::from_rgb(of(red * factor), of(green * factor), of(blue * factor))
            }
        };
        let pixels = rows(&self.values, self.size[0], part).flatten().map(color).collect();
        ColorImage::new([part.width, part.height], pixels)
    }

    /// The values of a pixel, as people read them.
    pub fn told(&self, x: usize, y: usize) -> String {
        let Some(values) = self.values.get(y * self.size[0] + x) else { return String::new() };
        let told = self.components.iter().zip(values);
        told.map(|(name, value)| format!("{name} {value:.5}")).collect::<Vec<_>>().join(" ")
    }
}

/// The least value, and what makes 1 of the difference to the largest. Depth has values for nothing
/// that are larger than any scene.
fn range(values: &[[f32; 3]]) -> (f32, f32) {
    let seen = values.iter().map(|value| value[0]).filter(|value| value.abs() < 1e9);
    let range = seen.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((least, most)) => Some((value.min(least), value.max(most))),
    });
    match range {
        Some((least, most)) if most > least => (least, 1.0 / (most - least)),
        _ => (0.0, 1.0),
    }
}

/// The rows of a part of a picture that is so wide.
fn rows<T>(pixels: &[T], width: usize, part: Part) -> impl Iterator<Item = &[T]> {
    (part.y..part.y + part.height).map(move |y| {
        let from = y * width + part.x;
        pixels.get(from..from + part.width).unwrap_or_default()
    })
}

fn upper_half(value: f32) -> usize {
    usize::try_from(value.to_bits() >> 16).unwrap_or_default()
}

/// The sRGB value of the floats with this upper half.
fn shade(upper_half: usize) -> u8 {
    let bits = u32::try_from(upper_half).unwrap_or_default() << 16;
    // In the middle of what has this upper half; infinity has no middle.
    let is_infinite = f32::from_bits(bits).is_infinite();
    let linear = f32::from_bits(if is_infinite { bits } else { bits | 0x8000 });
    if linear.is_nan() || linear <= 0.0 {
        return 0;
    }
    encoded(linear)
}

/// The sRGB value of linear light, what is brighter than 1 as 1 (IEC 61966-2-1).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in 0 to 255")]
fn encoded(linear: f32) -> u8 {
    let linear = linear.min(1.0);
    let encoded =
        if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
    (encoded * 255.0).round() as u8
}

/// Some pixels of a picture of sRGB values, so many stops brighter in linear light.
pub fn brighter(pixels: &ColorImage, stops: f32, part: Part) -> ColorImage {
    let found = rows(&pixels.pixels, pixels.size[0], part).flatten().copied();
    let size = [part.width, part.height];
    if stops == 0.0 {
        return ColorImage::new(size, found.collect());
    }
    let factor = stops.exp2();
    let table: Vec<u8> = (0..=u8::MAX).map(|value| encoded(decoded(value) * factor)).collect();
    let of = |value: u8| table.get(usize::from(value)).copied().unwrap_or(value);
    let brighter = found.map(|pixel| {
        let [red, green, blue, alpha] = pixel.to_array();
        Color32::from_rgba_premultiplied(of(red), of(green), of(blue), alpha)
    });
    ColorImage::new(size, brighter.collect())
}

/// The linear light of an sRGB value (IEC 61966-2-1).
fn decoded(value: u8) -> f32 {
    let encoded = f32::from(value) / 255.0;
    if encoded <= 0.04045 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray(values: &[f32]) -> Linear {
        let channels = ["R", "G", "B"].map(|name| (name.to_owned(), values.to_vec()));
        Linear::new([values.len(), 1], &channels)
    }

    #[test]
    fn light_is_encoded_as_srgb() {
        let values = [-1.0, 0.0, 0.001, 0.214_041_14, 1.0, 50.0, f32::NAN, f32::INFINITY];
        let shown = gray(&values).developed(0.0);
        let shown: Vec<u8> = shown.pixels.iter().map(egui::Color32::r).collect();
        for (shown, expected) in shown.iter().zip([0, 0, 3, 128, 255, 255, 0, 255]) {
            assert!(shown.abs_diff(expected) <= 1, "{shown} for {expected}");
        }
    }

    #[test]
    fn a_stop_doubles_the_light() {
        let brighter = gray(&[0.107_020_57]).developed(1.0);
        assert!(brighter.pixels[0].g().abs_diff(128) <= 1);
    }

    #[test]
    fn one_channel_is_shown_from_its_least_to_its_largest_value() {
        let depth = vec![2.0, 6.0, 1e10];
        let depth = Linear::new([3, 1], &[("Z".to_owned(), depth)]);
        let shown = depth.developed(0.0);
        assert_eq!([shown.pixels[0].r(), shown.pixels[1].r(), shown.pixels[2].r()], [0, 255, 255]);
        assert_eq!(depth.told(1, 0), "Z 6.00000");
    }

    #[test]
    fn no_exposure_changes_nothing_and_a_stop_of_a_picture_doubles_its_light() {
        let values: Vec<Color32> = (0..=255).map(Color32::from_gray).collect();
        let picture = ColorImage::new([256, 1], values);
        let all = Part { x: 0, y: 0, width: 256, height: 1 };
        assert_eq!(brighter(&picture, 0.0, all), picture);
        // 0.5 in sRGB is 0.214 in linear light; twice as much is 0.686.
        let brighter = brighter(&picture, 1.0, all);
        assert_eq!((brighter.pixels[128].r(), brighter.pixels[255].r()), (176, 255));
    }
}

//! The image that a film's sums stand for.

use crate::FilmError;
use crate::band::Band;
use crate::channel::{Divided, Source};
use crate::film::Film;
use crate::planes::Plane;
use crate::rule::blank;
use crate::write::{Format, write_image};
use exr::prelude::Compression;
use std::ops::Range;
use std::path::Path;

impl Film {
    /// Writes what is merged as a multilayer EXR with 32 bits, uncompressed; pixels of which
    /// nothing is merged are 0.
    pub fn write_image(&self, path: &Path) -> Result<(), FilmError> {
        self.check_usable()?;
        if self.header.channels.is_empty() {
            return Err(FilmError::Empty);
        }
        let mut attributes = self.header.attributes.clone();
        let pixels = self.header.rect.rendered.pixel_count().max(1);
        attributes.set_samples(self.covered_pixel_samples() / pixels);
        attributes.mark_multilayer();
        let format = Format {
            width: self.planes.width(),
            height: self.planes.height(),
            names: &self.header.channels,
            attributes: &attributes,
            compression: Compression::Uncompressed,
        };
        write_image(path, &format, |rows| self.develop(rows))
    }

    /// Rows of the image, counted from its top.
    fn develop(&self, rows: Range<usize>) -> Result<Band, FilmError> {
        let width = self.planes.width();
        let mut band = Band::new(rows.clone(), width, self.header.channels.len());
        let weights: Vec<f64> = rows.clone().flat_map(|row| self.header.weights(row)).collect();
        let sums = self.all_sums(rows.clone())?;
        let sums_of = |plane: &Plane| sums.get(plane.first).map(Vec::as_slice).unwrap_or_default();
        for (index, source) in self.channels.sources.iter().enumerate() {
            let values = band.channel_mut(index).iter_mut();
            match source {
                Source::Mean(plane) => {
                    let means = sums_of(plane).iter().zip(&weights).map(|(sum, w)| ratio(*sum, *w));
                    values.zip(means).for_each(|(value, mean)| *value = mean);
                }
                Source::First(plane) => {
                    let firsts = sums_of(plane).iter().map(|&first| narrow(first));
                    values.zip(firsts).for_each(|(value, first)| *value = first);
                }
                Source::Divided(divided) => {
                    let quotients = quotients(divided, sums_of);
                    values.zip(quotients).for_each(|(value, quotient)| *value = quotient);
                }
                Source::Matte => {}
            }
        }
        let area = self.planes.rows(rows);
        let total = f64::from(self.header.total_samples);
        let mut places = Vec::new();
        for matte in &self.channels.mattes {
            self.planes.read(matte.plane, &area, &mut places)?;
            matte.rank(&places, weights.iter().map(|weight| weight / total), &mut band);
        }
        self.blank_border(&mut band);
        Ok(band)
    }

    /// All planes but those of cryptomattes.
    fn all_sums(&self, rows: Range<usize>) -> Result<Vec<Vec<f64>>, FilmError> {
        let area = self.planes.rows(rows);
        let planes = (0..self.channels.sum_count).map(|first| Plane { first, depth: 1 });
        Ok(planes.map(|plane| self.planes.sums(plane, &area)).collect::<Result<_, _>>()?)
    }

    /// Outside of the render border some passes are not 0.
    fn blank_border(&self, band: &mut Band) {
        let (rendered, canvas) = (self.header.rect.rendered, self.header.canvas());
        if rendered == canvas {
            return;
        }
        let left = (rendered.x_px() - canvas.x_px()) as usize;
        let columns = left..left + rendered.width_px() as usize;
        let top = (canvas.top_px() - rendered.top_px()) as usize;
        let rows = top..top + rendered.height_px() as usize;
        let (first_row, width) = (band.rows.start, band.width);
        for (index, name) in self.header.channels.iter().enumerate() {
            let value = blank(name);
            if value == 0.0 {
                continue;
            }
            for (pixel, to) in band.channel_mut(index).iter_mut().enumerate() {
                let (row, column) = (first_row + pixel / width, pixel % width);
                if !(rows.contains(&row) && columns.contains(&column)) {
                    *to = value;
                }
            }
        }
    }
}

/// Light divided by colour.
fn quotients<'s>(
    divided: &Divided,
    sums_of: impl Fn(&Plane) -> &'s [f64],
) -> impl Iterator<Item = f32> {
    let [red, green, blue] = divided.light.each_ref().map(&sums_of);
    let [by_red, by_green, by_blue] = divided.colour.each_ref().map(&sums_of);
    let component = divided.component;
    let lights = red.iter().zip(green).zip(blue);
    let colours = by_red.iter().zip(by_green).zip(by_blue);
    lights.zip(colours).map(move |(((r, g), b), ((by_r, by_g), by_b))| {
        quotient([*r, *g, *b], [*by_r, *by_g, *by_b], component)
    })
}

/// As Cycles does it: a component of which there is no colour gets the mean of the others.
fn quotient(light: [f64; 3], colour: [f64; 3], component: usize) -> f32 {
    let quotients = light.iter().zip(&colour).map(|(l, c)| (*c != 0.0).then(|| l / c));
    if let Some(Some(own)) = quotients.clone().nth(component) {
        return narrow(own);
    }
    let (count, sum) = quotients.flatten().fold((0.0, 0.0), |(n, sum), q| (n + 1.0, sum + q));
    ratio(sum, count)
}

fn ratio(sum: f64, of: f64) -> f32 {
    if of == 0.0 { 0.0 } else { narrow(sum / of) }
}

#[expect(clippy::cast_possible_truncation, reason = "images have 32-bit floats")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "these numbers are exact")]
    fn light_is_divided_as_cycles_does_it() {
        let grey = |light, colour| [0, 1, 2].map(|component| quotient(light, colour, component));
        assert_eq!(grey([2.0, 3.0, 4.0], [1.0, 2.0, 4.0]), [2.0, 1.5, 1.0]);
        assert_eq!(grey([2.0, 0.0, 4.0], [1.0, 0.0, 4.0]), [2.0, 1.5, 1.0]);
        assert_eq!(grey([0.0, 3.0, 0.0], [0.0, 2.0, 0.0]), [1.5, 1.5, 1.5]);
        assert_eq!(grey([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]), [0.0, 0.0, 0.0]);
    }
}

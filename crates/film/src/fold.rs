//! Adds a band of a part to a film's sums, step by step.

use crate::FilmError;
use crate::band::Band;
use crate::channel::{Channels, Half, Source};
use crate::journal::{Journal, steps};
use crate::noise::luminance;
use crate::planes::{Area, Plane, Planes};
use blendnet_protocol::SampleRange;
use std::ops::Range;

/// Adds rows of a part that has these samples of the frame's, at their place in the film.
pub(crate) fn fold(
    journal: &mut Journal<'_>,
    planes: &Planes,
    channels: &Channels,
    (band, area): (&Band, &Area),
    samples: (SampleRange, u32),
    in_half: bool,
) -> Result<(), FilmError> {
    let mut buffer = Vec::new();
    for rows in steps(band.rows.clone(), area.width, channels.deepest()) {
        let above = rows.start - band.rows.start;
        let start = area.rows.start + above;
        let area = Area { rows: start..start + rows.len(), ..area.clone() };
        let mut step = Step { journal, planes, area, buffer: &mut buffer };
        step.add_rows(channels, (band, &rows), samples)?;
        if let Some(half) = channels.half.filter(|_| in_half) {
            step.add_half(half, (band, &rows), samples.0)?;
        }
    }
    Ok(())
}

/// Some rows of all planes.
struct Step<'s, 'p> {
    journal: &'s mut Journal<'p>,
    planes: &'s Planes,
    area: Area,
    buffer: &'s mut Vec<u8>,
}

impl Step<'_, '_> {
    fn add_rows(
        &mut self,
        channels: &Channels,
        (band, rows): (&Band, &Range<usize>),
        (samples, total_samples): (SampleRange, u32),
    ) -> Result<(), FilmError> {
        let weight = f64::from(samples.sample_count());
        for (index, source) in channels.sources.iter().enumerate() {
            let values = band.lines(index, rows).iter().map(|&value| f64::from(value));
            match source {
                Source::Mean(plane) => self.add(*plane, values.map(|value| weight * value))?,
                Source::Divided(divided) => {
                    let [red, green, blue] = divided.light;
                    let plane = match divided.component {
                        0 => red,
                        1 => green,
                        _ => blue,
                    };
                    let products = values.zip(band.lines(divided.by, rows));
                    let products =
                        products.map(|(light, &colour)| weight * light * f64::from(colour));
                    self.add(plane, products)?;
                }
                Source::First(plane) if samples.start() == 0 => {
                    // Not a sum: it may be written twice, and nothing need be kept.
                    if self.journal.next_step().is_none() {
                        continue;
                    }
                    let bytes: Vec<u8> = values.flat_map(f64::to_le_bytes).collect();
                    self.planes.write(*plane, &self.area, &bytes)?;
                }
                Source::First(_) | Source::Matte => {}
            }
        }
        for matte in &channels.mattes {
            let share = weight / f64::from(total_samples);
            self.change(matte.plane, |places| matte.add(places, (band, rows), share))?;
        }
        Ok(())
    }

    fn add_half(
        &mut self,
        half: Half,
        (band, rows): (&Band, &Range<usize>),
        samples: SampleRange,
    ) -> Result<(), FilmError> {
        let weight = f64::from(samples.sample_count());
        let [red, green, blue] = half.colour.map(|channel| band.lines(channel, rows));
        let colours = red.iter().zip(green).zip(blue);
        let light = colours.map(|((&red, &green), &blue)| {
            weight * luminance([f64::from(red), f64::from(green), f64::from(blue)])
        });
        self.add(half.plane, light)
    }

    fn add(&mut self, plane: Plane, values: impl Iterator<Item = f64>) -> Result<(), FilmError> {
        self.change(plane, |sums| {
            for (bytes, value) in sums.as_chunks_mut().0.iter_mut().zip(values) {
                *bytes = (f64::from_le_bytes(*bytes) + value).to_le_bytes();
            }
        })
    }

    /// Changes a plane's values once, however often it is tried.
    fn change(&mut self, plane: Plane, change: impl FnOnce(&mut [u8])) -> Result<(), FilmError> {
        let Some(step) = self.journal.next_step() else { return Ok(()) };
        self.planes.read(plane, &self.area, self.buffer)?;
        self.journal.keep(step, plane, &self.area, self.buffer)?;
        change(self.buffer);
        Ok(self.planes.write(plane, &self.area, self.buffer)?)
    }
}

//! Adds a band of a part to a film's sums.

use crate::FilmError;
use crate::band::Band;
use crate::channel::{Channels, Source};
use crate::planes::{Area, Plane, Planes};
use blendnet_protocol::SampleRange;

/// Adds rows of a part that has these samples of the frame's, at their place in the film.
pub(crate) fn fold(
    planes: &Planes,
    channels: &Channels,
    band: &Band,
    area: &Area,
    (samples, total_samples): (SampleRange, u32),
) -> Result<(), FilmError> {
    let weight = f64::from(samples.sample_count());
    let mut buffer = Vec::new();
    for (index, source) in channels.sources.iter().enumerate() {
        let values = band.channel(index).iter().map(|&value| f64::from(value));
        match source {
            Source::Mean(plane) => {
                add(planes, *plane, area, &mut buffer, values.map(|value| weight * value))?;
            }
            Source::Divided(divided) => {
                let [red, green, blue] = divided.light;
                let plane = match divided.component {
                    0 => red,
                    1 => green,
                    _ => blue,
                };
                let products = values.zip(band.channel(divided.by));
                let products = products.map(|(light, &colour)| weight * light * f64::from(colour));
                add(planes, plane, area, &mut buffer, products)?;
            }
            Source::First(plane) if samples.start() == 0 => {
                let bytes: Vec<u8> = values.flat_map(f64::to_le_bytes).collect();
                planes.write(*plane, area, &bytes)?;
            }
            Source::First(_) | Source::Matte => {}
        }
    }
    for matte in &channels.mattes {
        planes.read(matte.plane, area, &mut buffer)?;
        matte.add(&mut buffer, band, weight / f64::from(total_samples));
        planes.write(matte.plane, area, &buffer)?;
    }
    Ok(())
}

fn add(
    planes: &Planes,
    plane: Plane,
    area: &Area,
    buffer: &mut Vec<u8>,
    values: impl Iterator<Item = f64>,
) -> Result<(), FilmError> {
    planes.read(plane, area, buffer)?;
    for (bytes, value) in buffer.as_chunks_mut().0.iter_mut().zip(values) {
        *bytes = (f64::from_le_bytes(*bytes) + value).to_le_bytes();
    }
    Ok(planes.write(plane, area, buffer)?)
}

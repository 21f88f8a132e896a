//! What of a frame is merged, in a file of its own.
//!
//! ```text
//! header (1 MiB) | plane 0 | plane 1 | …     planes: one f64 for each pixel, rows from the top
//! ```
//!
//! While a part is added the header says so: a film whose program ended in the middle is known
//! as such and rendered again, never trusted. The file has its full size from the first part
//! on, so a full disk is met before anything is changed.

use crate::FilmError;
use crate::channel::{Channels, Matte, Source};
use crate::header::{Header, reserve};
use crate::image::Image;
use crate::planes::Planes;
use blendnet_protocol::{FilmRect, Region, Tile};
use fs_err as fs;
use std::collections::BTreeMap;
use std::path::Path;

/// The sums of a frame.
pub struct Film {
    pub(crate) header: Header,
    pub(crate) channels: Channels,
    pub(crate) planes: Planes,
}

/// A stretch of a row: where a part's row lies in the film.
struct Stretch {
    row: usize,
    x: usize,
    width: usize,
}

impl Film {
    /// An empty film in a new file.
    pub fn create(path: &Path, rect: FilmRect, total_samples: u32) -> Result<Self, FilmError> {
        let file =
            fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        let header = Header::new(rect, total_samples);
        header.write(&file)?;
        Self::with(file, header)
    }

    /// A film that was made before.
    pub fn open(path: &Path) -> Result<Self, FilmError> {
        let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
        let header = Header::read(&file)?;
        Self::with(file, header)
    }

    fn with(file: fs::File, header: Header) -> Result<Self, FilmError> {
        let canvas = header.canvas();
        let channels = Channels::new(&header.channels)?;
        let planes = Planes::new(file, canvas.width_px() as usize, canvas.height_px() as usize);
        Ok(Self { header, channels, planes })
    }

    /// What is merged; regions that touch are joined.
    pub fn covered(&self) -> &[Region] {
        &self.header.covered
    }

    /// Pixels times samples that are merged.
    pub fn covered_pixel_samples(&self) -> u64 {
        self.header.covered.iter().map(|region| region.pixel_samples()).sum()
    }

    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        let all = self.header.rect.rendered.pixel_count() * u64::from(self.header.total_samples);
        self.covered_pixel_samples() == all
    }

    /// Adds an image that holds exactly `region`.
    pub fn add(&mut self, part: &Path, region: Region) -> Result<(), FilmError> {
        if self.header.folding {
            return Err(FilmError::Interrupted { path: self.planes.file().path().to_owned() });
        }
        let inside = self.header.rect.rendered.contains(region.tile)
            && region.samples.end() <= self.header.total_samples;
        if !inside {
            return Err(FilmError::OutOfFrame { region });
        }
        if self.header.covered.iter().any(|covered| covered.overlaps(region)) {
            return Err(FilmError::Overlap { region });
        }
        let tile = region.tile;
        let image = Image::read_sized(part, tile.width_px() as usize, tile.height_px() as usize)?;
        self.check_channels(part, &image)?;
        self.header.folding = true;
        self.header.write(self.planes.file())?;
        self.fold(&image, region)?;
        self.planes.file().file().sync_data()?;
        self.header.folding = false;
        self.header.cover(region);
        self.header.take_attributes(&image.attributes);
        self.header.write(self.planes.file())
    }

    /// The first part says which channels there are.
    fn check_channels(&mut self, part: &Path, image: &Image) -> Result<(), FilmError> {
        let names: Vec<String> = image.channels.keys().cloned().collect();
        if self.header.channels.is_empty() {
            let channels = Channels::new(&names)?;
            reserve(self.planes.file(), self.planes.bytes(channels.plane_count))?;
            self.channels = channels;
            self.header.channels = names;
            return Ok(());
        }
        let known = &self.header.channels;
        let missing = known.iter().find(|name| !names.contains(name));
        let new = names.iter().find(|name| !known.contains(name));
        match missing.or(new) {
            None => Ok(()),
            Some(channel) => {
                Err(FilmError::OtherChannels { path: part.to_owned(), difference: channel.clone() })
            }
        }
    }

    fn fold(&self, image: &Image, region: Region) -> Result<(), FilmError> {
        let weight = f64::from(region.samples.sample_count());
        let is_first = region.samples.start() == 0;
        for (index, stretch) in self.stretches(region.tile).enumerate() {
            let row = |channel: &str| image.row(channel, index);
            for (name, source) in &self.channels.sources {
                let values = row(name);
                match source {
                    Source::Mean { plane } => {
                        self.sum(*plane, &stretch, values.iter().map(|&v| weight * f64::from(v)))?;
                    }
                    Source::Divided { plane, by, .. } => {
                        let products = values
                            .iter()
                            .zip(row(by))
                            .map(|(&light, &colour)| weight * f64::from(light) * f64::from(colour));
                        self.sum(*plane, &stretch, products)?;
                    }
                    Source::First { plane } if is_first => {
                        let values: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
                        self.planes.write(*plane, stretch.row, stretch.x, &values)?;
                    }
                    Source::First { .. } | Source::Cryptomatte { .. } => {}
                }
            }
            for (name, matte) in &self.channels.mattes {
                self.sum_matte(*matte, &stretch, &self.matte_rows(name, image, index), weight)?;
            }
        }
        Ok(())
    }

    fn sum(
        &self,
        plane: usize,
        stretch: &Stretch,
        values: impl Iterator<Item = f64>,
    ) -> Result<(), FilmError> {
        let mut sums = self.planes.read(plane, stretch.row, stretch.x, stretch.width)?;
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value;
        }
        Ok(self.planes.write(plane, stretch.row, stretch.x, &sums)?)
    }

    /// Ids and coverages of a row of a part, in the order of their ranks.
    fn matte_rows<'i>(&self, name: &str, image: &'i Image, row: usize) -> Vec<&'i [f32]> {
        let mut rows: Vec<(usize, &[f32])> = Vec::new();
        for (channel, source) in &self.channels.sources {
            if let Source::Cryptomatte { name: own, place } = source
                && own == name
            {
                rows.push((*place, image.row(channel, row)));
            }
        }
        rows.sort_by_key(|(place, _)| *place);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn sum_matte(
        &self,
        matte: Matte,
        stretch: &Stretch,
        rows: &[&[f32]],
        weight: f64,
    ) -> Result<(), FilmError> {
        let mut slots = self.matte_sums(matte, stretch.row, stretch.x, stretch.width)?;
        for (pixel, slots) in slots.iter_mut().enumerate() {
            for pair in rows.chunks(2) {
                let value = |row: Option<&&[f32]>| row.and_then(|row| row.get(pixel)).copied();
                let (Some(id), Some(coverage)) = (value(pair.first()), value(pair.get(1))) else {
                    continue;
                };
                if coverage > 0.0 {
                    add_coverage(slots, id.to_bits(), weight * f64::from(coverage));
                }
            }
        }
        for slot in 0..matte.slots() {
            let of = |pixel: &Vec<(u32, f64)>| pixel.get(slot).copied().unwrap_or_default();
            let ids: Vec<f64> = slots.iter().map(|pixel| f64::from(of(pixel).0)).collect();
            let coverages: Vec<f64> = slots.iter().map(|pixel| of(pixel).1).collect();
            let plane = matte.first_plane + 2 * slot;
            self.planes.write(plane, stretch.row, stretch.x, &ids)?;
            self.planes.write(plane + 1, stretch.row, stretch.x, &coverages)?;
        }
        Ok(())
    }

    /// Ids and summed coverages of each pixel of a stretch.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "ids were written as whole numbers of 32 bits"
    )]
    pub(crate) fn matte_sums(
        &self,
        matte: Matte,
        row: usize,
        x: usize,
        width: usize,
    ) -> Result<Vec<Vec<(u32, f64)>>, FilmError> {
        let mut slots = vec![vec![(0, 0.0); matte.slots()]; width];
        for slot in 0..matte.slots() {
            let plane = matte.first_plane + 2 * slot;
            let ids = self.planes.read(plane, row, x, width)?;
            let coverages = self.planes.read(plane + 1, row, x, width)?;
            for (pixel, (id, coverage)) in slots.iter_mut().zip(ids.into_iter().zip(coverages)) {
                if let Some(place) = pixel.get_mut(slot) {
                    *place = (id as u32, coverage);
                }
            }
        }
        Ok(slots)
    }

    /// Rows of a tile in the film, from the tile's top.
    fn stretches(&self, tile: Tile) -> impl Iterator<Item = Stretch> {
        let canvas = self.header.canvas();
        let x = (tile.x_px() - canvas.x_px()) as usize;
        let top = (canvas.top_px() - tile.top_px()) as usize;
        let (width, height) = (tile.width_px() as usize, tile.height_px() as usize);
        (top..top + height).map(move |row| Stretch { row, x, width })
    }

    /// Samples merged of each pixel of a row.
    pub(crate) fn weights(&self, row: usize) -> Vec<f64> {
        let canvas = self.header.canvas();
        let mut weights = vec![0.0; self.planes.width()];
        let y = canvas.top_px() as usize - 1 - row;
        for region in &self.header.covered {
            let tile = region.tile;
            if (tile.y_px() as usize..tile.top_px() as usize).contains(&y) {
                let x = (tile.x_px() - canvas.x_px()) as usize;
                let covered = weights.iter_mut().skip(x).take(tile.width_px() as usize);
                covered.for_each(|w| *w += f64::from(region.samples.sample_count()));
            }
        }
        weights
    }

    /// Writes what is merged as a multilayer EXR; pixels of which nothing is merged are 0.
    pub fn write_image(&self, path: &Path) -> Result<(), FilmError> {
        if self.header.channels.is_empty() {
            return Err(FilmError::Empty);
        }
        let (width, height) = (self.planes.width(), self.planes.height());
        let empty = || Vec::with_capacity(width * height);
        let mut channels: BTreeMap<String, Vec<f32>> =
            self.header.channels.iter().map(|name| (name.clone(), empty())).collect();
        for row in 0..height {
            let weights = self.weights(row);
            let mattes = self.matte_ranks(row, &weights)?;
            for (name, values) in &mut channels {
                self.extend_row(name, row, &weights, &mattes, values)?;
            }
        }
        let attributes = self.attributes();
        Image { width, height, channels, attributes }.write(path)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the image has 32-bit floats")]
    fn extend_row(
        &self,
        name: &str,
        row: usize,
        weights: &[f64],
        mattes: &BTreeMap<String, Vec<Vec<(u32, f64)>>>,
        values: &mut Vec<f32>,
    ) -> Result<(), FilmError> {
        let plane = |plane: usize| self.planes.read(plane, row, 0, self.planes.width());
        let ratio = |sum: f64, of: f64| if of == 0.0 { 0.0 } else { (sum / of) as f32 };
        match self.channels.sources.get(name) {
            Some(Source::Mean { plane: sums }) => {
                let sums = plane(*sums)?;
                values.extend(sums.iter().zip(weights).map(|(&sum, &w)| ratio(sum, w)));
            }
            Some(Source::Divided { plane: sums, by_plane, .. }) => {
                let (sums, colours) = (plane(*sums)?, plane(*by_plane)?);
                values.extend(sums.iter().zip(colours).map(|(&sum, colour)| ratio(sum, colour)));
            }
            Some(Source::First { plane: firsts }) => {
                values.extend(plane(*firsts)?.iter().map(|&value| value as f32));
            }
            Some(Source::Cryptomatte { name, place }) => {
                let pixels = mattes.get(name).map(Vec::as_slice).unwrap_or_default();
                values.extend(pixels.iter().map(|ranks| {
                    let (id, coverage) = ranks.get(place / 2).copied().unwrap_or_default();
                    if place % 2 == 0 { f32::from_bits(id) } else { coverage as f32 }
                }));
            }
            None => values.resize(values.len() + self.planes.width(), 0.0),
        }
        Ok(())
    }

    /// Ids and mean coverages of each pixel of a row, those that cover most first.
    fn matte_ranks(
        &self,
        row: usize,
        weights: &[f64],
    ) -> Result<BTreeMap<String, Vec<Vec<(u32, f64)>>>, FilmError> {
        let mut mattes = BTreeMap::new();
        for (name, &matte) in &self.channels.mattes {
            let mut pixels = self.matte_sums(matte, row, 0, self.planes.width())?;
            for (pixel, &weight) in pixels.iter_mut().zip(weights) {
                pixel.retain(|(_, coverage)| *coverage > 0.0);
                pixel.iter_mut().for_each(|(_, coverage)| *coverage /= weight);
                pixel.sort_by(|a, b| b.1.total_cmp(&a.1));
            }
            mattes.insert(name.clone(), pixels);
        }
        Ok(mattes)
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        let pixels = self.header.rect.rendered.pixel_count().max(1);
        let samples = self.covered_pixel_samples() / pixels;
        let mut attributes = self.header.attributes.clone();
        for (name, value) in &mut attributes {
            if name.starts_with("cycles.") && name.ends_with(".samples") {
                *value = samples.to_string();
            }
        }
        attributes
    }
}

/// Adds to the object's slot, to a free one, or — when there are more objects than slots — to
/// none if all others cover more.
fn add_coverage(slots: &mut [(u32, f64)], id: u32, coverage: f64) {
    if let Some(own) = slots.iter_mut().find(|slot| slot.0 == id && slot.1 > 0.0) {
        own.1 += coverage;
        return;
    }
    if let Some(least) = slots.iter_mut().min_by(|a, b| a.1.total_cmp(&b.1))
        && least.1 < coverage
    {
        *least = (id, coverage);
    }
}

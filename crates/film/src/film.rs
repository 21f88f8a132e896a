//! The accumulator of a frame.
//!
//! A film is a file: a header, then planes of sums. A part is checked to its last byte before
//! anything is changed; while it is added the header says which, and a journal how far it is. Adding
//! the same part again goes on from there.

use crate::FilmError;
use crate::band::Band;
use crate::channel::Channels;
use crate::fold::fold;
use crate::header::{Folding, Header};
use crate::journal::Journal;
use crate::part::Part;
use crate::planes::{Area, Planes};
use blendnet_protocol::{FilmRect, Region, Tile};
use fs_err as fs;
use std::ops::Range;
use std::path::Path;

/// Rows by which two parts of a region are told apart: no two renders have the same noise.
const CHECKED_ROWS: usize = 32;

/// What is rendered of a frame so far, in a file.
///
/// Not for several threads or programs at a time.
pub struct Film {
    pub(crate) planes: Planes,
    pub(crate) header: Header,
    pub(crate) channels: Channels,
}

impl Film {
    /// An empty film in a new file. Its space is reserved when the first part tells the channels.
    pub fn create(path: &Path, rect: FilmRect, total_samples: u32) -> Result<Self, FilmError> {
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true).open(path)?;
        let mut header = Header::new(rect, total_samples);
        let planes = Planes::new(file, header.canvas());
        planes.reserve(0, 0)?;
        header.write(planes.file())?;
        Ok(Self { planes, header, channels: Channels::default() })
    }

    /// A film that an earlier run made. [`FilmError::Interrupted`] if the machine went down in the
    /// middle of a part: what the film holds is then unknown.
    pub fn open(path: &Path) -> Result<Self, FilmError> {
        let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
        let header = Header::read(&file)?;
        let channels = Channels::new(&header.channels)?;
        let planes = Planes::new(file, header.canvas());
        planes.check_size(channels.depth)?;
        Ok(Self { planes, header, channels })
    }

    /// What is merged, disjoint.
    pub fn covered(&self) -> &[Region] {
        &self.header.covered
    }

    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        let Header { rect, total_samples, .. } = self.header;
        self.covered_pixel_samples() == rect.rendered.pixel_count() * u64::from(total_samples)
    }

    /// Pixels times samples that are merged.
    pub fn covered_pixel_samples(&self) -> u64 {
        self.header.covered.iter().map(|region| region.pixel_samples()).sum()
    }

    /// A part that was being added when an earlier run ended: until it is added again, nothing else
    /// can be done with the film.
    pub fn unfinished(&self) -> Option<Region> {
        self.header.folding.as_ref().map(|folding| folding.region)
    }

    /// Adds a part that has this region, or goes on adding it. An error changes nothing, but for a
    /// disk that fails in the middle: then it can be tried again with the same part.
    pub fn add(&mut self, part: &Path, region: Region) -> Result<(), FilmError> {
        self.check_region(region)?;
        let tile = region.tile;
        let part = Part::open_sized(part, (tile.width_px() as usize, tile.height_px() as usize))?;
        self.check_channels(&part)?;
        let bands = part.bands();
        let (mut decoded, checksum) = check_readable(&part, &bands)?;
        let folding = Folding::new(region, checksum);
        if self.header.folding.as_ref().is_some_and(|known| !known.is_same_part(&folding)) {
            return Err(self.interrupted());
        }
        let mut after = self.header.clone();
        after.channels.clone_from(&part.names);
        let in_half = after.share_out(region);
        after.cover(region);
        after.attributes.add(&part.attributes);
        after.check_length(self.planes.file())?;
        self.know_channels(&part)?;
        self.mark_folding(folding)?;
        let depths = (self.channels.depth, self.channels.deepest());
        let width = tile.width_px() as usize;
        let mut journal = Journal::open(&self.planes, depths, width, self.header.written)?;
        for rows in bands {
            let band = match decoded.take() {
                Some(band) if band.rows == rows => band,
                _ => part.read(rows.clone())?,
            };
            let area = self.area(tile, rows);
            let samples = (region.samples, self.header.total_samples);
            fold(&mut journal, &self.planes, &self.channels, (&band, &area), samples, in_half)?;
        }
        self.planes.file().sync_data()?;
        after.written = self.header.written;
        after.folding = None;
        after.write(self.planes.file())?;
        self.header = after;
        Ok(())
    }

    /// A film that has half of a part is of no use.
    pub(crate) fn check_usable(&self) -> Result<(), FilmError> {
        if self.header.folding.is_some() { Err(self.interrupted()) } else { Ok(()) }
    }

    fn interrupted(&self) -> FilmError {
        FilmError::Interrupted { path: self.planes.file().path().to_owned() }
    }

    fn check_region(&self, region: Region) -> Result<(), FilmError> {
        let Header { rect, total_samples, .. } = self.header;
        if !rect.rendered.contains(region.tile) || region.samples.end() > total_samples {
            return Err(FilmError::OutOfFrame { region });
        }
        if self.header.covered.iter().any(|covered| covered.overlaps(region)) {
            return Err(FilmError::Overlap { region });
        }
        Ok(())
    }

    /// The first part says which channels there are.
    fn check_channels(&self, part: &Part) -> Result<(), FilmError> {
        let known = &self.header.channels;
        if known.is_empty() || *known == part.names {
            return Ok(());
        }
        let missing = known.iter().find(|name| part.index(name).is_none());
        let new = part.names.iter().find(|name| !known.contains(name));
        let difference = missing.or(new).cloned().unwrap_or_default();
        Err(FilmError::OtherChannels { path: part.path.clone(), difference })
    }

    /// Makes room for the channels that the first part has, and for the journal.
    fn know_channels(&mut self, part: &Part) -> Result<(), FilmError> {
        let is_first = self.header.channels.is_empty();
        let first = if is_first { Some(Channels::new(&part.names)?) } else { None };
        self.planes.check_size(self.channels.depth)?;
        let channels = first.as_ref().unwrap_or(&self.channels);
        self.planes.reserve(channels.depth, Journal::bytes(part.width, channels.deepest()))?;
        if let Some(first) = first {
            self.channels = first;
        }
        Ok(())
    }

    fn mark_folding(&mut self, folding: Folding) -> Result<(), FilmError> {
        if self.header.folding.is_some() {
            return Ok(());
        }
        let mut marked = self.header.clone();
        marked.folding = Some(folding);
        marked.write(self.planes.file())?;
        self.header = marked;
        Ok(())
    }

    /// Where rows of a tile, counted from its top, are in the image.
    fn area(&self, tile: Tile, rows: Range<usize>) -> Area {
        let canvas = self.header.canvas();
        let top = (canvas.top_px() - tile.top_px()) as usize;
        Area {
            rows: top + rows.start..top + rows.end,
            x: (tile.x_px() - canvas.x_px()) as usize,
            width: tile.width_px() as usize,
        }
    }
}

/// Decodes all of a part; gives its last band, which is often the only one, and a checksum of its
/// first rows.
fn check_readable(part: &Part, bands: &[Range<usize>]) -> Result<(Option<Band>, u64), FilmError> {
    let (mut last, mut sum) = (None, None);
    for rows in bands {
        let band = part.read(rows.clone())?;
        sum = sum.or_else(|| Some(band.checksum(CHECKED_ROWS)));
        last = Some(band);
    }
    Ok((last, sum.unwrap_or_default()))
}

#[cfg(test)]
mod tests;

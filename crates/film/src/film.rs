//! The accumulator of a frame.
//!
//! A film is a file: a header, then planes of sums. A part is checked to its last byte before
//! anything is changed; while it is added the header says so, and a film that is found like that
//! is not trusted.

use crate::FilmError;
use crate::band::Band;
use crate::channel::Channels;
use crate::fold::fold;
use crate::header::Header;
use crate::part::Part;
use crate::planes::{Area, Planes};
use blendnet_protocol::{FilmRect, Region, Tile};
use fs_err as fs;
use std::ops::Range;
use std::path::Path;

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
        planes.reserve(0)?;
        header.write(planes.file())?;
        Ok(Self { planes, header, channels: Channels::default() })
    }

    /// A film that an earlier run made. [`FilmError::Interrupted`] if it ended in the middle of a
    /// part: what the film holds is then unknown.
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

    /// Adds a part that has this region. An error changes nothing, but for
    /// [`FilmError::Interrupted`] and a disk that fails in the middle.
    pub fn add(&mut self, part: &Path, region: Region) -> Result<(), FilmError> {
        self.check_usable()?;
        self.check_region(region)?;
        let tile = region.tile;
        let part = Part::open_sized(part, (tile.width_px() as usize, tile.height_px() as usize))?;
        self.check_channels(&part)?;
        let bands = part.bands();
        let mut decoded = check_readable(&part, &bands)?;
        let mut after = self.header.clone();
        after.channels.clone_from(&part.names);
        after.cover(region);
        after.attributes.add(&part.attributes);
        after.check_length(self.planes.file())?;
        self.know_channels(&part)?;
        self.mark_folding()?;
        for rows in bands {
            let band = match decoded.take() {
                Some(band) if band.rows == rows => band,
                _ => part.read(rows.clone())?,
            };
            let area = self.area(tile, rows);
            let samples = (region.samples, self.header.total_samples);
            fold(&self.planes, &self.channels, &band, &area, samples)?;
        }
        self.planes.file().sync_data()?;
        after.written = self.header.written;
        after.write(self.planes.file())?;
        self.header = after;
        Ok(())
    }

    /// A film whose last part failed half-way is of no use.
    pub(crate) fn check_usable(&self) -> Result<(), FilmError> {
        if self.header.folding {
            return Err(FilmError::Interrupted { path: self.planes.file().path().to_owned() });
        }
        Ok(())
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

    /// Makes room for the channels that the first part has.
    fn know_channels(&mut self, part: &Part) -> Result<(), FilmError> {
        if self.header.channels.is_empty() {
            let channels = Channels::new(&part.names)?;
            self.planes.reserve(channels.depth)?;
            self.channels = channels;
        }
        Ok(())
    }

    fn mark_folding(&mut self) -> Result<(), FilmError> {
        self.header.folding = true;
        let marked = self.header.write(self.planes.file());
        // Nothing was added yet, and the header before is still there.
        self.header.folding = marked.is_ok();
        marked
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

/// Decodes all of a part; gives its last band, which is often the only one.
fn check_readable(part: &Part, bands: &[Range<usize>]) -> Result<Option<Band>, FilmError> {
    let mut last = None;
    for rows in bands {
        last = Some(part.read(rows.clone())?);
    }
    Ok(last)
}

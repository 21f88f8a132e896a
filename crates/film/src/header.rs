//! What a film's file says of itself.

use crate::FilmError;
use crate::attributes::Attributes;
use crate::journal::boot_id;
use crate::slots;
use blendnet_protocol::{FilmRect, Region, SampleRange, Tile};
use fs_err as fs;
use serde::{Deserialize, Serialize};

/// Version of the layout and of the rules.
const FORMAT: u32 = 4;

/// A part that is being added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Folding {
    pub(crate) region: Region,
    /// Checksum of its first rows: another file of the same region is another part.
    pub(crate) part: u64,
    /// Since when the machine runs.
    boot: Option<String>,
}

impl Folding {
    pub(crate) fn new(region: Region, part: u64) -> Self {
        Self { region, part, boot: boot_id() }
    }

    /// As the next run of the machine finds it.
    #[cfg(test)]
    pub(crate) fn went_down(&mut self) {
        self.boot = Some("before".to_owned());
    }

    pub(crate) fn is_same_part(&self, other: &Self) -> bool {
        (self.region, self.part) == (other.region, other.part)
    }

    /// Whether all that was written of it is still there.
    fn is_whole(&self) -> bool {
        self.boot.is_some() && self.boot == boot_id()
    }
}

/// The header.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    format: u32,
    pub(crate) rect: FilmRect,
    pub(crate) total_samples: u32,
    /// A part that is being added.
    pub(crate) folding: Option<Folding>,
    /// Names of the channels, sorted; empty before the first part.
    pub(crate) channels: Vec<String>,
    pub(crate) covered: Vec<Region>,
    /// Those that are in the half that is kept apart too.
    pub(crate) half: Vec<Region>,
    /// The parts' attributes.
    pub(crate) attributes: Attributes,
    /// How often it was written before.
    #[serde(skip)]
    pub(crate) written: u64,
}

impl Header {
    pub(crate) fn new(rect: FilmRect, total_samples: u32) -> Self {
        Self {
            format: FORMAT,
            rect,
            total_samples,
            folding: None,
            channels: Vec::new(),
            covered: Vec::new(),
            half: Vec::new(),
            attributes: Attributes::default(),
            written: 0,
        }
    }

    pub(crate) fn read(file: &fs::File) -> Result<Self, FilmError> {
        let path = || file.path().to_owned();
        let bad = |reason: String| FilmError::NotAFilm { path: path(), reason };
        let found = slots::read(file)?;
        let (written, bytes) = found.ok_or_else(|| bad("it has no header".to_owned()))?;
        let header = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
        let header = Self { written, ..header };
        if header.format != FORMAT {
            return Err(bad(format!("its format is {} instead of {FORMAT}", header.format)));
        }
        match &header.folding {
            Some(folding) if !folding.is_whole() => Err(FilmError::Interrupted { path: path() }),
            _ => Ok(header),
        }
    }

    /// Writes it down, for good before anything else is done.
    pub(crate) fn write(&mut self, file: &fs::File) -> Result<(), FilmError> {
        slots::write(file, self.written + 1, &self.bytes()?)?;
        self.written += 1;
        Ok(())
    }

    /// Whether the file has room for it.
    pub(crate) fn check_length(&self, file: &fs::File) -> Result<(), FilmError> {
        slots::check_length(file, &self.bytes()?)
    }

    fn bytes(&self) -> Result<Vec<u8>, FilmError> {
        Ok(serde_json::to_vec(self).map_err(std::io::Error::other)?)
    }

    /// The pixels of the image.
    pub(crate) fn canvas(&self) -> Tile {
        if self.rect.cropped { self.rect.rendered } else { self.rect.frame }
    }

    /// Adds a region and joins those that touch.
    pub(crate) fn cover(&mut self, region: Region) {
        add(&mut self.covered, region);
    }

    /// Before a region is covered: whether it goes to the half that is kept apart. It does where
    /// that half has no more samples than the other one; what has all samples has no other half.
    pub(crate) fn share_out(&mut self, region: Region) -> bool {
        if region.samples.sample_count() == self.total_samples {
            return false;
        }
        let samples = |regions: &[Region]| -> u64 {
            let there = regions.iter().filter(|r| r.tile.overlaps(region.tile));
            there.map(|r| u64::from(r.samples.sample_count())).sum()
        };
        let in_half = 2 * samples(&self.half) <= samples(&self.covered);
        if in_half {
            add(&mut self.half, region);
        }
        in_half
    }

    /// Samples merged of each pixel of a row, counted from the image's top.
    pub(crate) fn weights(&self, row: usize) -> Vec<f64> {
        self.weights_of(&self.covered, row)
    }

    /// Those of them that are in the half that is kept apart.
    pub(crate) fn half_weights(&self, row: usize) -> Vec<f64> {
        self.weights_of(&self.half, row)
    }

    fn weights_of(&self, regions: &[Region], row: usize) -> Vec<f64> {
        let canvas = self.canvas();
        let mut weights = vec![0.0; canvas.width_px() as usize];
        let y = (canvas.top_px() as usize).saturating_sub(1 + row);
        for region in regions {
            let tile = region.tile;
            if (tile.y_px() as usize..tile.top_px() as usize).contains(&y) {
                let x = (tile.x_px() - canvas.x_px()) as usize;
                let covered = weights.iter_mut().skip(x).take(tile.width_px() as usize);
                covered.for_each(|w| *w += f64::from(region.samples.sample_count()));
            }
        }
        weights
    }
}

/// Adds a region and joins those that touch.
fn add(regions: &mut Vec<Region>, region: Region) {
    regions.push(region);
    regions.sort_by_key(|r| (r.tile, r.samples));
    regions.dedup_by(|next, kept| {
        let touching = kept.tile == next.tile && kept.samples.end() == next.samples.start();
        match SampleRange::new(kept.samples.start(), next.samples.end()) {
            Ok(samples) if touching => kept.samples = samples,
            _ => return false,
        }
        true
    });
}

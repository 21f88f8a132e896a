//! What a film's file says of itself.

use crate::FilmError;
use blendnet_protocol::{FilmRect, Region, SampleRange, Tile};
use fs_err as fs;
use rustix::fs::{FallocateFlags, fallocate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt as _;

/// Room for the header at the start of the file: covered regions that touch are joined, so
/// thousands of parts fit.
pub(crate) const HEADER_BYTES: u64 = 1 << 20;

/// Version of the layout.
const FORMAT: u32 = 1;

/// The header.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    format: u32,
    pub(crate) rect: FilmRect,
    pub(crate) total_samples: u32,
    /// Whether a part is being added.
    pub(crate) folding: bool,
    /// Names of the channels; empty before the first part.
    pub(crate) channels: Vec<String>,
    pub(crate) covered: Vec<Region>,
    /// The parts' text attributes; times are summed.
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Header {
    pub(crate) fn new(rect: FilmRect, total_samples: u32) -> Self {
        Self {
            format: FORMAT,
            rect,
            total_samples,
            folding: false,
            channels: Vec::new(),
            covered: Vec::new(),
            attributes: BTreeMap::new(),
        }
    }

    pub(crate) fn read(file: &fs::File) -> Result<Self, FilmError> {
        let path = file.path().to_owned();
        let mut bytes = vec![0; usize::try_from(HEADER_BYTES).unwrap_or(0)];
        let count = file.file().read_at(&mut bytes, 0)?;
        bytes.truncate(count);
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(count);
        bytes.truncate(end);
        let header: Self = serde_json::from_slice(&bytes)
            .map_err(|e| FilmError::NotAFilm { path: path.clone(), reason: e.to_string() })?;
        if header.format != FORMAT {
            let reason = format!("its format is {} instead of {FORMAT}", header.format);
            return Err(FilmError::NotAFilm { path, reason });
        }
        if header.folding { Err(FilmError::Interrupted { path }) } else { Ok(header) }
    }

    /// Writes it down, for good before anything else is done.
    pub(crate) fn write(&self, file: &fs::File) -> Result<(), FilmError> {
        let mut bytes = serde_json::to_vec(self).map_err(std::io::Error::other)?;
        bytes.resize(usize::try_from(HEADER_BYTES).unwrap_or(0).max(bytes.len()), 0);
        file.file().write_all_at(&bytes, 0)?;
        file.file().sync_data()?;
        Ok(())
    }

    /// The pixels of the image.
    pub(crate) fn canvas(&self) -> Tile {
        if self.rect.cropped { self.rect.rendered } else { self.rect.frame }
    }

    /// Adds a region and joins those that touch.
    pub(crate) fn cover(&mut self, region: Region) {
        self.covered.push(region);
        self.covered.sort_by_key(|r| (r.tile, r.samples));
        self.covered.dedup_by(|next, kept| {
            let touching = kept.tile == next.tile && kept.samples.end() == next.samples.start();
            match SampleRange::new(kept.samples.start(), next.samples.end()) {
                Ok(samples) if touching => kept.samples = samples,
                _ => return false,
            }
            true
        });
    }

    /// Takes the text attributes of a part: the first one's, with all times summed.
    pub(crate) fn take_attributes(&mut self, attributes: &BTreeMap<String, String>) {
        for (name, value) in attributes {
            let summed = self
                .attributes
                .get(name)
                .filter(|_| name.starts_with("cycles.") && name.ends_with("_time"))
                .and_then(|old| Some(write_secs(read_secs(old)? + read_secs(value)?)));
            match summed {
                Some(sum) => drop(self.attributes.insert(name.clone(), sum)),
                None => drop(self.attributes.entry(name.clone()).or_insert_with(|| value.clone())),
            }
        }
    }
}

/// Gives the file its full size now, so that no part meets a full disk half-way.
pub(crate) fn reserve(file: &fs::File, plane_bytes: u64) -> Result<(), FilmError> {
    let needed_bytes = HEADER_BYTES.saturating_add(plane_bytes);
    match fallocate(file.file(), FallocateFlags::empty(), 0, needed_bytes) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::NOSPC) => {
            Err(FilmError::DiskFull { path: file.path().to_owned(), needed_bytes })
        }
        // Some file systems can't reserve.
        Err(rustix::io::Errno::OPNOTSUPP) => Ok(file.file().set_len(needed_bytes)?),
        Err(error) => Err(std::io::Error::from(error).into()),
    }
}

/// Cycles writes times as `01:02.34` or `01:02:03.45`.
fn read_secs(text: &str) -> Option<f64> {
    text.split(':').try_fold(0.0, |secs, part| Some(secs * 60.0 + part.parse::<f64>().ok()?))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "floats saturate")]
fn write_secs(secs: f64) -> String {
    let minutes = (secs / 60.0) as u64;
    let rest = secs % 60.0;
    if minutes < 60 {
        format!("{minutes:02}:{rest:05.2}")
    } else {
        format!("{:02}:{:02}:{rest:05.2}", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_summed_as_cycles_writes_them() {
        assert_eq!(write_secs(read_secs("00:01.50").unwrap() + 59.0), "01:00.50");
        assert_eq!(write_secs(read_secs("01:02:03.25").unwrap()), "01:02:03.25");
        assert_eq!(read_secs("soon"), None);
    }
}

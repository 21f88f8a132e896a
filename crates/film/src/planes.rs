//! Sums on disk: planes of pixels, row by row from the image's top.

use crate::FilmError;
use crate::slots::PLANES_START;
use crate::write::is_disk_full;
use crate::write_at::write_all_at;
use blendnet_protocol::Tile;
use fs_err as fs;
use fs_err::os::unix::fs::FileExt as _;
use rustix::fs::{FallocateFlags, fallocate};
use std::io;
use std::ops::Range;

/// Bytes of a value: a 64-bit float, or a place of a cryptomatte.
pub(crate) const VALUE_BYTES: usize = 8;

/// Where a plane lies, and how many values each of its pixels has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    /// Values per pixel in the planes before it.
    pub(crate) first: usize,
    /// Values per pixel.
    pub(crate) depth: usize,
}

/// Some pixels of a plane.
#[derive(Clone, Debug)]
pub(crate) struct Area {
    /// From the image's top.
    pub(crate) rows: Range<usize>,
    pub(crate) x: usize,
    pub(crate) width: usize,
}

/// The planes of a film's file.
pub(crate) struct Planes {
    file: fs::File,
    width: usize,
    height: usize,
}

impl Planes {
    pub(crate) fn new(file: fs::File, canvas: Tile) -> Self {
        let (width, height) = (canvas.width_px() as usize, canvas.height_px() as usize);
        Self { file, width, height }
    }

    pub(crate) fn file(&self) -> &fs::File {
        &self.file
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.height
    }

    /// Whole rows.
    pub(crate) fn rows(&self, rows: Range<usize>) -> Area {
        Area { rows, x: 0, width: self.width }
    }

    /// Gives the file its full size now, so that no part meets a full disk half-way. A file that
    /// gets no room keeps what it had.
    ///
    /// `more_bytes` are room behind the planes.
    pub(crate) fn reserve(&self, depth: usize, more_bytes: u64) -> Result<(), FilmError> {
        let needed_bytes = self.end(depth).saturating_add(more_bytes);
        let had_bytes = self.file.metadata()?.len();
        let reserved = fallocate(self.file.file(), FallocateFlags::empty(), 0, needed_bytes);
        let reserved = match reserved.map_err(io::Error::from) {
            // Some file systems can't reserve.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.file.set_len(needed_bytes)
            }
            reserved => reserved,
        };
        let Err(source) = reserved else { return Ok(()) };
        self.file.set_len(had_bytes)?;
        if is_disk_full(&source) || source.kind() == io::ErrorKind::FileTooLarge {
            let path = self.file.path().to_owned();
            return Err(FilmError::DiskFull { path, needed_bytes, source });
        }
        Err(source.into())
    }

    /// Whether the file is as long as its planes.
    pub(crate) fn check_size(&self, depth: usize) -> Result<(), FilmError> {
        let needed_bytes = self.end(depth);
        if depth == 0 || self.file.metadata()?.len() >= needed_bytes {
            return Ok(());
        }
        let reason = format!("it is shorter than its {needed_bytes} bytes");
        Err(FilmError::NotAFilm { path: self.file.path().to_owned(), reason })
    }

    /// Where planes of this depth end in the file.
    pub(crate) fn end(&self, depth: usize) -> u64 {
        let pixels = (self.width as u64).saturating_mul(self.height as u64);
        PLANES_START.saturating_add(pixels.saturating_mul((depth * VALUE_BYTES) as u64))
    }

    /// Reads the values of an area.
    pub(crate) fn read(&self, plane: Plane, area: &Area, into: &mut Vec<u8>) -> io::Result<()> {
        into.resize(area.rows.len() * area.width * plane.depth * VALUE_BYTES, 0);
        let (run, runs) = self.runs(plane, area);
        runs.zip(into.chunks_mut(run)).try_for_each(|(at, to)| self.file.read_exact_at(to, at))
    }

    /// Replaces the values of an area.
    pub(crate) fn write(&self, plane: Plane, area: &Area, values: &[u8]) -> io::Result<()> {
        let (run, runs) = self.runs(plane, area);
        runs.zip(values.chunks(run)).try_for_each(|(at, from)| write_all_at(&self.file, from, at))
    }

    /// Reads numbers.
    pub(crate) fn sums(&self, plane: Plane, area: &Area) -> io::Result<Vec<f64>> {
        let mut bytes = Vec::new();
        self.read(plane, area, &mut bytes)?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    }

    /// Bytes that lie together, and where they start.
    fn runs(&self, plane: Plane, area: &Area) -> (usize, impl Iterator<Item = u64>) {
        let start = plane.first * self.height * self.width;
        let at = move |row: usize| start + (row * self.width + area.x) * plane.depth;
        let offset = move |row| PLANES_START + (at(row) * VALUE_BYTES) as u64;
        let row_bytes = area.width * plane.depth * VALUE_BYTES;
        let rows = area.rows.clone();
        let step = if area.width == self.width { rows.len() } else { 1 };
        ((row_bytes * step).max(1), rows.step_by(step.max(1)).map(offset))
    }
}

//! Sums on disk, one plane of 64-bit floats for each channel.

use crate::header::HEADER_BYTES;
use fs_err as fs;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes of a sum.
const SUM_BYTES: u64 = 8;

/// The planes of a film's file.
pub(crate) struct Planes {
    file: fs::File,
    width: usize,
    height: usize,
}

impl Planes {
    pub(crate) fn new(file: fs::File, width: usize, height: usize) -> Self {
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

    /// Bytes of so many planes.
    pub(crate) fn bytes(&self, planes: usize) -> u64 {
        SUM_BYTES * self.width as u64 * self.height as u64 * planes as u64
    }

    fn offset(&self, plane: usize, row: usize, x: usize) -> u64 {
        let pixel = (plane * self.height + row) * self.width + x;
        HEADER_BYTES + SUM_BYTES * pixel as u64
    }

    /// A stretch of a row.
    pub(crate) fn read(
        &self,
        plane: usize,
        row: usize,
        x: usize,
        width: usize,
    ) -> io::Result<Vec<f64>> {
        let mut bytes = vec![0; width * 8];
        self.file.file().read_exact_at(&mut bytes, self.offset(plane, row, x))?;
        let (sums, _rest) = bytes.as_chunks::<8>();
        Ok(sums.iter().map(|sum| f64::from_le_bytes(*sum)).collect())
    }

    /// Replaces a stretch of a row.
    pub(crate) fn write(&self, plane: usize, row: usize, x: usize, sums: &[f64]) -> io::Result<()> {
        let bytes: Vec<u8> = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        self.file.file().write_all_at(&bytes, self.offset(plane, row, x))
    }
}

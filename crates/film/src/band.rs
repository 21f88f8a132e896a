//! Some rows of an image, all channels of them.

use std::ops::Range;

/// Values by channel, row by row from the top.
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub(crate) rows: Range<usize>,
    pub(crate) width: usize,
    channels: Vec<Vec<f32>>,
}

impl Band {
    /// Rows that are all 0.
    pub(crate) fn new(rows: Range<usize>, width: usize, channel_count: usize) -> Self {
        let channels = vec![vec![0.0; rows.len() * width]; channel_count];
        Self { rows, width, channels }
    }

    /// A channel's rows.
    pub(crate) fn channel(&self, index: usize) -> &[f32] {
        self.channels.get(index).map(Vec::as_slice).unwrap_or_default()
    }

    /// A channel's values of some of the rows.
    pub(crate) fn lines(&self, index: usize, rows: &Range<usize>) -> &[f32] {
        let at = |row: usize| row.saturating_sub(self.rows.start) * self.width;
        self.channel(index).get(at(rows.start)..at(rows.end)).unwrap_or_default()
    }

    /// Of the first rows of all channels.
    pub(crate) fn checksum(&self, rows: usize) -> u64 {
        let rows = self.rows.start..self.rows.end.min(self.rows.start + rows);
        let values = (0..self.channels.len()).flat_map(|index| self.lines(index, &rows));
        let mix = |sum: u64, value: &f32| {
            (sum.rotate_left(5) ^ u64::from(value.to_bits())).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        values.fold(0, mix)
    }

    /// A channel's rows, to change.
    pub(crate) fn channel_mut(&mut self, index: usize) -> &mut [f32] {
        self.channels.get_mut(index).map(Vec::as_mut_slice).unwrap_or_default()
    }

    /// A part of a row of a channel; `None` where the band has none.
    pub(crate) fn stretch(
        &self,
        index: usize,
        row: usize,
        x: usize,
        width: usize,
    ) -> Option<&[f32]> {
        let start = self.place(row, x)?;
        self.channels.get(index)?.get(start..start + width)
    }

    /// A part of a row of a channel, to change; `None` where the band has none.
    pub(crate) fn stretch_mut(
        &mut self,
        index: usize,
        row: usize,
        x: usize,
        width: usize,
    ) -> Option<&mut [f32]> {
        let start = self.place(row, x)?;
        self.channels.get_mut(index)?.get_mut(start..start + width)
    }

    fn place(&self, row: usize, x: usize) -> Option<usize> {
        self.rows.contains(&row).then(|| (row - self.rows.start) * self.width + x)
    }
}

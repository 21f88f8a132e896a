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

//! The part of a frame that is rendered in one go.

use serde::{Deserialize, Serialize};
use utoipa::openapi::{ArrayBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Half-open range of Cycles samples, `start..end`, counted from 0 over the whole frame.
///
/// Never empty: an empty range is not work, so it cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "(u32, u32)", into = "(u32, u32)")]
pub struct SampleRange {
    start: u32,
    end: u32,
}

/// Rectangle of pixels in the full frame; origin at the bottom left, as Blender's border.
///
/// Never empty, and its right and upper edges fit in 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "[u32; 4]", into = "[u32; 4]")]
#[expect(clippy::struct_field_names, reason = "units are in names")]
pub struct Tile {
    x_px: u32,
    y_px: u32,
    width_px: u32,
    height_px: u32,
}

/// A tile of a frame and the samples of it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
pub struct Region {
    /// Which pixels.
    pub tile: Tile,
    /// Which samples of them.
    pub samples: SampleRange,
}

/// Why numbers are not a range or a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// Nothing would be rendered.
    #[error("sample range {start}..{end} is empty")]
    EmptyRange {
        /// First sample.
        start: u32,
        /// One past the last.
        end: u32,
    },
    /// Empty, or too far out.
    #[error("tile of {width_px}x{height_px} px at {x_px},{y_px} is empty or too far out")]
    BadTile {
        /// Left edge.
        x_px: u32,
        /// Lower edge.
        y_px: u32,
        /// Width.
        width_px: u32,
        /// Height.
        height_px: u32,
    },
}

/// As many numbers.
fn numbers(count: usize) -> RefOr<Schema> {
    let numbers = ArrayBuilder::new().items(u32::schema());
    numbers.min_items(Some(count)).max_items(Some(count)).into()
}

impl PartialSchema for SampleRange {
    fn schema() -> RefOr<Schema> {
        numbers(2)
    }
}

impl ToSchema for SampleRange {}

impl PartialSchema for Tile {
    fn schema() -> RefOr<Schema> {
        numbers(4)
    }
}

impl ToSchema for Tile {}

impl SampleRange {
    /// A range of `end - start` samples.
    pub fn new(start: u32, end: u32) -> Result<Self, RegionError> {
        if start < end {
            Ok(Self { start, end })
        } else {
            Err(RegionError::EmptyRange { start, end })
        }
    }

    /// First sample.
    pub fn start(self) -> u32 {
        self.start
    }

    /// One past the last sample.
    pub fn end(self) -> u32 {
        self.end
    }

    /// Number of samples, at least 1.
    pub fn sample_count(self) -> u32 {
        self.end - self.start
    }

    /// The first `count` samples and what is left of the range after them.
    ///
    /// `count` is taken as at least 1 and at most the whole range.
    #[must_use]
    pub fn split_at(self, count: u32) -> (Self, Option<Self>) {
        let middle = self.start + count.clamp(1, self.sample_count());
        (Self { start: self.start, end: middle }, Self::new(middle, self.end).ok())
    }
}

impl Tile {
    /// A rectangle with its lower left corner at `x_px`, `y_px`.
    pub fn new(x_px: u32, y_px: u32, width_px: u32, height_px: u32) -> Result<Self, RegionError> {
        let fits = width_px > 0
            && height_px > 0
            && x_px.checked_add(width_px).is_some()
            && y_px.checked_add(height_px).is_some();
        if fits {
            Ok(Self { x_px, y_px, width_px, height_px })
        } else {
            Err(RegionError::BadTile { x_px, y_px, width_px, height_px })
        }
    }

    /// Left edge.
    pub fn x_px(self) -> u32 {
        self.x_px
    }

    /// Lower edge, counted from the bottom of the frame.
    pub fn y_px(self) -> u32 {
        self.y_px
    }

    /// Width, at least 1.
    pub fn width_px(self) -> u32 {
        self.width_px
    }

    /// Height, at least 1.
    pub fn height_px(self) -> u32 {
        self.height_px
    }

    /// One past the right edge.
    pub fn right_px(self) -> u32 {
        self.x_px + self.width_px
    }

    /// One past the upper edge.
    pub fn top_px(self) -> u32 {
        self.y_px + self.height_px
    }

    /// Number of pixels.
    pub fn pixel_count(self) -> u64 {
        u64::from(self.width_px) * u64::from(self.height_px)
    }

    /// Whether the two share a pixel.
    pub fn overlaps(self, other: Self) -> bool {
        self.x_px < other.right_px()
            && other.x_px < self.right_px()
            && self.y_px < other.top_px()
            && other.y_px < self.top_px()
    }

    /// Whether every pixel of `other` is in this one.
    pub fn contains(self, other: Self) -> bool {
        self.x_px <= other.x_px
            && self.y_px <= other.y_px
            && self.right_px() >= other.right_px()
            && self.top_px() >= other.top_px()
    }

    /// This tile with `margin_px` more on each side, as far as `bounds` reach.
    #[must_use]
    pub fn grown(self, margin_px: u32, bounds: Self) -> Self {
        let x_px = self.x_px.saturating_sub(margin_px).max(bounds.x_px);
        let y_px = self.y_px.saturating_sub(margin_px).max(bounds.y_px);
        let right = self.right_px().saturating_add(margin_px).min(bounds.right_px());
        let top = self.top_px().saturating_add(margin_px).min(bounds.top_px());
        Self {
            x_px,
            y_px,
            width_px: right.saturating_sub(x_px).max(1),
            height_px: top.saturating_sub(y_px).max(1),
        }
    }
}

impl Region {
    /// Pixels times samples: the work in it.
    pub fn pixel_samples(self) -> u64 {
        self.tile.pixel_count().saturating_mul(u64::from(self.samples.sample_count()))
    }

    /// Whether every sample of `other` is in this one.
    pub fn contains(self, other: Self) -> bool {
        self.tile.contains(other.tile)
            && self.samples.start() <= other.samples.start()
            && self.samples.end() >= other.samples.end()
    }

    /// Whether the two share a sample of a pixel.
    pub fn overlaps(self, other: Self) -> bool {
        self.tile.overlaps(other.tile)
            && self.samples.start() < other.samples.end()
            && other.samples.start() < self.samples.end()
    }
}

impl TryFrom<(u32, u32)> for SampleRange {
    type Error = RegionError;
    fn try_from((start, end): (u32, u32)) -> Result<Self, RegionError> {
        Self::new(start, end)
    }
}

impl From<SampleRange> for (u32, u32) {
    fn from(range: SampleRange) -> Self {
        (range.start, range.end)
    }
}

impl TryFrom<[u32; 4]> for Tile {
    type Error = RegionError;
    fn try_from([x, y, width, height]: [u32; 4]) -> Result<Self, RegionError> {
        Self::new(x, y, width, height)
    }
}

impl From<Tile> for [u32; 4] {
    fn from(tile: Tile) -> Self {
        [tile.x_px, tile.y_px, tile.width_px, tile.height_px]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_ranges_and_tiles_cannot_be_made() {
        assert!(SampleRange::new(3, 3).is_err());
        assert!(serde_json::from_str::<SampleRange>("[5, 2]").is_err());
        assert!(Tile::new(0, 0, 0, 4).is_err());
        assert!(Tile::new(u32::MAX, 0, 1, 1).is_err());
    }

    #[test]
    fn a_split_range_covers_the_same_samples() {
        let range = SampleRange::new(10, 20).unwrap();
        assert_eq!(
            range.split_at(4),
            (SampleRange { start: 10, end: 14 }, SampleRange::new(14, 20).ok())
        );
        assert_eq!(range.split_at(99), (range, None));
        assert_eq!(range.split_at(0).0.sample_count(), 1);
    }

    #[test]
    fn a_grown_tile_stays_inside_the_frame() {
        let frame = Tile::new(0, 0, 100, 50).unwrap();
        let tile = Tile::new(0, 20, 100, 10).unwrap();
        assert_eq!(tile.grown(8, frame), Tile::new(0, 12, 100, 26).unwrap());
    }
}

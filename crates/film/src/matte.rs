//! Cryptomattes: how much of each pixel an object covers, merged by object.
//!
//! An image names the objects that cover most, in pairs of id and coverage. Ranges of samples
//! may rank them differently, so the film keeps twice as many. Ids are bit patterns.

use crate::FilmError;
use crate::band::Band;
use crate::planes::{Plane, VALUE_BYTES};
use std::collections::BTreeMap;
use std::ops::Range;

/// A cryptomatte of a film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matte {
    pub(crate) plane: Plane,
    /// Channels of ids and coverages, by rank.
    ranks: Vec<(usize, usize)>,
}

/// An object's id, and its share of all samples of the frame. Both fit into a value of a plane:
/// sums of shares need no more than 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Place {
    id: u32,
    share: f32,
}

impl Matte {
    /// For channels by their place in it: first id, its coverage, second id …
    pub(crate) fn new(
        name: &str,
        channels: &BTreeMap<usize, usize>,
        first: usize,
    ) -> Result<Self, FilmError> {
        let places = channels.keys().next_back().map_or(0, |last| last + 1);
        let channel = |place: usize| {
            let alone = || FilmError::Alone {
                channel: name.to_owned(),
                needed: format!("its rank {:02}", place / 4),
            };
            channels.get(&place).copied().ok_or_else(alone)
        };
        let rank = |rank: usize| Ok((channel(2 * rank)?, channel(2 * rank + 1)?));
        let ranks = (0..places.div_ceil(2)).map(rank).collect::<Result<Vec<_>, FilmError>>()?;
        Ok(Self { plane: Plane { first, depth: 2 * ranks.len() }, ranks })
    }

    /// Adds rows of a part to the places of its pixels. `part` is the part's share of all samples.
    pub(crate) fn add(&self, places: &mut [u8], (band, rows): (&Band, &Range<usize>), part: f64) {
        let lines = |&(id, share): &(usize, usize)| (band.lines(id, rows), band.lines(share, rows));
        let rows: Vec<(&[f32], &[f32])> = self.ranks.iter().map(lines).collect();
        let pixels = places.chunks_exact_mut((self.plane.depth * VALUE_BYTES).max(1));
        for (index, pixel) in pixels.enumerate() {
            let (places, _) = pixel.as_chunks_mut();
            for (ids, coverages) in &rows {
                if let (Some(id), Some(&coverage)) = (ids.get(index), coverages.get(index))
                    && coverage > 0.0
                {
                    add_share(places, id.to_bits(), narrow(f64::from(coverage) * part));
                }
            }
        }
    }

    /// Writes ids and coverages, those that cover most first. `wholes` has what share of all
    /// samples is merged of each pixel.
    pub(crate) fn rank(&self, places: &[u8], wholes: impl Iterator<Item = f64>, band: &mut Band) {
        let pixels = places.chunks_exact((self.plane.depth * VALUE_BYTES).max(1));
        let mut found = Vec::new();
        for (index, (pixel, whole)) in pixels.zip(wholes).enumerate() {
            let places = pixel.as_chunks().0.iter().map(|bytes| Place::of(*bytes));
            found.clear();
            found.extend(places.filter(|place| place.share > 0.0));
            found.sort_by(|a, b| b.share.total_cmp(&a.share));
            for (&(id, coverage), place) in self.ranks.iter().zip(&found) {
                if let Some(to) = band.channel_mut(id).get_mut(index) {
                    *to = f32::from_bits(place.id);
                }
                if let Some(to) = band.channel_mut(coverage).get_mut(index) {
                    *to = narrow(f64::from(place.share) / whole);
                }
            }
        }
    }
}

impl Place {
    #[expect(clippy::cast_possible_truncation, reason = "the id is the lower half")]
    fn of(bytes: [u8; VALUE_BYTES]) -> Self {
        let both = u64::from_le_bytes(bytes);
        Self { id: both as u32, share: f32::from_bits((both >> 32) as u32) }
    }

    fn bytes(self) -> [u8; VALUE_BYTES] {
        let share = u64::from(self.share.to_bits());
        ((share << 32) | u64::from(self.id)).to_le_bytes()
    }
}

/// Adds to the object's place, to a free one, or — when there are more objects than places —
/// instead of the one that covers least, if that is less.
fn add_share(places: &mut [[u8; VALUE_BYTES]], id: u32, share: f32) {
    let mut least: Option<(f32, &mut [u8; VALUE_BYTES])> = None;
    for bytes in places {
        let place = Place::of(*bytes);
        if place.id == id && place.share > 0.0 {
            *bytes = Place { id, share: place.share + share }.bytes();
            return;
        }
        if least.as_ref().is_none_or(|(least, _)| place.share < *least) {
            least = Some((place.share, bytes));
        }
        if place.share == 0.0 {
            break;
        }
    }
    if let Some((least, bytes)) = least
        && least < share
    {
        *bytes = Place { id, share }.bytes();
    }
}

#[expect(clippy::cast_possible_truncation, reason = "images have 32-bit floats")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Merges the pixels of ranges, given as ids and coverages, weighted evenly.
    fn merged(ranges: &[&[(u32, f32)]], rank_count: usize) -> Vec<(u32, f32)> {
        let channels = (0..2 * rank_count).map(|place| (place, place)).collect();
        let part = 1.0 / f64::from(u32::try_from(ranges.len()).unwrap());
        let matte = Matte::new("L.CryptoObject", &channels, 0).unwrap();
        let mut places = vec![0; matte.plane.depth * VALUE_BYTES];
        for range in ranges {
            let mut band = Band::new(0..1, 1, 2 * rank_count);
            for (rank, (id, coverage)) in range.iter().enumerate() {
                band.channel_mut(2 * rank)[0] = f32::from_bits(*id);
                band.channel_mut(2 * rank + 1)[0] = *coverage;
            }
            matte.add(&mut places, (&band, &(0..1)), part);
        }
        let mut band = Band::new(0..1, 1, 2 * rank_count);
        matte.rank(&places, std::iter::once(1.0), &mut band);
        let value = |channel: usize| band.channel(channel)[0];
        (0..rank_count).map(|rank| (value(2 * rank).to_bits(), value(2 * rank + 1))).collect()
    }

    #[test]
    fn coverage_is_summed_by_object_and_ranked() {
        let ranges: [&[_]; 2] = [&[(7, 0.5), (3, 0.25)], &[(3, 0.75), (9, 0.25)]];
        assert_eq!(merged(&ranges, 3), [(3, 0.5), (7, 0.25), (9, 0.125)]);
    }

    #[test]
    fn more_objects_than_ranks_are_kept_apart_while_merging() {
        let ranges: [&[_]; 2] = [&[(1, 0.5), (2, 0.375)], &[(3, 0.625), (2, 0.375)]];
        assert_eq!(merged(&ranges, 2), [(2, 0.375), (3, 0.3125)]);
    }

    #[test]
    fn ids_are_bit_patterns() {
        let not_a_number = 0x7fc0_0001;
        assert_eq!(merged(&[&[(not_a_number, 1.0)]], 1), [(not_a_number, 1.0)]);
    }

    #[test]
    fn an_id_without_its_coverage_is_refused() {
        let channels = BTreeMap::from([(0, 0), (1, 1), (3, 2)]);
        assert!(Matte::new("L.CryptoObject", &channels, 0).is_err());
    }
}

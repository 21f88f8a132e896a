//! What of a frame is rendered, what is being rendered, and what is still free.
//!
//! ```text
//!          take                deliver
//!  free ─────────► held ─────────────────► done
//!    ▲               │ (all of it, or part by part)
//!    └── give back ──┘
//! ```
//!
//! Free, held and done are disjoint and together the whole frame, until it is settled: then what
//! is done is all that there will be. A sample of a pixel is counted once or not at all.

use blendnet_protocol::{Region, SampleRange, Tile, WorkId};
use std::collections::BTreeMap;

/// The ledger of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    bounds: Region,
    free: Vec<Region>,
    held: BTreeMap<WorkId, Vec<Region>>,
    done: Vec<Region>,
    settled: bool,
}

/// A request that does not fit the ledger. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoverageError {
    /// The work holds nothing of this frame: delivered or given back before.
    #[error("work {0} holds no part of this frame")]
    NotHeld(WorkId),
    /// It is counted already, or lies outside of the frame.
    #[error("region {0:?} is counted already or lies outside of the frame")]
    NotFree(Region),
}

impl Coverage {
    /// A frame of which nothing is rendered.
    pub fn new(bounds: Region) -> Self {
        Self { bounds, free: vec![bounds], held: BTreeMap::new(), done: Vec::new(), settled: false }
    }

    /// A frame of which `done` is rendered.
    pub fn resumed(bounds: Region, done: &[Region]) -> Result<Self, CoverageError> {
        let mut coverage = Self::new(bounds);
        for &region in done {
            coverage.free = carve(&coverage.free, region).ok_or(CoverageError::NotFree(region))?;
            coverage.add_done(region);
        }
        coverage.tidy();
        Ok(coverage)
    }

    /// Cuts what is free along the borders of `tiles`, in their order.
    pub fn cut_into(&mut self, tiles: &[Tile]) {
        let mut cut = Vec::new();
        for &tile in tiles {
            for &region in &self.free {
                cut.extend(common_tile(region.tile, tile).map(|tile| Region { tile, ..region }));
            }
        }
        let same = cut.iter().map(|r| r.pixel_samples()).sum::<u64>() == self.free_pixel_samples();
        debug_assert!(same, "the tiles cover the frame exactly once");
        if same {
            self.free = cut;
        }
    }

    /// Gives the first free region, or its first `most_samples`, to `work`.
    pub fn take(&mut self, work: WorkId, most_samples: u32) -> Option<Region> {
        let region = *self.free.first()?;
        let (samples, rest) = region.samples.split_at(most_samples);
        match (self.free.first_mut(), rest) {
            (Some(first), Some(rest)) => first.samples = rest,
            _ => drop(self.free.remove(0)),
        }
        let taken = Region { samples, ..region };
        self.held.insert(work, vec![taken]);
        Some(taken)
    }

    /// All that `work` still holds is merged.
    pub fn deliver(&mut self, work: &WorkId) -> Result<(), CoverageError> {
        for region in self.release(work)? {
            self.add_done(region);
        }
        Ok(())
    }

    /// What is free of a region is held by `work`, which an earlier manager gave out. `false`: none
    /// of it is.
    pub fn hold(&mut self, work: WorkId, region: Region) -> bool {
        let common = |&free: &Region| {
            let tile = common_tile(free.tile, region.tile)?;
            let start = free.samples.start().max(region.samples.start());
            let end = free.samples.end().min(region.samples.end());
            Some(Region { tile, samples: SampleRange::new(start, end).ok()? })
        };
        let held: Vec<Region> = self.free.iter().filter_map(common).collect();
        if held.is_empty() {
            return false;
        }
        self.free = self.free.iter().flat_map(|&free| without(free, region)).collect();
        self.held.insert(work, held);
        true
    }

    /// The film has all of a region, whoever rendered it: who holds it, or a work that was given up
    /// meanwhile. Whoever holds some of it holds the rest only. An error if that was known.
    pub fn deliver_part(&mut self, region: Region) -> Result<(), CoverageError> {
        let mut new = vec![region];
        for &done in &self.done {
            new = new.iter().flat_map(|&r| without(r, done)).collect();
        }
        if self.settled || new.is_empty() || !self.bounds.contains(region) {
            return Err(CoverageError::NotFree(region));
        }
        let rest = |all: &[Region]| all.iter().flat_map(|&r| without(r, region)).collect();
        self.free = rest(&self.free);
        self.tidy();
        for held in self.held.values_mut() {
            *held = rest(held);
        }
        self.held.retain(|_, held| !held.is_empty());
        for region in new {
            self.add_done(region);
        }
        Ok(())
    }

    /// What `work` still holds is not rendered after all.
    pub fn give_back(&mut self, work: &WorkId) -> Result<(), CoverageError> {
        let regions = self.release(work)?;
        self.free.extend(regions);
        self.tidy();
        Ok(())
    }

    /// What is merged is all that there will be; what is held comes too late.
    pub fn settle(&mut self) {
        self.settled = true;
        self.free.clear();
        self.held.clear();
    }

    fn release(&mut self, work: &WorkId) -> Result<Vec<Region>, CoverageError> {
        self.held.remove(work).ok_or_else(|| CoverageError::NotHeld(work.clone()))
    }

    /// Ranges of one tile that touch become one, so that a frame of many parts stays small.
    fn add_done(&mut self, mut region: Region) {
        self.done.retain(|&old| {
            let touches = old.tile == region.tile
                && (old.samples.end() == region.samples.start()
                    || region.samples.end() == old.samples.start());
            if !touches {
                return true;
            }
            let start = old.samples.start().min(region.samples.start());
            let end = old.samples.end().max(region.samples.end());
            if let Ok(samples) = SampleRange::new(start, end) {
                region.samples = samples;
            }
            false
        });
        self.done.push(region);
    }

    /// Joins ranges of one tile that touch, and puts early samples first: they make the picture.
    fn tidy(&mut self) {
        self.free.sort_by_key(|r| (r.tile, r.samples));
        self.free.dedup_by(|next, kept| {
            let touching = kept.tile == next.tile && kept.samples.end() == next.samples.start();
            let joined = SampleRange::new(kept.samples.start(), next.samples.end());
            match joined {
                Ok(samples) if touching => kept.samples = samples,
                _ => return false,
            }
            true
        });
        self.free.sort_by_key(|r| r.samples.start());
    }

    /// The whole frame.
    pub fn bounds(&self) -> Region {
        self.bounds
    }

    /// What nobody works on, in the order in which it is given out.
    pub fn free(&self) -> &[Region] {
        &self.free
    }

    /// Who works on what.
    pub fn held(&self) -> &BTreeMap<WorkId, Vec<Region>> {
        &self.held
    }

    /// What is merged.
    pub fn done(&self) -> &[Region] {
        &self.done
    }

    /// Pixels times samples that are free.
    pub fn free_pixel_samples(&self) -> u64 {
        self.free.iter().map(|r| r.pixel_samples()).sum()
    }

    /// Pixels times samples that are merged.
    pub fn done_pixel_samples(&self) -> u64 {
        self.done.iter().map(|r| r.pixel_samples()).sum()
    }

    /// Pixels times samples that are still to come.
    pub fn open_pixel_samples(&self) -> u64 {
        let held: u64 = self.held.values().flatten().map(|r| r.pixel_samples()).sum();
        held + self.free_pixel_samples()
    }

    /// Whether it was ended with what was merged by then.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Samples that every pixel has merged; `None` where some have more than others, or none.
    pub fn even_samples(&self) -> Option<u64> {
        let edges = |of: fn(Tile) -> [u32; 2]| {
            let all = self.done.iter().flat_map(|r| of(r.tile)).chain(of(self.bounds.tile));
            let edges: std::collections::BTreeSet<u32> = all.collect();
            edges.into_iter().collect::<Vec<u32>>()
        };
        let xs = edges(|t| [t.x_px(), t.right_px()]);
        let ys = edges(|t| [t.y_px(), t.top_px()]);
        let samples_at = |x: u32, y: u32| -> u64 {
            let inside = |r: &&Region| {
                (r.tile.x_px()..r.tile.right_px()).contains(&x)
                    && (r.tile.y_px()..r.tile.top_px()).contains(&y)
            };
            let samples = |r: &Region| u64::from(r.samples.sample_count());
            self.done.iter().filter(inside).map(samples).sum()
        };
        let corners = |edges: &[u32]| edges.iter().rev().skip(1).copied().collect::<Vec<u32>>();
        let (xs, ys) = (corners(&xs), corners(&ys));
        let mut cells = ys.iter().flat_map(|&y| xs.iter().map(move |&x| samples_at(x, y)));
        let first = cells.next().filter(|&samples| samples > 0)?;
        cells.all(|samples| samples == first).then_some(first)
    }

    /// Merged share, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share for people and estimates")]
    pub fn done_share(&self) -> f64 {
        self.done_pixel_samples() as f64 / self.bounds.pixel_samples() as f64
    }

    /// Whether everything is merged.
    pub fn is_complete(&self) -> bool {
        self.free.is_empty() && self.held.is_empty()
    }

    /// Whether nothing was ever given out.
    pub fn is_untouched(&self) -> bool {
        self.held.is_empty() && self.done.is_empty()
    }
}

/// What is left of disjoint `regions` without `hole`; `None` if it does not lie inside of them.
fn carve(regions: &[Region], hole: Region) -> Option<Vec<Region>> {
    let size = |regions: &[Region]| regions.iter().map(|r| r.pixel_samples()).sum::<u64>();
    let left: Vec<Region> = regions.iter().flat_map(|&r| without(r, hole)).collect();
    (size(regions) - size(&left) == hole.pixel_samples()).then_some(left)
}

fn common_tile(a: Tile, b: Tile) -> Option<Tile> {
    let x = a.x_px().max(b.x_px());
    let y = a.y_px().max(b.y_px());
    let right = a.right_px().min(b.right_px());
    let top = a.top_px().min(b.top_px());
    Tile::new(x, y, right.checked_sub(x)?, top.checked_sub(y)?).ok()
}

/// What is left of `region` when `hole` is taken out, in disjoint pieces.
fn without(region: Region, hole: Region) -> Vec<Region> {
    if !region.overlaps(hole) {
        return vec![region];
    }
    let Some(common) = common_tile(region.tile, hole.tile) else { return vec![region] };
    let tile = region.tile;
    let beside = [
        (tile.x_px(), tile.y_px(), tile.right_px(), common.y_px()),
        (tile.x_px(), common.top_px(), tile.right_px(), tile.top_px()),
        (tile.x_px(), common.y_px(), common.x_px(), common.top_px()),
        (common.right_px(), common.y_px(), tile.right_px(), common.top_px()),
    ];
    let mut pieces: Vec<Region> = beside
        .into_iter()
        .filter_map(|(x, y, right, top)| Tile::new(x, y, right - x, top - y).ok())
        .map(|tile| Region { tile, samples: region.samples })
        .collect();
    let ranges = [
        (region.samples.start(), hole.samples.start().max(region.samples.start())),
        (hole.samples.end().min(region.samples.end()), region.samples.end()),
    ];
    pieces.extend(
        ranges
            .into_iter()
            .filter_map(|(start, end)| SampleRange::new(start, end).ok())
            .map(|samples| Region { tile: common, samples }),
    );
    pieces
}

#[cfg(test)]
mod tests;

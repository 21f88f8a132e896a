use super::*;
use proptest::prelude::*;

fn region(x: u32, y: u32, w: u32, h: u32, start: u32, end: u32) -> Region {
    Region { tile: Tile::new(x, y, w, h).unwrap(), samples: SampleRange::new(start, end).unwrap() }
}

fn work(number: u32) -> WorkId {
    WorkId::new(format!("w{number}")).unwrap()
}

/// Free, held and done fill the frame and share nothing.
fn assert_exact_cover(coverage: &Coverage) {
    let all: Vec<Region> = coverage
        .free()
        .iter()
        .chain(coverage.held().values().flatten())
        .chain(coverage.done())
        .copied()
        .collect();
    let total: u64 = all.iter().map(|r| r.pixel_samples()).sum();
    assert_eq!(total, coverage.bounds().pixel_samples());
    for (index, a) in all.iter().enumerate() {
        assert!(coverage.bounds().tile.contains(a.tile));
        for b in all.iter().skip(index + 1) {
            assert!(!a.overlaps(*b), "{a:?} and {b:?}");
        }
    }
}

#[test]
fn what_a_lost_agent_held_is_given_to_the_next_one() {
    let mut coverage = Coverage::new(region(0, 0, 8, 8, 0, 64));
    assert_eq!(coverage.take(work(1), 16).unwrap(), region(0, 0, 8, 8, 0, 16));
    assert_eq!(coverage.take(work(2), 16).unwrap(), region(0, 0, 8, 8, 16, 32));
    coverage.give_back(&work(1)).unwrap();
    assert_eq!(coverage.take(work(3), 99).unwrap(), region(0, 0, 8, 8, 0, 16));
    assert_exact_cover(&coverage);
}

#[test]
fn a_part_that_comes_twice_is_counted_once() {
    let mut coverage = Coverage::new(region(0, 0, 8, 8, 0, 64));
    coverage.take(work(1), 64);
    coverage.deliver(&work(1)).unwrap();
    assert_eq!(coverage.deliver(&work(1)), Err(CoverageError::NotHeld(work(1))));
    assert_eq!(coverage.give_back(&work(1)), Err(CoverageError::NotHeld(work(1))));
    assert!(coverage.is_complete());
}

#[test]
fn a_resumed_frame_lacks_exactly_what_was_not_rendered() {
    let bounds = region(0, 0, 10, 10, 0, 8);
    let done = [region(2, 3, 4, 4, 0, 8), region(0, 0, 2, 10, 2, 5)];
    let coverage = Coverage::resumed(bounds, &done).unwrap();
    assert_exact_cover(&coverage);
    assert!(Coverage::resumed(bounds, &[done[0], done[0]]).is_err());
    assert!(Coverage::resumed(bounds, &[region(8, 8, 4, 4, 0, 1)]).is_err());
}

#[test]
fn what_of_a_work_is_merged_part_by_part_is_not_rendered_again() {
    let mut coverage = Coverage::new(region(0, 0, 8, 8, 0, 64));
    coverage.take(work(1), 64);
    coverage.deliver_part(region(0, 0, 8, 8, 16, 32)).unwrap();
    coverage.deliver_part(region(0, 0, 8, 8, 0, 16)).unwrap();
    assert_eq!(coverage.done(), [region(0, 0, 8, 8, 0, 32)], "touching ranges are one");
    let again = region(0, 0, 8, 8, 16, 32);
    assert_eq!(coverage.deliver_part(again), Err(CoverageError::NotFree(again)));
    coverage.give_back(&work(1)).unwrap();
    assert_eq!(coverage.free(), [region(0, 0, 8, 8, 32, 64)]);
    let late = region(0, 0, 8, 8, 24, 40);
    coverage.deliver_part(late).expect("late, and half of it is new");
    assert_eq!(coverage.done(), [region(0, 0, 8, 8, 0, 40)]);
    assert_exact_cover(&coverage);
}

#[test]
fn a_part_of_a_work_that_was_given_up_takes_its_samples_from_who_has_them_now() {
    let mut coverage = Coverage::new(region(0, 0, 8, 8, 0, 64));
    coverage.take(work(1), 32);
    coverage.give_back(&work(1)).unwrap();
    coverage.take(work(2), 8);
    coverage.take(work(3), 16);
    coverage.deliver_part(region(0, 0, 8, 8, 0, 16)).unwrap();
    assert_eq!(coverage.held().keys().collect::<Vec<_>>(), [&work(3)]);
    coverage.give_back(&work(3)).unwrap();
    assert_eq!(coverage.free(), [region(0, 0, 8, 8, 16, 64)]);
    assert_exact_cover(&coverage);
    let outside = region(4, 0, 8, 8, 16, 17);
    assert_eq!(coverage.deliver_part(outside), Err(CoverageError::NotFree(outside)));
}

#[test]
fn only_a_frame_with_the_same_samples_everywhere_is_even() {
    let mut coverage = Coverage::new(region(0, 0, 8, 8, 0, 64));
    assert_eq!(coverage.even_samples(), None);
    coverage.take(work(1), 10);
    coverage.take(work(2), 10);
    coverage.deliver(&work(2)).unwrap();
    assert_eq!(coverage.even_samples(), Some(10));
    let mut tiles = Coverage::new(region(0, 0, 64, 64, 0, 64));
    tiles.cut_into(&crate::split::grid(tiles.bounds().tile, 0, 4));
    tiles.take(work(1), 64);
    tiles.deliver(&work(1)).unwrap();
    assert_eq!(tiles.even_samples(), None, "the other tiles have nothing");
}

/// A box within 40 pixels by 40 by 100 samples.
fn any_region() -> impl Strategy<Value = Region> {
    (0u32..40, 0u32..40, 0u32..100, 1u32..40, 1u32..40, 1u32..100)
        .prop_map(|(x, y, start, w, h, count)| region(x, y, w, h, start, start + count))
}

/// What of `region` lies within `bounds`.
fn clipped(region: Region, bounds: Region) -> Option<Region> {
    let tile = common_tile(region.tile, bounds.tile)?;
    let start = region.samples.start().max(bounds.samples.start());
    let end = region.samples.end().min(bounds.samples.end());
    Some(Region { tile, samples: SampleRange::new(start, end).ok()? })
}

proptest! {
    /// Whatever comes from whomever, late, twice or half known: what is merged is what came, each
    /// sample of a pixel once, and the rest is free or held by one.
    #[test]
    fn parts_that_come_late_twice_or_overlapping_are_counted_once(
        tiles in 1u32..6,
        steps in prop::collection::vec((0u8..5, 0u32..12, 1u32..50, any_region()), 0..40),
    ) {
        let bounds = region(0, 0, 40, 40, 0, 100);
        let mut coverage = Coverage::new(bounds);
        coverage.cut_into(&crate::split::grid(bounds.tile, 0, tiles));
        let mut came: Vec<Region> = Vec::new();
        for (number, (step, which, count, part)) in steps.into_iter().enumerate() {
            let held = coverage.held().keys().nth(which as usize % 4).cloned();
            let part = match step {
                0 => coverage.take(work(u32::try_from(number).unwrap()), count).and(None),
                1 => held.and_then(|held| coverage.give_back(&held).err()).and(None),
                2 => came.get(which as usize).copied(),
                _ => clipped(part, bounds),
            };
            if let Some(part) = part {
                let known = coverage.done_pixel_samples();
                let told = coverage.deliver_part(part);
                prop_assert_eq!(told.is_ok(), coverage.done_pixel_samples() > known);
                came.push(part);
            }
            assert_exact_cover(&coverage);
        }
        let mut missing = vec![bounds];
        for &part in &came {
            missing = missing.iter().flat_map(|&r| without(r, part)).collect();
        }
        let missing: u64 = missing.iter().map(|r| r.pixel_samples()).sum();
        prop_assert_eq!(coverage.open_pixel_samples(), missing);
        for &done in coverage.done() {
            let mut unknown = vec![done];
            for &part in &came {
                unknown = unknown.iter().flat_map(|&r| without(r, part)).collect();
            }
            prop_assert_eq!(unknown, vec![]);
        }
    }

    #[test]
    fn no_order_of_takes_deliveries_and_losses_breaks_the_cover(
        width in 1u32..40, height in 1u32..40, samples in 1u32..100, tiles in 1u32..20,
        steps in prop::collection::vec((0u8..4, 0u32..12, 1u32..50), 0..80),
    ) {
        let bounds = region(0, 0, width, height, 0, samples);
        let mut coverage = Coverage::new(bounds);
        coverage.cut_into(&crate::split::grid(bounds.tile, 0, tiles));
        for (number, (step, which, count)) in steps.into_iter().enumerate() {
            let held = coverage.held().keys().nth(which as usize % 4).cloned();
            match (step, held) {
                (0, _) => { coverage.take(work(u32::try_from(number).unwrap()), count); }
                (1, Some(held)) => { coverage.deliver(&held).unwrap(); }
                (2, Some(held)) => { coverage.give_back(&held).unwrap(); }
                (3, Some(held)) => {
                    let whole = coverage.held()[&held][0];
                    let part = Region { samples: whole.samples.split_at(count).0, ..whole };
                    coverage.deliver_part(part).unwrap();
                    assert!(coverage.deliver_part(part).is_err(), "twice");
                }
                _ => {}
            }
            assert_exact_cover(&coverage);
        }
        let resumed = Coverage::resumed(bounds, coverage.done()).unwrap();
        assert_exact_cover(&resumed);
        prop_assert_eq!(resumed.done_pixel_samples(), coverage.done_pixel_samples());
    }
}

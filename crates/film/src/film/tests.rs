//! A program that is killed at any write of a fold, and the one after it.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "small numbers that are what they were set to"
)]

use super::*;
use crate::write_at::faults;
use std::path::PathBuf;

#[path = "../../tests/film/scene.rs"]
#[expect(dead_code, reason = "the tests from outside use all of it")]
mod scene;
use scene::{Place, region, render, tile, whole};

const TOTAL: u32 = 8;

/// Wide and tall enough for many steps.
fn frame() -> Tile {
    tile(0, 0, 24, 6)
}

fn parts(place: &mut Place) -> [(PathBuf, Region); 2] {
    let regions = [region(frame(), 0, 3), region(tile(0, 0, 20, 3), 3, TOTAL)];
    regions.map(|region| (place.write(&render(region)), region))
}

/// What the planes hold.
fn bits(film: &Film) -> Vec<u8> {
    let end = usize::try_from(film.planes.end(film.channels.depth)).unwrap();
    let start = usize::try_from(crate::slots::PLANES_START).unwrap();
    fs::read(film.planes.file().path()).unwrap()[start..end].to_vec()
}

/// Adds a part as a program does that is killed after so many writes. Says whether it lived.
fn add_killed(path: &Path, part: &(PathBuf, Region), writes: usize) -> bool {
    let mut film = Film::open(path).unwrap();
    faults::kill_after(Some(writes));
    let added = film.add(&part.0, part.1);
    let alive = faults::is_alive();
    faults::kill_after(None);
    assert_eq!(added.is_ok(), alive);
    alive
}

#[test]
fn a_fold_that_is_killed_at_any_write_is_gone_on_with_to_the_last_bit() {
    let mut place = Place::new();
    let parts = parts(&mut place);
    let mut undisturbed = Film::create(&place.path("undisturbed"), whole(frame()), TOTAL).unwrap();
    let mut before = place.path("empty");
    drop(Film::create(&before, whole(frame()), TOTAL).unwrap());
    for part in &parts {
        undisturbed.add(&part.0, part.1).unwrap();
        let wanted = bits(&undisturbed);
        let path = place.path("film");
        let mut writes = 0;
        loop {
            fs::copy(&before, &path).unwrap();
            let alive = add_killed(&path, part, writes);
            let mut film = Film::open(&path).unwrap();
            if film.unfinished().is_some() {
                assert!(matches!(
                    film.write_image(&place.path("x")),
                    Err(FilmError::Interrupted { .. })
                ));
            }
            if !film.covered().iter().any(|done| done.overlaps(part.1)) {
                film.add(&part.0, part.1).unwrap();
            }
            assert!(bits(&film) == wanted, "killed after {writes} writes");
            assert_eq!(film.covered(), undisturbed.covered());
            assert_eq!(Film::open(&path).unwrap().covered(), undisturbed.covered());
            if alive {
                break;
            }
            writes += 1;
        }
        assert!(writes > 40, "{writes} writes are more than a header and some planes");
        before = place.path("before");
        fs::copy(&path, &before).unwrap();
    }
}

#[test]
fn a_fold_that_is_killed_again_and_again_comes_to_its_end() {
    let mut place = Place::new();
    let part = &parts(&mut place)[0];
    let mut undisturbed = Film::create(&place.path("undisturbed"), whole(frame()), TOTAL).unwrap();
    undisturbed.add(&part.0, part.1).unwrap();
    let path = place.path("film");
    drop(Film::create(&path, whole(frame()), TOTAL).unwrap());
    let kills = (0..1000).take_while(|_| !add_killed(&path, part, 9)).count();
    assert!((3..1000).contains(&kills), "{kills} kills");
    assert!(bits(&Film::open(&path).unwrap()) == bits(&undisturbed));
}

#[test]
fn half_a_part_is_gone_on_with_by_the_same_part_alone() {
    let mut place = Place::new();
    let [first, second] = parts(&mut place);
    let path = place.path("film");
    drop(Film::create(&path, whole(frame()), TOTAL).unwrap());
    assert!(!add_killed(&path, &first, 20));
    let mut film = Film::open(&path).unwrap();
    assert_eq!(film.unfinished(), Some(first.1));
    let other = place.write(&render(region(frame(), 1, 4)));
    for (part, region) in [(&second.0, second.1), (&other, first.1)] {
        assert!(matches!(film.add(part, region), Err(FilmError::Interrupted { .. })));
    }
    film.add(&first.0, first.1).unwrap();
    film.add(&second.0, second.1).unwrap();
    assert_eq!(film.unfinished(), None);
}

#[test]
fn a_fold_that_the_machine_went_down_in_is_not_trusted() {
    let mut place = Place::new();
    let part = &parts(&mut place)[0];
    let path = place.path("film");
    drop(Film::create(&path, whole(frame()), TOTAL).unwrap());
    assert!(!add_killed(&path, part, 20));
    let film = Film::open(&path).unwrap();
    let mut header = film.header.clone();
    header.folding.as_mut().unwrap().went_down();
    header.write(film.planes.file()).unwrap();
    assert!(matches!(Film::open(&path), Err(FilmError::Interrupted { .. })));
}

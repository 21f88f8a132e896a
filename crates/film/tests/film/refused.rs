//! What can't be merged is refused, and the film stays as it was.

use crate::scene::{Place, assert_same, region, render, tile, whole};
use blendnet_film::{Film, FilmError, Image};
use blendnet_protocol::{Region, Tile};
use fs_err as fs;
use std::path::Path;

/// Where the sums of a film begin.
const PLANES_START: u64 = 8 << 20;

fn frame() -> Tile {
    tile(0, 0, 8, 6)
}

/// A film with a part, that part's region, and the film's file.
fn started() -> (Place, Film, Region) {
    let mut place = Place::new();
    let mut film = Film::create(&place.path("film"), whole(frame()), 8).unwrap();
    let first = region(tile(0, 0, 5, 6), 0, 4);
    place.add(&mut film, first);
    (place, film, first)
}

/// Panics unless the part is refused as expected and nothing has changed.
fn assert_refused(part: &Image, region: Region, expected: fn(&FilmError) -> bool) {
    let (mut place, film, first) = started();
    let part = place.write(part);
    check_refused(&place, film, first, &part, region, expected);
}

fn check_refused(
    place: &Place,
    mut film: Film,
    first: Region,
    part: &Path,
    region: Region,
    expected: fn(&FilmError) -> bool,
) {
    let before = fs::read(place.path("film")).unwrap();
    let error = film.add(part, region).unwrap_err();
    assert!(expected(&error), "{error:?}");
    assert_eq!(film.covered(), [first]);
    assert!(fs::read(place.path("film")).unwrap() == before, "the file has changed");
    // It goes on, and opens again.
    drop(film);
    let film = Film::open(&place.path("film")).unwrap();
    assert_eq!(film.covered(), [first]);
}

#[test]
fn an_overlap_is_refused() {
    let is_overlap = |error: &FilmError| matches!(error, FilmError::Overlap { .. });
    for again in [
        region(tile(0, 0, 5, 6), 0, 4),
        region(tile(0, 0, 5, 6), 3, 8),
        region(tile(4, 5, 4, 1), 0, 1),
        region(frame(), 0, 8),
    ] {
        assert_refused(&render(again), again, is_overlap);
    }
}

#[test]
fn what_reaches_beyond_the_film_is_refused() {
    let is_out = |error: &FilmError| matches!(error, FilmError::OutOfFrame { .. });
    for beyond in [
        region(tile(5, 0, 4, 6), 0, 8),
        region(tile(5, 0, 3, 7), 0, 8),
        region(tile(5, 0, 3, 6), 0, 9),
        region(tile(50, 50, 3, 6), 0, 1),
    ] {
        assert_refused(&render(beyond), beyond, is_out);
    }
}

#[test]
fn a_part_of_another_size_is_refused() {
    let tall = region(tile(5, 0, 3, 6), 0, 8);
    let wide = region(tile(2, 0, 6, 3), 4, 8);
    let is_wrong = |error: &FilmError| matches!(error, FilmError::WrongSize { .. });
    assert_refused(&render(wide), tall, is_wrong);
}

#[test]
fn other_channels_than_before_are_refused() {
    let rest = region(tile(5, 0, 3, 6), 0, 8);
    let is_other = |error: &FilmError| matches!(error, FilmError::OtherChannels { .. });
    let mut more = render(rest);
    more.channels.insert("ViewLayer.Mist.Z".to_owned(), vec![0.0; 18]);
    assert_refused(&more, rest, is_other);
    let mut fewer = render(rest);
    fewer.channels.remove("ViewLayer.Depth.Z");
    assert_refused(&fewer, rest, is_other);
}

#[test]
fn light_without_its_colour_is_refused_and_another_first_part_is_not() {
    let mut place = Place::new();
    let mut film = Film::create(&place.path("film"), whole(frame()), 4).unwrap();
    let all = region(frame(), 0, 4);
    let mut part = render(all);
    part.channels.retain(|name, _| !name.contains("DiffCol"));
    let part = place.write(&part);
    let error = film.add(&part, all).unwrap_err();
    assert!(matches!(&error, FilmError::Alone { needed, .. } if needed.contains("DiffCol")));
    assert!(film.covered().is_empty());
    place.add(&mut film, all);
    assert_same(&place.develop(&film), &render(all));
}

#[test]
fn a_missing_part_is_refused() {
    let (place, film, first) = started();
    let rest = region(tile(5, 0, 3, 6), 0, 8);
    let is_io = |error: &FilmError| matches!(error, FilmError::Io(_));
    check_refused(&place, film, first, &place.path("nothing.exr"), rest, is_io);
}

#[test]
fn a_film_without_parts_is_no_picture() {
    let place = Place::new();
    let film = Film::create(&place.path("film"), whole(frame()), 4).unwrap();
    assert!(matches!(film.write_image(&place.path("none.exr")), Err(FilmError::Empty)));
    assert!(matches!(film.preview(None, 9), Err(FilmError::Empty)));
    assert!(!place.path("none.exr").exists());
    assert!(!Film::open(&place.path("film")).unwrap().is_complete());
}

#[test]
fn a_film_that_was_cut_short_takes_no_part() {
    let (mut place, mut film, _) = started();
    let file = fs::OpenOptions::new().write(true).open(place.path("film")).unwrap();
    file.set_len(PLANES_START + 10).unwrap();
    let rest = region(tile(5, 0, 3, 6), 0, 8);
    let part = place.write(&render(rest));
    let cut = |error: FilmError| matches!(error, FilmError::NotAFilm { .. });
    assert!(cut(film.add(&part, rest).unwrap_err()));
    assert_eq!(film.unfinished(), None);
    drop(film);
    assert!(Film::open(&place.path("film")).is_err_and(cut));
}

#[test]
fn what_is_not_a_film_is_refused() {
    let (place, film, _) = started();
    drop(film);
    let path = place.path("film");
    let whole = fs::read(&path).unwrap();
    let cut = usize::try_from(PLANES_START).unwrap() + 10;
    for bytes in [&[][..], b"no film", &[0; 1 << 20], &whole[..64], &whole[..cut]] {
        fs::write(&path, bytes).unwrap();
        let opened = Film::open(&path);
        assert!(matches!(opened, Err(FilmError::NotAFilm { .. })), "{} bytes", bytes.len());
    }
}

#[test]
fn a_film_that_the_disk_has_no_room_for_is_refused_at_its_first_part() {
    let mut place = Place::new();
    let path = place.path("film");
    let mut film = Film::create(&path, whole(tile(0, 0, 1 << 24, 1 << 24)), 8).unwrap();
    let first = region(frame(), 0, 8);
    let part = place.write(&render(first));
    let empty_bytes = fs::metadata(&path).unwrap().len();
    let error = film.add(&part, first).unwrap_err();
    assert!(matches!(error, FilmError::DiskFull { .. }), "{error:?}");
    assert!(film.covered().is_empty());
    assert_eq!(fs::metadata(&path).unwrap().len(), empty_bytes);
    drop(film);
    assert!(Film::open(&path).unwrap().covered().is_empty());
}

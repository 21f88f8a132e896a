//! What a person sees of a frame before it is done.

use crate::scene::{Place, region, tile, whole};
use blendnet_film::{Film, FilmError, Image, Look};
use blendnet_protocol::Tile;
use image::{ImageBuffer, Rgb, RgbaImage};
use proptest::prelude::*;

/// A film of which a tile is one colour.
fn film(place: &mut Place, frame: Tile, rendered: Tile, colour: [f32; 4]) -> Film {
    let mut film = Film::create(&place.path("film"), whole(frame), 4).unwrap();
    let pixels = usize::try_from(rendered.pixel_count()).unwrap();
    let channel = |(c, value)| (format!("L.Combined.{c}"), vec![value; pixels]);
    let image = Image {
        width: rendered.width_px() as usize,
        height: rendered.height_px() as usize,
        channels: ["R", "G", "B", "A"].into_iter().zip(colour).map(channel).collect(),
        ..Image::default()
    };
    let part = place.write(&image);
    film.add(&part, region(rendered, 0, 2)).unwrap();
    film
}

fn decode(png: &[u8]) -> RgbaImage {
    image::load_from_memory(png).unwrap().to_rgba8()
}

#[test]
fn what_is_not_rendered_is_transparent() {
    let mut place = Place::new();
    let top_left = tile(0, 4, 8, 4);
    let film = film(&mut place, tile(0, 0, 16, 8), top_left, [1.0, 0.0, 0.215_860_5, 1.0]);
    let picture = decode(&film.preview(None, 8).unwrap());
    assert_eq!(picture.dimensions(), (8, 4));
    for (x, y, pixel) in picture.enumerate_pixels() {
        let wanted = if x < 4 && y < 2 { [255, 0, 128, 255] } else { [0; 4] };
        assert_eq!(pixel.0, wanted, "{x} {y}");
    }
}

#[test]
fn a_preview_has_straight_alpha() {
    let mut place = Place::new();
    let frame = tile(0, 0, 4, 4);
    let film = film(&mut place, frame, frame, [0.5, 0.5, 0.0, 0.5]);
    let picture = decode(&film.preview(None, 4).unwrap());
    assert!(picture.pixels().all(|pixel| pixel.0 == [255, 255, 0, 128]));
}

#[test]
fn values_that_are_no_numbers_make_a_picture() {
    let mut place = Place::new();
    let frame = tile(0, 0, 4, 4);
    let colour = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let film = film(&mut place, frame, frame, colour);
    assert_eq!(decode(&film.preview(None, 4).unwrap()).dimensions(), (4, 4));
}

#[test]
fn a_look_is_applied() {
    let mut place = Place::new();
    // All colours become this one.
    let lattice = ImageBuffer::from_pixel(33 * 33, 33, Rgb([0x3333_u16, 0x6666, 0x9999]));
    let path = place.path("look.png");
    lattice.save(&path).unwrap();
    let look = Look::read(&path).unwrap();
    let frame = tile(0, 0, 4, 4);
    let film = film(&mut place, frame, frame, [1.0, 0.5, 0.0, 1.0]);
    let picture = decode(&film.preview(Some(&look), 4).unwrap());
    assert!(picture.pixels().all(|pixel| pixel.0 == [0x33, 0x66, 0x99, 255]));
}

#[test]
fn what_is_no_lattice_is_no_look() {
    let place = Place::new();
    let path = place.path("look.png");
    ImageBuffer::from_pixel(33, 33, Rgb([0_u16; 3])).save(&path).unwrap();
    assert!(matches!(Look::read(&path), Err(FilmError::BadLook(_))));
    fs_err::write(&path, b"no picture").unwrap();
    assert!(matches!(Look::read(&path), Err(FilmError::Preview { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_preview_is_never_larger_than_asked(width in 1..90_u32, height in 1..90_u32, max in 0..99_u32) {
        let mut place = Place::new();
        let frame = tile(0, 0, width, height);
        let film = film(&mut place, frame, frame, [0.5, 0.5, 0.5, 1.0]);
        let picture = decode(&film.preview(None, max).unwrap());
        let longer = picture.width().max(picture.height());
        prop_assert!(longer <= max.max(1));
        prop_assert!(longer * 2 > max.min(width.max(height)));
    }
}

//! Any cut of a frame gives the same image.

use crate::scene::{Place, assert_same, region, render, tile, whole};
use blendnet_film::{Film, Image};
use blendnet_protocol::{FilmRect, Region, Tile};
use proptest::prelude::*;
use std::collections::BTreeSet;

const TOTAL: u32 = 16;

/// All regions of a frame that is cut into four tiles, each into ranges of its own, in any order.
fn cuts(frame: Tile) -> impl Strategy<Value = Vec<Region>> {
    let at = (1..frame.width_px(), 1..frame.height_px());
    let ranges = prop::collection::vec(prop::collection::btree_set(1..TOTAL, 0..5), 4);
    let regions = (at, ranges).prop_map(move |((x, y), ranges)| {
        let columns = [(0, x), (x, frame.width_px() - x)];
        let rows = [(0, y), (y, frame.height_px() - y)];
        let tiles = columns.iter().flat_map(|column| rows.iter().map(move |row| (column, row)));
        let tiles = tiles.map(|((x, width), (y, height))| {
            tile(frame.x_px() + x, frame.y_px() + y, *width, *height)
        });
        tiles.zip(ranges).flat_map(|(tile, cuts)| ranges_of(tile, &cuts)).collect::<Vec<_>>()
    });
    regions.prop_shuffle()
}

fn ranges_of(tile: Tile, cuts: &BTreeSet<u32>) -> Vec<Region> {
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain(std::iter::once(TOTAL));
    starts.zip(ends).map(|(start, end)| region(tile, start, end)).collect()
}

fn frame() -> Tile {
    tile(0, 0, 9, 7)
}

/// What is in the middle of an image, counted from the bottom left.
fn cut_out(image: &Image, keep: Tile) -> Image {
    let top = image.height - keep.top_px() as usize;
    let cut = |values: &Vec<f32>| {
        let rows = values.chunks(image.width).skip(top).take(keep.height_px() as usize);
        let row = |row: &[f32]| row[keep.x_px() as usize..keep.right_px() as usize].to_vec();
        rows.flat_map(row).collect()
    };
    Image {
        width: keep.width_px() as usize,
        height: keep.height_px() as usize,
        channels: image.channels.iter().map(|(name, v)| (name.clone(), cut(v))).collect(),
        attributes: image.attributes.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_cut_in_any_order_is_the_whole_image(regions in cuts(frame())) {
        let mut place = Place::new();
        let path = place.path("film");
        let mut film = Film::create(&path, whole(frame()), TOTAL).unwrap();
        let mut merged = 0;
        for region in regions {
            prop_assert!(!film.is_complete());
            place.add(&mut film, region);
            merged += region.pixel_samples();
            prop_assert_eq!(film.covered_pixel_samples(), merged);
            // A program that ends between two parts goes on where it was.
            film = Film::open(&path).unwrap();
        }
        prop_assert!(film.is_complete());
        assert_same(&place.develop(&film), &render(region(frame(), 0, TOTAL)));
    }

    #[test]
    fn a_render_border_is_merged_at_its_place(
        regions in cuts(tile(2, 1, 5, 4)),
        cropped in any::<bool>(),
    ) {
        let mut place = Place::new();
        let rendered = tile(2, 1, 5, 4);
        let rect = FilmRect { frame: frame(), rendered, cropped };
        let mut film = Film::create(&place.path("film"), rect, TOTAL).unwrap();
        for region in regions {
            place.add(&mut film, region);
        }
        prop_assert!(film.is_complete());
        let wanted = render(region(rendered, 0, TOTAL));
        let image = place.develop(&film);
        if cropped {
            assert_same(&image, &wanted);
        } else {
            assert_same(&cut_out(&image, rendered), &wanted);
            prop_assert_eq!(image.channels["ViewLayer.Combined.R"][0], 0.0);
            prop_assert_eq!(image.channels["ViewLayer.Depth.Z"][0], 1e11);
        }
    }
}

#[test]
fn a_film_that_is_not_complete_is_an_image_of_what_there_is() {
    let mut place = Place::new();
    let mut film = Film::create(&place.path("film"), whole(frame()), TOTAL).unwrap();
    let left = tile(0, 0, 4, 7);
    place.add(&mut film, region(left, 0, 6));
    let image = place.develop(&film);
    assert_same(&cut_out(&image, left), &render(region(left, 0, 6)));
    let right = cut_out(&image, tile(4, 0, 5, 7));
    assert!(right.channels.values().flatten().all(|value| *value == 0.0));
}

#[test]
fn first_samples_are_taken_whenever_they_come() {
    let mut place = Place::new();
    let mut film = Film::create(&place.path("film"), whole(frame()), TOTAL).unwrap();
    for (start, end) in [(9, TOTAL), (0, 2), (2, 9)] {
        place.add(&mut film, region(frame(), start, end));
    }
    let first = render(region(frame(), 0, 1));
    let depth = "ViewLayer.Depth.Z";
    assert_eq!(place.develop(&film).channels[depth], first.channels[depth]);
}

#[test]
fn attributes_say_what_the_whole_frame_took() {
    let mut place = Place::new();
    let mut film = Film::create(&place.path("film"), whole(frame()), TOTAL).unwrap();
    for (start, end) in [(0, 10), (10, TOTAL)] {
        place.add(&mut film, region(frame(), start, end));
    }
    let texts = place.develop(&film).attributes;
    assert_eq!(texts["cycles.ViewLayer.samples"], "16");
    assert_eq!(texts["cycles.ViewLayer.render_time"], "00:03.00");
    assert_eq!(texts["Camera"], "Camera");
    assert_eq!(texts["BlenderMultiChannel"], "Blender V2.55.1 and newer");
}

#[test]
fn pictures_without_layer_or_pass_are_merged() {
    for prefix in ["", "Combined."] {
        let mut place = Place::new();
        let mut film = Film::create(&place.path("film"), whole(frame()), 4).unwrap();
        for (start, end, value) in [(0, 1, 1.0), (1, 4, 3.0)] {
            let channel = |c| (format!("{prefix}{c}"), vec![value; 63]);
            let channels = ["R", "G", "B", "A"].map(channel).into();
            let image = Image { width: 9, height: 7, channels, ..Image::default() };
            let part = place.write(&image);
            film.add(&part, region(frame(), start, end)).unwrap();
        }
        let image = place.develop(&film);
        assert!(image.channels[&format!("{prefix}G")].iter().all(|value| *value == 2.5));
        assert!(film.preview(None, 9).is_ok());
    }
}

//! Cutting margins off, and putting the denoised picture in.

use crate::scene::{Place, assert_same, region, render, tile};
use blendnet_film::{FilmError, Image, crop, finalize};
use std::collections::BTreeMap;

fn image(channels: &[(&str, f32)]) -> Image {
    let channels = channels.iter().map(|(name, value)| ((*name).to_owned(), vec![*value; 6]));
    Image { width: 3, height: 2, channels: channels.collect(), attributes: BTreeMap::new() }
}

#[test]
fn a_margin_is_cut_off() {
    let mut place = Place::new();
    let (holds, keep) = (tile(4, 3, 9, 40), tile(6, 3, 5, 37));
    let with_margin = place.write(&render(region(holds, 0, 3)));
    let out = place.path("cut.exr");
    crop(&with_margin, holds, keep, &out).unwrap();
    let cut = Image::read(&out).unwrap();
    let wanted = render(region(keep, 0, 3));
    assert_same(&cut, &wanted);
    assert_eq!(cut.attributes, wanted.attributes);
}

#[test]
fn only_what_an_image_holds_can_be_cut_out() {
    let mut place = Place::new();
    let path = place.write(&render(region(tile(4, 3, 9, 8), 0, 3)));
    let out = place.path("cut.exr");
    let beyond = crop(&path, tile(4, 3, 9, 8), tile(4, 3, 10, 8), &out).unwrap_err();
    assert!(matches!(beyond, FilmError::OutOfImage { .. }));
    let other = crop(&path, tile(4, 3, 8, 9), tile(4, 3, 8, 8), &out).unwrap_err();
    assert!(matches!(other, FilmError::WrongSize { .. }));
    assert!(!out.exists());
}

#[test]
fn the_denoised_picture_replaces_the_noisy_one_layer_by_layer() {
    let mut place = Place::new();
    let merged = place.write(&image(&[
        ("A.Combined.R", 1.0),
        ("A.DiffCol.R", 2.0),
        ("A.Mist.Z", 3.0),
        ("B.Combined.R", 4.0),
        ("B.DiffCol.R", 5.0),
    ]));
    let denoised =
        place.write(&image(&[("A.Combined.R", 0.5), ("A.Noisy Image.R", 7.0), ("A.Mist.Z", 8.0)]));
    let out = place.path("final.exr");
    finalize(&merged, Some(&denoised), &["A.DiffCol".to_owned()], &out).unwrap();
    let wanted = image(&[
        ("A.Combined.R", 0.5),
        ("A.Noisy Image.R", 1.0),
        ("A.Mist.Z", 3.0),
        ("B.Combined.R", 4.0),
        ("B.DiffCol.R", 5.0),
    ]);
    assert_eq!(Image::read(&out).unwrap().channels, wanted.channels);
}

#[test]
fn a_noisy_picture_that_was_merged_is_kept() {
    let mut place = Place::new();
    let merged = place.write(&image(&[("A.Combined.R", 1.0), ("A.Noisy Image.R", 2.0)]));
    let denoised = place.write(&image(&[("A.Combined.R", 0.5), ("A.Noisy Image.R", 7.0)]));
    let out = place.path("final.exr");
    finalize(&merged, Some(&denoised), &[], &out).unwrap();
    let wanted = image(&[("A.Combined.R", 0.5), ("A.Noisy Image.R", 2.0)]);
    assert_eq!(Image::read(&out).unwrap().channels, wanted.channels);
}

#[test]
fn a_denoised_picture_of_another_size_is_refused() {
    let mut place = Place::new();
    let merged = place.write(&image(&[("A.Combined.R", 1.0)]));
    let other = render(region(tile(0, 0, 2, 2), 0, 1));
    let other = place.write(&other);
    let out = place.path("final.exr");
    let error = finalize(&merged, Some(&other), &[], &out).unwrap_err();
    assert!(matches!(error, FilmError::WrongSize { .. }));
    let nothing = finalize(&merged, None, &["A.Combined".to_owned()], &out).unwrap_err();
    assert!(matches!(nothing, FilmError::Empty));
    assert!(!out.exists());
}

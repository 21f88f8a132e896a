//! Files from other machines: of other kinds, cut off, damaged, or made to do harm.

use crate::scene::{Place, region, render, tile, whole};
use blendnet_film::{Film, FilmError, Image, finalize};
use blendnet_protocol::Tile;
use exr::prelude::*;
use fs_err as fs;
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};
use std::path::Path;

const WIDTH: usize = 6;
const HEIGHT: usize = 5;

fn frame() -> Tile {
    tile(0, 0, 6, 5)
}

/// Adds a file to a new film; nothing is merged unless it succeeds.
fn add(place: &Place, part: &Path) -> std::result::Result<(), FilmError> {
    let mut film = Film::create(&place.path("film"), whole(frame()), 4).unwrap();
    let result = film.add(part, region(frame(), 0, 4));
    assert_eq!(film.covered().is_empty(), result.is_err());
    assert_eq!(film.is_complete(), result.is_ok());
    result
}

/// A file of a kind that the crate itself does not write.
fn encode(samples: &FlatSamples, encoding: Encoding, path: &Path) {
    let channels = ["R", "G", "B"]
        .map(|c| AnyChannel::new(Text::new_or_panic(format!("L.Combined.{c}")), samples.clone()));
    let channels = AnyChannels::sort(channels.into_iter().collect());
    let size = (WIDTH, HEIGHT);
    let layer = Layer::new(size, LayerAttributes::default(), encoding, channels);
    exr::prelude::Image::from_layer(layer).write().to_file(path).unwrap();
}

fn encoding(compression: Compression, blocks: Blocks) -> Encoding {
    Encoding { compression, blocks, line_order: LineOrder::Increasing }
}

#[test]
fn sixteen_bits_any_compression_and_tiles_are_read() {
    let place = Place::new();
    let path = place.path("part.exr");
    let halves: Vec<f16> = (0..30_u8).map(|value| f16::from_f32(f32::from(value) / 4.0)).collect();
    let wanted: Vec<f32> = halves.iter().map(|value| value.to_f32()).collect();
    let lossless =
        [Compression::Uncompressed, Compression::RLE, Compression::ZIP1, Compression::PIZ];
    for compression in lossless {
        for blocks in [Blocks::ScanLines, Blocks::Tiles(Vec2(4, 4))] {
            encode(&FlatSamples::F16(halves.clone()), encoding(compression, blocks), &path);
            add(&place, &path).unwrap();
            let image = Image::read(&path).unwrap();
            assert_eq!(image.channels["L.Combined.G"], wanted, "{compression} {blocks:?}");
        }
    }
}

#[test]
fn a_file_of_several_parts_is_one_image() {
    let place = Place::new();
    let path = place.path("part.exr");
    let layer = |name: &str, value: f32| {
        let samples = FlatSamples::F32(vec![value; WIDTH * HEIGHT]);
        let channel = AnyChannel::new("X", samples);
        let attributes = LayerAttributes::named(name);
        let channels = AnyChannels::sort([channel].into_iter().collect());
        Layer::new((WIDTH, HEIGHT), attributes, Encoding::FAST_LOSSLESS, channels)
    };
    let layers: Layers<_> = [layer("L.Combined", 1.0), layer("L.Mist", 2.0)].into_iter().collect();
    let bounds = ImageAttributes::new(IntegerBounds::from_dimensions((WIDTH, HEIGHT)));
    exr::prelude::Image::from_layers(bounds, layers).write().to_file(&path).unwrap();
    let image = Image::read(&path).unwrap();
    assert_eq!(image.channels["L.Combined.X"], vec![1.0; 30]);
    assert_eq!(image.channels["L.Mist.X"], vec![2.0; 30]);
    add(&place, &path).unwrap();
}

#[test]
fn an_image_is_written_as_it_is_read() {
    let mut place = Place::new();
    let image = render(region(tile(0, 0, 33, 70), 0, 2));
    let path = place.write(&image);
    let same = |a: &Image, b: &Image| {
        let bits = |image: &Image| -> Vec<u32> {
            image.channels.values().flatten().map(|value| value.to_bits()).collect()
        };
        a.attributes == b.attributes
            && a.channels.keys().eq(b.channels.keys())
            && bits(a) == bits(b)
    };
    assert!(same(&Image::read(&path).unwrap(), &image));
    let out = place.path("final.exr");
    finalize(&path, None, &[], &out).unwrap();
    assert!(same(&Image::read(&out).unwrap(), &image));
}

#[test]
fn what_is_no_image_is_refused() {
    let place = Place::new();
    let path = place.path("part.exr");
    for bytes in [&b""[..], b"no image", &[0; 5000], &[0x76, 0x2f, 0x31, 0x01, 2, 0, 0, 0]] {
        fs::write(&path, bytes).unwrap();
        assert!(add(&place, &path).is_err());
    }
}

#[test]
fn an_image_that_announces_too_much_is_refused_before_it_is_read() {
    let mut place = Place::new();
    let path = place.write(&render(region(frame(), 0, 4)));
    let bytes = fs::read(&path).unwrap();
    for (name, corner) in [("dataWindow", (1 << 30, 4)), ("dataWindow", (5, 1 << 30))] {
        let start = bytes.windows(name.len()).position(|at| at == name.as_bytes()).unwrap();
        // Name, type, length and the first corner come before it.
        let at = start + name.len() + 1 + "box2i".len() + 1 + 4 + 8;
        let mut hostile = bytes.clone();
        let (x, y): (i32, i32) = corner;
        hostile[at..at + 4].copy_from_slice(&x.to_le_bytes());
        hostile[at + 4..at + 8].copy_from_slice(&y.to_le_bytes());
        fs::write(&path, hostile).unwrap();
        let out = place.path("final.exr");
        assert!(matches!(Image::read(&path), Err(FilmError::BadImage { .. })));
        assert!(matches!(finalize(&path, None, &[], &out), Err(FilmError::BadImage { .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_file_that_is_cut_off_is_refused(cut in any::<prop::sample::Index>()) {
        let mut place = Place::new();
        let path = place.write(&render(region(frame(), 0, 4)));
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..cut.index(bytes.len())]).unwrap();
        prop_assert!(add(&place, &path).is_err());
    }

    #[test]
    fn a_damaged_file_is_an_image_or_an_error(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..6),
        of_header in any::<bool>(),
        compression in 0..6_usize,
    ) {
        let place = Place::new();
        let path = place.path("part.exr");
        let compression = [
            Compression::Uncompressed,
            Compression::RLE,
            Compression::ZIP16,
            Compression::PIZ,
            Compression::PXR24,
            Compression::B44,
        ][compression];
        let values = (0..30_u8).map(f32::from).collect();
        encode(&FlatSamples::F32(values), encoding(compression, Blocks::ScanLines), &path);
        let mut bytes = fs::read(&path).unwrap();
        let end = if of_header { 400.min(bytes.len()) } else { bytes.len() };
        for (at, bit) in flips {
            bytes[at.index(end)] ^= 1 << bit;
        }
        fs::write(&path, bytes).unwrap();
        // Whatever it is now, nothing panics and nothing is half added.
        let _either = add(&place, &path);
        if let Ok(image) = Image::read(&path) {
            let pixels = image.width * image.height;
            prop_assert!(image.channels.values().all(|values| values.len() == pixels));
        }
    }

    #[test]
    fn a_damaged_film_is_a_film_or_an_error(
        at in 0..4096_u64,
        slot in 0..2_u64,
        bytes in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        let mut place = Place::new();
        let all = region(frame(), 0, 4);
        let mut film = Film::create(&place.path("film"), whole(frame()), 4).unwrap();
        place.add(&mut film, all);
        drop(film);
        let path = place.path("film");
        let mut film = fs::read(&path).unwrap();
        let start = usize::try_from(slot * (4 << 20) + at).unwrap();
        film[start..start + bytes.len()].copy_from_slice(&bytes);
        fs::write(&path, film).unwrap();
        if let Ok(film) = Film::open(&path) {
            prop_assert_eq!(film.is_complete(), film.covered() == [all]);
        }
    }
}

//! How noisy a merged picture is, told from its parts.

use crate::scene::{Place, region, tile, whole};
use blendnet_film::{Film, Image};
use blendnet_protocol::Tile;

const TOTAL: u32 = 64;
const BRIGHTNESS: f64 = 0.25;
/// Of one sample.
const DEVIATION: f64 = 0.1;

/// Numbers of mean 0 and variance 1 that are the same each time.
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / (1_u64 << 31) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// The mean of so many independent samples, in each pixel.
fn part(place: &mut Place, dice: &mut Dice, of: Tile, samples: u32) -> std::path::PathBuf {
    let pixels = usize::try_from(of.pixel_count()).unwrap();
    let deviation = DEVIATION / f64::from(samples).sqrt();
    let grey: Vec<f32> =
        (0..pixels).map(|_| (BRIGHTNESS + deviation * dice.normal()) as f32).collect();
    place.write(&Image {
        width: of.width_px() as usize,
        height: of.height_px() as usize,
        channels: ["R", "G", "B"].map(|c| (format!("L.Combined.{c}"), grey.clone())).into(),
        ..Image::default()
    })
}

fn film(place: &mut Place, frame: Tile, cuts: &[u32]) -> Film {
    let mut film = Film::create(&place.path("film"), whole(frame), TOTAL).unwrap();
    let mut dice = Dice(7);
    for cut in cuts.windows(2) {
        let part = part(place, &mut dice, frame, cut[1] - cut[0]);
        film.add(&part, region(frame, cut[0], cut[1])).unwrap();
    }
    film
}

fn level(film: &Film) -> Option<f64> {
    film.noise(64).unwrap().map(|noise| noise.level)
}

/// Of brightness, which is the square root of light.
fn true_noise(samples: u32) -> f64 {
    DEVIATION / f64::from(samples).sqrt() / (2.0 * BRIGHTNESS.sqrt())
}

#[test]
fn the_noise_of_parts_of_any_size_is_told() {
    for cuts in [&[0, 32, 64][..], &[0, 4, 12, 28, 64], &[0, 1, 2, 3, 50, 64], &[0, 8, 16]] {
        let mut place = Place::new();
        let film = film(&mut place, tile(0, 0, 200, 100), cuts);
        let told = level(&film).unwrap();
        let wanted = true_noise(*cuts.last().unwrap());
        assert!((0.95..1.05).contains(&(told / wanted)), "{cuts:?}: {told} of {wanted}");
    }
}

#[test]
fn one_part_tells_nothing_of_its_noise() {
    let mut place = Place::new();
    let frame = tile(0, 0, 20, 10);
    assert_eq!(level(&film(&mut place, frame, &[0])), None);
    let mut one = film(&mut place, frame, &[0, 4]);
    assert_eq!(level(&one), None);
    // Half of the picture has a second one.
    let half = tile(0, 0, 20, 5);
    let second = part(&mut place, &mut Dice(9), half, 4);
    one.add(&second, region(half, 4, 8)).unwrap();
    assert_eq!(level(&one), None);
    let other = tile(0, 5, 20, 5);
    let third = part(&mut place, &mut Dice(10), other, 4);
    one.add(&third, region(other, 4, 8)).unwrap();
    assert!(level(&one).is_some());
}

#[test]
fn the_map_shows_where_the_noise_is() {
    let mut place = Place::new();
    let frame = tile(0, 0, 64, 32);
    let mut film = Film::create(&place.path("film"), whole(frame), TOTAL).unwrap();
    let mut dice = Dice(3);
    // The left half gets more samples than the right one.
    for (of, cuts) in [(tile(0, 0, 32, 32), [0, 32, 64]), (tile(32, 0, 32, 32), [0, 2, 4])] {
        for cut in cuts.windows(2) {
            let part = part(&mut place, &mut dice, of, cut[1] - cut[0]);
            film.add(&part, region(of, cut[0], cut[1])).unwrap();
        }
    }
    let map = image::load_from_memory(&film.noise(64).unwrap().unwrap().map).unwrap().to_rgba8();
    assert_eq!(map.dimensions(), (16, 8));
    let heat = |columns: std::ops::Range<u32>| -> f64 {
        let pixels = columns.flat_map(|x| (0..8).map(move |y| (x, y)));
        pixels
            .map(|(x, y)| map.get_pixel(x, y).0[..3].iter().map(|&c| f64::from(c)).sum::<f64>())
            .sum::<f64>()
    };
    let ratio = heat(8..16) / heat(0..8);
    assert!(
        (3.5..4.5).contains(&ratio),
        "a sixteenth of the samples, four times the noise: {ratio}"
    );
}

//! A picture that is made up sample by sample, and what a renderer writes of any part of it.

use blendnet_film::{Film, Image};
use blendnet_protocol::{FilmRect, Region, SampleRange, Tile};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tempfile::TempDir;

/// Objects of the cryptomatte; the second one's id is not a number when it is read as a float.
const OBJECTS: [u32; 3] = [0x1234_5678, 0x7fc0_0001, 0xffff_fff0];

pub(crate) fn tile(x: u32, y: u32, width: u32, height: u32) -> Tile {
    Tile::new(x, y, width, height).unwrap()
}

pub(crate) fn region(tile: Tile, start: u32, end: u32) -> Region {
    Region { tile, samples: SampleRange::new(start, end).unwrap() }
}

pub(crate) fn whole(frame: Tile) -> FilmRect {
    FilmRect { frame, rendered: frame, cropped: false }
}

/// A folder for a film and its parts.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
    written: usize,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), written: 0 }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes an image under a name of its own.
    pub(crate) fn write(&mut self, image: &Image) -> PathBuf {
        self.written += 1;
        let path = self.path(&format!("{}.exr", self.written));
        image.write(&path).unwrap();
        path
    }

    /// Renders and adds a region.
    pub(crate) fn add(&mut self, film: &mut Film, region: Region) {
        let part = self.write(&render(region));
        film.add(&part, region).unwrap();
    }

    /// What a film says it holds.
    pub(crate) fn develop(&self, film: &Film) -> Image {
        let path = self.path("developed.exr");
        film.write_image(&path).unwrap();
        Image::read(&path).unwrap()
    }
}

/// What a renderer writes of a region: means, light divided by its colour, passes of the range's
/// first sample, and a cryptomatte that ranks objects by what the range saw of them.
pub(crate) fn render(region: Region) -> Image {
    let tile = region.tile;
    let mut channels: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    for y in (tile.y_px()..tile.top_px()).rev() {
        for x in tile.x_px()..tile.right_px() {
            for (name, value) in pixel(x, y, region.samples) {
                channels.entry(name).or_default().push(value);
            }
        }
    }
    let attributes = [
        ("cycles.ViewLayer.samples", region.samples.sample_count().to_string()),
        ("cycles.ViewLayer.render_time", "00:01.50".to_owned()),
        ("Camera", "Camera".to_owned()),
    ];
    Image {
        width: tile.width_px() as usize,
        height: tile.height_px() as usize,
        channels,
        attributes: attributes.map(|(name, text)| (name.to_owned(), text)).into(),
    }
}

fn pixel(x: u32, y: u32, samples: SampleRange) -> Vec<(String, f32)> {
    let range = samples.start()..samples.end();
    let count = f64::from(samples.sample_count());
    let mean = |channel: u32| range.clone().map(|s| value(x, y, s, channel)).sum::<f64>() / count;
    let mut values = Vec::new();
    let mut put = |name: &str, value: f64| values.push((format!("ViewLayer.{name}"), value as f32));
    for (channel, component) in (0..).zip(["R", "G", "B", "A"]) {
        put(&format!("Combined.{component}"), mean(channel) * 3.0);
    }
    let colour = |component: u32| {
        // Some pixels have no colour in a component, and light is then divided by the others'.
        if (x + y + component).is_multiple_of(5) { 0.0 } else { 0.25 + mean(10 + component) }
    };
    let light = |c: u32| (colour(c) != 0.0).then(|| mean(20 + c) / colour(c));
    let others: Vec<f64> = (0..3).filter_map(light).collect();
    let instead = others.iter().sum::<f64>() / others.len().max(1) as f64;
    for (channel, component) in (0..).zip(["R", "G", "B"]) {
        put(&format!("DiffCol.{component}"), colour(channel));
        put(&format!("DiffDir.{component}"), light(channel).unwrap_or(instead));
    }
    put("Depth.Z", value(x, y, samples.start(), 30) * 100.0);
    put("IndexOB.X", f64::from(samples.start() + x));
    let seen = |id: &u32| range.clone().filter(|&s| object(x, y, s) == *id).count();
    let mut ranked = OBJECTS.map(|id| (seen(&id), id));
    ranked.sort_unstable();
    for ((seen, id), [name, share]) in ranked.iter().rev().zip([["r", "g"], ["b", "a"]]) {
        let (id, seen) = if *seen == 0 { (0, 0) } else { (*id, *seen) };
        let bits = f32::from_bits(id);
        values.push((format!("ViewLayer.CryptoObject00.{name}"), bits));
        values.push((format!("ViewLayer.CryptoObject00.{share}"), (seen as f64 / count) as f32));
    }
    values
}

/// Each pixel sees two of the objects.
fn object(x: u32, y: u32, sample: u32) -> u32 {
    let which = (x + y) as usize + usize::from(value(x, y, sample, 40) > 0.6);
    OBJECTS[which % OBJECTS.len()]
}

/// Noise from 0 to 1.
fn value(x: u32, y: u32, sample: u32, channel: u32) -> f64 {
    let mut hash = 0x9e37_79b9_u32;
    for word in [x, y, sample, channel] {
        hash = (hash ^ word).wrapping_mul(0x85eb_ca6b);
        hash ^= hash >> 13;
    }
    f64::from(hash.wrapping_mul(0xc2b2_ae35) >> 8) / f64::from(1 << 24)
}

/// Panics where images differ by more than rounding. Objects that cover the same may be ranked
/// either way.
pub(crate) fn assert_same(image: &Image, wanted: &Image) {
    let names = |image: &Image| image.channels.keys().cloned().collect::<Vec<_>>();
    assert_eq!((image.width, image.height), (wanted.width, wanted.height));
    assert_eq!(names(image), names(wanted));
    for (name, values) in image.channels.iter().filter(|(name, _)| !name.contains("Crypto")) {
        for (pixel, (a, b)) in values.iter().zip(&wanted.channels[name]).enumerate() {
            let tolerance = 1e-6 * b.abs().max(1.0);
            assert!((a - b).abs() <= tolerance, "{name} at {pixel}: {a} instead of {b}");
        }
    }
    for pixel in 0..image.width * image.height {
        let (found, wanted) = (shares(image, pixel), shares(wanted, pixel));
        assert!(found.keys().eq(wanted.keys()), "{pixel}: {found:x?}, not {wanted:x?}");
        assert!(found.iter().all(|(id, share)| (share - wanted[id]).abs() < 1e-6), "{pixel}");
    }
}

/// What objects cover of a pixel.
fn shares(image: &Image, pixel: usize) -> BTreeMap<u32, f32> {
    let value = |c: &str| image.channels[&format!("ViewLayer.CryptoObject00.{c}")][pixel];
    let ranks = [(value("r"), value("g")), (value("b"), value("a"))];
    assert!(ranks[0].1 >= ranks[1].1, "ranks are in order");
    let seen = ranks.iter().filter(|(_, share)| *share > 0.0);
    seen.map(|(id, share)| (id.to_bits(), *share)).collect()
}

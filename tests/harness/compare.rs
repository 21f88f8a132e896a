//! Images compared channel by channel, read without any code of ours.

use exr::prelude::{FlatSamples, read_all_flat_layers_from_file};
use std::collections::BTreeMap;
use std::path::Path;

/// How a channel is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Averaged over samples: relative to the value, or to 0.001.
    Averaged,
    /// Light divided by colour: relative to the value, or to 0.1.
    Divided,
    /// Differences of numbers around 1 in Blender itself: absolute.
    Bounded,
    /// Written by one sample: absolute.
    Single,
    /// Coverage of an object: absolute, per id.
    Coverage,
}

/// The largest difference of a channel.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Such as `ViewLayer.Combined.R`.
    pub channel: String,
    /// How it was compared.
    pub kind: Kind,
    /// By [`Kind`].
    pub largest: f64,
    /// The largest of all pixels but one in a hundred.
    pub of_99_percent: f64,
    /// Pixels that differ at all.
    pub pixels: usize,
}

type Channels = BTreeMap<String, Vec<f32>>;

fn read(path: &Path) -> (usize, usize, Channels) {
    let image = read_all_flat_layers_from_file(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut channels = Channels::new();
    let mut size = (0, 0);
    for layer in &image.layer_data {
        size = (layer.size.x(), layer.size.y());
        let part = layer.attributes.layer_name.as_ref().map(ToString::to_string);
        for channel in &layer.channel_data.list {
            let own = channel.name.to_string();
            let name = match &part {
                Some(part) if !own.contains('.') => format!("{part}.{own}"),
                _ => own,
            };
            let samples = match &channel.sample_data {
                FlatSamples::F32(values) => values.clone(),
                FlatSamples::F16(values) => values.iter().map(|v| v.to_f32()).collect(),
                FlatSamples::U32(values) => values.iter().map(|&v| v as f32).collect(),
            };
            channels.insert(name, samples);
        }
    }
    (size.0, size.1, channels)
}

/// Root mean square of how much brighter a display shows one picture's Combined than another's:
/// the square root of its luminance, white or brighter is 1. As in the film, the worst thousandth of
/// the pixels is left out.
///
/// # Panics
/// If one of them can't be read or has no Combined.
pub fn noise_between(one: &Path, other: &Path) -> f64 {
    let shown = |path: &Path| -> Vec<f64> {
        let (_, _, channels) = read(path);
        let of = |component: &str| -> Vec<f64> {
            let fits =
                |name: &str| name.ends_with(&format!("Combined.{component}")) || name == component;
            let found = channels.iter().find(|(name, _)| fits(name));
            let (_, values) = found.unwrap_or_else(|| panic!("Combined in {}", path.display()));
            values.iter().map(|&value| f64::from(value)).collect()
        };
        let (red, green, blue) = (of("R"), of("G"), of("B"));
        let colours = red.iter().zip(&green).zip(&blue);
        let light = colours.map(|((r, g), b)| 0.2126 * r + 0.7152 * g + 0.0722 * b);
        light.map(|light| light.clamp(0.0, 1.0).sqrt()).collect()
    };
    let (one, other) = (shown(one), shown(other));
    let mut squares: Vec<f64> =
        one.iter().zip(&other).map(|(one, other)| (one - other).powi(2)).collect();
    squares.sort_by(f64::total_cmp);
    squares.truncate(squares.len() - squares.len() / 1000);
    (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
}

fn kind(channel: &str) -> Kind {
    let pass = channel.rsplit('.').nth(1).unwrap_or(channel);
    let short = ["DiffDir", "DiffInd", "GlossDir", "GlossInd"];
    let long = ["Diffuse Direct", "Diffuse Indirect", "Glossy Direct", "Glossy Indirect"];
    let bounded = ["Mist", "Normal", "TransDir", "TransInd"];
    let long_too = ["Transmission Direct", "Transmission Indirect"];
    let single = ["Depth", "Position", "IndexOB", "IndexMA", "Object Index", "Material Index"];
    match pass {
        _ if pass.starts_with("Crypto") => Kind::Coverage,
        _ if bounded.contains(&pass) || long_too.contains(&pass) => Kind::Bounded,
        _ if short.contains(&pass) || long.contains(&pass) => Kind::Divided,
        _ if single.contains(&pass) => Kind::Single,
        _ => Kind::Averaged,
    }
}

fn difference(channel: &str, kind: Kind, ours: &[f32], theirs: &[f32]) -> Difference {
    let of_pixel = |(&a, &b): (&f32, &f32)| {
        if a.to_bits() == b.to_bits() || a == b {
            return 0.0;
        }
        let (a, b) = (f64::from(a), f64::from(b));
        let scale = match kind {
            Kind::Averaged => b.abs().max(1e-3),
            Kind::Divided => b.abs().max(0.1),
            Kind::Bounded | Kind::Single | Kind::Coverage => 1.0,
        };
        let difference = (a - b).abs() / scale;
        if difference.is_nan() { f64::INFINITY } else { difference }
    };
    let mut all: Vec<f64> = ours.iter().zip(theirs).map(of_pixel).collect();
    all.sort_by(f64::total_cmp);
    let rank = |from_end: usize| all.iter().rev().nth(from_end).copied().unwrap_or_default();
    Difference {
        channel: channel.to_owned(),
        kind,
        largest: rank(0),
        of_99_percent: rank(all.len() / 100),
        pixels: all.iter().filter(|found| **found > 0.0).count(),
    }
}

/// Ids and coverages of one cryptomatte (`View Layer.CryptoObject`), rank by rank.
fn ranks<'c>(channels: &'c Channels, name: &str) -> Vec<(&'c [f32], &'c [f32])> {
    let channel = |rank: usize, component: &str| {
        let wanted = format!("{name}{rank:02}.{component}");
        let found = channels.iter().find(|(channel, _)| channel.eq_ignore_ascii_case(&wanted));
        found.map(|(_, values)| values.as_slice())
    };
    let pairs = (0..16).flat_map(|rank| [(rank, "R", "G"), (rank, "B", "A")]);
    pairs.filter_map(|(rank, id, share)| channel(rank, id).zip(channel(rank, share))).collect()
}

fn coverage(ranks: &[(&[f32], &[f32])], pixel: usize) -> BTreeMap<u32, f64> {
    let mut found = BTreeMap::new();
    for (ids, shares) in ranks {
        if shares[pixel] > 0.0 {
            *found.entry(ids[pixel].to_bits()).or_insert(0.0) += f64::from(shares[pixel]);
        }
    }
    found
}

fn compare_coverage(ours: &Channels, theirs: &Channels, pixels: usize, name: &str) -> Difference {
    let (ours, theirs) = (ranks(ours, name), ranks(theirs, name));
    let mut largest: f64 = 0.0;
    let mut differing = 0;
    for pixel in 0..pixels {
        let (a, b) = (coverage(&ours, pixel), coverage(&theirs, pixel));
        let share = |of: &BTreeMap<u32, f64>, id: &u32| of.get(id).copied().unwrap_or(0.0);
        let ids = a.keys().chain(b.keys());
        let worst = ids.map(|id| (share(&a, id) - share(&b, id)).abs()).fold(0.0, f64::max);
        differing += usize::from(worst > 0.0);
        largest = largest.max(worst);
    }
    let (channel, kind) = (name.to_owned(), Kind::Coverage);
    Difference { channel, kind, largest, of_99_percent: largest, pixels: differing }
}

/// Compares two multilayer EXRs, ours first. Every channel of theirs must be in ours.
///
/// # Panics
/// If a file can't be read, or the images have different sizes or channels.
pub fn compare_exr(ours: &Path, theirs: &Path) -> Vec<Difference> {
    let (width, height, a) = read(ours);
    let (their_width, their_height, b) = read(theirs);
    assert_eq!((width, height), (their_width, their_height), "sizes of the images");
    let names = |channels: &Channels| channels.keys().cloned().collect::<Vec<_>>();
    let b: Channels = b.into_iter().filter(|(name, _)| !name.starts_with("Composite.")).collect();
    let a: Channels = a.into_iter().filter(|(name, _)| !name.starts_with("Composite.")).collect();
    assert_eq!(names(&a), names(&b), "channels of the images");
    let mut differences = Vec::new();
    let mut cryptomattes = std::collections::BTreeSet::new();
    for (name, theirs) in &b {
        let kind = kind(name);
        if kind == Kind::Coverage {
            let pass = name.rsplit_once('.').map_or(name.as_str(), |(pass, _)| pass);
            cryptomattes.insert(pass.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned());
            continue;
        }
        differences.push(difference(name, kind, &a[name], theirs));
    }
    let found = cryptomattes.iter().map(|name| compare_coverage(&a, &b, width * height, name));
    differences.extend(found);
    differences
}

/// How two images with 8 bits differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PngDifference {
    /// Largest difference of a channel, of 255.
    pub largest: u8,
    /// Channel values that differ.
    pub values: usize,
}

/// Compares two PNGs.
///
/// # Panics
/// If a file can't be read, or the images have different sizes.
pub fn compare_png(ours: &Path, theirs: &Path) -> PngDifference {
    let read = |path: &Path| {
        let image = image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        image.to_rgba8()
    };
    let (a, b) = (read(ours), read(theirs));
    assert_eq!(a.dimensions(), b.dimensions(), "sizes of the images");
    let differences = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b));
    PngDifference {
        largest: differences.clone().max().unwrap_or(0),
        values: differences.filter(|&d| d > 0).count(),
    }
}

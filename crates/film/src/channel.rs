//! The channels of a film, and where their sums lie in its file.

use crate::FilmError;
use crate::matte::Matte;
use crate::planes::Plane;
use crate::rule::{Rule, rule_of};
use std::collections::BTreeMap;

/// What a channel of the image is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Sum over samples.
    Mean(Plane),
    /// The value of the first sample.
    First(Plane),
    /// Sum over samples of light times colour.
    Divided(Divided),
    /// A place of a cryptomatte, which is kept as a whole.
    Matte,
}

/// A component of a light pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Divided {
    /// Red, green and blue of the light times colour.
    pub(crate) light: [Plane; 3],
    /// Those of the colour.
    pub(crate) colour: [Plane; 3],
    /// Which of them this is.
    pub(crate) component: usize,
    /// The channel of this component's colour.
    pub(crate) by: usize,
}

/// The light of the parts of one half, kept apart: how far the halves are from each other tells the
/// noise of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Half {
    /// Its sum over samples; behind all other planes.
    pub(crate) plane: Plane,
    /// The channels of red, green and blue.
    pub(crate) colour: [usize; 3],
}

/// All channels of a film.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Channels {
    /// In the order of the channels' names.
    pub(crate) sources: Vec<Source>,
    pub(crate) mattes: Vec<Matte>,
    /// What tells the noise, where there is a picture.
    pub(crate) half: Option<Half>,
    /// Planes of sums; they come before those of cryptomattes.
    pub(crate) sum_count: usize,
    /// Values of a pixel in all planes.
    pub(crate) depth: usize,
}

impl Channels {
    /// For an image that has channels of these names, sorted.
    pub(crate) fn new(names: &[String]) -> Result<Self, FilmError> {
        let mut by_matte: BTreeMap<String, BTreeMap<usize, usize>> = BTreeMap::new();
        let mut planes: BTreeMap<&str, (usize, Plane)> = BTreeMap::new();
        for (index, name) in names.iter().enumerate() {
            if let Rule::Cryptomatte { name, place } = rule_of(name) {
                by_matte.entry(name).or_default().insert(place, index);
            } else {
                planes.insert(name, (index, Plane { first: planes.len(), depth: 1 }));
            }
        }
        let sum_count = planes.len();
        let sources = names.iter().map(|name| source(name, &planes));
        let sources = sources.collect::<Result<_, FilmError>>()?;
        let mut depth = sum_count;
        let mut mattes = Vec::new();
        for (name, channels) in by_matte {
            let matte = Matte::new(&name, &channels, depth)?;
            depth += matte.plane.depth;
            mattes.push(matte);
        }
        let half = picture(names).map(|(colour, _)| {
            depth += 1;
            Half { plane: Plane { first: depth - 1, depth: 1 }, colour }
        });
        Ok(Self { sources, mattes, half, sum_count, depth })
    }

    /// Most values of a pixel in one plane.
    pub(crate) fn deepest(&self) -> usize {
        self.mattes.iter().map(|matte| matte.plane.depth).max().unwrap_or(1).max(1)
    }

    /// The planes of the picture: red, green, blue and perhaps alpha of the first Combined.
    pub(crate) fn combined(&self, names: &[String]) -> Option<([Plane; 3], Option<Plane>)> {
        let plane = |index: usize| match self.sources.get(index)? {
            Source::Mean(plane) => Some(*plane),
            _ => None,
        };
        let ([red, green, blue], alpha) = picture(names)?;
        Some(([plane(red)?, plane(green)?, plane(blue)?], alpha.and_then(plane)))
    }
}

/// The channels of the picture: red, green, blue and perhaps alpha of the first Combined.
fn picture(names: &[String]) -> Option<([usize; 3], Option<usize>)> {
    let is_red = |name: &&String| {
        let (_, pass, component) = crate::rule::name_parts(name);
        component == "R" && (pass == "Combined" || pass.is_empty())
    };
    let prefix = names.iter().find(is_red)?.strip_suffix('R')?;
    let of = |component: &str| {
        let wanted = format!("{prefix}{component}");
        names.binary_search(&wanted).ok()
    };
    Some(([of("R")?, of("G")?, of("B")?], of("A")))
}

fn source(name: &str, planes: &BTreeMap<&str, (usize, Plane)>) -> Result<Source, FilmError> {
    let find = |needed: &str| {
        let alone = || FilmError::Alone { channel: name.to_owned(), needed: needed.to_owned() };
        planes.get(needed).copied().ok_or_else(alone)
    };
    let three = |pass: &str| -> Result<[Plane; 3], FilmError> {
        let plane = |component: &str| find(&format!("{pass}.{component}")).map(|(_, plane)| plane);
        Ok([plane("R")?, plane("G")?, plane("B")?])
    };
    Ok(match rule_of(name) {
        Rule::Mean => Source::Mean(find(name)?.1),
        Rule::First => Source::First(find(name)?.1),
        Rule::Cryptomatte { .. } => Source::Matte,
        Rule::Divided { light, colour } => {
            let own = name.strip_prefix(&light).unwrap_or_default();
            let component = [".R", ".G", ".B"].iter().position(|&other| other == own);
            let (by, _) = find(&format!("{colour}{own}"))?;
            Source::Divided(Divided {
                light: three(&light)?,
                colour: three(&colour)?,
                component: component.unwrap_or(0),
                by,
            })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(passes: &[(&str, &str)]) -> Vec<String> {
        let each = passes.iter().flat_map(|(pass, components)| {
            components.chars().map(move |component| format!("L.{pass}.{component}"))
        });
        let mut names: Vec<String> = each.collect();
        names.sort();
        names
    }

    #[test]
    fn sums_come_first_then_cryptomattes_with_twice_the_places_then_the_half() {
        let passes = [("Combined", "RGBA"), ("CryptoObject00", "rgba"), ("CryptoObject01", "rgba")];
        let channels = Channels::new(&names(&passes)).unwrap();
        assert_eq!((channels.sum_count, channels.depth), (4, 4 + 8 + 1));
        assert_eq!(channels.mattes[0].plane, Plane { first: 4, depth: 8 });
        let half = Half { plane: Plane { first: 12, depth: 1 }, colour: [3, 2, 1] };
        assert_eq!(channels.half, Some(half));
    }

    #[test]
    fn light_without_its_colour_is_refused() {
        let without = names(&[("DiffDir", "RGB"), ("GlossCol", "RGB")]);
        let error = Channels::new(&without).unwrap_err().to_string();
        assert_eq!(error, "L.DiffDir.B can't be merged without L.DiffCol.B");
    }

    #[test]
    fn the_picture_is_the_first_combined() {
        let names = names(&[("Combined", "RGBA"), ("Combined_key", "RGB"), ("AO", "RGB")]);
        let channels = Channels::new(&names).unwrap();
        let plane = |first| Plane { first, depth: 1 };
        let expected = ([plane(6), plane(5), plane(4)], Some(plane(3)));
        assert_eq!(channels.combined(&names), Some(expected));
        let plain = ["B", "G", "R"].map(str::to_owned);
        let channels = Channels::new(&plain).unwrap();
        assert_eq!(channels.combined(&plain), Some(([plane(2), plane(1), plane(0)], None)));
    }
}

//! The channels of a film, and where their sums lie in its file.

use crate::FilmError;
use crate::rule::{Rule, rule_of};
use std::collections::BTreeMap;

/// What a channel of the image is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Sum over samples.
    Mean { plane: usize },
    /// Sum over samples of light times colour, and that of the colour.
    Divided { plane: usize, by: String, by_plane: usize },
    /// The value of the first sample.
    First { plane: usize },
    /// Ids and coverages of a cryptomatte, from here on, for twice as many objects as it shows.
    Cryptomatte { name: String, place: usize },
}

/// Places of a cryptomatte's sums: id and coverage alternate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Matte {
    pub(crate) first_plane: usize,
    /// Objects that the image shows.
    pub(crate) shown: usize,
}

impl Matte {
    /// Objects that are kept apart while merging: ranges may rank them differently.
    pub(crate) fn slots(self) -> usize {
        2 * self.shown
    }
}

/// All channels of a film.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Channels {
    pub(crate) sources: BTreeMap<String, Source>,
    pub(crate) mattes: BTreeMap<String, Matte>,
    pub(crate) plane_count: usize,
}

impl Channels {
    /// For an image that has channels of these names.
    pub(crate) fn new(names: &[String]) -> Result<Self, FilmError> {
        let mut channels = Self::default();
        let mut planes: BTreeMap<&str, usize> = BTreeMap::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for name in names {
            if let Rule::Cryptomatte { name, place } = rule_of(name) {
                let most = places.entry(name).or_insert(0);
                *most = (*most).max(place + 1);
            } else {
                planes.insert(name, channels.plane_count);
                channels.plane_count += 1;
            }
        }
        for (name, places) in places {
            let matte = Matte { first_plane: channels.plane_count, shown: places.div_ceil(2) };
            channels.plane_count += 2 * matte.slots();
            channels.mattes.insert(name, matte);
        }
        for name in names {
            let plane = planes.get(name.as_str()).copied().unwrap_or(0);
            let source = match rule_of(name) {
                Rule::Mean => Source::Mean { plane },
                Rule::First => Source::First { plane },
                Rule::Cryptomatte { name, place } => Source::Cryptomatte { name, place },
                Rule::Divided { by } => match planes.get(by.as_str()) {
                    Some(&by_plane) => Source::Divided { plane, by, by_plane },
                    None => return Err(FilmError::NoColour { channel: name.clone(), colour: by }),
                },
            };
            channels.sources.insert(name.clone(), source);
        }
        Ok(channels)
    }

    /// Planes of the picture: red, green, blue and alpha of the first view layer.
    pub(crate) fn combined(&self) -> Option<[Option<usize>; 4]> {
        let plane = |name: &str| match self.sources.get(name) {
            Some(Source::Mean { plane }) => Some(*plane),
            _ => None,
        };
        let red = self.sources.keys().find(|name| {
            let (_, pass, component) = crate::rule::name_parts(name);
            component == "R" && (pass == "Combined" || pass.is_empty())
        })?;
        let prefix = red.strip_suffix('R')?;
        Some(["R", "G", "B", "A"].map(|component| plane(&format!("{prefix}{component}"))))
    }
}

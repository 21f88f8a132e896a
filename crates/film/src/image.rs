//! An OpenEXR image as flat channels, for tests and small tools.

use crate::FilmError;
use crate::attributes::Attributes;
use crate::band::Band;
use crate::part::Part;
use crate::write::{Format, write_image};
use exr::prelude::Compression;
use std::collections::BTreeMap;
use std::path::Path;

/// Pixels by channel, with the file's text attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Values row by row from the top, by full name such as `ViewLayer.Combined.R`.
    pub channels: BTreeMap<String, Vec<f32>>,
    /// Text attributes such as `cycles.ViewLayer.samples`, by name.
    pub attributes: BTreeMap<String, String>,
}

impl Image {
    /// Reads a file, of one part or several, with 16 or 32 bits.
    pub fn read(path: &Path) -> Result<Self, FilmError> {
        Self::read_channels(path, |_| true)
    }

    /// Reads the channels of a file whose full names are wanted.
    pub fn read_channels(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Self, FilmError> {
        let part = Part::open(path)?;
        let mut channels: BTreeMap<String, Vec<f32>> = BTreeMap::new();
        for rows in part.bands() {
            let band = part.read(rows)?;
            for (index, name) in part.names.iter().enumerate().filter(|(_, name)| wanted(name)) {
                let values = channels.entry(name.clone()).or_default();
                values.extend_from_slice(band.channel(index));
            }
        }
        let attributes = part.attributes.texts();
        Ok(Self { width: part.width, height: part.height, channels, attributes })
    }

    /// Full names of the channels that a file has.
    pub fn names(path: &Path) -> Result<Vec<String>, FilmError> {
        Ok(Part::open(path)?.names)
    }

    /// Writes a file of one part with 32 bits, compressed losslessly. A channel that has too few
    /// values ends in zeros.
    pub fn write(&self, path: &Path) -> Result<(), FilmError> {
        let names: Vec<String> = self.channels.keys().cloned().collect();
        let format = Format {
            width: self.width,
            height: self.height,
            names: &names,
            attributes: &Attributes::from(&self.attributes),
            compression: Compression::ZIP16,
        };
        write_image(path, &format, |rows| {
            let mut band = Band::new(rows.clone(), self.width, names.len());
            for (index, values) in self.channels.values().enumerate() {
                let values = values.iter().skip(rows.start * self.width);
                let to = band.channel_mut(index).iter_mut();
                to.zip(values).for_each(|(to, value)| *to = *value);
            }
            Ok(band)
        })
    }
}

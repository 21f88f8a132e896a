//! An OpenEXR image as flat channels.

use crate::FilmError;
use exr::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// Pixels by channel, with the file's attributes.
#[derive(Clone, Debug, Default)]
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
    pub fn read(path: &Path) -> std::result::Result<Self, FilmError> {
        let bad = |source| FilmError::BadImage { path: path.to_owned(), source };
        let file = read()
            .no_deep_data()
            .largest_resolution_level()
            .all_channels()
            .all_layers()
            .all_attributes()
            .non_parallel()
            .from_file(path)
            .map_err(bad)?;
        let mut image = Self::default();
        image.take_attributes(&file.attributes.other);
        for layer in file.layer_data {
            if image.width == 0 {
                (image.width, image.height) = (layer.size.0, layer.size.1);
            }
            if (image.width, image.height) != (layer.size.0, layer.size.1) {
                return Err(bad(Error::Invalid("parts of different sizes".into())));
            }
            image.take_attributes(&layer.attributes.other);
            let part = layer.attributes.layer_name.map(|name| name.to_string());
            for channel in layer.channel_data.list {
                let name = full_name(part.as_deref(), &channel.name.to_string());
                let values = channel.sample_data.values_as_f32().collect();
                image.channels.insert(name, values);
            }
        }
        Ok(image)
    }

    /// Reads a file that must have this size; one that announces another is not decoded.
    pub(crate) fn read_sized(
        path: &Path,
        wanted_width: usize,
        wanted_height: usize,
    ) -> std::result::Result<Self, FilmError> {
        let meta = MetaData::read_from_file(path, false)
            .map_err(|source| FilmError::BadImage { path: path.to_owned(), source })?;
        let sizes = meta.headers.iter().map(|header| header.layer_size);
        for Vec2(width, height) in sizes {
            if (width, height) != (wanted_width, wanted_height) {
                return Err(FilmError::WrongSize {
                    path: path.to_owned(),
                    width,
                    height,
                    wanted_width,
                    wanted_height,
                });
            }
        }
        Self::read(path)
    }

    /// A row of a channel, from the top; empty where there is none.
    pub(crate) fn row(&self, channel: &str, row: usize) -> &[f32] {
        let values = self.channels.get(channel).map(Vec::as_slice).unwrap_or_default();
        values.get(row * self.width..(row + 1) * self.width).unwrap_or_default()
    }

    fn take_attributes(&mut self, attributes: &std::collections::HashMap<Text, AttributeValue>) {
        let texts = attributes.iter().filter_map(|(name, value)| match value {
            AttributeValue::Text(text) => Some((name.to_string(), text.to_string())),
            _ => None,
        });
        self.attributes.extend(texts);
    }

    /// Writes a file that Blender opens as its own multilayer image: one part, 32 bits, ZIP.
    pub fn write(self, path: &Path) -> std::result::Result<(), FilmError> {
        let size = Vec2(self.width, self.height);
        let channels = self
            .channels
            .into_iter()
            .map(|(name, values)| AnyChannel::new(text(&name), FlatSamples::F32(values)))
            .collect();
        let mut attributes = LayerAttributes::default();
        attributes.other = self
            .attributes
            .iter()
            .map(|(name, value)| (text(name), AttributeValue::Text(text(value))))
            .collect();
        let encoding = Encoding {
            compression: Compression::ZIP1,
            blocks: Blocks::ScanLines,
            line_order: LineOrder::Increasing,
        };
        let layer = Layer::new(size, attributes, encoding, AnyChannels::sort(channels));
        let file = exr::image::Image::from_layer(layer);
        file.write()
            .to_file(path)
            .map_err(|source| FilmError::BadImage { path: path.to_owned(), source })
    }
}

/// Channels of a part of a multi-part file lack the view layer that the part is named for.
fn full_name(part: Option<&str>, channel: &str) -> String {
    match part {
        Some(part) if !channel.starts_with(part) => match channel.contains('.') {
            true => channel.to_owned(),
            false => format!("{part}.{channel}"),
        },
        _ => channel.to_owned(),
    }
}

/// Text as the format has it: bytes below 256.
fn text(text: &str) -> Text {
    Text::from_bytes_unchecked(exr::prelude::SmallVec::from_slice(text.as_bytes()))
}

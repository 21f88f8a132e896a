//! What an EXR file says of its picture, besides what describes the pixels.

use exr::meta::attribute::{AttributeValue, Text};
use exr::meta::header::Header;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Attributes that the writer of a file sets: they describe its pixels. A thumbnail would be that
/// of a part.
const OF_PIXELS: [&str; 15] = [
    "channels",
    "chunkCount",
    "compression",
    "dataWindow",
    "displayWindow",
    "dwaCompressionLevel",
    "lineOrder",
    "maxSamplesPerPixel",
    "name",
    "preview",
    "screenWindowCenter",
    "screenWindowWidth",
    "tiles",
    "type",
    "version",
];

const PIXEL_ASPECT: &str = "pixelAspectRatio";

/// By this Blender knows its own files.
const MULTILAYER: (&str, &str) = ("BlenderMultiChannel", "Blender V2.55.1 and newer");

/// One of them: text, or bytes of a type as they are in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Attribute {
    Text(String),
    Typed { kind: String, bytes: Vec<u8> },
}

/// Attributes by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attributes(BTreeMap<String, Attribute>);

impl Attributes {
    /// Those of a file; of several parts, the first one's come first.
    pub(crate) fn of(headers: &[Header]) -> Self {
        let mut found = BTreeMap::new();
        for (name, value) in headers.iter().flat_map(Header::all_named_attributes) {
            let name = String::from_utf8_lossy(name).into_owned();
            if !OF_PIXELS.contains(&name.as_str()) {
                found.entry(name).or_insert_with(|| Attribute::of(&value));
            }
        }
        Self(found)
    }

    /// Writes them into the header of a file.
    pub(crate) fn put_into(&self, header: &mut Header) {
        for (name, attribute) in &self.0 {
            match attribute {
                Attribute::Typed { bytes, .. } if name == PIXEL_ASPECT => {
                    let aspect =
                        bytes.first_chunk().map_or(1.0, |bytes| f32::from_le_bytes(*bytes));
                    header.shared_attributes.pixel_aspect = aspect;
                }
                _ => drop(header.own_attributes.other.insert(text(name), attribute.to_value())),
            }
        }
    }

    /// Takes those of another part of the same frame: times are summed, others stay as the first
    /// part had them.
    pub(crate) fn add(&mut self, part: &Self) {
        for (name, attribute) in &part.0 {
            match (self.0.get_mut(name), attribute) {
                (Some(Attribute::Text(sum)), Attribute::Text(more)) if is_time(name) => {
                    let secs = read_secs(sum).zip(read_secs(more)).map(|(a, b)| a + b);
                    *sum = secs.map_or_else(|| sum.clone(), write_secs);
                }
                (Some(_), _) => {}
                (None, _) => drop(self.0.insert(name.clone(), attribute.clone())),
            }
        }
    }

    /// Says how many samples the picture has.
    pub(crate) fn set_samples(&mut self, samples: u64) {
        for (name, attribute) in &mut self.0 {
            if name.starts_with("cycles.") && name.ends_with(".samples") {
                *attribute = Attribute::Text(samples.to_string());
            }
        }
    }

    /// Marks the file as Blender's own, which Blender forgets where Combined is the only pass.
    pub(crate) fn mark_multilayer(&mut self) {
        let (name, value) = MULTILAYER;
        self.0.entry(name.to_owned()).or_insert_with(|| Attribute::Text(value.to_owned()));
    }

    /// All that are text.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        let texts = self.0.iter().filter_map(|(name, attribute)| match attribute {
            Attribute::Text(text) => Some((name.clone(), text.clone())),
            Attribute::Typed { .. } => None,
        });
        texts.collect()
    }
}

impl From<&BTreeMap<String, String>> for Attributes {
    fn from(texts: &BTreeMap<String, String>) -> Self {
        let of = |(name, text): (&String, &String)| (name.clone(), Attribute::Text(text.clone()));
        Self(texts.iter().map(of).collect())
    }
}

impl Attribute {
    fn of(value: &AttributeValue) -> Self {
        if let AttributeValue::Text(text) = value
            && let Ok(text) = std::str::from_utf8(text.as_slice())
        {
            return Self::Text(text.to_owned());
        }
        let mut bytes = Vec::new();
        // A vector takes whatever is written.
        let _written = value.write(&mut bytes);
        Self::Typed { kind: String::from_utf8_lossy(value.kind_name()).into_owned(), bytes }
    }

    fn to_value(&self) -> AttributeValue {
        match self {
            Self::Text(value) => AttributeValue::Text(text(value)),
            Self::Typed { kind, bytes } => AttributeValue::Custom {
                kind: text(kind),
                bytes: exr::prelude::SmallVec::from_slice(bytes),
            },
        }
    }
}

/// Text as Blender writes it: UTF-8, which the format takes for bytes.
pub(crate) fn text(text: &str) -> Text {
    Text::from_bytes_unchecked(exr::prelude::SmallVec::from_slice(text.as_bytes()))
}

fn is_time(name: &str) -> bool {
    name == "RenderTime" || name.starts_with("cycles.") && name.ends_with("_time")
}

/// Blender writes times as `01:02.34` or `01:02:03.45`.
fn read_secs(text: &str) -> Option<f64> {
    text.split(':').try_fold(0.0, |secs, part| Some(secs * 60.0 + part.parse::<f64>().ok()?))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "floats saturate")]
fn write_secs(secs: f64) -> String {
    let hundredths = (secs * 100.0).round() as u64;
    let (minutes, rest) = (hundredths / 6000, hundredths % 6000);
    let rest = format!("{:02}.{:02}", rest / 100, rest % 100);
    match minutes / 60 {
        0 => format!("{minutes:02}:{rest}"),
        hours => format!("{hours:02}:{:02}:{rest}", minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_summed_as_blender_writes_them() {
        let sum = |a: &str, more: f64| read_secs(a).map(|secs| write_secs(secs + more));
        assert_eq!(sum("00:01.50", 59.0).as_deref(), Some("01:00.50"));
        assert_eq!(sum("01:02:03.25", 0.0).as_deref(), Some("01:02:03.25"));
        assert_eq!(sum("00:59.99", 0.009).as_deref(), Some("01:00.00"));
        assert_eq!(read_secs("soon"), None);
    }

    #[test]
    fn times_of_parts_are_summed_and_the_rest_is_the_first_parts() {
        let texts = |camera: &str, time: &str| {
            let pairs = [("Camera", camera), ("cycles.A.render_time", time), ("RenderTime", time)];
            Attributes::from(&pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).into())
        };
        let mut sum = texts("one", "00:10.00");
        sum.add(&texts("two", "00:00.25"));
        assert_eq!(sum, texts("one", "00:10.25"));
        sum.add(&texts("two", "never"));
        assert_eq!(sum, texts("one", "00:10.25"));
    }

    #[test]
    fn all_layers_get_the_number_of_samples() {
        let names = ["cycles.A.samples", "cycles.B.C.samples", "samples"];
        let texts = names.map(|name| (name.to_owned(), "4".to_owned())).into();
        let mut attributes = Attributes::from(&texts);
        attributes.set_samples(61);
        let texts = attributes.texts();
        assert_eq!(names.map(|name| texts[name].as_str()), ["61", "61", "4"]);
    }
}

//! Letters that the built-in fonts lack: names of files are written in all of the world's scripts.

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

/// A font file.
#[derive(Clone)]
pub struct Font {
    name: String,
    data: Arc<FontData>,
}

impl std::fmt::Debug for Font {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Font {
    /// The font that a file has.
    pub fn new(name: String, bytes: Vec<u8>) -> Self {
        Self { name, data: Arc::new(FontData::from_owned(bytes)) }
    }
}

/// Draws with them what the built-in fonts can't.
pub fn add(context: &egui::Context, fonts: &[Font]) {
    let mut all = FontDefinitions::default();
    for font in fonts {
        all.font_data.insert(font.name.clone(), font.data.clone());
        for family in [FontFamily::Proportional, FontFamily::Monospace] {
            all.families.entry(family).or_default().push(font.name.clone());
        }
    }
    context.set_fonts(all);
}

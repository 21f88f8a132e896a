//! Letters that the built-in fonts lack: names of files are written in all of the world's scripts.

use std::path::Path;
use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

/// Fonts of the platforms with many letters, the best first.
const KNOWN: [&str; 9] = [
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "C:\\Windows\\Fonts\\msyh.ttc",
    "C:\\Windows\\Fonts\\malgun.ttf",
    "C:\\Windows\\Fonts\\seguisym.ttf",
];

/// Most fonts that are loaded; each is some megabytes.
const MOST: usize = 2;

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

/// Reads what there is of the known fonts. Waits for the disk.
pub fn load() -> Vec<Font> {
    let read = |path: &str| fs_err::read(path).ok().map(|bytes| (path.to_owned(), bytes));
    let font = |(name, bytes)| Font { name, data: Arc::new(FontData::from_owned(bytes)) };
    let there = KNOWN.into_iter().filter(|path| Path::new(path).is_file());
    there.filter_map(read).take(MOST).map(font).collect()
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

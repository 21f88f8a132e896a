//! Looks for fonts that have more letters than the built-in ones.

use std::path::Path;

use crate::gui::fonts::Font;

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

/// Reads what there is of the known fonts. Waits for the disk.
pub(super) fn load() -> Vec<Font> {
    let read = |path: &str| Some(Font::new(path.to_owned(), fs_err::read(path).ok()?));
    let there = KNOWN.into_iter().filter(|path| Path::new(path).is_file());
    there.filter_map(read).take(MOST).collect()
}

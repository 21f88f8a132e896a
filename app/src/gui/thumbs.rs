//! Small pictures of frames on the graphics chip.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use egui::{ColorImage, Context, TextureHandle, TextureOptions};

/// More than are seen at once on any display; then all are begun anew.
const MOST: usize = 400;

/// Small pictures by the file of the large one.
#[derive(Default)]
pub struct Thumbs(BTreeMap<PathBuf, Option<TextureHandle>>);

impl Thumbs {
    /// The small picture of a file, if it is there.
    pub fn texture(&self, path: &Path) -> Option<&TextureHandle> {
        self.0.get(path)?.as_ref()
    }

    /// Whether it was asked for.
    pub fn is_known(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    /// Notes that it was asked for.
    pub fn ask(&mut self, path: PathBuf) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(path, None);
    }

    /// Takes it in. One that nobody waits for any more is left out.
    pub fn take(&mut self, context: &Context, path: &Path, image: ColorImage) {
        if let Some(place) = self.0.get_mut(path) {
            *place = Some(context.load_texture("frame", image, TextureOptions::LINEAR));
        }
    }

    /// Forgets those of a folder: other pictures may lie there now.
    pub fn forget(&mut self, folder: &Path) {
        self.0.retain(|path, _| !path.starts_with(folder));
    }
}

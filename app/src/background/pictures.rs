//! Pictures at hand: those that are played next are loaded before they are due.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::{Outbox, files};
use crate::gui::event::{Event, Picture};

/// Pictures that are kept; a 4K one is 33 MB.
const MOST: usize = 8;

/// A picture, and which version of its file it is.
type Kept = (PathBuf, Option<SystemTime>, Arc<Picture>);

/// The pictures that were loaded ahead, oldest first. Only tasks of the background share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Pictures(Arc<Mutex<VecDeque<Kept>>>);

impl Pictures {
    /// Tells a picture, from memory if it is the same file still.
    pub(super) async fn show(&self, path: PathBuf, outbox: &Outbox) {
        let known = self.known(&path, changed(&path).await);
        let picture = match known {
            Some(picture) => Ok(picture),
            None => files::load(&path, None).await,
        };
        outbox.tell(Event::Picture(path, picture));
    }

    /// Loads those that are not at hand, one after the other.
    pub(super) async fn load_ahead(&self, paths: Vec<PathBuf>) {
        for path in paths {
            let version = changed(&path).await;
            if self.known(&path, version).is_some() {
                continue;
            }
            let Ok(picture) = files::load(&path, None).await else { continue };
            self.keep((path, version, picture));
        }
    }

    fn known(&self, path: &Path, version: Option<SystemTime>) -> Option<Arc<Picture>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().find(|(name, at, _)| name == path && *at == version);
        known.map(|(_, _, picture)| picture.clone())
    }

    fn keep(&self, new: Kept) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(name, ..)| *name != new.0);
        while kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back(new);
    }
}

async fn changed(path: &Path) -> Option<SystemTime> {
    fs_err::tokio::metadata(path).await.ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_picture_that_was_written_anew_is_loaded_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        let write = |width: u32| image::RgbaImage::new(width, 2).save(&path).unwrap();
        write(4);
        let pictures = Pictures::default();
        pictures.load_ahead(vec![path.clone(), dir.path().join("none.png")]).await;
        let version = changed(&path).await;
        assert_eq!(pictures.known(&path, version).unwrap().pixels.size, [4, 2]);
        write(6);
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        let file = fs_err::OpenOptions::new().append(true).open(&path).unwrap();
        file.file().set_modified(later).unwrap();
        let version = changed(&path).await;
        assert!(pictures.known(&path, version).is_none());
    }

    #[tokio::test]
    async fn only_a_few_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> =
            (0..MOST + 3).map(|n| dir.path().join(format!("{n}.png"))).collect();
        for path in &paths {
            image::RgbaImage::new(2, 2).save(path).unwrap();
        }
        let pictures = Pictures::default();
        pictures.load_ahead(paths.clone()).await;
        assert_eq!(pictures.0.lock().unwrap().len(), MOST);
        let version = changed(&paths[0]).await;
        assert!(pictures.known(&paths[0], version).is_none());
    }
}

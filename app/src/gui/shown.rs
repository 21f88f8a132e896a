//! A picture that is looked at, and the last good one while the next is on its way.

use std::path::PathBuf;
use std::sync::Arc;

use super::command::Command;
use super::event::Picture;
use super::fetched::Fetched;
use crate::workflow::problem::Problem;

/// The picture that is looked at.
#[derive(Debug)]
pub struct Shown {
    /// Its file.
    pub path: PathBuf,
    /// Its pixels; the last good ones stay while the next are on their way.
    pub picture: Fetched<Arc<Picture>, Problem>,
    /// Another one for every picture that arrived.
    pub generation: u64,
}

impl Shown {
    /// Shows another picture in this place; the one before it stays until it is there.
    pub(super) fn begin(place: &mut Option<Self>, path: PathBuf) -> Command {
        let shown = place.get_or_insert_with(|| Self {
            path: PathBuf::new(),
            picture: Fetched::Unasked,
            generation: 0,
        });
        shown.path.clone_from(&path);
        shown.picture.ask();
        Command::LoadPicture(path)
    }
}

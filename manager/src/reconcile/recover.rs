//! Films as an earlier manager left them, and the parts that it had not merged yet.

use super::merge::{Merger, lock, slot};
use crate::farm::JobFolder;
use crate::store::{Change, SavedPart};
use blendnet_film::{Film, FilmError};
use blendnet_protocol::{FilmRect, JobId, Region};
use fs_err as fs;
use std::path::Path;

/// What there is of a frame.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// What is merged.
    pub(crate) covered: Vec<Region>,
    /// What the ledger did not know.
    pub(crate) changes: Vec<Change>,
    /// For people: what is to be rendered again.
    pub(crate) lost: Option<String>,
}

impl Merger {
    /// Opens a frame's film, and merges what lies there for it. Blocks.
    pub(crate) fn recover(
        &self,
        job: &JobId,
        frame: i32,
        (rect, total_samples): (FilmRect, u32),
        parts: &[SavedPart],
    ) -> Recovered {
        let folder = JobFolder::new(&self.jobs_dir, job);
        let path = folder.film(frame);
        let mut found = Recovered::default();
        let waiting: Vec<&SavedPart> = parts.iter().filter(|part| !part.merged).collect();
        let mut film = match open(&path, &folder, &waiting) {
            Ok(film) => film,
            Err(error) => {
                let cause = crate::chain(&error);
                tracing::warn!(%job, frame, error = cause, "the film is rendered again");
                let _gone = fs::remove_file(&path);
                found.lost = Some(format!(
                    "frame {frame}: what was merged of it can't be used and is rendered again: {cause}"
                ));
                None
            }
        };
        if film.is_none() && parts.iter().any(|part| part.merged) {
            found.changes.push(Change::FilmGone(job.clone(), frame));
        }
        for part in waiting {
            if film.is_none() {
                film = Film::create(&path, rect, total_samples)
                    .inspect_err(|error| tracing::error!(%job, frame, %error, "no film"))
                    .ok();
            }
            let Some(film) = &mut film else { continue };
            found.changes.push(merge(film, part, &folder));
        }
        if let Some(film) = film {
            found.covered = film.covered().to_vec();
            let slot = slot(film, &folder).into();
            lock(&self.films).insert((job.clone(), frame), slot);
        }
        found
    }
}

/// The film, with the part that it has half of. `None`: there is none.
fn open(
    path: &Path,
    folder: &JobFolder,
    waiting: &[&SavedPart],
) -> Result<Option<Film>, FilmError> {
    if !path.exists() {
        return Ok(None);
    }
    let mut film = Film::open(path)?;
    if let Some(region) = film.unfinished() {
        let half = waiting.iter().find(|part| part.region == region);
        let path = half.map(|part| folder.parts().join(&part.file)).unwrap_or_default();
        film.add(&path, region)?;
    }
    Ok(Some(film))
}

fn merge(film: &mut Film, part: &SavedPart, folder: &JobFolder) -> Change {
    let (job, frame, region) = (part.job.clone(), part.frame, part.region);
    if film.covered().iter().any(|there| there.contains(region)) {
        return Change::PartMerged(job, frame, region);
    }
    match film.add(&folder.parts().join(&part.file), region) {
        Ok(()) => Change::PartMerged(job, frame, region),
        Err(error) => {
            let error = crate::chain(&error);
            tracing::warn!(%job, frame, ?region, error, "a part is rendered again");
            Change::PartGone(job, frame, region)
        }
    }
}

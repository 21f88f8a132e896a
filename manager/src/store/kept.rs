//! What is known of frames besides what of them is rendered: wishes, failures, and early ends.

use super::parts::{text, unreadable};
use blendnet_protocol::{JobId, WorkFailure};
use blendnet_scheduler::KeptFrame;
use rusqlite::{Connection, Result, params};

/// A frame that differs from a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFrame {
    /// Whose.
    pub job: JobId,
    /// Which.
    pub frame: i32,
    /// What of it; `None`: the job has dropped it.
    pub kept: Option<KeptFrame>,
}

pub(super) fn put(db: &Connection, saved: &SavedFrame) -> Result<()> {
    let SavedFrame { job, frame, kept } = saved;
    let dropped = kept.is_none();
    let kept = kept.clone().unwrap_or_default();
    let failure = kept.failure.as_ref().map(serde_json::to_string).transpose();
    let failure =
        failure.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO frame_kept
             (job, number, dropped, paused, rank, failures, failed, settled, failure)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        job.as_str(),
        frame,
        dropped,
        kept.paused,
        kept.rank,
        kept.failures,
        kept.failed,
        kept.settled,
        failure
    ])?;
    Ok(())
}

pub(super) fn delete_of(db: &Connection, job: &JobId) -> Result<()> {
    db.prepare_cached("DELETE FROM frame_kept WHERE job = ?1")?.execute([job.as_str()])?;
    Ok(())
}

pub(super) fn all(db: &Connection) -> Result<Vec<SavedFrame>> {
    let mut statement = db.prepare(
        "SELECT job, number, dropped, paused, rank, failures, failed, settled, failure
         FROM frame_kept",
    )?;
    let rows = statement.query_map([], |row| {
        let failure: Option<String> = row.get(8)?;
        let read = |json: &String| serde_json::from_str::<WorkFailure>(json);
        let failure = failure.as_ref().map(read).transpose();
        let kept = KeptFrame {
            paused: row.get(3)?,
            rank: row.get(4)?,
            failures: row.get(5)?,
            failed: row.get(6)?,
            settled: row.get(7)?,
            failure: failure.map_err(|error| unreadable(8, error))?,
        };
        let dropped: bool = row.get(2)?;
        Ok(SavedFrame { job: text(row, 0)?, frame: row.get(1)?, kept: (!dropped).then_some(kept) })
    })?;
    rows.collect()
}

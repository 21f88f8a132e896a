//! Finished files of frames.

use super::parts::text;
use blendnet_protocol::JobId;
use rusqlite::{Connection, Result, params};

/// A finished frame's parts are of no use any more.
pub(super) fn put(db: &Connection, job: &JobId, frame: i32, result: &str) -> Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO frame (job, number, result) VALUES (?1, ?2, ?3)")?
        .execute(params![job.as_str(), frame, result])?;
    db.prepare_cached("DELETE FROM part WHERE job = ?1 AND frame = ?2")?
        .execute(params![job.as_str(), frame])?;
    Ok(())
}

pub(super) fn all(db: &Connection) -> Result<Vec<(JobId, i32, String)>> {
    let mut statement = db.prepare("SELECT job, number, result FROM frame")?;
    let rows = statement.query_map([], |row| Ok((text(row, 0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

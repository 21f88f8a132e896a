//! The ledger: which regions of which frames are ours.

use blendnet_protocol::{BlobId, JobId, Region};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, Result, Row, params};
use std::str::FromStr;

/// A region of a frame that was downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedPart {
    /// Whose.
    pub job: JobId,
    /// Of which frame.
    pub frame: i32,
    /// What of it.
    pub region: Region,
    /// Its content.
    pub blob: BlobId,
    /// Name of its file in the job's folder of parts, until it is merged.
    pub file: String,
    /// Whether it is in the film.
    pub merged: bool,
}

pub(super) fn received(db: &Connection, part: &SavedPart) -> Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO part (job, frame, region, blob, file) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        part.job.as_str(),
        part.frame,
        json(part.region),
        part.blob.as_str(),
        part.file
    ])?;
    Ok(())
}

pub(super) fn merged(db: &Connection, job: &JobId, frame: i32, region: Region) -> Result<()> {
    db.prepare_cached("UPDATE part SET merged = 1 WHERE job = ?1 AND frame = ?2 AND region = ?3")?
        .execute(params![job.as_str(), frame, json(region)])?;
    Ok(())
}

pub(super) fn delete(db: &Connection, job: &JobId, frame: i32, region: Region) -> Result<()> {
    db.prepare_cached("DELETE FROM part WHERE job = ?1 AND frame = ?2 AND region = ?3")?
        .execute(params![job.as_str(), frame, json(region)])?;
    Ok(())
}

pub(super) fn delete_merged(db: &Connection, job: &JobId, frame: i32) -> Result<()> {
    db.prepare_cached("DELETE FROM part WHERE job = ?1 AND frame = ?2 AND merged = 1")?
        .execute(params![job.as_str(), frame])?;
    Ok(())
}

pub(super) fn all(db: &Connection) -> Result<Vec<SavedPart>> {
    let mut statement = db.prepare("SELECT job, frame, region, blob, file, merged FROM part")?;
    let rows = statement.query_map([], |row| {
        let region: String = row.get(2)?;
        Ok(SavedPart {
            job: text(row, 0)?,
            frame: row.get(1)?,
            region: serde_json::from_str(&region).map_err(|error| unreadable(2, error))?,
            blob: text(row, 3)?,
            file: row.get(4)?,
            merged: row.get(5)?,
        })
    })?;
    rows.collect()
}

/// Regions are numbers, which are always JSON.
fn json(region: Region) -> String {
    serde_json::to_string(&region).unwrap_or_default()
}

/// A name or hash.
pub(super) fn text<T>(row: &Row<'_>, column: usize) -> Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error| unreadable(column, error))
}

pub(super) fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

//! Submissions and where they are.

use super::parts::text;
use blendnet_protocol::JobId;
use rusqlite::{Connection, Result, params};

pub(super) fn put(db: &Connection, job: &JobId, spec: Option<&str>, state: &str) -> Result<()> {
    match spec {
        Some(spec) => db
            .prepare_cached(
                "INSERT INTO job (id, spec, state) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET spec = ?2, state = ?3",
            )?
            .execute(params![job.as_str(), spec, state])?,
        None => db
            .prepare_cached("UPDATE job SET state = ?2 WHERE id = ?1")?
            .execute(params![job.as_str(), state])?,
    };
    Ok(())
}

pub(super) fn delete(db: &Connection, job: &JobId) -> Result<()> {
    for delete in [
        "DELETE FROM job WHERE id = ?1",
        "DELETE FROM frame WHERE job = ?1",
        "DELETE FROM frame_kept WHERE job = ?1",
        "DELETE FROM part WHERE job = ?1",
        "DELETE FROM work WHERE job = ?1",
    ] {
        db.prepare_cached(delete)?.execute([job.as_str()])?;
    }
    Ok(())
}

pub(super) fn all(db: &Connection) -> Result<Vec<(JobId, String, String)>> {
    let mut statement = db.prepare("SELECT id, spec, state FROM job")?;
    let rows = statement.query_map([], |row| Ok((text(row, 0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

//! What agents were given to do.

use super::parts::{text, unreadable};
use blendnet_protocol::{AgentId, JobId, Work, WorkId};
use rusqlite::{Connection, Result, params};

/// A piece of work that an agent has.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedWork {
    /// Who.
    pub agent: AgentId,
    /// For which job.
    pub job: JobId,
    /// What.
    pub work: Work,
}

pub(super) fn put(db: &Connection, given: &SavedWork) -> Result<()> {
    let SavedWork { agent, job, work } = given;
    let json = serde_json::to_string(work)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO work (id, agent, job, work) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![work.id.as_str(), agent.as_str(), job.as_str(), json])?;
    Ok(())
}

pub(super) fn delete(db: &Connection, work: &WorkId) -> Result<()> {
    db.prepare_cached("DELETE FROM work WHERE id = ?1")?.execute([work.as_str()])?;
    Ok(())
}

pub(super) fn delete_of(db: &Connection, agent: &AgentId) -> Result<()> {
    db.prepare_cached("DELETE FROM work WHERE agent = ?1")?.execute([agent.as_str()])?;
    Ok(())
}

pub(super) fn all(db: &Connection) -> Result<Vec<SavedWork>> {
    let mut statement = db.prepare("SELECT agent, job, work FROM work ORDER BY rowid")?;
    let rows = statement.query_map([], |row| {
        let work: String = row.get(2)?;
        let work = serde_json::from_str(&work).map_err(|error| unreadable(2, error))?;
        Ok(SavedWork { agent: text(row, 0)?, job: text(row, 1)?, work })
    })?;
    rows.collect()
}

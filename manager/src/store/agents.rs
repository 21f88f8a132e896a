//! Agents, and how they are reached.

use super::parts::text;
use blendnet_protocol::AgentId;
use rusqlite::{Connection, Result, params};

/// An agent that there is, or that is about to be launched.
#[derive(Clone, PartialEq, Eq)]
pub struct SavedAgent {
    /// Its name, by which a launched one is found again.
    pub agent: AgentId,
    /// Whether we launched it and end it.
    pub launched: bool,
    /// Where it listens, once known.
    pub address: Option<String>,
    /// Password of one that was added by hand.
    pub password: Option<String>,
    /// Authority of one that was added by hand; `None` is the farm's own.
    pub ca_pem: Option<String>,
    /// What one that we launched costs, as JSON.
    pub lease: Option<String>,
}

impl std::fmt::Debug for SavedAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SavedAgent").field("agent", &self.agent).finish_non_exhaustive()
    }
}

pub(super) fn put(db: &Connection, agent: &SavedAgent) -> Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO agent (id, launched, address, password, ca_pem, lease)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        agent.agent.as_str(),
        agent.launched,
        agent.address,
        agent.password,
        agent.ca_pem,
        agent.lease
    ])?;
    Ok(())
}

pub(super) fn delete(db: &Connection, agent: &AgentId) -> Result<()> {
    db.prepare_cached("DELETE FROM agent WHERE id = ?1")?.execute([agent.as_str()])?;
    super::works::delete_of(db, agent)
}

pub(super) fn all(db: &Connection) -> Result<Vec<SavedAgent>> {
    let mut statement =
        db.prepare("SELECT id, launched, address, password, ca_pem, lease FROM agent ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok(SavedAgent {
            agent: text(row, 0)?,
            launched: row.get(1)?,
            address: row.get(2)?,
            password: row.get(3)?,
            ca_pem: row.get(4)?,
            lease: row.get(5)?,
        })
    })?;
    rows.collect()
}

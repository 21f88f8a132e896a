//! Opens the database: checks it, sets a damaged one aside, brings an old one up to date.

use super::{FILE, Saved, StoreError, agents, frames, jobs, kept, parts, works};
use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use rusqlite::{Connection, ErrorCode};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// One for each version of the layout, in order; none is ever changed.
pub(super) const MIGRATIONS: [&str; 3] = [
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
];

/// The log is written back into the database at this length, in pages.
const CHECKPOINT_PAGES: u32 = 1000;

/// A log that grew longer, under load, is cut to this length again.
const LOG_BYTES: u32 = 8 << 20;

pub(super) fn open(path: &Path) -> Result<(Connection, Saved), StoreError> {
    match try_open(path) {
        Err(error) if is_damaged(&error) => {
            let aside = set_aside(path).map_err(|error| StoreError::File(Arc::new(error)))?;
            tracing::error!(
                error = crate::chain(&error),
                "the farm's database was damaged and is now {}: jobs that it held are not known any \
                 more, what was rendered of them stays in the folder `jobs`; a new database is made",
                aside.display()
            );
            try_open(path)
        }
        opened => opened,
    }
}

fn try_open(path: &Path) -> Result<(Connection, Saved), StoreError> {
    let file = |error: std::io::Error| StoreError::File(Arc::new(error));
    // SQLite gives its log the same mode.
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path).map_err(file)?;
    let failed = |source| StoreError::Sqlite { path: path.to_owned(), source: Arc::new(source) };
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    let found = prepare(&connection).map_err(failed)?;
    if found > MIGRATIONS.len() {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: MIGRATIONS.len() });
    }
    migrate(&mut connection, found).map_err(failed)?;
    let saved = load(&connection).map_err(failed)?;
    Ok((connection, saved))
}

/// Sets it up and checks it. Gives its version.
fn prepare(db: &Connection) -> rusqlite::Result<usize> {
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    db.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    let said: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(code, Some(said)));
    }
    db.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
        .map(|version| version as usize)
}

fn migrate(connection: &mut Connection, from: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for migration in MIGRATIONS.iter().skip(from) {
        transaction.execute_batch(migration)?;
    }
    let version = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}

/// Reads everything, and removes what belongs to jobs and agents that are gone.
fn load(db: &Connection) -> rusqlite::Result<Saved> {
    db.execute_batch(
        "DELETE FROM frame WHERE job NOT IN (SELECT id FROM job);
         DELETE FROM frame_kept WHERE job NOT IN (SELECT id FROM job);
         DELETE FROM part WHERE job NOT IN (SELECT id FROM job);
         DELETE FROM work WHERE job NOT IN (SELECT id FROM job)
             OR agent NOT IN (SELECT id FROM agent);",
    )?;
    Ok(Saved {
        jobs: jobs::all(db)?,
        frames: frames::all(db)?,
        kept: kept::all(db)?,
        parts: parts::all(db)?,
        works: works::all(db)?,
        agents: agents::all(db)?,
    })
}

fn is_damaged(error: &StoreError) -> bool {
    let StoreError::Sqlite { source, .. } = error else { return false };
    let code = source.sqlite_error_code();
    let unreadable = matches!(
        **source,
        rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..)
    );
    unreadable || matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Renames the database and its logs.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let mut aside = path.with_file_name(format!("{FILE}.damaged-{secs}"));
    while aside.exists() {
        aside.as_mut_os_string().push("+");
    }
    for ending in ["", "-wal", "-shm"] {
        let with = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        if with(path).exists() {
            fs::rename(with(path), with(&aside))?;
        }
    }
    Ok(aside)
}

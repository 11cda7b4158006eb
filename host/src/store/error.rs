//! What can go wrong with a store.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::change::Refusal;

/// The database does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// A row does not hold what the domain allows.
    #[error("table {table}, column {column}, row {row}: {what}")]
    BadRow {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// Its key's first part.
        row: String,
        /// What is wrong with it.
        what: String,
    },
    /// A text of the change has a NUL character.
    #[error("a text for {0} has a NUL character")]
    Nul(&'static str),
    /// A statement wrote another number of rows than the decision called for. Nothing was kept.
    #[error("{statement} wrote {written} rows where {expected} were due")]
    Rows {
        /// Which.
        statement: &'static str,
        /// How many it should have written.
        expected: u64,
        /// How many it would have.
        written: u64,
    },
    /// The address is neither `sqlite:` nor `postgres:`.
    #[error("the database address must begin with sqlite: or postgres:")]
    Address,
    /// Another process uses the file.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// The lock file cannot be made.
    #[error("{path} cannot be opened")]
    Lock {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite is older than 3.51.3, which can corrupt its log.
    #[error("SQLite {0} is too old: 3.51.3 or later is needed")]
    OldSqlite(String),
    /// The schema was written by a newer version that this one does not know.
    #[error("the schema has migration {found}, this version knows {known}")]
    NewerSchema {
        /// The newest one applied.
        found: i64,
        /// The newest one known.
        known: i64,
    },
    /// A migration failed.
    #[error("the schema cannot be migrated")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The connection was lost and could not be made again in time; nothing was kept.
    #[error("the database cannot be reached")]
    Lost,
    /// Concurrent writers were in the way again and again; nothing was kept.
    #[error("concurrent writers were in the way {0} times")]
    Contended(u32),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// Why a commit did not happen. Nothing of the change was kept.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The state does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too much is waiting.
    #[error("too many writes are waiting")]
    Busy {
        /// When to come back.
        retry_after: Duration,
    },
    /// The database.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

//! Reads either database, in one snapshot, without any write.

use std::path::PathBuf;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, Row as _, TypeInfo as _,
    ValueRef as _,
};

/// Where the platform keeps its orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A superuser's URL.
    Postgres(String),
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
}

/// A row, by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(Vec<Cell>);

impl Row {
    /// A whole number; 0 for anything else.
    pub fn int(&self, index: usize) -> i64 {
        self.opt_int(index).unwrap_or_default()
    }

    /// A whole number, unless it is null.
    pub fn opt_int(&self, index: usize) -> Option<i64> {
        match self.0.get(index) {
            Some(Cell::Int(value)) => Some(*value),
            Some(Cell::Null | Cell::Text(_)) | None => None,
        }
    }

    /// A text; empty for anything else.
    pub fn text(&self, index: usize) -> String {
        self.opt_text(index).unwrap_or_default()
    }

    /// A text, unless it is null.
    pub fn opt_text(&self, index: usize) -> Option<String> {
        match self.0.get(index) {
            Some(Cell::Text(value)) => Some(value.clone()),
            Some(Cell::Null | Cell::Int(_)) | None => None,
        }
    }

    /// A text as JSON; null when it is none.
    pub fn json(&self, index: usize) -> serde_json::Value {
        serde_json::from_str(&self.text(index)).unwrap_or_default()
    }
}

/// An open connection inside one read transaction.
pub(super) enum Reading {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Database {
    /// All rows of one query.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn rows(&self, query: &str) -> Result<Vec<Row>, sqlx::Error> {
        let mut reading = self.read().await?;
        reading.rows(query).await
    }

    /// Begins to read: everything until the end is of one moment.
    pub(super) async fn read(&self) -> Result<Reading, sqlx::Error> {
        match self {
            Self::Sqlite(file) => {
                let options = SqliteConnectOptions::new().filename(file).pragma("query_only", "1");
                let mut connection = options.connect().await?;
                connection.execute("BEGIN").await?;
                Ok(Reading::Sqlite(connection))
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await?;
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
                Ok(Reading::Postgres(connection))
            }
        }
    }
}

impl Reading {
    pub(super) async fn rows(&mut self, query: &str) -> Result<Vec<Row>, sqlx::Error> {
        let query = AssertSqlSafe(query.to_owned());
        match self {
            Self::Sqlite(connection) => {
                sqlx::query(query).fetch_all(connection).await?.iter().map(from_sqlite).collect()
            }
            Self::Postgres(connection) => {
                sqlx::query(query).fetch_all(connection).await?.iter().map(from_postgres).collect()
            }
        }
    }
}

fn from_sqlite(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let cell = |index| {
        let value = row.try_get_raw(index)?;
        if value.is_null() {
            return Ok(Cell::Null);
        }
        match value.type_info().name() {
            "INTEGER" => row.try_get(index).map(Cell::Int),
            _ => row.try_get(index).map(Cell::Text),
        }
    };
    (0..row.columns().len()).map(cell).collect::<Result<_, _>>().map(Row)
}

fn from_postgres(row: &PgRow) -> Result<Row, sqlx::Error> {
    let cell = |index: usize| {
        if row.try_get_raw(index)?.is_null() {
            return Ok(Cell::Null);
        }
        match row.columns()[index].type_info().name() {
            "INT8" => row.try_get(index).map(Cell::Int),
            _ => row.try_get(index).map(Cell::Text),
        }
    };
    (0..row.columns().len()).map(cell).collect::<Result<_, _>>().map(Row)
}

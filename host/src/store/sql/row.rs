//! Rows of either database, and the reading of a row into a domain value cell by cell.

use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use super::text::Table;
use crate::store::error::StoreError;

/// A row of either database.
pub(crate) enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

macro_rules! cell {
    ($row:expr, $at:expr, $ty:ty) => {
        match $row {
            Row::Sqlite(row) => row.try_get::<$ty, _>($at),
            Row::Postgres(row) => row.try_get::<$ty, _>($at),
        }
    };
}

impl Row {
    pub(crate) fn int(&self, at: usize) -> Result<i64, StoreError> {
        cell!(self, at, i64).map_err(StoreError::from)
    }

    pub(crate) fn opt_int(&self, at: usize) -> Result<Option<i64>, StoreError> {
        cell!(self, at, Option<i64>).map_err(StoreError::from)
    }

    pub(crate) fn text(&self, at: usize) -> Result<String, StoreError> {
        cell!(self, at, String).map_err(StoreError::from)
    }

    pub(crate) fn opt_text(&self, at: usize) -> Result<Option<String>, StoreError> {
        cell!(self, at, Option<String>).map_err(StoreError::from)
    }

    pub(crate) fn bytes(&self, at: usize) -> Result<Vec<u8>, StoreError> {
        cell!(self, at, Vec<u8>).map_err(StoreError::from)
    }

    pub(crate) fn opt_bytes(&self, at: usize) -> Result<Option<Vec<u8>>, StoreError> {
        cell!(self, at, Option<Vec<u8>>).map_err(StoreError::from)
    }
}

/// Reads a row's cells one after another in the order of the table's columns. Every failure names table, column, row.
pub(crate) struct Reader<'r> {
    row: &'r Row,
    table: &'static Table,
    places: Option<&'r [usize]>,
    at: usize,
}

impl<'r> Reader<'r> {
    /// The row has exactly the table's columns.
    pub(crate) fn new(row: &'r Row, table: &'static Table) -> Self {
        Self { row, table, places: None, at: 0 }
    }

    /// Column `i` of the table is cell `places[i]` of the row.
    pub(crate) fn placed(row: &'r Row, table: &'static Table, places: &'r [usize]) -> Self {
        Self { row, table, places: Some(places), at: 0 }
    }

    fn next<T>(&mut self, get: impl FnOnce(&Row, usize) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let place = self.places.map_or(self.at, |places| places[self.at]);
        self.at += 1;
        get(self.row, place).map_err(|error| self.bad(&error.to_string()))
    }

    /// The error for the cell read last.
    pub(crate) fn bad(&self, what: &str) -> StoreError {
        let key = self.places.map_or(0, |places| places[0]);
        let row = self.row.text(key).or_else(|_| self.row.int(key).map(|no| no.to_string()));
        StoreError::BadRow {
            table: self.table.name,
            column: self.table.columns[self.at.saturating_sub(1)].name,
            row: row.unwrap_or_default(),
            what: what.to_owned(),
        }
    }

    pub(crate) fn int(&mut self) -> Result<i64, StoreError> {
        self.next(Row::int)
    }

    pub(crate) fn opt_int(&mut self) -> Result<Option<i64>, StoreError> {
        self.next(Row::opt_int)
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.next(Row::text)
    }

    pub(crate) fn opt_text(&mut self) -> Result<Option<String>, StoreError> {
        self.next(Row::opt_text)
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        self.next(Row::bytes)
    }

    pub(crate) fn opt_bytes(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        self.next(Row::opt_bytes)
    }

    /// A small number.
    pub(crate) fn small<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        let value = self.int()?;
        T::try_from(value).map_err(|_| self.bad("is out of range"))
    }

    /// The value of a code.
    pub(crate) fn code<T>(&mut self, from: fn(i16) -> Option<T>) -> Result<T, StoreError> {
        let code = self.int()?;
        i16::try_from(code).ok().and_then(from).ok_or_else(|| self.bad(&format!("{code} is no code")))
    }

    /// An id or another type that parses its text.
    pub(crate) fn id<T: TryFrom<String, Error: std::fmt::Display>>(&mut self) -> Result<T, StoreError> {
        let text = self.text()?;
        T::try_from(text).map_err(|error| self.bad(&error.to_string()))
    }

    /// The same, or NULL.
    pub(crate) fn opt_id<T: TryFrom<String, Error: std::fmt::Display>>(&mut self) -> Result<Option<T>, StoreError> {
        self.opt_text()?.map(T::try_from).transpose().map_err(|error| self.bad(&error.to_string()))
    }

    /// JSON text.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|error| self.bad(&error.to_string()))
    }

    /// JSON text or NULL.
    pub(crate) fn opt_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        let text = self.opt_text()?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| self.bad(&error.to_string()))
    }

    /// A SHA-256.
    pub(crate) fn digest(&mut self) -> Result<crate::domain::ids::Digest, StoreError> {
        let bytes = self.bytes()?;
        bytes.try_into().map(crate::domain::ids::Digest).map_err(|_| self.bad("is not 32 bytes"))
    }
}

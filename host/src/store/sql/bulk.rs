//! Many rows as one argument: arrays for `UNNEST`, a JSON array of arrays for `json_each`.
//!
//! Rows are written straight into the wire format, cell by cell in the order of the statement's columns; nothing is
//! kept in between.

use serde::Serialize;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::{Encode, Postgres, Type};

use super::Dialect;
use super::text::{Sql, Ty};

/// Rows for one statement, being collected.
#[derive(Debug)]
pub(crate) struct Rows {
    /// What they are for.
    pub sql: &'static Sql,
    /// How many rows there are.
    pub count: u64,
    /// A text had a NUL, which no column can keep.
    pub nul: bool,
    bulk: Bulk,
    at: usize,
}

/// The finished argument.
#[derive(Debug)]
pub(crate) enum Bulk {
    /// One array a column.
    Postgres(Vec<Array>),
    /// `[[…],[…]]`
    Sqlite(String),
}

/// A one-dimensional array in PostgreSQL's binary format.
#[derive(Debug)]
pub(crate) struct Array {
    ty: Ty,
    count: u32,
    nulls: bool,
    cells: Vec<u8>,
}

impl Rows {
    pub(crate) fn new(dialect: Dialect, sql: &'static Sql) -> Self {
        let bulk = match dialect {
            Dialect::Sqlite => Bulk::Sqlite(String::from("[")),
            Dialect::Postgres => Bulk::Postgres(
                sql.bulk.iter().map(|ty| Array { ty: *ty, count: 0, nulls: false, cells: Vec::new() }).collect(),
            ),
        };
        Self { sql, count: 0, nul: false, bulk, at: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The argument. Only whole rows may have been written.
    pub(crate) fn finish(mut self) -> Bulk {
        debug_assert_eq!(self.at, 0, "{}: a row is not complete", self.sql.name);
        if let Bulk::Sqlite(json) = &mut self.bulk {
            json.push(']');
        }
        self.bulk
    }

    pub(crate) fn int(&mut self, value: i64) {
        self.opt_int(Some(value));
    }

    pub(crate) fn opt_int(&mut self, value: Option<i64>) {
        debug_assert_eq!(self.sql.bulk[self.at], Ty::Int, "{} column {}", self.sql.name, self.at);
        self.open();
        match (&mut self.bulk, value) {
            (Bulk::Postgres(columns), Some(value)) => columns[self.at].cell(&value.to_be_bytes()),
            (Bulk::Postgres(columns), None) => columns[self.at].null(),
            (Bulk::Sqlite(json), Some(value)) => {
                use std::fmt::Write as _;
                let _ = write!(json, "{value}");
            }
            (Bulk::Sqlite(json), None) => json.push_str("null"),
        }
        self.close();
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.opt_text(Some(value));
    }

    pub(crate) fn opt_text(&mut self, value: Option<&str>) {
        debug_assert_eq!(self.sql.bulk[self.at], Ty::Text, "{} column {}", self.sql.name, self.at);
        self.open();
        self.nul |= value.is_some_and(|text| text.as_bytes().contains(&0));
        match (&mut self.bulk, value) {
            (Bulk::Postgres(columns), Some(value)) => columns[self.at].cell(value.as_bytes()),
            (Bulk::Postgres(columns), None) => columns[self.at].null(),
            (Bulk::Sqlite(json), Some(value)) => quote(json, value),
            (Bulk::Sqlite(json), None) => json.push_str("null"),
        }
        self.close();
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.opt_bytes(Some(value));
    }

    pub(crate) fn opt_bytes(&mut self, value: Option<&[u8]>) {
        debug_assert_eq!(self.sql.bulk[self.at], Ty::Bytes, "{} column {}", self.sql.name, self.at);
        self.open();
        match (&mut self.bulk, value) {
            (Bulk::Postgres(columns), Some(value)) => columns[self.at].cell(value),
            (Bulk::Postgres(columns), None) => columns[self.at].null(),
            (Bulk::Sqlite(json), Some(value)) => {
                json.push('"');
                json.push_str(&hex::encode(value));
                json.push('"');
            }
            (Bulk::Sqlite(json), None) => json.push_str("null"),
        }
        self.close();
    }

    /// A value as JSON text. The domain's own types always serialise; a failure is written as NULL, which the column
    /// refuses.
    pub(crate) fn json<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.opt_text(serde_json::to_string(value).ok().as_deref());
    }

    /// The same, or NULL.
    pub(crate) fn opt_json<T: Serialize>(&mut self, value: Option<&T>) {
        match value {
            Some(value) => self.json(value),
            None => self.opt_text(None),
        }
    }

    fn open(&mut self) {
        if let Bulk::Sqlite(json) = &mut self.bulk {
            if self.at > 0 {
                json.push(',');
            } else {
                json.push_str(if self.count == 0 { "[" } else { ",[" });
            }
        }
    }

    fn close(&mut self) {
        self.at += 1;
        if self.at == self.sql.bulk.len() {
            self.at = 0;
            self.count += 1;
            if let Bulk::Sqlite(json) = &mut self.bulk {
                json.push(']');
            }
        }
    }
}

impl Array {
    fn cell(&mut self, bytes: &[u8]) {
        self.count += 1;
        // A cell is at most a few MiB; anything longer than the format can say is refused by the server as malformed.
        let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        self.cells.extend_from_slice(&length.to_be_bytes());
        self.cells.extend_from_slice(bytes);
    }

    fn null(&mut self) {
        self.count += 1;
        self.nulls = true;
        self.cells.extend_from_slice(&(-1_i32).to_be_bytes());
    }
}

impl Type<Postgres> for Array {
    fn type_info() -> PgTypeInfo {
        <Vec<i64> as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Array {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let element: u32 = match self.ty {
            Ty::Int => 20,
            Ty::Text => 25,
            Ty::Bytes => 17,
        };
        for word in [1, u32::from(self.nulls), element, self.count, 1] {
            buf.extend_from_slice(&word.to_be_bytes());
        }
        buf.extend_from_slice(&self.cells);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(match self.ty {
            Ty::Int => <Vec<i64> as Type<Postgres>>::type_info(),
            Ty::Text => <Vec<String> as Type<Postgres>>::type_info(),
            Ty::Bytes => <Vec<Vec<u8>> as Type<Postgres>>::type_info(),
        })
    }

    fn size_hint(&self) -> usize {
        20 + self.cells.len()
    }
}

/// Appends a JSON string.
fn quote(json: &mut String, text: &str) {
    use std::fmt::Write as _;
    json.push('"');
    let mut clean = 0;
    for (index, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        json.push_str(&text[clean..index]);
        clean = index + 1;
        match byte {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            _ => {
                let _ = write!(json, "\\u{byte:04x}");
            }
        }
    }
    json.push_str(&text[clean..]);
    json.push('"');
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_quoted_text_reads_back_as_itself() {
        for text in ["", "a", "\"\\\n\t\u{1}x", "中文 \u{1F600}\"", "\r\n"] {
            let mut json = String::new();
            super::quote(&mut json, text);
            assert_eq!(serde_json::from_str::<String>(&json).ok().as_deref(), Some(text));
        }
    }
}

//! Arguments of a statement.

use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use super::bulk::Bulk;

/// One argument.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    /// A number, a code, a time.
    Int(i64),
    /// The same, or NULL.
    OptInt(Option<i64>),
    /// A text.
    Text(&'a str),
    /// A text or NULL.
    OptText(Option<&'a str>),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Bytes or NULL.
    OptBytes(Option<&'a [u8]>),
    /// Many numbers: an array for `UNNEST`, a JSON array for `json_each`.
    Ints(&'a [i64]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}
impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

pub(super) fn postgres(values: &[Value<'_>]) -> Result<PgArguments, sqlx::Error> {
    let mut args = PgArguments::default();
    for value in values {
        match *value {
            Value::Int(value) => args.add(value),
            Value::OptInt(value) => args.add(value),
            Value::Text(value) => args.add(value),
            Value::OptText(value) => args.add(value),
            Value::Bytes(value) => args.add(value),
            Value::OptBytes(value) => args.add(value),
            Value::Ints(values) => args.add(values),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(args)
}

pub(super) fn sqlite(values: &[Value<'_>]) -> Result<SqliteArguments, sqlx::Error> {
    let mut args = SqliteArguments::default();
    for value in values {
        match *value {
            Value::Int(value) => args.add(value),
            Value::OptInt(value) => args.add(value),
            Value::Text(value) => args.add(value.to_owned()),
            Value::OptText(value) => args.add(value.map(str::to_owned)),
            Value::Bytes(value) => args.add(value.to_vec()),
            Value::OptBytes(value) => args.add(value.map(<[u8]>::to_vec)),
            Value::Ints(values) => args.add(serde_json::json!(values).to_string()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(args)
}

pub(super) fn bulk_postgres(bulk: Bulk) -> Result<PgArguments, sqlx::Error> {
    let mut args = PgArguments::default();
    if let Bulk::Postgres(columns) = bulk {
        for column in columns {
            args.add(column).map_err(sqlx::Error::Encode)?;
        }
    }
    Ok(args)
}

pub(super) fn bulk_sqlite(bulk: Bulk) -> Result<SqliteArguments, sqlx::Error> {
    let mut args = SqliteArguments::default();
    if let Bulk::Sqlite(json) = bulk {
        args.add(json).map_err(sqlx::Error::Encode)?;
    }
    Ok(args)
}

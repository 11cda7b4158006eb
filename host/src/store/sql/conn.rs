//! Connections: the committer's own one and the readers' pool.

use futures_util::TryStreamExt as _;
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool, SqliteConnection, SqlitePool};

use super::Dialect;
use super::args::{self, Value};
use super::bulk::{Bulk, Rows};
use super::row::Row;
use super::text::Sql;

/// A connection that may write. It belongs to the committer and is never pooled.
pub(crate) enum Conn {
    /// To the file.
    Sqlite(SqliteConnection),
    /// To the server.
    Postgres(PgConnection),
}

/// Connections that only read, each statement a transaction of its own.
///
/// `begin` is never used on them: a `begin` whose future is dropped would hand the connection back with its
/// transaction open.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    /// To the file.
    Sqlite(SqlitePool),
    /// To the server.
    Postgres(PgPool),
}

macro_rules! fetch {
    ($executor:expr, $text:expr, $args:expr, $wrap:expr) => {{ sqlx::query_with($text.as_str(), $args).fetch($executor).map_ok($wrap).try_collect::<Vec<Row>>().await }};
}

impl Conn {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement; the answer is how many rows it wrote.
    pub(crate) async fn execute(&mut self, sql: &'static Sql, values: &[Value<'_>]) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(conn) => {
                let query = sqlx::query_with(sql.sqlite.as_str(), args::sqlite(values)?);
                Ok(conn.execute(query).await?.rows_affected())
            }
            Self::Postgres(conn) => {
                let query = sqlx::query_with(sql.postgres.as_str(), args::postgres(values)?);
                Ok(conn.execute(query).await?.rows_affected())
            }
        }
    }

    /// Runs a statement and reads its rows.
    pub(crate) async fn fetch(&mut self, sql: &'static Sql, values: &[Value<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(conn) => fetch!(conn, sql.sqlite, args::sqlite(values)?, Row::Sqlite),
            Self::Postgres(conn) => fetch!(conn, sql.postgres, args::postgres(values)?, Row::Postgres),
        }
    }

    /// Writes many rows by one statement; the answer is how many were written.
    pub(crate) async fn write(&mut self, rows: Rows) -> Result<u64, sqlx::Error> {
        let (sql, bulk) = (rows.sql, rows.finish());
        match self {
            Self::Sqlite(conn) => {
                let query = sqlx::query_with(sql.sqlite.as_str(), args::bulk_sqlite(bulk)?);
                Ok(conn.execute(query).await?.rows_affected())
            }
            Self::Postgres(conn) => {
                let query = sqlx::query_with(sql.postgres.as_str(), args::bulk_postgres(bulk)?);
                Ok(conn.execute(query).await?.rows_affected())
            }
        }
    }

    /// Looks up (and locks) many rows by one statement.
    pub(crate) async fn look(&mut self, rows: Rows) -> Result<Vec<Row>, sqlx::Error> {
        let (sql, bulk): (_, Bulk) = (rows.sql, rows.finish());
        match self {
            Self::Sqlite(conn) => fetch!(conn, sql.sqlite, args::bulk_sqlite(bulk)?, Row::Sqlite),
            Self::Postgres(conn) => fetch!(conn, sql.postgres, args::bulk_postgres(bulk)?, Row::Postgres),
        }
    }

    /// Runs a text without arguments and without preparing it. `text` never carries anything from outside.
    pub(crate) async fn raw(&mut self, text: &str) -> Result<u64, sqlx::Error> {
        let raw = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
        match self {
            Self::Sqlite(conn) => Ok(conn.execute(raw).await?.rows_affected()),
            Self::Postgres(conn) => Ok(conn.execute(raw).await?.rows_affected()),
        }
    }

    /// Prepares a statement without running it.
    pub(crate) async fn prepare(&mut self, sql: &'static Sql) -> Result<(), sqlx::Error> {
        use sqlx::SqlSafeStr as _;
        match self {
            Self::Sqlite(conn) => conn.prepare(sql.sqlite.as_str().into_sql_str()).await.map(drop),
            Self::Postgres(conn) => conn.prepare(sql.postgres.as_str().into_sql_str()).await.map(drop),
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(conn) => conn.close().await,
            Self::Postgres(conn) => conn.close().await,
        }
    }
}

impl Pool {
    /// Runs a query and reads its rows.
    pub(crate) async fn fetch(&self, sql: &'static Sql, values: &[Value<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => fetch!(pool, sql.sqlite, args::sqlite(values)?, Row::Sqlite),
            Self::Postgres(pool) => fetch!(pool, sql.postgres, args::postgres(values)?, Row::Postgres),
        }
    }

    /// Closes all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

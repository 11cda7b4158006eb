//! The only connection that writes, and what becomes of it when it is lost.

use std::sync::LazyLock;
use std::time::Duration;

use crate::store::error::StoreError;
use crate::store::open::Target;
use crate::store::sql::{Conn, Dialect, Sql, sql};

/// How long one connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long connecting is tried before the waiting changes are given up.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

sql! {
    WHO_AM_I = Sql::each(
        "own backend",
        "SELECT CAST(pid AS BIGINT), CAST(extract(epoch from backend_start) * 1000000 AS BIGINT) \
         FROM pg_stat_activity WHERE pid = pg_backend_pid()",
        "SELECT 0, 0",
    );
    TERMINATE = Sql::each(
        "end a lost backend",
        "SELECT CAST(pg_terminate_backend(pid) AS INT)::bigint FROM pg_stat_activity \
         WHERE pid = CAST($1 AS BIGINT) AND CAST(extract(epoch from backend_start) * 1000000 AS BIGINT) = $2",
        "SELECT $1, $2",
    );
}

/// What an error means for the connection and the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The connection is gone; what it was doing may or may not have happened.
    Lost,
    /// Two writers were in each other's way; the same again may succeed.
    Again,
    /// The database said no.
    Refused,
}

pub(super) fn fate(error: &StoreError) -> Fate {
    let StoreError::Database(error) = error else { return Fate::Refused };
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => Fate::Lost,
        sqlx::Error::Database(database) => match database.code().as_deref() {
            Some("40001" | "40P01") => Fate::Again,
            Some("57P01" | "57P02" | "57P03" | "57P05" | "25P03") => Fate::Lost,
            Some(code) if code.starts_with("08") => Fate::Lost,
            _ => Fate::Refused,
        },
        _ => Fate::Refused,
    }
}

/// The write connection. It is made again when it was lost; the lost one's backend is ended first.
pub(super) struct Writer {
    target: Target,
    conn: Option<Conn>,
    backend: Option<(i64, i64)>,
}

impl Writer {
    pub(super) fn new(target: Target) -> Self {
        Self { target, conn: None, backend: None }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.target.dialect()
    }

    /// The connection, made if need be. Gives up after ten seconds.
    pub(super) async fn conn(&mut self) -> Result<&mut Conn, StoreError> {
        if self.conn.is_none() {
            self.conn = Some(self.connect().await?);
        }
        self.conn.as_mut().ok_or(StoreError::Lost)
    }

    /// Drops the connection without a word.
    pub(super) fn lose(&mut self) {
        self.conn = None;
    }

    /// Rolls back; a connection that cannot even do that is dropped.
    pub(super) async fn rollback(&mut self) {
        if let Some(conn) = &mut self.conn
            && let Err(error) = conn.raw("ROLLBACK").await
        {
            tracing::warn!(%error, "the write connection could not roll back and is dropped");
            self.lose();
        }
    }

    /// Says goodbye.
    pub(super) async fn close(&mut self) {
        if let Some(conn) = self.conn.take()
            && let Err(error) = conn.close().await
        {
            tracing::debug!(%error, "the write connection did not close");
        }
    }

    async fn connect(&mut self) -> Result<Conn, StoreError> {
        let patience = tokio::time::sleep(CONNECT_PATIENCE);
        tokio::pin!(patience);
        let mut pause = Duration::from_millis(20);
        loop {
            let attempt = tokio::time::timeout(CONNECT_TIMEOUT, self.connect_once());
            match attempt.await {
                Ok(Ok(conn)) => return Ok(conn),
                Ok(Err(error)) => tracing::warn!(%error, "the write connection cannot be made"),
                Err(_) => tracing::warn!("the write connection took too long to make"),
            }
            tokio::select! {
                () = &mut patience => return Err(StoreError::Lost),
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_secs(1)),
            }
        }
    }

    async fn connect_once(&mut self) -> Result<Conn, StoreError> {
        let mut conn = self.target.connect_writer().await?;
        if conn.dialect() == Dialect::Postgres {
            if let Some((pid, start)) = self.backend {
                conn.fetch(&TERMINATE, &[pid.into(), start.into()]).await?;
            }
            let rows = conn.fetch(&WHO_AM_I, &[]).await?;
            self.backend = rows.first().map(|row| Ok::<_, StoreError>((row.int(0)?, row.int(1)?))).transpose()?;
        }
        Ok(conn)
    }
}

/// The batch id goes into the transaction with its beginning: an id that exists means that this batch was committed.
/// It is asked for by inserting, because the insert waits for a transaction that is still undecided.
pub(super) async fn begin(conn: &mut Conn, id: &str) -> Result<bool, StoreError> {
    match conn.dialect() {
        Dialect::Postgres => {
            let text = format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; INSERT INTO batches (id, at) VALUES ('{id}', \
                 CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT)) ON CONFLICT DO NOTHING"
            );
            Ok(conn.raw(&text).await? == 1)
        }
        Dialect::Sqlite => {
            conn.raw("BEGIN IMMEDIATE").await?;
            Ok(conn.execute(&SQLITE_BATCH, &[id.into()]).await? == 1)
        }
    }
}

static SQLITE_BATCH: LazyLock<Sql> = LazyLock::new(|| {
    Sql::both(
        "insert batches",
        "INSERT INTO batches (id, at) VALUES ($1, CAST(unixepoch('subsec') * 1000 AS INTEGER)) ON CONFLICT DO NOTHING",
    )
});

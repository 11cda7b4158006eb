//! Opening a store: addresses, connections, checks, migrations.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqlSafeStr as _};

use super::error::StoreError;
use super::sql::{Conn, Dialect, Pool};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite:<path>` or `postgres://…`
    pub url: String,
    /// How many connections read.
    pub readers: u32,
    /// What SQLite waits for at a commit.
    pub durability: Durability,
    /// How many order trees are kept in memory.
    pub cached_trees: usize,
}

impl Settings {
    /// The defaults for an address.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), readers: 4, durability: Durability::Full, cached_trees: 20_000 }
    }
}

/// What SQLite waits for at a commit. PostgreSQL has its own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Every commit is on the disk when it is answered.
    #[default]
    Full,
    /// A power failure may lose the last commits; the file stays sound.
    Normal,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

/// The oldest SQLite that cannot corrupt its own log.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// The log file is cut back to this size, bytes.
const LOG_BYTES: &str = "67108864";

impl Target {
    pub(crate) fn new(settings: &Settings) -> Result<Self, StoreError> {
        if settings.url.starts_with("sqlite:") {
            let synchronous = match settings.durability {
                Durability::Full => SqliteSynchronous::Full,
                Durability::Normal => SqliteSynchronous::Normal,
            };
            let options = SqliteConnectOptions::from_str(&settings.url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(synchronous)
                .busy_timeout(Duration::from_secs(5))
                .foreign_keys(false)
                .pragma("journal_size_limit", LOG_BYTES)
                // Keys begin with the slot, so a batch touches many pages: the default would checkpoint at every batch.
                .pragma("wal_autocheckpoint", "8000")
                .pragma("cache_size", "-65536")
                .pragma("temp_store", "memory")
                .statement_cache_capacity(256)
                .disable_statement_logging();
            Ok(Self::Sqlite(Box::new(options)))
        } else if settings.url.starts_with("postgres:") || settings.url.starts_with("postgresql:") {
            // All statements go by an index. A plan made while a table was still empty would scan it, and prepared
            // statements keep their plans.
            let options = PgConnectOptions::from_str(&settings.url)?
                .statement_cache_capacity(256)
                .options([
                    ("idle_in_transaction_session_timeout", "10s"),
                    ("plan_cache_mode", "force_generic_plan"),
                    ("enable_seqscan", "off"),
                    ("enable_hashjoin", "off"),
                    ("enable_mergejoin", "off"),
                    ("jit", "off"),
                ])
                .disable_statement_logging();
            Ok(Self::Postgres(Box::new(options)))
        } else {
            Err(StoreError::Address)
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// A connection for the committer.
    pub(crate) async fn connect_writer(&self) -> Result<Conn, sqlx::Error> {
        match self {
            Self::Sqlite(options) => options.connect().await.map(Conn::Sqlite),
            Self::Postgres(options) => {
                options.clone().application_name("hookline committer").connect().await.map(Conn::Postgres)
            }
        }
    }

    /// Connections that cannot write.
    pub(crate) fn readers(&self, count: u32) -> Pool {
        match self {
            Self::Sqlite(options) => {
                let options =
                    SqliteConnectOptions::clone(options).pragma("query_only", "on").pragma("cache_size", "-16384");
                let pool = SqlitePoolOptions::new().max_connections(count).test_before_acquire(false);
                Pool::Sqlite(pool.connect_lazy_with(options))
            }
            Self::Postgres(options) => {
                let options = options
                    .clone()
                    .application_name("hookline reader")
                    .options([("default_transaction_read_only", "on")]);
                let pool = PgPoolOptions::new().max_connections(count).test_before_acquire(false);
                Pool::Postgres(pool.connect_lazy_with(options))
            }
        }
    }
}

/// The lock that keeps other processes off an SQLite file; held as long as the committer lives.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Locks `<database>.lock`. The operating system frees it when the process ends, however it ends.
    pub(crate) fn take(database: &Path) -> Result<Self, StoreError> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let unusable = |source| StoreError::Lock { path: path.clone(), source };
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(unusable)?;
        match fs4::FileExt::try_lock(&file) {
            Ok(()) => Ok(Self { _file: file }),
            Err(fs4::TryLockError::WouldBlock) => Err(StoreError::InUse(database.to_path_buf())),
            Err(fs4::TryLockError::Error(source)) => Err(unusable(source)),
        }
    }
}

/// Each migration with its number, its name and its two texts.
const MIGRATIONS: &[(i64, &str, &str, &str)] = &[
    (
        1,
        "orders",
        include_str!("../../../migrations/postgres/0001_orders.sql"),
        include_str!("../../../migrations/sqlite/0001_orders.sql"),
    ),
    (
        2,
        "after payment",
        include_str!("../../../migrations/postgres/0002_after_payment.sql"),
        include_str!("../../../migrations/sqlite/0002_after_payment.sql"),
    ),
    (
        3,
        "lists of after-sales",
        include_str!("../../../migrations/postgres/0003_aftersale_lists.sql"),
        include_str!("../../../migrations/sqlite/0003_aftersale_lists.sql"),
    ),
];

/// Brings the schema up to date, or refuses one that is newer and not marked as compatible.
///
/// On PostgreSQL hosts that start together wait for each other (advisory lock); on SQLite the file lock is held.
pub(crate) async fn migrate(target: &Target) -> Result<(), StoreError> {
    let mut conn = target.connect_writer().await?;
    check_version(&mut conn).await?;
    check_newer(&mut conn).await?;
    let migrations = MIGRATIONS.iter().map(|(version, name, postgres, sqlite)| {
        let text = match target.dialect() {
            Dialect::Postgres => postgres,
            Dialect::Sqlite => sqlite,
        };
        Migration::new(*version, (*name).into(), MigrationType::Simple, (*text).into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_ignore_missing(true);
    let done = match &mut conn {
        Conn::Sqlite(conn) => migrator.run_direct(None, conn, false).await,
        Conn::Postgres(conn) => migrator.run_direct(None, conn, false).await,
    };
    done.map_err(StoreError::Migrate)?;
    conn.close().await?;
    Ok(())
}

async fn check_version(conn: &mut Conn) -> Result<(), StoreError> {
    let Conn::Sqlite(conn) = conn else { return Ok(()) };
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(conn).await?;
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    if (part(), part(), part()) < OLDEST_SQLITE { Err(StoreError::OldSqlite(version)) } else { Ok(()) }
}

async fn check_newer(conn: &mut Conn) -> Result<(), StoreError> {
    let known = MIGRATIONS.last().map_or(0, |(version, ..)| *version);
    let text = match conn.dialect() {
        Dialect::Sqlite => "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
        Dialect::Postgres => "SELECT count(*) FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')",
    };
    if scalar(conn, text).await? == 0 {
        return Ok(());
    }
    let found = scalar(conn, "SELECT coalesce(max(version), 0) FROM _sqlx_migrations").await?;
    if found > known && scalar(conn, "SELECT oldest FROM schema_floor WHERE id = 1").await? > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    Ok(())
}

async fn scalar(conn: &mut Conn, text: &'static str) -> Result<i64, StoreError> {
    Ok(match conn {
        Conn::Sqlite(conn) => sqlx::query_scalar(text).fetch_one(conn).await?,
        Conn::Postgres(conn) => sqlx::query_scalar(text).fetch_one(conn).await?,
    })
}

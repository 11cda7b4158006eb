//! A database per test.

use std::future::Future;

use hookline::store::{Settings, Store};
use sqlx::{Connection, Executor, PgConnection, Row, SqliteConnection};

/// Where the test servers are.
pub(crate) fn server() -> String {
    std::env::var("HOOKLINE_TEST_PG_URL").expect("HOOKLINE_TEST_PG_URL is not set: run cargo xtask test")
}

/// A fresh database with an open store.
pub(crate) struct Db {
    pub(crate) store: Store,
    pub(crate) url: String,
    name: Option<String>,
    _dir: tempfile::TempDir,
}

/// A connection of the test's own, beside the store's.
pub(crate) enum Side {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Db {
    pub(crate) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("test.db").display());
        let store = Store::open(Settings::new(&url)).await.unwrap();
        Self { store, url, name: None, _dir: dir }
    }

    pub(crate) async fn postgres() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (name, url) = postgres_database().await;
        let store = Store::open(Settings::new(&url)).await.unwrap();
        Self { store, url, name: Some(name), _dir: dir }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.name.is_some()
    }

    /// Another connection to the same database.
    pub(crate) async fn side(&self) -> Side {
        if self.is_postgres() {
            Side::Postgres(PgConnection::connect(&self.url).await.unwrap())
        } else {
            Side::Sqlite(SqliteConnection::connect(&self.url).await.unwrap())
        }
    }

    /// A single number from the database.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        self.side().await.number(sql).await
    }

    pub(crate) async fn end(self) {
        self.store.close().await;
        if let Some(name) = self.name {
            drop_database(&name).await;
        }
    }
}

pub(crate) async fn postgres_database() -> (String, String) {
    let name = format!("store_test_{:016x}", rand::random::<u64>());
    let mut admin = PgConnection::connect(&server()).await.unwrap();
    admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let mut url = server();
    let path = url.find("://").map_or(0, |at| at + 3);
    let slash = url[path..].find('/').map_or(url.len(), |at| path + at);
    url.truncate(slash);
    (name.clone(), format!("{url}/{name}"))
}

pub(crate) async fn drop_database(name: &str) {
    let mut admin = PgConnection::connect(&server()).await.unwrap();
    admin.execute(sqlx::AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
}

impl Side {
    pub(crate) async fn run(&mut self, sql: &'static str) {
        match self {
            Self::Sqlite(conn) => conn.execute(sql).await.map(drop),
            Self::Postgres(conn) => conn.execute(sql).await.map(drop),
        }
        .unwrap();
    }

    pub(crate) async fn number(&mut self, sql: &'static str) -> i64 {
        match self {
            Self::Sqlite(conn) => sqlx::query(sql).fetch_one(conn).await.unwrap().get(0),
            Self::Postgres(conn) => sqlx::query(sql).fetch_one(conn).await.unwrap().get(0),
        }
    }

    pub(crate) fn postgres(self) -> PgConnection {
        match self {
            Self::Postgres(conn) => conn,
            Self::Sqlite(_) => panic!("not on PostgreSQL"),
        }
    }
}

/// Runs a test with a database and takes it down.
pub(crate) async fn with<F: Future<Output = Db>, T: Future<Output = Db>>(db: F, test: impl FnOnce(Db) -> T) {
    test(db.await).await.end().await;
}

/// Declares tests that run on both databases; each gets the database and gives it back.
macro_rules! on_both {
    ($($(#[$doc:meta])* async fn $name:ident($db:ident) $body:block)+) => {$(
        async fn $name($db: $crate::harness::Db) -> $crate::harness::Db {
            $body
            $db
        }

        mod $name {
            $(#[$doc])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $crate::harness::with($crate::harness::Db::sqlite(), super::$name).await;
            }

            $(#[$doc])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $crate::harness::with($crate::harness::Db::postgres(), super::$name).await;
            }
        }
    )+};
}
pub(crate) use on_both;

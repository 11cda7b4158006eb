//! One schema, two databases.

use std::collections::BTreeMap;

use hookline::store::{Settings, Store, StoreError};
use sqlx::{Connection, Row};

use crate::harness::{Db, Side, on_both};

on_both! {
    async fn every_statement_prepares(db) {
        assert!(db.store.prepare_all().await.unwrap() > 90);
    }

    async fn a_schema_opens_again(db) {
        db.store.close().await;
        let again = reopen(&db.url).await.unwrap();
        assert!(again.catalogue_revision().await.unwrap() >= 1);
        again.close().await;
    }

    async fn a_newer_schema_is_refused_unless_it_says_that_it_fits(db) {
        db.store.close().await;
        let mut side = db.side().await;
        if db.is_postgres() {
            side.run("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                      VALUES (999, 'later', true, '\\x00', 0)").await;
        } else {
            side.run("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                      VALUES (999, 'later', true, x'00', 0)").await;
        }
        side.run("UPDATE schema_floor SET oldest = 1").await;
        reopen(&db.url).await.unwrap().close().await;
        side.run("UPDATE schema_floor SET oldest = 999").await;
        assert!(matches!(reopen(&db.url).await, Err(StoreError::NewerSchema { found: 999, .. })));
    }
}

/// The file's lock is free once the last connection has gone, a moment after `close`.
async fn reopen(url: &str) -> Result<Store, StoreError> {
    for _ in 0..200 {
        match Store::open(Settings::new(url)).await {
            Err(StoreError::InUse(_)) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            other => return other,
        }
    }
    Store::open(Settings::new(url)).await
}

#[tokio::test]
async fn both_schemas_have_the_same_tables_and_columns() {
    let (sqlite, postgres) = (Db::sqlite().await, Db::postgres().await);
    assert_eq!(columns_of(&sqlite).await, columns_of(&postgres).await);
    sqlite.end().await;
    postgres.end().await;
}

/// Each table's columns with their types and whether they may be NULL.
async fn columns_of(db: &Db) -> BTreeMap<String, BTreeMap<String, (String, bool)>> {
    let rows: Vec<(String, String, String, bool)> = match db.side().await {
        Side::Sqlite(mut conn) => sqlx::query(
            "SELECT m.name, c.name, lower(c.type), c.\"notnull\" <> 0 OR c.pk > 0 FROM sqlite_master AS m \
             JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name NOT LIKE '%sq%'",
        )
        .fetch_all(&mut conn)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get::<i64, _>(3) != 0))
        .collect(),
        Side::Postgres(mut conn) => sqlx::query(
            "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'NO' \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '%sq%'",
        )
        .fetch_all(&mut conn)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect(),
    };
    let mut tables: BTreeMap<String, BTreeMap<String, (String, bool)>> = BTreeMap::new();
    for (table, column, kind, required) in rows {
        let kind = match kind.as_str() {
            "blob" => "bytea".to_owned(),
            "integer" => "bigint".to_owned(),
            _ => kind,
        };
        tables.entry(table).or_default().insert(column, (kind, required));
    }
    tables
}

#[tokio::test]
async fn two_hosts_never_share_a_file() {
    let db = Db::sqlite().await;
    assert!(matches!(Store::open(Settings::new(&db.url)).await, Err(StoreError::InUse(_))));
    db.end().await;
}

#[tokio::test]
async fn another_address_is_refused() {
    assert!(matches!(Store::open(Settings::new("mysql://localhost")).await, Err(StoreError::Address)));
}

#[tokio::test]
async fn the_file_is_a_log_with_full_durability() {
    let db = Db::sqlite().await;
    let Side::Sqlite(mut conn) = db.side().await else { panic!() };
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut conn).await.unwrap();
    assert_eq!(mode, "wal");
    conn.close().await.unwrap();
    db.end().await;
}

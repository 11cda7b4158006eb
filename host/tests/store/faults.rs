//! What the database, the network and impatient callers can do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use hookline::domain::change::{Change, Refusal};
use hookline::store::{CommitError, Settings, Store};
use sqlx::{Connection, Executor, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Db, on_both};
use crate::make::*;

/// Waits until a query on the test's connection gives a number other than zero.
async fn until(conn: &mut PgConnection, sql: &'static str) {
    for _ in 0..1_000 {
        let seen: i64 = sqlx::query_scalar(sql).fetch_one(&mut *conn).await.unwrap();
        if seen != 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never came true: {sql}");
}

const COMMITTER_WAITS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                               AND application_name = 'hookline committer' AND wait_event_type = 'Lock'";
const KILL_COMMITTER: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                              WHERE datname = current_database() AND application_name = 'hookline committer'";

on_both! {
    async fn a_caller_that_leaves_does_not_take_its_change_along(db) {
        stocked(&db.store).await;
        let changes: Vec<_> = (0..20).map(|seed| create(seed, &buyer("lilei"), "sku-a", None)).collect();
        for change in &changes {
            let commit = db.store.commit(change.clone());
            // Polled once, then dropped: it is in the queue and its caller is gone.
            let _ = commit.now_or_never();
        }
        db.store.number_block().await.unwrap();
        assert_eq!(db.number("SELECT count(*) FROM pay_orders").await, 20);
    }

    async fn a_reader_cannot_write_and_cannot_be_poisoned(db) {
        stocked(&db.store).await;
        // Reads dropped half way, as a client that hangs up does, many times over.
        for seed in 0..200 {
            let store = db.store.clone();
            let read = tokio::spawn(async move { store.order_tree(hookline::domain::ids::OrderNo(seed)).await });
            if seed % 3 == 0 { tokio::task::yield_now().await; }
            read.abort();
            let _ = read.await;
        }
        let tree = created(&db.store, 1, "lilei").await;
        for _ in 0..20 {
            let read = db.store.order_tree(tree.pay.no).await.unwrap().unwrap();
            assert_eq!(*read, tree);
        }
        if db.is_postgres() {
            let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                        AND application_name = 'hookline reader' AND state LIKE 'idle in transaction%'";
            assert_eq!(db.number(idle).await, 0);
        }
        let refused = hookline::store::testing::write_on_reader(&db.store).await.unwrap_err();
        assert!(refused.contains("read-only") || refused.contains("readonly"), "{refused}");
    }
}

on_both! {
    async fn a_cancelled_begin_costs_no_write_and_no_fresh_read(db) {
        stocked(&db.store).await;
        let mut tree = created(&db.store, 1, "lilei").await;
        for polls in 1..60 {
            hookline::store::testing::cancel_begin(&db.store, polls).await;
            let change = Change { pay_orders: vec![next_pay(&tree, |_| {})], ..Change::default() };
            tree = step(&db.store, tree, change).await;
            assert_eq!(*db.store.order_tree(tree.pay.no).await.unwrap().unwrap(), tree, "after {polls} polls");
        }
        for _ in 0..16 {
            hookline::store::testing::write_on_reader(&db.store).await.unwrap_err();
        }
        assert_eq!(db.number("SELECT revision FROM catalogue_revision").await, 1);
    }
}

async fn hold(db: &Db, sql: &'static str) -> PgConnection {
    let mut side = db.side().await.postgres();
    side.execute("BEGIN").await.unwrap();
    side.execute(sql).await.unwrap();
    side
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_killed_in_a_batch_is_replaced_and_the_batch_is_committed_once() {
    let db = Db::postgres().await;
    stocked(&db.store).await;
    let mut blocker = hold(&db, "SELECT * FROM stock FOR UPDATE").await;
    let store = db.store.clone();
    let commit = tokio::spawn(async move { store.commit(create(1, &buyer("lilei"), "sku-a", None)).await });
    let mut admin = db.side().await.postgres();
    until(&mut admin, COMMITTER_WAITS).await;
    until(&mut admin, KILL_COMMITTER).await;
    blocker.execute("ROLLBACK").await.unwrap();
    commit.await.unwrap().unwrap();
    assert_eq!(db.number("SELECT count(*) FROM pay_orders").await, 1);
    assert_eq!(db.number("SELECT CAST(SUM(reserved) AS BIGINT) FROM stock").await, 2);
    db.end().await;
}

/// What the wire between store and server does with a COMMIT.
#[derive(Clone, Copy, PartialEq)]
enum Wire {
    /// Passes it on.
    Whole = 0,
    /// Passes it on and breaks before the answer.
    BreakAfter = 1,
    /// Breaks instead of passing it on, while the server's side stays open.
    BreakBefore = 2,
}

/// A wire to the server that can break at a COMMIT, once.
async fn wire(server: String) -> (u16, Arc<AtomicU8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mode = Arc::new(AtomicU8::new(Wire::Whole as u8));
    let switch = Arc::clone(&mode);
    tokio::spawn(async move {
        let mut kept = vec![];
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let upstream = TcpStream::connect(&server).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = upstream.into_split();
            let down = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            let mode = Arc::clone(&switch);
            kept.push(tokio::spawn(async move {
                let mut buffer = vec![0; 65_536];
                while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                    if buffer[..read].windows(7).any(|window| window == b"COMMIT\0") {
                        let set = mode.swap(Wire::Whole as u8, Ordering::SeqCst);
                        if set == Wire::BreakAfter as u8 {
                            down.abort();
                            let _ = down.await;
                            to_server.write_all(&buffer[..read]).await.unwrap();
                            tokio::time::sleep(Duration::from_millis(50)).await;
                            return Some(to_server);
                        }
                        if set == Wire::BreakBefore as u8 {
                            down.abort();
                            let _ = down.await;
                            return Some(to_server);
                        }
                    }
                    if to_server.write_all(&buffer[..read]).await.is_err() {
                        break;
                    }
                }
                None
            }));
        }
    });
    (port, mode)
}

async fn unknown_commit(fault: Wire) {
    let db = Db::postgres().await;
    stocked(&db.store).await;
    db.store.close().await;
    let address = db.url.split('@').next_back().unwrap().split('/').next().unwrap().to_owned();
    let (port, mode) = wire(address.clone()).await;
    let store = Store::open(Settings::new(db.url.replace(&address, &format!("127.0.0.1:{port}")))).await.unwrap();
    let mut seed = 0;
    for _ in 0..3 {
        mode.store(fault as u8, Ordering::SeqCst);
        let commits: Vec<_> = (0..5)
            .map(|_| {
                seed += 1;
                let (store, change) = (store.clone(), create(seed, &buyer("lilei"), "sku-a", None));
                tokio::spawn(async move { store.commit(change).await })
            })
            .collect();
        for commit in commits {
            commit.await.unwrap().unwrap();
        }
    }
    assert_eq!(db.number("SELECT count(*) FROM pay_orders").await, 15);
    assert_eq!(db.number("SELECT CAST(SUM(reserved) AS BIGINT) FROM stock").await, 30);
    store.close().await;
    db.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_not_done_twice() {
    unknown_commit(Wire::BreakAfter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_done() {
    unknown_commit(Wire::BreakBefore).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_repeated() {
    let db = Db::postgres().await;
    stocked(&db.store).await;
    // The test holds sku-b; the committer takes sku-a and waits for sku-b; then the test wants sku-a.
    let mut other = hold(&db, "SELECT * FROM stock WHERE stock_key = 'sku-b' FOR UPDATE").await;
    let store = db.store.clone();
    let commit = tokio::spawn(async move { store.commit(create(1, &buyer("lilei"), "sku-a", Some("sku-b"))).await });
    let mut admin = db.side().await.postgres();
    until(&mut admin, COMMITTER_WAITS).await;
    other.execute("SET LOCAL deadlock_timeout = '1min'").await.unwrap();
    other.execute("SELECT * FROM stock WHERE stock_key = 'sku-a' FOR UPDATE").await.unwrap();
    other.execute("COMMIT").await.unwrap();
    commit.await.unwrap().unwrap();
    let deadlocks = "SELECT pg_stat_get_db_deadlocks(oid) FROM pg_database WHERE datname = current_database()";
    until(&mut admin, deadlocks).await;
    db.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_for_a_moment_costs_no_order() {
    let db = Db::postgres().await;
    stocked(&db.store).await;
    let mut admin = PgConnection::connect(&crate::harness::server()).await.unwrap();
    for seed in 0..10 {
        let store = db.store.clone();
        let commit = tokio::spawn(async move { store.commit(create(seed, &buyer("lilei"), "sku-a", None)).await });
        admin
            .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nobody'")
            .await
            .unwrap();
        let mut side = db.side().await.postgres();
        side.execute(KILL_COMMITTER).await.unwrap();
        commit.await.unwrap().unwrap();
    }
    assert_eq!(db.number("SELECT count(*) FROM pay_orders").await, 10);
    db.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hosts_share_stock_keys_and_numbers() {
    let db = Db::postgres().await;
    let other = Store::open(Settings::new(&db.url)).await.unwrap();
    add_stock(&db.store, "hot", 60).await;
    let mut commits = vec![];
    for seed in 0..60 {
        for store in [&db.store, &other] {
            // Both hosts get the same request, under the same key and with the same number.
            let (store, change) = (store.clone(), create(seed, &buyer(&format!("b{seed}")), "hot", None));
            commits.push(tokio::spawn(async move { store.commit(change).await }));
        }
    }
    let (mut made, mut repeated) = (0, 0);
    for commit in commits {
        match commit.await.unwrap() {
            Ok(_) => made += 1,
            Err(CommitError::Refused(Refusal::KeyUsed(_))) => repeated += 1,
            Err(CommitError::Refused(Refusal::StockShort { .. })) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(made, 30);
    assert!(repeated <= 30);
    assert_eq!(db.number("SELECT count(*) FROM pay_orders").await, 30);
    assert_eq!(db.number("SELECT available FROM stock").await, 0);
    other.close().await;
    db.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hosts_move_a_wallet_in_turn() {
    use hookline::domain::resource::{Account, FUNDING, Transfer, Unit};
    let db = Db::postgres().await;
    let other = Store::open(Settings::new(&db.url)).await.unwrap();
    let commits: Vec<_> = (0..80)
        .map(|seed| {
            let store = if seed % 2 == 0 { db.store.clone() } else { other.clone() };
            let transfers = vec![Transfer {
                order_no: hookline::domain::ids::OrderNo(no(seed, 0, &buyer("lilei"))),
                operation: "top_up".into(),
                from: FUNDING,
                to: Account::Available(buyer("lilei")),
                unit: Unit::Coins,
                amount: 1,
            }];
            tokio::spawn(async move { store.commit(Change { at: NOW, transfers, ..Change::default() }).await })
        })
        .collect();
    for commit in commits {
        commit.await.unwrap().unwrap();
    }
    assert_eq!(db.store.balances(&buyer("lilei")).await.unwrap()[0].available, 80);
    other.close().await;
    db.end().await;
}

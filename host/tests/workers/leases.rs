use hookline::clock::Clock;
use hookline::store::Store;
use hookline::worker::{Held, Leases, Worker as _, give_back};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _};

use crate::harness::{on_postgres, store};

struct Host {
    name: &'static str,
    leases: Leases,
    held: Held,
}

fn host(name: &'static str, store: &Store) -> Host {
    let leases = Leases::new(store.clone(), name.to_owned(), Clock::system());
    Host { name, held: leases.held(), leases }
}

#[tokio::test]
async fn two_hosts_share_and_one_takes_over() {
    let (store, _folder) = store().await;
    shared(&store).await;
}

/// The same where two hosts really can meet. Each has a store of its own.
#[tokio::test]
async fn two_hosts_share_on_postgres() {
    on_postgres("workers", shared).await;
}

async fn shared(store: &Store) {
    let (mut a, mut b) = (host("a", store), host("b", store));
    a.leases.run_once().await.unwrap();
    assert_eq!(a.held.groups().len(), 16);

    b.leases.run_once().await.unwrap();
    assert!(b.held.groups().is_empty(), "what runs is not taken");
    a.leases.run_once().await.unwrap();
    b.leases.run_once().await.unwrap();
    let (mine, theirs) = (a.held.groups(), b.held.groups());
    assert_eq!((mine.len(), theirs.len()), (8, 8));
    assert!(mine.iter().all(|group| !theirs.contains(group)), "{mine:?} {theirs:?}");

    give_back(store, a.name, &a.held).await.unwrap();
    assert!(a.held.groups().is_empty());
    b.leases.run_once().await.unwrap();
    assert_eq!(b.held.groups().len(), 16);
    give_back(store, b.name, &b.held).await.unwrap();
}

/// A host died, and the machine's clock was set back a day: its leases end a day from now.
#[tokio::test]
async fn leases_of_a_dead_host_do_not_outlast_a_clock_set_back() {
    let (store, folder) = store().await;
    let (mut dead, mut next) = (host("a", &store), host("b", &store));
    dead.leases.run_once().await.unwrap();
    assert_eq!(dead.held.groups().len(), 16);
    let file = SqliteConnectOptions::new().filename(folder.path().join("test.db"));
    let mut side = file.connect().await.unwrap();
    for table in ["relay_leases", "hosts"] {
        let update = format!("UPDATE {table} SET until_at = until_at + 86400000");
        side.execute(sqlx::AssertSqlSafe(update)).await.unwrap();
    }
    next.leases.run_once().await.unwrap();
    assert_eq!(next.held.groups().len(), 16);
}

use hookline::clock::Clock;
use hookline::store::Store;
use hookline::worker::{Held, Leases, Worker as _, give_back};

use crate::harness::store;

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
    use hookline::store::Settings;
    use sqlx::{Connection as _, Executor as _, PgConnection};
    #[expect(clippy::disallowed_methods, reason = "the test runner says where the server is")]
    let server = std::env::var("HOOKLINE_TEST_PG_URL").expect("HOOKLINE_TEST_PG_URL is not set: run cargo xtask test");
    let name = format!("workers_{}", std::process::id());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let (head, _) = server.rsplit_once('/').unwrap();
    let store = Store::open(Settings::new(format!("{head}/{name}"))).await.unwrap();
    shared(&store).await;
    store.close().await;
    admin.execute(sqlx::AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
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

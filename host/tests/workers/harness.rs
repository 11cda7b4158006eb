//! A store of the test's own, events and timers for it, and hosts that are only workers.

use std::sync::Arc;
use std::time::Duration;

use hookline::broker::{Broker, Delivery, StreamKey};
use hookline::clock::Clock;
use hookline::domain::change::Change;
use hookline::domain::event::{Event, Topic, event};
use hookline::domain::ids::{OrderNo, SLOT_GROUPS};
use hookline::domain::order::Sequences;
use hookline::store::{Settings, Store};
use hookline::worker::{Held, Leases, Relay, RelaySetup, Worked, Worker as _};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

pub(crate) const PREFIX: &str = "test.events";
const DEADLINE: Duration = Duration::from_secs(20);

/// An embedded store in a temporary folder.
pub(crate) async fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store =
        Store::open(Settings::new(format!("sqlite:{}", folder.path().join("test.db").display()))).await.unwrap();
    (store, folder)
}

/// Runs a test with a store on a PostgreSQL database of its own.
pub(crate) async fn on_postgres(name: &str, test: impl AsyncFnOnce(&Store)) {
    #[expect(clippy::disallowed_methods, reason = "the test runner says where the server is")]
    let server = std::env::var("HOOKLINE_TEST_PG_URL").expect("HOOKLINE_TEST_PG_URL is not set: run cargo xtask test");
    let name = format!("{name}_{}", std::process::id());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let (head, _) = server.rsplit_once('/').unwrap();
    let store = Store::open(Settings::new(format!("{head}/{name}"))).await.unwrap();
    test(&store).await;
    store.close().await;
    admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
}

/// An order of a slot group.
pub(crate) fn order(group: u16, n: i64) -> OrderNo {
    OrderNo((n << 22) + i64::from(group) * 64)
}

/// The events `from..=to` of an order.
pub(crate) fn events(subject: OrderNo, from: i64, to: i64) -> Vec<Event> {
    let mut sequences = Sequences { order: from - 1, ..Sequences::default() };
    let one = |_| event(&mut sequences, subject, Topic::Order, "ORDER_TESTED", 1_700_000_000_000, &json!({}));
    (from..=to).map(one).collect()
}

/// Commits events as a use case does.
pub(crate) async fn commit(store: &Store, events: Vec<Event>) {
    store.commit(Change { events, ..Change::default() }).await.unwrap();
}

/// A host that leases and relays.
pub(crate) struct Host {
    pub(crate) leases: Leases,
    pub(crate) held: Held,
    pub(crate) relay: Relay,
}

impl Host {
    pub(crate) fn new(name: &str, store: &Store, broker: Arc<dyn Broker>, consumers: &[&str], clock: &Clock) -> Self {
        let leases = Leases::new(store.clone(), name.to_owned(), clock.clone());
        let held = leases.held();
        let relay = Relay::new(RelaySetup {
            store: store.clone(),
            broker,
            held: held.clone(),
            prefix: PREFIX.to_owned(),
            consumers: consumers.iter().map(ToString::to_string).collect(),
            poll: Duration::from_millis(10),
            clock: clock.clone(),
        });
        Self { leases, held, relay }
    }

    /// Relays until nothing is left.
    pub(crate) async fn drain(&mut self) {
        self.leases.run_once().await.unwrap();
        while self.relay.run_once().await.unwrap() == Worked::More {}
    }
}

/// Waits for a condition, looking often.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let watch = Clock::system().stopwatch();
    while !holds().await {
        assert!(watch.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Everything in the order streams, stream by stream in their order.
pub(crate) async fn everything(broker: &dyn Broker, reader: &str) -> Vec<Delivery> {
    let mut all = vec![];
    for group in 0..u8::try_from(SLOT_GROUPS).unwrap() {
        let stream = StreamKey::new(PREFIX, Topic::Order.word(), group);
        broker.ensure_group(&stream, reader).await.unwrap();
        all.extend(broker.read(&stream, reader, "test", 100_000).await.unwrap());
    }
    all
}

/// The sequences of one order as they first came, without repeats.
pub(crate) fn sequences(deliveries: &[Delivery], subject: OrderNo) -> Vec<i64> {
    let prefix = format!("{subject}.{}.", Topic::Order);
    let mut seen = vec![];
    for delivery in deliveries {
        let Some(sequence) = delivery.event_id.strip_prefix(&prefix) else { continue };
        let sequence = sequence.parse().unwrap();
        if !seen.contains(&sequence) {
            seen.push(sequence);
        }
    }
    seen
}

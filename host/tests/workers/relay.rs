use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use hookline::broker::{
    Broker, BrokerError, Delivery, Keeps, MemoryBroker, Outgoing, Position, Reclaimed, RedisBroker, StreamKey,
};
use hookline::clock::Clock;
use hookline::domain::event::Topic;
use hookline::domain::ids::SLOT_GROUPS;
use hookline::store::Store;
use hookline::worker::{Worked, Worker as _};

use crate::harness::{Host, PREFIX, commit, events, eventually, everything, order, sequences, store};
use crate::server::Redis;

async fn backlog(store: &Store) -> i64 {
    store.outbox_backlog().await.unwrap().iter().map(|group| group.events).sum()
}

fn stream(group: u8) -> StreamKey {
    StreamKey::new(PREFIX, Topic::Order.word(), group)
}

#[tokio::test]
async fn published_events_leave_the_outbox_and_are_kept() {
    let (store, _folder) = store().await;
    let broker = Arc::new(MemoryBroker::new(Clock::system()));
    let mut host = Host::new("a", &store, broker.clone(), &[], &Clock::system());
    for group in 0..SLOT_GROUPS {
        commit(&store, events(order(group, 1), 1, 3)).await;
    }
    host.drain().await;
    assert_eq!(backlog(&store).await, 0);
    assert_eq!(store.sent_events(3, 0, 10).await.unwrap().len(), 3);
    assert_eq!(everything(&*broker, "r").await.len(), 48);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_relays_keep_the_order_of_every_subject() {
    let (store, _folder) = store().await;
    let redis = Redis::start();
    let broker: Arc<dyn Broker> = Arc::new(RedisBroker::new(&redis.url()).unwrap());
    let mut hosts: Vec<_> =
        ["a", "b", "c"].map(|name| Host::new(name, &store, broker.clone(), &[], &Clock::system())).into();
    for _ in 0..4 {
        for host in &mut hosts {
            host.leases.run_once().await.unwrap();
        }
    }
    let mut held: Vec<_> = hosts.iter().map(|host| host.held.groups().len()).collect();
    held.sort_unstable();
    assert_eq!(held.iter().sum::<usize>(), 16, "{held:?}");
    assert!(held[0] >= 4 && held[2] <= 6, "{held:?}");

    let subjects: Vec<_> = (0..SLOT_GROUPS).flat_map(|group| [order(group, 1), order(group, 2)]).collect();
    let (written, writing_ended) = tokio::sync::watch::channel(false);
    let relaying = hosts.into_iter().map(|mut host| {
        let (store, ended) = (store.clone(), writing_ended.clone());
        async move {
            while !*ended.borrow() || backlog(&store).await > 0 {
                host.relay.run_once().await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    let writing = async {
        for sequence in 1..=20 {
            let changes = subjects.iter().map(|subject| commit(&store, events(*subject, sequence, sequence)));
            futures_util::future::join_all(changes).await;
        }
        written.send_replace(true);
    };
    tokio::join!(writing, futures_util::future::join_all(relaying));
    let all = everything(&*broker, "r").await;
    for subject in subjects {
        assert_eq!(sequences(&all, subject), (1..=20).collect::<Vec<_>>(), "{subject}");
    }
}

#[tokio::test]
async fn a_wiped_redis_gets_everything_above_the_mark_again_under_the_same_ids() {
    let (store, _folder) = store().await;
    let redis = Redis::start();
    let broker: Arc<dyn Broker> = Arc::new(RedisBroker::new(&redis.url()).unwrap());
    let mut host = Host::new("a", &store, broker.clone(), &["shop"], &Clock::system());
    broker.ensure_group(&stream(0), "shop").await.unwrap();
    commit(&store, events(order(0, 1), 1, 10)).await;
    host.drain().await;
    let before: BTreeSet<_> = everything(&*broker, "before").await.into_iter().map(|d| d.event_id).collect();
    assert_eq!(before.len(), 10);

    let _: () = redis.command(&["FLUSHALL"]);
    // The new event would make a new stream, which must not hide the loss.
    commit(&store, events(order(0, 1), 11, 11)).await;
    host.drain().await;
    let after = everything(&*broker, "after").await;
    assert_eq!(sequences(&after, order(0, 1)), (1..=11).collect::<Vec<_>>());
    let ids: BTreeSet<_> = after.into_iter().map(|d| d.event_id).collect();
    assert!(ids.is_superset(&before));

    // A host that starts later sees a loss that happened in between.
    let _: () = redis.command(&["FLUSHALL"]);
    let mut later = Host::new("a", &store, broker.clone(), &["shop"], &Clock::system());
    later.drain().await;
    assert_eq!(sequences(&everything(&*broker, "later").await, order(0, 1)), (1..=11).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_all_groups_confirmed_is_not_sent_again_after_a_loss() {
    let (store, _folder) = store().await;
    let redis = Redis::start();
    let broker: Arc<dyn Broker> = Arc::new(RedisBroker::new(&redis.url()).unwrap());
    let (clock, hand) = Clock::manual(Clock::system().now());
    let mut host = Host::new("a", &store, broker.clone(), &["shop"], &clock);
    commit(&store, events(order(0, 1), 1, 10)).await;
    host.drain().await;
    broker.ensure_group(&stream(0), "shop").await.unwrap();
    let got = broker.read(&stream(0), "shop", "one", 100).await.unwrap();
    let positions: Vec<_> = got.iter().map(|delivery| delivery.position).collect();
    broker.confirm(&stream(0), "shop", &positions).await.unwrap();
    hand.advance(5_500);
    commit(&store, events(order(0, 1), 11, 12)).await;
    host.drain().await;

    let _: () = redis.command(&["FLUSHALL"]);
    hand.advance(1_500);
    host.drain().await;
    assert_eq!(sequences(&everything(&*broker, "r").await, order(0, 1)), vec![11, 12]);
}

#[tokio::test]
async fn a_redis_that_is_away_only_delays() {
    let (store, _folder) = store().await;
    let mut redis = Redis::start();
    let broker: Arc<dyn Broker> = Arc::new(RedisBroker::new(&redis.url()).unwrap());
    let mut host = Host::new("a", &store, broker.clone(), &[], &Clock::system());
    commit(&store, events(order(5, 1), 1, 2)).await;
    host.drain().await;
    redis.freeze();
    commit(&store, events(order(5, 2), 1, 1)).await;
    assert!(host.relay.run_once().await.is_err(), "no answer is no success");
    redis.resume();
    eventually("the relay goes on", async || host.relay.run_once().await.is_ok() && backlog(&store).await == 0).await;

    redis.kill();
    commit(&store, events(order(5, 1), 3, 4)).await;
    assert!(host.relay.run_once().await.is_err());
    assert_eq!(backlog(&store).await, 2);
    redis.restart_empty();
    eventually("the relay goes on", async || {
        matches!(host.relay.run_once().await, Ok(Worked::Idle)) && backlog(&store).await == 0
    })
    .await;
    assert_eq!(sequences(&everything(&*broker, "r").await, order(5, 1)), vec![1, 2, 3, 4]);
}

#[tokio::test]
async fn the_lag_of_a_group_ends_with_its_backlog() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let value = |name: &str| {
        let page = page.render();
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().parse::<f64>().unwrap())
    };
    let (store, _folder) = store().await;
    let (clock, hand) = Clock::manual(1_800_000_000_000);
    let mut host = Host::new("a", &store, Arc::new(MemoryBroker::new(clock.clone())), &[], &clock);
    commit(&store, events(order(7, 1), 1, 3)).await;
    hand.advance(6_000);
    host.drain().await;
    let lag = "hookline_relay_lag_seconds{group=\"7\"}";
    assert!(value(lag).unwrap() > 0.0);
    assert_eq!(value("hookline_outbox_waiting"), Some(3.0));
    hand.advance(6_000);
    host.drain().await;
    assert_eq!((value(lag), value("hookline_outbox_waiting")), (Some(0.0), Some(0.0)));
}

/// Refuses one event.
struct Picky(MemoryBroker, String);

impl Picky {
    fn look(&self, events: &[Outgoing]) -> Result<(), BrokerError> {
        let bad = events.iter().any(|event| event.event_id == self.1);
        if bad { Err(BrokerError::Refused("too hot".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl Broker for Picky {
    fn keeps(&self) -> Keeps {
        self.0.keeps()
    }
    async fn publish(&self, stream: &StreamKey, events: &[Outgoing]) -> Result<Vec<Position>, BrokerError> {
        self.look(events)?;
        self.0.publish(stream, events).await
    }
    async fn extend(&self, stream: &StreamKey, events: &[Outgoing]) -> Result<Option<Vec<Position>>, BrokerError> {
        self.look(events)?;
        self.0.extend(stream, events).await
    }
    async fn last(&self, stream: &StreamKey) -> Result<Option<Position>, BrokerError> {
        self.0.last(stream).await
    }
    async fn low_water(&self, stream: &StreamKey, groups: &[String]) -> Result<Option<Position>, BrokerError> {
        self.0.low_water(stream, groups).await
    }
    async fn trim(&self, stream: &StreamKey, position: Position) -> Result<u64, BrokerError> {
        self.0.trim(stream, position).await
    }
    async fn ensure_group(&self, stream: &StreamKey, group: &str) -> Result<(), BrokerError> {
        self.0.ensure_group(stream, group).await
    }
    async fn read(
        &self,
        stream: &StreamKey,
        group: &str,
        consumer: &str,
        count: usize,
    ) -> Result<Vec<Delivery>, BrokerError> {
        self.0.read(stream, group, consumer, count).await
    }
    async fn reclaim(
        &self,
        stream: &StreamKey,
        group: &str,
        consumer: &str,
        idle: u64,
        count: usize,
    ) -> Result<Reclaimed, BrokerError> {
        self.0.reclaim(stream, group, consumer, idle, count).await
    }
    async fn confirm(&self, stream: &StreamKey, group: &str, positions: &[Position]) -> Result<(), BrokerError> {
        self.0.confirm(stream, group, positions).await
    }
}

#[tokio::test]
async fn a_poison_event_parks_its_own_order_only() {
    let (store, _folder) = store().await;
    let (clock, hand) = Clock::manual(1_800_000_000_000);
    let (poisoned, sound) = (order(7, 1), order(7, 2));
    let bad = events(poisoned, 2, 2)[0].id();
    let broker = Arc::new(Picky(MemoryBroker::new(clock.clone()), bad.clone()));
    let mut host = Host::new("a", &store, broker.clone(), &[], &clock);
    commit(&store, events(poisoned, 1, 3)).await;
    for sequence in 1..=8 {
        commit(&store, events(sound, sequence, sequence)).await;
        host.drain().await;
        hand.advance(6_000);
    }
    let all = everything(&broker.0, "r").await;
    assert_eq!(sequences(&all, sound), (1..=8).collect::<Vec<_>>());
    assert_eq!(sequences(&all, poisoned), vec![1]);
    // Operators see it; the events are still in the outbox.
    let dead = store.dead_letters(None, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].shop_no, &*dead[0].event, &*dead[0].id), (poisoned, "publish", &*bad));
    assert!(dead[0].reason.contains("too hot"), "{}", dead[0].reason);
    assert_eq!(backlog(&store).await, 2);
}

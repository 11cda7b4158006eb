//! One contract for both brokers; what only a real Redis can do comes after.

use crate::server::Redis;
use bytes::Bytes;
use hookline::broker::{BATCH_MAX, Broker, BrokerError, MemoryBroker, Outgoing, Position, RedisBroker, StreamKey};
use hookline::clock::Clock;

fn stream() -> StreamKey {
    StreamKey::new("order.events", "ORDER_TOPIC", 3)
}

fn events(ids: std::ops::Range<u32>) -> Vec<Outgoing> {
    let event = |id| Outgoing { event_id: format!("e-{id}"), body: Bytes::from(format!("{{\"n\":{id}}}")) };
    ids.map(event).collect()
}

fn groups(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Runs the same requirement on both brokers.
macro_rules! contract {
    ($($name:ident($broker:ident) $body:block)*) => {
        mod memory {
            use super::*;
            $(#[tokio::test] async fn $name() {
                let $broker: &dyn Broker = &MemoryBroker::new(Clock::system());
                $body
            })*
        }
        mod redis_streams {
            use super::*;
            $(#[tokio::test] async fn $name() {
                let server = Redis::start();
                let $broker: &dyn Broker = &RedisBroker::new(&server.url()).unwrap();
                $body
            })*
        }
    };
}

contract! {
    a_batch_is_kept_in_order(broker) {
        assert_eq!(broker.last(&stream()).await.unwrap(), None);
        let first = broker.publish(&stream(), &events(0..3)).await.unwrap();
        let second = broker.publish(&stream(), &events(2..4)).await.unwrap();
        let all: Vec<Position> = first.iter().chain(&second).copied().collect();
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
        assert_eq!(broker.last(&stream()).await.unwrap(), all.last().copied());

        broker.ensure_group(&stream(), "mail").await.unwrap();
        broker.ensure_group(&stream(), "mail").await.unwrap();
        let read = broker.read(&stream(), "mail", "c1", 10).await.unwrap();
        assert_eq!(read.iter().map(|delivery| delivery.position).collect::<Vec<_>>(), all);
        let ids: Vec<_> = read.iter().map(|delivery| delivery.event_id.as_str()).collect();
        assert_eq!(ids, ["e-0", "e-1", "e-2", "e-2", "e-3"], "a repeated event keeps its id");
        assert_eq!(read[1].body, "{\"n\":1}");
        assert!(broker.read(&stream(), "mail", "c1", 10).await.unwrap().is_empty());
    }

    batches_are_bounded(broker) {
        let many = events(0..u32::try_from(BATCH_MAX).unwrap() + 1);
        assert!(matches!(broker.publish(&stream(), &many).await, Err(BrokerError::BatchTooLarge(513))));
        assert!(broker.publish(&stream(), &[]).await.unwrap().is_empty());
        assert_eq!(broker.publish(&stream(), &many[1..]).await.unwrap().len(), BATCH_MAX);
    }

    the_low_water_mark_is_the_slowest_named_group(broker) {
        assert_eq!(broker.low_water(&stream(), &[]).await.unwrap(), None);
        assert_eq!(broker.low_water(&stream(), &groups(&["mail"])).await.unwrap(), Some(Position::ZERO));
        let at = broker.publish(&stream(), &events(0..4)).await.unwrap();
        for group in ["mail", "billing"] {
            broker.ensure_group(&stream(), group).await.unwrap();
        }
        let both = groups(&["mail", "billing"]);
        assert_eq!(broker.low_water(&stream(), &both).await.unwrap(), Some(Position::ZERO));

        broker.read(&stream(), "mail", "c1", 10).await.unwrap();
        broker.confirm(&stream(), "mail", &at).await.unwrap();
        broker.read(&stream(), "billing", "c1", 3).await.unwrap();
        broker.confirm(&stream(), "billing", &[at[0], at[2]]).await.unwrap();
        assert_eq!(broker.low_water(&stream(), &both).await.unwrap(), Some(at[1].before()), "the second is open");
        broker.confirm(&stream(), "billing", &[at[1]]).await.unwrap();
        assert_eq!(broker.low_water(&stream(), &both).await.unwrap(), Some(at[2]));
        let absent = groups(&["mail", "audit"]);
        assert_eq!(broker.low_water(&stream(), &absent).await.unwrap(), Some(Position::ZERO));
    }

    trimming_keeps_what_is_not_confirmed_and_the_last_position(broker) {
        assert_eq!(broker.trim(&stream(), Position::at(1)).await.unwrap(), 0);
        let at = broker.publish(&stream(), &events(0..4)).await.unwrap();
        assert_eq!(broker.trim(&stream(), at[2]).await.unwrap(), 2);
        broker.ensure_group(&stream(), "mail").await.unwrap();
        let left = broker.read(&stream(), "mail", "c1", 10).await.unwrap();
        assert_eq!(left.iter().map(|delivery| delivery.position).collect::<Vec<_>>(), at[2..]);
        assert_eq!(broker.trim(&stream(), Position::at(i64::MAX)).await.unwrap(), 2);
        assert_eq!(broker.last(&stream()).await.unwrap(), Some(at[3]));
    }

    another_consumer_takes_over_and_learns_what_is_lost(broker) {
        let at = broker.publish(&stream(), &events(0..3)).await.unwrap();
        broker.ensure_group(&stream(), "mail").await.unwrap();
        broker.read(&stream(), "mail", "dead", 3).await.unwrap();
        let patient = broker.reclaim(&stream(), "mail", "heir", 3_600_000, 10).await.unwrap();
        assert_eq!(patient, hookline::broker::Reclaimed::default());

        broker.trim(&stream(), at[1]).await.unwrap();
        let found = broker.reclaim(&stream(), "mail", "heir", 0, 10).await.unwrap();
        assert_eq!(found.lost, [at[0]]);
        assert_eq!(found.deliveries.iter().map(|delivery| delivery.position).collect::<Vec<_>>(), at[1..]);
        broker.confirm(&stream(), "mail", &at).await.unwrap();
        assert_eq!(broker.reclaim(&stream(), "mail", "heir", 0, 10).await.unwrap().deliveries, []);
    }

    reading_without_a_group_says_so(broker) {
        assert!(matches!(broker.read(&stream(), "mail", "c1", 1).await, Err(BrokerError::NoGroup)));
        broker.publish(&stream(), &events(0..1)).await.unwrap();
        assert!(matches!(broker.read(&stream(), "mail", "c1", 1).await, Err(BrokerError::NoGroup)));
        assert!(matches!(broker.reclaim(&stream(), "mail", "c1", 0, 1).await, Err(BrokerError::NoGroup)));
    }
}

#[tokio::test]
async fn subscribers_of_the_memory_broker_see_what_is_published() {
    let broker = MemoryBroker::new(Clock::system());
    let mut receiver = broker.subscribe(&stream());
    broker.publish(&stream(), &events(0..2)).await.unwrap();
    assert_eq!(receiver.recv().await.unwrap().event_id, "e-0");
    assert_eq!(receiver.recv().await.unwrap().event_id, "e-1");
    broker.wipe();
    assert_eq!(broker.last(&stream()).await.unwrap(), None);
}

#[tokio::test]
async fn a_wiped_redis_is_seen_and_published_to_again() {
    let mut server = Redis::start();
    let broker = RedisBroker::new(&server.url()).unwrap();
    broker.publish(&stream(), &events(0..3)).await.unwrap();
    server.restart_empty();

    // The first command meets the broken connection; the relay tries again.
    let mut last = broker.last(&stream()).await;
    for _ in 0..5 {
        if matches!(last, Err(BrokerError::Unavailable(_))) {
            last = broker.last(&stream()).await;
        }
    }
    assert_eq!(last.unwrap(), None);
    assert_eq!(broker.publish(&stream(), &events(0..3)).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_refused_event_leaves_nothing_of_its_batch() {
    let server = Redis::start();
    let broker = RedisBroker::new(&server.url()).unwrap();
    let at = broker.publish(&stream(), &events(0..1)).await.unwrap();
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(matches!(broker.publish(&stream(), &events(1..4)).await, Err(BrokerError::Refused(_))));
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(broker.last(&stream()).await.unwrap(), at.last().copied());
}

#[tokio::test]
async fn a_frozen_redis_is_unavailable_within_its_patience() {
    let server = Redis::start();
    let broker = RedisBroker::new(&server.url()).unwrap();
    server.freeze();
    assert!(matches!(broker.publish(&stream(), &events(0..1)).await, Err(BrokerError::Unavailable(_))));
    server.resume();
}

//! Locks and events through Redis: it is flushed, killed and comes back empty in mid-run, and nothing is wrong
//! afterwards.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::BTreeSet;

use futures_util::future::join_all;
use hookline_tests::checker::{self, Delivered, Outside};
use hookline_tests::journey::{Ended, Journey, Paying};
use hookline_tests::servers::{RedisServer, TestDatabase};
use hookline_tests::world::{Line, Pace, World, WorldError, host_settings};
use redis::AsyncCommands as _;
use serde_json::Value;

/// Orders of each line in a wave.
const WAVE: usize = 4;

async fn wave(world: &World) -> Result<Vec<Ended>, WorldError> {
    let lines = Line::ALL.into_iter().flat_map(|line| (0..WAVE).map(move |_| line));
    let journeys = lines.map(|line| Journey::new(world, line).to_completed(world, Paying::Sandbox));
    join_all(journeys).await.into_iter().collect()
}

/// Every event of every stream.
async fn streams(url: &str) -> Vec<Delivered> {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = connection.keys("order.events:*").await.unwrap();
    let mut delivered = Vec::new();
    for key in keys {
        let entries: redis::streams::StreamRangeReply = connection.xrange_all(&key).await.unwrap();
        for entry in entries.ids {
            let body: String = entry.get("event").unwrap();
            let event: Value = serde_json::from_str(&body).unwrap();
            let id = event["id"].as_str().unwrap();
            let mut parts = id.split('.');
            let mut part = || parts.next().unwrap().to_owned();
            let (subject, topic, sequence) = (part().parse().unwrap(), part(), part().parse().unwrap());
            delivered.push(Delivered { subject, topic, sequence });
        }
    }
    delivered
}

async fn survives(world: &World, redis: &mut RedisServer) {
    wave(world).await.unwrap();
    check(world, Some(redis)).await;

    // Flushed, killed, empty again, while a wave is on its way.
    let (ended, ()) = tokio::join!(wave(world), async {
        redis.flush().unwrap();
        tokio::task::yield_now().await;
        redis.kill().unwrap();
        redis.restart().unwrap();
    });
    ended.unwrap();
    check(world, None).await;

    // And the next wave is published whole.
    let after = wave(world).await.unwrap();
    let snapshot = checker::drained(world.database()).await.unwrap();
    let there: BTreeSet<(i64, i64)> =
        streams(&redis.url()).await.into_iter().map(|event| (event.subject, event.sequence)).collect();
    let numbers: BTreeSet<i64> = after.iter().map(|ended| ended.shop_order.parse().unwrap()).collect();
    for event in snapshot.events.iter().filter(|event| numbers.contains(&event.subject)) {
        assert!(there.contains(&(event.subject, event.sequence)), "{event:?} is in no stream");
    }
}

/// The books, and with a Redis that lost nothing its streams too. They are read last: an order may move on until then.
async fn check(world: &World, streamed: Option<&RedisServer>) {
    let snapshot = checker::drained(world.database()).await.unwrap();
    let sink = match streamed {
        Some(redis) => Some(streams(&redis.url()).await),
        None => None,
    };
    let outside = Outside {
        creates: world.history.creates(),
        differing: world.history.differing(),
        entries: world.suppliers.entries(),
        sink,
    };
    checker::check(&snapshot, &outside).assert_clean();
}

fn with_redis(redis: &RedisServer) -> hookline_tests::servers::HostSettings {
    host_settings().set("ORDER_REDIS_URL", redis.url()).set("ORDER_EVENT_BROKER", "redis")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let mut redis = RedisServer::start().unwrap();
    let world = World::start(with_redis(&redis), &Pace::default()).await.unwrap();
    survives(&world, &mut redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let mut redis = RedisServer::start().unwrap();
    let database = TestDatabase::create().await.unwrap();
    let settings = with_redis(&redis).set("ORDER_DB_URL", database.url());
    let world = World::start(settings, &Pace::default()).await.unwrap();
    survives(&world, &mut redis).await;
}

//! Shared locks against a real Redis that dies, freezes and comes back.

use std::time::Duration;

use crate::server::Redis;
use hookline::clock::{Clock, ManualClock};
use hookline::entropy::Entropy;
use hookline::lock::{LOCK_PATIENCE, Locks, SharedLocks};
use hookline::tasks::{ShutDown, Tasks};

const TTL: Duration = Duration::from_mins(1);
const NO_WAIT: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(20);

struct Host {
    locks: Locks,
    tasks: Tasks,
    hand: ManualClock,
}

fn host(redis: &Redis) -> Host {
    // A busy machine must not look like a dead Redis.
    impatient_host(redis, LONG)
}

fn impatient_host(redis: &Redis, patience: Duration) -> Host {
    let (clock, hand) = Clock::manual(1_800_000_000_000);
    let tasks = Tasks::new();
    let shared = SharedLocks::new(&redis.url(), patience, clock, Entropy::system(), tasks.clone()).unwrap();
    Host { locks: Locks::Shared(shared), tasks, hand }
}

#[tokio::test]
async fn two_hosts_exclude_each_other() {
    let redis = Redis::start();
    let (one, two) = (host(&redis), host(&redis));
    let held = one.locks.acquire("order-1", TTL, NO_WAIT).await.unwrap();
    assert!(two.locks.acquire("order-1", TTL, NO_WAIT).await.is_none());
    assert!(two.locks.acquire("order-2", TTL, NO_WAIT).await.is_some());
    held.release().await;
    assert!(two.locks.acquire("order-1", TTL, NO_WAIT).await.is_some());
}

#[tokio::test]
async fn a_dropped_guard_frees_in_the_background() {
    let redis = Redis::start();
    let (one, two) = (host(&redis), host(&redis));
    drop(one.locks.acquire("order-1", TTL, NO_WAIT).await.unwrap());
    assert_eq!(one.tasks.shut_down(LONG).await, ShutDown::Clean);
    assert!(two.locks.acquire("order-1", TTL, NO_WAIT).await.is_some());
}

#[tokio::test]
async fn a_late_holder_does_not_free_the_next_ones_lock() {
    let redis = Redis::start();
    let (one, two) = (host(&redis), host(&redis));
    let late = one.locks.acquire("order-1", Duration::from_millis(30), NO_WAIT).await.unwrap();
    let next = two.locks.acquire("order-1", TTL, LONG).await.expect("the first one's time is over");
    late.release().await;
    assert!(one.locks.acquire("order-1", TTL, NO_WAIT).await.is_none(), "the next one still holds it");
    next.release().await;
    assert!(one.locks.acquire("order-1", TTL, NO_WAIT).await.is_some());
}

#[tokio::test]
async fn work_goes_on_without_redis() {
    let mut redis = Redis::start();
    let host = host(&redis);
    redis.kill();
    let held = host.locks.acquire("order-1", TTL, NO_WAIT).await.expect("goes on without the shared lock");
    assert!(host.locks.acquire("order-1", TTL, NO_WAIT).await.is_none(), "the local lock still holds");
    held.release().await;
}

#[tokio::test]
async fn a_frozen_redis_stalls_nobody_and_is_left_alone_for_a_while() {
    let redis = Redis::start();
    let (one, two) = (impatient_host(&redis, LOCK_PATIENCE), host(&redis));
    redis.freeze();

    let first = tokio::time::timeout(LONG, one.locks.acquire("order-1", TTL, NO_WAIT)).await;
    let first = first.expect("bounded by the patience of one command").unwrap();
    // Resting: nothing is sent, so the answer is there at the first poll.
    let at_once = futures_util::FutureExt::now_or_never(one.locks.acquire("order-2", TTL, NO_WAIT));
    assert!(matches!(at_once, Some(Some(_))));

    redis.resume();
    drop(first);
    assert_eq!(one.tasks.shut_down(LONG).await, ShutDown::Clean);
    one.hand.advance(60_000);
    let elsewhere = two.locks.acquire("order-3", TTL, NO_WAIT).await.unwrap();
    // A first command may still meet the connection that the time-out broke.
    drop(one.locks.acquire("order-4", TTL, NO_WAIT).await);
    one.hand.advance(60_000);
    assert!(one.locks.acquire("order-3", TTL, NO_WAIT).await.is_none(), "locks are shared again");
    elsewhere.release().await;
}

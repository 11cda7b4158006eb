use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hookline::clock::Clock;
use hookline::domain::change::{Change, Timer, TimerKey, TimerKind};
use hookline::domain::ids::OrderNo;
use hookline::health::{Health, Part};
use hookline::store::Store;
use hookline::tasks::{ShutDown, Tasks};
use hookline::worker::{Fire, Held, Leases, Timers, TimersSetup, Trouble, Worker as _};

use crate::harness::{eventually, order, store};

/// Counts, disarms, and fails for some.
struct Count {
    store: Store,
    fired: Mutex<HashMap<OrderNo, u32>>,
    fails: Option<OrderNo>,
}

#[async_trait]
impl Fire for Count {
    async fn fire(&self, timer: Timer) -> Result<(), Trouble> {
        *self.fired.lock().unwrap().entry(timer.key.subject).or_default() += 1;
        if self.fails == Some(timer.key.subject) {
            return Err("on purpose".into());
        }
        self.store.commit(Change { disarm: vec![timer.key], ..Change::default() }).await?;
        Ok(())
    }
    async fn put_off(&self, _timer: Timer) -> Result<(), Trouble> {
        Err("on purpose".into())
    }
}

struct Host {
    leases: Leases,
    timers: Timers,
    tasks: Tasks,
}

fn host(name: &str, store: &Store, fire: Arc<Count>, health: &Health, clock: &Clock) -> Host {
    let leases = Leases::new(store.clone(), name.to_owned(), clock.clone());
    let (held, tasks): (Held, _) = (leases.held(), Tasks::new());
    let setup = TimersSetup {
        store: store.clone(),
        held,
        fire,
        health: health.clone(),
        clock: clock.clone(),
        tasks: tasks.clone(),
    };
    Host { leases, timers: Timers::new(setup), tasks }
}

fn timer(subject: OrderNo) -> Timer {
    Timer { key: TimerKey { subject, kind: TimerKind::Compensate }, due: 1_000, attempt: 0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_fire_every_timer_once_and_a_failing_one_not_in_a_loop() {
    let (store, _folder) = store().await;
    let subjects: Vec<_> = (0..16).flat_map(|group| (1..=20).map(move |n| order(group, n))).collect();
    let arm = subjects.iter().map(|subject| timer(*subject)).collect();
    store.commit(Change { arm, ..Change::default() }).await.unwrap();
    let fire = Arc::new(Count { store: store.clone(), fired: Mutex::default(), fails: Some(subjects[0]) });
    let (clock, health) = (Clock::system(), Health::default());
    let mut hosts = ["a", "b"].map(|name| host(name, &store, fire.clone(), &health, &clock));
    for _ in 0..2 {
        for host in &mut hosts {
            host.leases.run_once().await.unwrap();
        }
    }
    let [a, b] = &mut hosts;
    for _ in 0..20 {
        let (one, two) = tokio::join!(a.timers.run_once(), b.timers.run_once());
        one.and(two).unwrap();
    }
    eventually("all have fired", async || fire.fired.lock().unwrap().len() == subjects.len()).await;
    for host in &hosts {
        assert_eq!(host.tasks.shut_down(std::time::Duration::from_secs(10)).await, ShutDown::Clean);
    }
    for (subject, count) in fire.fired.lock().unwrap().iter() {
        assert_eq!(*count, 1, "{subject}");
    }
    assert_eq!(store.timers(subjects[0]).await.unwrap(), vec![timer(subjects[0])], "a failed timer stays armed");
    assert!(store.timers(subjects[1]).await.unwrap().is_empty());
}

#[tokio::test]
async fn timers_pause_while_the_clock_is_off() {
    let (store, _folder) = store().await;
    store.commit(Change { arm: vec![timer(order(0, 1))], ..Change::default() }).await.unwrap();
    let fire = Arc::new(Count { store: store.clone(), fired: Mutex::default(), fails: None });
    let (clock, health) = (Clock::system(), Health::default());
    let mut host = host("a", &store, fire.clone(), &health, &clock);
    host.leases.run_once().await.unwrap();
    health.set(Part::Clock, Some("off".to_owned()));
    host.timers.run_once().await.unwrap();
    assert!(fire.fired.lock().unwrap().is_empty());
    health.set(Part::Clock, None);
    host.timers.run_once().await.unwrap();
    eventually("it has fired", async || fire.fired.lock().unwrap().len() == 1).await;
}

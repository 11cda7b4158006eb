//! Timers of a host whose clock is set a day forwards or backwards, alone and beside a host whose clock is right.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hookline::clock::{Clock, ManualClock};
use hookline::domain::change::{Change, Timer, TimerKey, TimerKind};
use hookline::domain::ids::{Millis, SLOT_GROUPS};
use hookline::health::{Health, Part};
use hookline::store::Store;
use hookline::tasks::{ShutDown, Tasks};
use hookline::worker::{ClockCheck, Fire, Leases, Timers, TimersSetup, Trouble, Worker as _};

use crate::harness::{eventually, on_postgres, order, store};

const SECOND: Millis = 1_000;
const HOUR: Millis = 3_600_000;
const DAY: Millis = 86_400_000;
const KINDS: [TimerKind; 11] = [
    TimerKind::PayTimeout,
    TimerKind::Compensate,
    TimerKind::ShipOverdue,
    TimerKind::AutoReceive,
    TimerKind::Settle,
    TimerKind::Refund,
    TimerKind::Parked,
    TimerKind::Query,
    TimerKind::Reserve,
    TimerKind::Aftersale,
    TimerKind::Fulfilment,
];

/// Which timers fired, and with which due time. What fires is disarmed, unless it fails.
struct Book {
    store: Store,
    fired: Mutex<BTreeMap<TimerKey, Vec<Millis>>>,
    fails: bool,
}

#[async_trait]
impl Fire for Book {
    async fn fire(&self, timer: Timer) -> Result<(), Trouble> {
        self.fired.lock().unwrap().entry(timer.key).or_default().push(timer.due);
        if self.fails {
            return Err("on purpose".into());
        }
        self.store.commit(Change { disarm: vec![timer.key], ..Change::default() }).await?;
        Ok(())
    }
    async fn put_off(&self, _timer: Timer) -> Result<(), Trouble> {
        Err("on purpose".into())
    }
}

/// A host with a clock of its own.
struct Host {
    hand: ManualClock,
    leases: Leases,
    timers: Timers,
    check: ClockCheck,
    health: Health,
    tasks: Tasks,
}

impl Host {
    fn new(name: &str, book: &Arc<Book>, at: Millis) -> Self {
        let (clock, hand) = Clock::manual(at);
        let (health, tasks, store) = (Health::default(), Tasks::new(), book.store.clone());
        let leases = Leases::new(store.clone(), name.to_owned(), clock.clone());
        let check = ClockCheck::new(store.clone(), clock.clone(), health.clone());
        let (held, fire) = (leases.held(), book.clone());
        let setup = TimersSetup { store, held, fire, health: health.clone(), clock, tasks: tasks.clone() };
        Self { hand, leases, timers: Timers::new(setup), check, health, tasks }
    }

    /// Looks for what is due, more than once.
    async fn works(&mut self) {
        self.leases.run_once().await.unwrap();
        for _ in 0..3 {
            self.timers.run_once().await.unwrap();
        }
    }

    async fn checks(&mut self) {
        self.check.run_once().await.unwrap();
    }

    async fn ends(self) {
        assert_eq!(self.tasks.shut_down(Duration::from_secs(10)).await, ShutDown::Clean);
    }
}

impl Book {
    fn new(store: &Store, fails: bool) -> Arc<Self> {
        Arc::new(Self { store: store.clone(), fired: Mutex::default(), fails })
    }

    /// Arms a timer of every kind in every slot group, on orders of their own.
    async fn arm(&self, n: i64, due: Millis) -> Vec<TimerKey> {
        let subjects = (0..SLOT_GROUPS).map(|group| order(group, n));
        let keys: Vec<_> = subjects.flat_map(|subject| KINDS.map(|kind| TimerKey { subject, kind })).collect();
        let arm = keys.iter().map(|key| Timer { key: *key, due, attempt: 0 }).collect();
        self.store.commit(Change { arm, ..Change::default() }).await.unwrap();
        keys
    }

    fn count(&self) -> usize {
        self.fired.lock().unwrap().values().map(Vec::len).sum()
    }

    /// Waits until so many timers fired and are disarmed.
    async fn reaches(&self, count: usize, armed: &[TimerKey]) {
        eventually("timers fire", async || self.count() >= count && self.is_disarmed(armed).await).await;
        assert_eq!(self.count(), count, "nothing fired beside what was due");
    }

    async fn is_disarmed(&self, keys: &[TimerKey]) -> bool {
        for key in keys {
            if self.store.timers(key.subject).await.unwrap().iter().any(|timer| timer.key == *key) {
                return false;
            }
        }
        true
    }

    /// Each of these fired once, with the due time it was armed with, and nothing else did.
    fn holds_once(&self, expected: &[(&[TimerKey], Millis)]) {
        let expected: BTreeMap<_, _> =
            expected.iter().flat_map(|(keys, due)| keys.iter().map(|key| (*key, vec![*due]))).collect();
        assert_eq!(*self.fired.lock().unwrap(), expected);
    }
}

async fn forwards(store: &Store) {
    // Given timers that are due, that are within a day, and that are later,
    let (book, now) = (Book::new(store, false), Clock::system().now());
    let mut host = Host::new("a", &book, now);
    let due = book.arm(1, now - SECOND).await;
    let soon = book.arm(2, now + 12 * HOUR).await;
    let later = book.arm(3, now + 2 * DAY).await;
    host.works().await;
    book.reaches(due.len(), &due).await;
    // when the clock jumps a day forwards,
    host.hand.jump(DAY);
    host.works().await;
    // then what became due fires, once: also when the time really comes, after the clock was set right.
    book.reaches(due.len() + soon.len(), &soon).await;
    host.hand.jump(-DAY);
    for _ in 0..4 {
        host.hand.advance(6 * HOUR);
        host.works().await;
    }
    assert!(!book.is_disarmed(&later).await);
    host.ends().await;
    book.holds_once(&[(&due, now - SECOND), (&soon, now + 12 * HOUR)]);
}

async fn backwards(store: &Store) {
    // Given timers that fired, and some that are armed,
    let (book, now) = (Book::new(store, false), Clock::system().now());
    let mut host = Host::new("a", &book, now);
    let fired = book.arm(1, now - SECOND).await;
    let armed = book.arm(2, now + HOUR).await;
    host.works().await;
    book.reaches(fired.len(), &fired).await;
    // when the clock jumps a day backwards, and one of each kind is armed by that clock,
    host.hand.jump(-DAY);
    let new = book.arm(3, now - DAY + HOUR).await;
    host.works().await;
    // then nothing fires, and each does when its time comes.
    book.reaches(fired.len(), &fired).await;
    host.hand.advance(HOUR);
    host.works().await;
    book.reaches(fired.len() + new.len(), &new).await;
    host.hand.advance(DAY);
    host.works().await;
    book.reaches(fired.len() + new.len() + armed.len(), &armed).await;
    host.works().await;
    host.ends().await;
    book.holds_once(&[(&fired, now - SECOND), (&armed, now + HOUR), (&new, now - DAY + HOUR)]);
}

/// Two hosts share the groups, and the clock of one of them jumps.
async fn beside_another(store: &Store) {
    let (book, now) = (Book::new(store, false), Clock::system().now());
    let (mut right, mut wrong) = (Host::new("a", &book, now), Host::new("b", &book, now));
    right.leases.run_once().await.unwrap();
    wrong.leases.run_once().await.unwrap();
    right.leases.run_once().await.unwrap();
    wrong.leases.run_once().await.unwrap();
    let (due, soon) = (book.arm(1, now - SECOND).await, book.arm(2, now + HOUR).await);
    right.works().await;
    // One clock jumps forwards, and back beyond what is right; the other goes on.
    wrong.hand.jump(DAY);
    wrong.works().await;
    eventually("what is due", async || book.is_disarmed(&due).await).await;
    wrong.hand.jump(-2 * DAY);
    right.hand.advance(HOUR);
    wrong.works().await;
    right.works().await;
    eventually("what becomes due", async || book.is_disarmed(&soon).await).await;
    wrong.hand.advance(3 * DAY);
    wrong.works().await;
    right.works().await;
    right.ends().await;
    wrong.ends().await;
    book.holds_once(&[(&due, now - SECOND), (&soon, now + HOUR)]);
}

/// A timer that failed and could not be put off rests for seconds, whatever is done to the clock meanwhile.
async fn a_failed_one_rests_no_longer(store: &Store) {
    let (book, now) = (Book::new(store, true), Clock::system().now());
    let mut host = Host::new("a", &book, now);
    let due = book.arm(1, now - 2 * DAY).await;
    host.works().await;
    eventually("all have failed", async || book.count() == due.len()).await;
    for (at, jump) in [(2, -DAY), (3, DAY)] {
        host.hand.jump(jump);
        host.works().await;
        host.hand.advance(6 * SECOND);
        host.works().await;
        eventually("they are tried again", async || book.count() >= at * due.len()).await;
    }
    host.ends().await;
    assert!(book.fired.lock().unwrap().values().all(|tries| tries.len() == 3), "{:?}", book.fired);
}

#[tokio::test]
async fn a_day_forwards_on_sqlite() {
    forwards(&store().await.0).await;
}

#[tokio::test]
async fn a_day_forwards_on_postgres() {
    on_postgres("forwards", forwards).await;
}

#[tokio::test]
async fn a_day_backwards_on_sqlite() {
    backwards(&store().await.0).await;
}

#[tokio::test]
async fn a_day_backwards_on_postgres() {
    on_postgres("backwards", backwards).await;
}

#[tokio::test]
async fn beside_a_host_whose_clock_is_right_on_sqlite() {
    beside_another(&store().await.0).await;
}

#[tokio::test]
async fn beside_a_host_whose_clock_is_right_on_postgres() {
    on_postgres("beside", beside_another).await;
}

#[tokio::test]
async fn a_failed_timer_rests_no_longer_on_sqlite() {
    a_failed_one_rests_no_longer(&store().await.0).await;
}

#[tokio::test]
async fn a_failed_timer_rests_no_longer_on_postgres() {
    on_postgres("rests", a_failed_one_rests_no_longer).await;
}

/// What the clock check sees stops the timers, and its end lets them go on.
#[tokio::test]
async fn a_host_that_jumped_stops_firing_until_its_clock_is_right_again() {
    on_postgres("checked", async |store| {
        for (n, jump) in [(1, DAY), (2, -DAY)] {
            let (book, now) = (Book::new(store, false), store.database_now().await.unwrap());
            let mut host = Host::new("a", &book, now);
            host.checks().await;
            assert_eq!(host.health.wrong(Part::Clock), None);
            let due = book.arm(n, now - 2 * DAY).await;
            host.hand.jump(jump);
            host.checks().await;
            assert!(host.health.wrong(Part::Clock).is_some());
            host.works().await;
            host.hand.set(store.database_now().await.unwrap());
            host.checks().await;
            assert_eq!(book.count(), 0, "nothing fired meanwhile");
            host.works().await;
            book.reaches(due.len(), &due).await;
            host.ends().await;
            book.holds_once(&[(&due, now - 2 * DAY)]);
        }
    })
    .await;
}

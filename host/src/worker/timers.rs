//! Due timers of the slot groups held, fired side by side.
//!
//! What a timer does disarms or re-arms it. One that fails is put off; if even that fails, this host leaves it alone
//! for a while, so that it is never tried in a hot loop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::leases::Held;
use super::runner::{Trouble, Worked, Worker, chain};
use crate::clock::{Clock, Stopwatch};
use crate::domain::change::{Timer, TimerKey};
use crate::domain::ids::Millis;
use crate::health::{Health, Part};
use crate::store::Store;
use crate::tasks::Tasks;
use crate::telemetry::metrics::{TIMERS_FIRED, TIMERS_LATE_SECONDS};

/// Between two looks for due timers.
const POLL: Duration = Duration::from_millis(100);
/// Timers of a group that one look brings.
const PAGE: u32 = 64;
/// Timers that fire at a time.
const SIDE_BY_SIDE: usize = 32;
/// A timer that fired and is still due afterwards is left alone for this long.
const PAUSE: Duration = Duration::from_secs(5);

/// What a due timer does.
#[async_trait]
pub trait Fire: Send + Sync + 'static {
    /// Does it, and disarms or moves the timer.
    async fn fire(&self, timer: Timer) -> Result<(), Trouble>;

    /// Moves a timer that failed.
    async fn put_off(&self, timer: Timer) -> Result<(), Trouble>;
}

/// What the worker needs.
#[derive(Clone)]
pub struct TimersSetup {
    /// Where timers are armed.
    pub store: Store,
    /// The slot groups of this host.
    pub held: Held,
    /// What they do.
    pub fire: Arc<dyn Fire>,
    /// Whether the clock can be trusted.
    pub health: Health,
    /// The time.
    pub clock: Clock,
    /// Runs them.
    pub tasks: Tasks,
}

/// Fires due timers.
pub struct Timers {
    setup: TimersSetup,
    places: Arc<Semaphore>,
    seen: Arc<Mutex<HashMap<TimerKey, Seen>>>,
}

/// A timer that this host has taken up.
#[derive(Debug)]
enum Seen {
    Running,
    /// With this due time it is left alone for [`PAUSE`], also if the clock is set meanwhile.
    Resting {
        due: Millis,
        since: Stopwatch,
    },
}

impl Timers {
    /// With nothing running.
    pub fn new(setup: TimersSetup) -> Self {
        Self { setup, places: Arc::new(Semaphore::new(SIDE_BY_SIDE)), seen: Arc::default() }
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<TimerKey, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a timer up, unless it runs or rests.
    fn take_up(&self, timer: &Timer) -> bool {
        let mut seen = self.seen();
        let leave = match seen.get(&timer.key) {
            None => false,
            Some(Seen::Running) => true,
            Some(Seen::Resting { due, since }) => *due == timer.due && since.elapsed() < PAUSE,
        };
        if !leave {
            seen.insert(timer.key, Seen::Running);
        }
        !leave
    }

    async fn start(&self, timer: Timer) -> Result<(), Trouble> {
        let place = Arc::clone(&self.places).acquire_owned().await?;
        let (setup, seen) = (self.setup.clone(), Arc::clone(&self.seen));
        self.setup.tasks.spawn("timer", async move {
            // Freed even if the work panics.
            let _done = Done { seen, timer, clock: setup.clock.clone() };
            fire(&*setup.fire, timer).await;
            drop(place);
        });
        Ok(())
    }
}

struct Done {
    seen: Arc<Mutex<HashMap<TimerKey, Seen>>>,
    timer: Timer,
    clock: Clock,
}

impl Drop for Done {
    fn drop(&mut self) {
        let resting = Seen::Resting { due: self.timer.due, since: self.clock.stopwatch() };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(self.timer.key, resting);
    }
}

async fn fire(work: &dyn Fire, timer: Timer) {
    let (kind, no) = (timer.key.kind.word(), timer.key.subject);
    let outcome = match work.fire(timer).await {
        Ok(()) => "done",
        Err(error) => {
            tracing::warn!(%no, kind, attempt = timer.attempt, error = %chain(error.as_ref()), "a timer failed");
            if let Err(error) = work.put_off(timer).await {
                tracing::warn!(%no, kind, error = %chain(error.as_ref()), "a failed timer was not put off");
            }
            "failed"
        }
    };
    metrics::counter!(TIMERS_FIRED, "kind" => kind, "outcome" => outcome).increment(1);
}

#[async_trait]
impl Worker for Timers {
    fn name(&self) -> &'static str {
        "timers"
    }

    fn rest(&self) -> Duration {
        POLL
    }

    async fn run_once(&mut self) -> Result<Worked, Trouble> {
        if self.setup.health.wrong(Part::Clock).is_some() {
            return Ok(Worked::Idle);
        }
        let now = self.setup.clock.now();
        self.seen().retain(|_, seen| !matches!(seen, Seen::Resting { since, .. } if since.elapsed() >= PAUSE));
        // Those that rest or run must not keep others out of the page.
        let known = u32::try_from(self.seen().len()).unwrap_or(u32::MAX);
        let page = PAGE.saturating_add(known);
        let mut worked = Worked::Idle;
        for group in self.setup.held.groups() {
            let due = self.setup.store.due_timers(&[group], now, page).await?;
            let late = due.first().map_or(0, |timer| now - timer.due);
            let late = Duration::from_millis(u64::try_from(late).unwrap_or(0));
            metrics::gauge!(TIMERS_LATE_SECONDS, "group" => group.to_string()).set(late.as_secs_f64());
            if due.len() >= page as usize {
                worked = Worked::More;
            }
            for timer in due {
                if self.take_up(&timer) {
                    self.start(timer).await?;
                }
            }
        }
        Ok(worked)
    }
}

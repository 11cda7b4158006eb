//! The only place that reads the real clock. Everything else is handed a [`Clock`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of time, cheap to clone. Times are epoch milliseconds, UTC.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<Dial>),
}

/// A manual clock's state.
#[derive(Debug, Default)]
struct Dial {
    now: AtomicI64,
    /// By how much it was set, without time passing.
    jumped: AtomicI64,
}

impl Dial {
    fn passed(&self) -> i64 {
        self.now.load(Ordering::SeqCst) - self.jumped.load(Ordering::SeqCst)
    }
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until its [`ManualClock`] moves it.
    pub fn manual(at: i64) -> (Self, ManualClock) {
        let dial = Arc::new(Dial { now: AtomicI64::new(at), ..Dial::default() });
        (Self(Source::Manual(dial.clone())), ManualClock(dial))
    }

    /// Now, in epoch milliseconds. May step backwards when the machine's clock is set.
    pub fn now(&self) -> i64 {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(dial) => dial.now.load(Ordering::SeqCst),
        }
    }

    /// Starts measuring a span of time, independent of the wall clock being set.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn stopwatch(&self) -> Stopwatch {
        match &self.0 {
            Source::System => Stopwatch(Started::Real(Instant::now())),
            Source::Manual(dial) => Stopwatch(Started::Manual(dial.clone(), dial.passed())),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn system_now() -> i64 {
    // A clock before 1970 reads as 0: nothing here can be right then, and nothing should panic for it.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Moves the [`Clock`] it was made with.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Dial>);

impl ManualClock {
    /// Moves time on by `milliseconds` (back, when negative).
    pub fn advance(&self, milliseconds: i64) {
        self.0.now.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Sets the clock on by `milliseconds` (back, when negative), as somebody sets a machine's: no time passes.
    pub fn jump(&self, milliseconds: i64) {
        self.0.jumped.fetch_add(milliseconds, Ordering::SeqCst);
        self.0.now.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Sets the time, epoch milliseconds.
    pub fn set(&self, at: i64) {
        self.0.now.store(at, Ordering::SeqCst);
    }
}

/// Measures from the moment it was made by [`Clock::stopwatch`].
#[derive(Clone, Debug)]
pub struct Stopwatch(Started);

#[derive(Clone, Debug)]
enum Started {
    Real(Instant),
    Manual(Arc<Dial>, i64),
}

impl Stopwatch {
    /// Time since the start, never negative.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Started::Real(start) => start.elapsed(),
            Started::Manual(dial, start) => {
                let passed = dial.passed().saturating_sub(*start);
                Duration::from_millis(u64::try_from(passed).unwrap_or(0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let (clock, hand) = Clock::manual(1_000);
        let watch = clock.clone().stopwatch();
        hand.advance(250);
        assert_eq!(clock.now(), 1_250);
        assert_eq!(watch.elapsed(), Duration::from_millis(250));
        hand.jump(86_400_000);
        assert_eq!((clock.now(), watch.elapsed()), (86_401_250, Duration::from_millis(250)));
        hand.set(0);
        assert_eq!(watch.elapsed(), Duration::ZERO);
    }

    #[test]
    fn the_system_clock_is_past_2024() {
        assert!(Clock::system().now() > 1_704_067_200_000);
    }
}

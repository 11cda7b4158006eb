//! A warning that may come thousands of times a second is written once in a while, with a count.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Lets one through per `interval` milliseconds and counts the rest.
#[derive(Debug)]
pub struct Seldom {
    interval: i64,
    next: AtomicI64,
    held_back: AtomicU64,
}

impl Seldom {
    /// At most one per `interval` milliseconds.
    pub const fn every(interval: i64) -> Self {
        Self { interval, next: AtomicI64::new(i64::MIN), held_back: AtomicU64::new(0) }
    }

    /// At `now` (epoch milliseconds): `Some(n)` to speak, where `n` were held back since the last time.
    pub fn due(&self, now: i64) -> Option<u64> {
        let next = self.next.load(Ordering::Relaxed);
        let won = now >= next
            && self
                .next
                .compare_exchange(next, now.saturating_add(self.interval), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if won {
            return Some(self.held_back.swap(0, Ordering::Relaxed));
        }
        self.held_back.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_an_interval_with_a_count_of_the_rest() {
        let seldom = Seldom::every(1_000);
        assert_eq!(seldom.due(5), Some(0));
        assert_eq!(seldom.due(6), None);
        assert_eq!(seldom.due(1_004), None);
        assert_eq!(seldom.due(1_005), Some(2));
    }
}

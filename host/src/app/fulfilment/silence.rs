//! A service that does not answer is not asked by everybody: waiting for it would keep other timers from their turn.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::ids::Millis;

/// Between two tries of a service that does not answer.
const PAUSE_MS: Millis = 5_000;
/// It answers.
const NEVER: i64 = i64::MIN;

/// Whether the service answers.
#[derive(Debug)]
pub struct Silence {
    /// When the next try is due.
    until: AtomicI64,
}

impl Default for Silence {
    fn default() -> Self {
        Self { until: AtomicI64::new(NEVER) }
    }
}

impl Silence {
    /// Whether to try now. While it is silent, one caller in each pause may.
    pub(super) fn admits(&self, now: Millis) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        until == NEVER
            || now >= until
                && self.until.compare_exchange(until, now + PAUSE_MS, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// It answered, or nobody heard.
    pub(super) fn heard(&self, answered: bool, now: Millis) {
        self.until.store(if answered { NEVER } else { now + PAUSE_MS }, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_service_is_tried_by_one_at_a_time_until_it_answers() {
        let silence = Silence::default();
        assert!(silence.admits(0) && silence.admits(0));
        silence.heard(false, 1_000);
        assert!(!silence.admits(1_000) && !silence.admits(5_999));
        assert!(silence.admits(6_000) && !silence.admits(6_000), "one tries");
        silence.heard(true, 6_100);
        assert!(silence.admits(6_100) && silence.admits(6_100));
    }
}

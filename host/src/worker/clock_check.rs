//! Compares this machine's clock with the database's: a host that is far off fires timers at the wrong time.

use std::time::Duration;

use async_trait::async_trait;

use super::runner::{Trouble, Worked, Worker};
use crate::clock::Clock;
use crate::domain::ids::Millis;
use crate::health::{Health, Part};
use crate::store::Store;

/// Between two comparisons.
const EVERY: Duration = Duration::from_secs(5);
/// More than this is too far off, milliseconds.
const ALLOWED: Millis = 2_000;

/// Reports [`Part::Clock`].
#[derive(Debug)]
pub struct ClockCheck {
    store: Store,
    clock: Clock,
    health: Health,
}

impl ClockCheck {
    /// For a host on PostgreSQL; SQLite's clock is the machine's own.
    pub fn new(store: Store, clock: Clock, health: Health) -> Self {
        Self { store, clock, health }
    }
}

#[async_trait]
impl Worker for ClockCheck {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn rest(&self) -> Duration {
        EVERY
    }

    async fn run_once(&mut self) -> Result<Worked, Trouble> {
        let before = self.clock.now();
        let database = self.store.database_now().await?;
        self.health.set(Part::Clock, verdict(before, database, self.clock.now()));
        Ok(Worked::Idle)
    }
}

/// The database answered between `before` and `after`: only what the way cannot explain counts.
fn verdict(before: Millis, database: Millis, after: Millis) -> Option<String> {
    let off = (before - database).max(database - after).max(0);
    (off > ALLOWED).then(|| format!("this machine's clock is {off} ms away from the database's"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_way_cannot_explain_counts() {
        assert_eq!(verdict(10_000, 10_500, 11_000), None);
        assert_eq!(verdict(10_000, 13_000, 14_000), None);
        assert_eq!(verdict(10_000, 12_010, 10_010), None);
        assert!(verdict(10_000, 12_011, 10_010).is_some());
        assert!(verdict(10_000, 7_999, 10_010).is_some());
    }
}

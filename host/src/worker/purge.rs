//! Deletes what is past its time: idempotency keys, batch ids, published events.

use std::time::Duration;

use async_trait::async_trait;

use super::runner::{Trouble, Worked, Worker};
use crate::clock::Clock;
use crate::store::{Purged, Store};

/// Between two rounds with nothing left.
const EVERY: Duration = Duration::from_mins(1);

/// Deletes a bounded number of rows at a time.
#[derive(Debug)]
pub struct Purge {
    store: Store,
    clock: Clock,
}

impl Purge {
    /// For a store.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }
}

#[async_trait]
impl Worker for Purge {
    fn name(&self) -> &'static str {
        "purge"
    }

    fn rest(&self) -> Duration {
        EVERY
    }

    async fn run_once(&mut self) -> Result<Worked, Trouble> {
        let purged = self.store.purge(self.clock.now()).await?;
        Ok(if purged == Purged::default() { Worked::Idle } else { Worked::More })
    }
}

//! Moves old entries of the operate log to its archive.

use std::time::Duration;

use async_trait::async_trait;

use super::runner::{Trouble, Worked, Worker};
use crate::clock::Clock;
use crate::domain::operation::OPERATION_HOT_MS;
use crate::store::Store;
use crate::telemetry::metrics::OPERATIONS_ARCHIVED;

/// Between two rounds with nothing left.
const EVERY: Duration = Duration::from_mins(10);

/// Moves a bounded number of entries at a time. Any number of hosts may do it at once: an entry moves once.
#[derive(Debug)]
pub struct Archive {
    store: Store,
    clock: Clock,
}

impl Archive {
    /// For a store.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }
}

#[async_trait]
impl Worker for Archive {
    fn name(&self) -> &'static str {
        "archive"
    }

    fn rest(&self) -> Duration {
        EVERY
    }

    async fn run_once(&mut self) -> Result<Worked, Trouble> {
        let moved = self.store.archive_operations(self.clock.now() - OPERATION_HOT_MS).await?;
        if moved == 0 {
            return Ok(Worked::Idle);
        }
        metrics::counter!(OPERATIONS_ARCHIVED).increment(moved);
        tracing::info!(moved, "entries of the operate log moved to the archive");
        Ok(Worked::More)
    }
}

//! Counts the orders that wait for a person.

use std::time::Duration;

use async_trait::async_trait;

use super::runner::{Trouble, Worked, Worker};
use crate::store::Store;
use crate::telemetry::metrics::ATTENTION_OPEN;

/// Between two counts.
const EVERY: Duration = Duration::from_secs(30);

/// Keeps the number for whoever watches. Every host tells the same.
#[derive(Debug)]
pub struct CountAttention {
    store: Store,
}

impl CountAttention {
    /// For a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Worker for CountAttention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn rest(&self) -> Duration {
        EVERY
    }

    async fn run_once(&mut self) -> Result<Worked, Trouble> {
        let open = u32::try_from(self.store.attention_count().await?)?;
        metrics::gauge!(ATTENTION_OPEN).set(open);
        Ok(Worked::Idle)
    }
}

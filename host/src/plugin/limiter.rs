//! What an instance may hold, and the typed errors that stop it.

use wasmtime::{Error, ResourceLimiter};

use super::limits::{self, Exceeded, Limit};

/// Raised inside a call; found again by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub(super) struct Stopped(#[from] pub(super) Exceeded);

/// Sums what all memories of an instance hold. A growth beyond the limit ends the call at once: a program that asked for
/// too much has no better answer of its own.
pub(super) struct Limiter {
    held: u64,
    allowed: u64,
}

impl Limiter {
    pub(super) const fn new(allowed: u64) -> Self {
        Self { held: 0, allowed }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool, Error> {
        let held = self.held.saturating_add(desired.saturating_sub(current) as u64);
        Limit::Memory.check(held, self.allowed).map_err(|exceeded| Error::new(Stopped(exceeded)))?;
        self.held = held;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool, Error> {
        Limit::TableElements
            .check(desired as u64, u64::from(limits::TABLE_ELEMENTS))
            .map_err(|exceeded| Error::new(Stopped(exceeded)))?;
        Ok(true)
    }

    fn instances(&self) -> usize {
        limits::INSTANCES as usize
    }

    fn tables(&self) -> usize {
        limits::TABLES as usize
    }

    fn memories(&self) -> usize {
        limits::MEMORIES as usize
    }
}

//! Locks around work that should not run twice at the same time.
//!
//! A lock saves wasted work; it never keeps data right, the expected versions in the store do. So when Redis fails,
//! work goes on without the shared lock.

mod local;
mod shared;

use std::time::Duration;

pub use local::LocalLocks;
pub use shared::{LOCK_PATIENCE, SharedLocks};

/// Who keeps the locks. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Locks {
    /// This process.
    Local(LocalLocks),
    /// Redis, for all hosts.
    Shared(SharedLocks),
}

impl Locks {
    /// Waits up to `wait` for `key`. None: somebody else holds it, or too many wait already.
    ///
    /// A shared lock frees itself after `ttl`, held or not: choose it longer than the work. It is never extended. A
    /// local lock lives as long as its guard.
    pub async fn acquire(&self, key: &str, ttl: Duration, wait: Duration) -> Option<LockGuard> {
        match self {
            Self::Local(locks) => locks.acquire(key, wait).await.map(|local| LockGuard { shared: None, _local: local }),
            Self::Shared(locks) => locks.acquire(key, ttl, wait).await,
        }
    }
}

/// Holds a lock until it is dropped (a shared one is then freed in the background) or [`LockGuard::release`]d.
#[derive(Debug)]
pub struct LockGuard {
    // Freed before the local one, so that the next waiter here finds it free.
    shared: Option<shared::Held>,
    _local: local::LocalGuard,
}

impl LockGuard {
    /// Frees the lock and waits until that is done, for at most the time-out of one Redis command.
    pub async fn release(mut self) {
        if let Some(held) = self.shared.take() {
            held.free().await;
        }
    }
}

//! Locks within the process: first come, first served, with a bounded queue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use crate::telemetry::metrics::LOCK_WAIT_EXPIRED;

/// Callers that may hold or wait for one key; the next is turned away at once.
const QUEUE_MAX: usize = 64;

type Lock = Arc<tokio::sync::Mutex<()>>;
type Table = HashMap<Box<str>, Lock>;

/// The locks of this process, cheap to clone. Memory is bounded by the keys in use.
#[derive(Clone, Debug, Default)]
pub struct LocalLocks {
    table: Arc<Mutex<Table>>,
}

impl LocalLocks {
    /// No locks held.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits up to `wait` for `key`.
    pub(super) async fn acquire(&self, key: &str, wait: Duration) -> Option<LocalGuard> {
        let place = self.queue(key)?;
        let lock = place.lock.clone();
        let Ok(held) = tokio::time::timeout(wait, lock.lock_owned()).await else {
            metrics::counter!(LOCK_WAIT_EXPIRED).increment(1);
            return None;
        };
        Some(LocalGuard { _held: held, _place: place })
    }

    fn queue(&self, key: &str) -> Option<Place> {
        let mut table = locked(&self.table);
        let lock = match table.get(key) {
            Some(lock) => lock.clone(),
            None => table.entry(key.into()).or_default().clone(),
        };
        // The table and the clone above count too. A waiter counts twice: by its place and inside its wait.
        if Arc::strong_count(&lock) > 2 + 2 * QUEUE_MAX {
            metrics::counter!(LOCK_WAIT_EXPIRED).increment(1);
            return None;
        }
        Some(Place { table: self.table.clone(), key: key.into(), lock })
    }

    #[cfg(test)]
    fn keys(&self) -> usize {
        locked(&self.table).len()
    }
}

fn locked(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A caller's place in a key's queue; the last one to leave removes the key.
#[derive(Debug)]
struct Place {
    table: Arc<Mutex<Table>>,
    key: Box<str>,
    lock: Lock,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = locked(&self.table);
        // Clones are made under the table's lock only, so two (the table's and ours) means that nobody else is here.
        if Arc::strong_count(&self.lock) == 2 {
            table.remove(&self.key);
        }
    }
}

/// Holds a local lock.
#[derive(Debug)]
pub(super) struct LocalGuard {
    // Order matters: the lock is freed before its place is given up.
    _held: OwnedMutexGuard<()>,
    _place: Place,
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn one_holder_a_key_and_waiters_in_turn() {
        let locks = LocalLocks::new();
        let first = locks.acquire("order-1", LONG).await.unwrap();
        assert!(locks.acquire("order-1", Duration::ZERO).await.is_none());
        assert!(locks.acquire("order-2", Duration::ZERO).await.is_some());

        let mut second = Box::pin(locks.acquire("order-1", LONG));
        let mut third = Box::pin(locks.acquire("order-1", LONG));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "the second is first in turn");
        drop(second.await);
        drop(third.await.unwrap());
        assert_eq!(locks.keys(), 0);
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_leaves_nothing_behind() {
        let locks = LocalLocks::new();
        let held = locks.acquire("order-1", LONG).await;
        let mut waiting = Box::pin(locks.acquire("order-1", LONG));
        assert!((&mut waiting).now_or_never().is_none());
        drop(waiting);
        drop(held);
        assert_eq!(locks.keys(), 0);
    }

    #[tokio::test]
    async fn a_full_queue_turns_callers_away() {
        let locks = LocalLocks::new();
        let _held = locks.acquire("hot", LONG).await;
        let mut waiting: Vec<_> = (0..QUEUE_MAX).map(|_| Box::pin(locks.acquire("hot", LONG))).collect();
        for call in &mut waiting {
            assert!(call.now_or_never().is_none());
        }
        assert!(matches!(locks.acquire("hot", LONG).now_or_never(), Some(None)));
        waiting.truncate(1);
        assert!(locks.acquire("hot", LONG).now_or_never().is_none(), "there is room again");
    }
}

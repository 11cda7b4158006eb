//! Locks in Redis: `SET NX PX` with a random token, freed by compare-and-delete.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use redis::Script;
use secrecy::SecretString;

use super::LockGuard;
use super::local::LocalLocks;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::redis_link::{LinkError, RedisLink};
use crate::tasks::Tasks;
use crate::telemetry::Seldom;
use crate::telemetry::metrics::{LOCK_UNAVAILABLE, LOCK_WAIT_EXPIRED};

/// The longest that one Redis command should hold up a caller.
pub const LOCK_PATIENCE: Duration = Duration::from_millis(200);
/// After a failure Redis is left alone for this long, milliseconds.
const REST: i64 = 1_000;
/// Between two tries for a lock that another host holds: this, plus as much again at random, milliseconds.
const POLL: u64 = 20;
const WARN_EVERY: i64 = 10_000;
const KEY_PREFIX: &str = "hookline:lock:";
const FREE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";

/// Locks shared by all hosts on one Redis. Cheap to clone.
///
/// Callers of one host first queue for the local lock, so that they are served in turn and only one of them asks Redis.
#[derive(Clone, Debug)]
pub struct SharedLocks {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    local: LocalLocks,
    link: RedisLink,
    free: Script,
    clock: Clock,
    entropy: Entropy,
    tasks: Tasks,
    /// Epoch milliseconds until which Redis is left alone.
    resting_until: AtomicI64,
    warning: Seldom,
}

/// What one try brought.
enum Try {
    Got,
    Taken,
    /// Go on without; whether Redis has set the lock may be unknown.
    Unavailable,
}

impl SharedLocks {
    /// Connects at the first use. Each Redis command may take `patience`, as a rule [`LOCK_PATIENCE`].
    pub fn new(
        url: &SecretString,
        patience: Duration,
        clock: Clock,
        entropy: Entropy,
        tasks: Tasks,
    ) -> Result<Self, LinkError> {
        Ok(Self {
            inner: Arc::new(Inner {
                local: LocalLocks::new(),
                link: RedisLink::lazy(url, patience)?,
                free: Script::new(FREE),
                clock,
                entropy,
                tasks,
                resting_until: AtomicI64::new(i64::MIN),
                warning: Seldom::every(WARN_EVERY),
            }),
        })
    }

    pub(super) async fn acquire(&self, key: &str, ttl: Duration, wait: Duration) -> Option<LockGuard> {
        let mut deadline = pin!(tokio::time::sleep(wait));
        let local = self.inner.local.acquire(key, wait).await?;
        let mut held = Held {
            inner: self.inner.clone(),
            key: format!("{KEY_PREFIX}{key}"),
            token: self.inner.entropy.token(),
            owed: Owed::Nothing,
        };
        while let Try::Taken = held.take(ttl).await {
            let pause = Duration::from_millis(POLL + self.inner.entropy.below(POLL));
            tokio::select! {
                biased;
                () = &mut deadline => {
                    metrics::counter!(LOCK_WAIT_EXPIRED).increment(1);
                    return None;
                }
                () = tokio::time::sleep(pause) => {}
            }
        }
        Some(LockGuard { shared: Some(held), _local: local })
    }
}

impl Inner {
    fn is_resting(&self) -> bool {
        self.clock.now() < self.resting_until.load(Ordering::Relaxed)
    }

    fn failed(&self, error: &LinkError) {
        let now = self.clock.now();
        self.resting_until.store(now.saturating_add(REST), Ordering::Relaxed);
        if let Some(held_back) = self.warning.due(now) {
            tracing::warn!(error = error as &dyn std::error::Error, held_back, "going on without shared locks");
        }
    }

    async fn free(&self, key: &str, token: &str) {
        let answer = self.link.script(self.free.key(key).arg(token)).await;
        if let Err(error) = answer {
            // The lock's own time frees it.
            self.failed(&error);
        }
    }
}

/// What Redis may hold for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    Nothing,
    /// A command was sent and not answered.
    Perhaps,
    Lock,
}

/// A lock taken in Redis, or work that goes on without one.
#[derive(Debug)]
pub(super) struct Held {
    inner: Arc<Inner>,
    key: String,
    token: String,
    owed: Owed,
}

impl Held {
    async fn take(&mut self, ttl: Duration) -> Try {
        if self.inner.is_resting() {
            metrics::counter!(LOCK_UNAVAILABLE).increment(1);
            return Try::Unavailable;
        }
        let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = redis::cmd("SET");
        command.arg(&self.key).arg(&self.token).arg("NX").arg("PX").arg(milliseconds);
        self.owed = Owed::Perhaps;
        match self.inner.link.command::<Option<String>>(&command).await {
            Ok(Some(_)) => {
                self.owed = Owed::Lock;
                Try::Got
            }
            Ok(None) => {
                self.owed = Owed::Nothing;
                Try::Taken
            }
            Err(error) => {
                self.inner.failed(&error);
                metrics::counter!(LOCK_UNAVAILABLE).increment(1);
                Try::Unavailable
            }
        }
    }

    /// Frees the lock and waits for it; a doubtful one is freed in the background.
    pub(super) async fn free(mut self) {
        if self.owed == Owed::Lock {
            self.inner.free(&self.key, &self.token).await;
            self.owed = Owed::Nothing;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.owed != Owed::Nothing {
            let inner = self.inner.clone();
            let (key, token) = (std::mem::take(&mut self.key), std::mem::take(&mut self.token));
            self.inner.tasks.spawn("free a lock", async move { inner.free(&key, &token).await });
        }
    }
}

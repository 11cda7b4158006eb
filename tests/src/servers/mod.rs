//! Servers of our own, each on a free port in a temporary folder, ended with whoever started them.
//!
//! Their programs are found by xtask; without it every start fails with a message that says so.

mod host;
mod postgres;
mod redis;

pub use hookline_servers::ServerError;
pub use host::{HostProcess, HostSettings, MASTER_KEY};
pub use postgres::{DatabaseError, OwnPostgres, TestDatabase};
pub use redis::RedisServer;

use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(10);

/// Asks `probe` until it answers: the only way in which tests wait.
///
/// # Errors
/// [`ServerError::Deadline`] after `limit`, or what the probe itself refuses with.
pub async fn wait_until<T, E: From<ServerError>>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<Option<T>, E>,
) -> Result<T, E> {
    let begin = Instant::now();
    loop {
        if let Some(found) = probe().await? {
            return Ok(found);
        }
        if begin.elapsed() > limit {
            return Err(ServerError::Deadline { what: what.to_owned(), limit }.into());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Runs something of `hookline_servers`, which blocks, beside the runtime.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("starting or ending a server panicked")
}

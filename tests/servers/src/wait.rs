//! Waiting on a condition, never on a time.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use crate::ServerError;

/// How long a server may take to be ready; generous, since builds may share the machine.
pub const START_DEADLINE: Duration = Duration::from_mins(1);
/// How long a server may take to end when asked.
pub const STOP_DEADLINE: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(10);

/// Asks `probe` until it answers.
///
/// # Errors
/// [`ServerError::Deadline`] after `limit`, or what the probe itself refuses with.
pub fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Result<Option<T>, ServerError>,
) -> Result<T, ServerError> {
    let begin = Instant::now();
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if begin.elapsed() > limit {
            return Err(ServerError::Deadline { what: what.to_owned(), limit });
        }
        thread::sleep(POLL);
    }
}

/// A loopback TCP port that nobody listens on at the moment. Somebody may take it before it is used: callers try again.
///
/// # Errors
/// When the system has none.
pub fn free_port() -> Result<u16, ServerError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(ServerError::io("finding a free port"))
}

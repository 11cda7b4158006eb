//! The names under which xtask hands paths to the harness, and how the harness reads them.

use std::env;
use std::ffi::OsString;

use crate::ServerError;

/// Path of the `hookline` binary.
pub const HOST_BINARY: &str = "HOOKLINE_BIN";
/// Folder that holds `goods.wasm`, `hotel.wasm`, `flight.wasm`, `topup.wasm`, `hostile.wasm` and `goods-wasip2.wasm`.
pub const COMPONENTS: &str = "HOOKLINE_COMPONENTS";
/// Folder that holds `postgres`, `initdb`, `psql` and `pgbench`.
pub const POSTGRES_BIN: &str = "HOOKLINE_PG_BIN";
/// Path of `redis-server`.
pub const REDIS_SERVER: &str = "HOOKLINE_REDIS_SERVER";
/// Folders with shared libraries of servers that were unpacked and not installed, separated by `:`. May be absent.
pub const SERVER_LIBRARIES: &str = "HOOKLINE_SERVER_LIBS";
/// Superuser URL, database `postgres`, of the PostgreSQL that all tests of a run share.
pub const TEST_POSTGRES_URL: &str = "HOOKLINE_TEST_PG_URL";

/// The value of one of the settings above.
///
/// # Errors
/// Says to run `cargo xtask test` when it is absent.
pub fn required(name: &'static str) -> Result<OsString, ServerError> {
    env::var_os(name).filter(|value| !value.is_empty()).ok_or(ServerError::NotSet { name })
}

/// Folders for `LD_LIBRARY_PATH` of the servers, if any was unpacked and not installed.
pub fn server_libraries() -> Option<OsString> {
    env::var_os(SERVER_LIBRARIES).filter(|value| !value.is_empty())
}

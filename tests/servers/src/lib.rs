//! Starts and ends servers of our own: what xtask and the test harness share.
//!
//! It is a crate of its own because xtask must compile in seconds, and the harness brings half of the platform with it.
//! Everything here blocks; the longest wait is [`START_DEADLINE`].

mod account;
mod error;
mod leash;
mod postgres;
mod process;
mod settings;
mod wait;

pub use account::{Account, ServerFolder};
pub use error::ServerError;
pub use leash::Leash;
pub use postgres::{Durability, Postgres, PostgresBinaries};
pub use process::ServerProcess;
pub use settings::{
    COMPONENTS, HOST_BINARY, POSTGRES_BIN, REDIS_SERVER, SERVER_LIBRARIES, TEST_POSTGRES_URL, required,
    server_libraries,
};
pub use wait::{START_DEADLINE, STOP_DEADLINE, free_port, wait_until};

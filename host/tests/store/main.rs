//! The store's contract, each test on SQLite and on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod harness;
mod make;

mod admin;
mod commit;
mod faults;
mod random;
mod reads;
mod schema;
mod speed;
mod work;

//! The store's contract, each test on SQLite and on PostgreSQL.
#![expect(clippy::disallowed_methods, reason = "tests bring their own tasks, names and stopwatches")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests may panic, too")]

mod harness;
mod make;

mod accounts;
mod admin;
mod aftersales;
mod commit;
mod faults;
mod lists;
mod operations;
mod random;
mod reads;
mod reconcile;
mod schema;
mod speed;
mod wallet;
mod work;

//! Hookline: an order platform whose business lines are WebAssembly components.
//!
//! Rooms in reading order. `main → {http, worker} → app → {store, plugin, payment, lock, broker} → egress → domain`;
//! the second group below is under all of them.

pub mod domain;

pub mod clock;
pub mod config;
pub mod entropy;
pub mod faults;
pub mod health;
pub mod identity;
pub mod secrets;
pub mod tasks;
pub mod telemetry;

pub mod egress;

pub mod broker;
pub mod lock;
pub mod payment;
pub mod plugin;
pub mod redis_link;
pub mod store;

pub mod app;
pub mod http;

pub mod worker;

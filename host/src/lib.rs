//! Hookline: an order platform whose business lines are WebAssembly components.
//!
//! Rooms in reading order; each uses only rooms below it in the architecture page.

pub mod domain;

pub mod clock;
pub mod config;
pub mod entropy;
pub mod identity;
pub mod secrets;
pub mod tasks;
pub mod telemetry;

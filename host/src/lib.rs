//! Hookline: an order platform whose business lines are WebAssembly components.
//! Rooms in reading order; each uses only rooms below it in the architecture page.

pub mod clock;
pub mod entropy;
pub mod tasks;
pub mod telemetry;
pub mod config;
pub mod secrets;
pub mod identity;

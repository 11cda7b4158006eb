//! Hookline: an order platform whose business lines are WebAssembly components.
//! Rooms in reading order; a room uses only those above it in the architecture page.

pub mod clock;
pub mod entropy;
pub mod tasks;

//! Hookline: an order platform whose business lines are WebAssembly components.

pub mod domain;
pub mod store;

//! The harness: real servers, the real binary, and a client for it. Suites, demo and load generator stand on it.

pub mod client;
pub mod servers;

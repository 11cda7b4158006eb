//! The harness: real servers, the real binary, and everything outside the platform that orders need. Suites, demo and
//! load generator stand on it.
//!
//! Reading order: `servers` (PostgreSQL, Redis, the host) → `client`, `platform` (calls) → `suppliers`, `sandbox`,
//! `providers` (the outside) → `world` (a host set up with four lines) → `journey`, `aftersales` (one order) → `checker` (what must
//! hold afterwards).

pub mod aftersales;
pub mod bench;
pub mod checker;
pub mod client;
pub mod demo;
pub mod history;
pub mod journey;
pub mod meter;
pub mod platform;
pub mod providers;
pub mod sandbox;
pub mod servers;
pub mod suppliers;
pub mod tokens;
pub mod world;

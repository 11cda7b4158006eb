//! The plugin room against real components, compiled by the real child process.
//!
//! Business lines are built and wrapped by `cargo xtask test`, which passes their folder in `HOOKLINE_COMPONENTS`.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod bombs;
mod hostile;
mod lines;
mod speed;
mod support;
mod upload;

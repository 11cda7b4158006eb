//! Logs and metrics. Below every other room: anyone may log and count.

mod logs;
pub mod metrics;
mod seldom;

pub use logs::{LogFormat, LogsError, init_logs};
pub use metrics::{Metrics, MetricsError};
pub use seldom::Seldom;

//! What was measured, for people and for programs.

#![expect(clippy::float_arithmetic, reason = "ratios for people; no money")]

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::load::Measured;

/// All figures of a run.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pgbench_flow: f64,
    pub(super) pgbench_hot: f64,
    postgres_flow: f64,
    pub(super) postgres_hot: f64,
    sqlite_flow: f64,
    p50: Duration,
    p99: Duration,
    pub(super) hook_us_p50: i64,
    pub(super) host_rss_mb: u64,
}

impl Figures {
    /// The best counts.
    pub(super) fn pgbench_flow(&mut self, rate: f64) {
        self.pgbench_flow = self.pgbench_flow.max(rate);
    }

    /// The best counts, with its latencies.
    pub(super) fn postgres_flow(&mut self, measured: Measured) {
        if measured.per_second > self.postgres_flow {
            (self.postgres_flow, self.p50, self.p99) = (measured.per_second, measured.p50, measured.p99);
        }
    }

    /// The best counts.
    pub(super) fn sqlite_flow(&mut self, rate: f64) {
        self.sqlite_flow = self.sqlite_flow.max(rate);
    }

    /// The object that programs read.
    pub(super) fn json(&self) -> Value {
        json!({
            "pgbench_flows_per_s": tenth(self.pgbench_flow),
            "postgres_flows_per_s": tenth(self.postgres_flow),
            "postgres_ratio": hundredth(ratio(self.postgres_flow, self.pgbench_flow)),
            "pgbench_hot_per_s": tenth(self.pgbench_hot),
            "hot_sku_per_s": tenth(self.postgres_hot),
            "hot_sku_ratio": hundredth(ratio(self.postgres_hot, self.pgbench_hot)),
            "sqlite_flows_per_s": tenth(self.sqlite_flow),
            "p50_ms": tenth(self.p50.as_secs_f64() * 1_000.0),
            "p99_ms": tenth(self.p99.as_secs_f64() * 1_000.0),
            "hook_us_p50": self.hook_us_p50,
            "host_rss_mb": self.host_rss_mb,
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flow = ratio(self.postgres_flow, self.pgbench_flow);
        let hot = ratio(self.postgres_hot, self.pgbench_hot);
        writeln!(formatter, "{:<28}{:>10}{:>12}{:>9}", "a second", "pgbench", "platform", "ratio")?;
        writeln!(formatter, "{:<28}{:>10.0}{:>12.0}{flow:>9.2}", "flows", self.pgbench_flow, self.postgres_flow)?;
        writeln!(
            formatter,
            "{:<28}{:>10.0}{:>12.0}{hot:>9.2}",
            "creates of one SKU", self.pgbench_hot, self.postgres_hot
        )?;
        writeln!(formatter, "{:<28}{:>10}{:>12.0}", "flows on SQLite", "", self.sqlite_flow)?;
        writeln!(formatter, "a flow of five calls: p50 {:.1?}, p99 {:.1?}", self.p50, self.p99)?;
        write!(formatter, "hook: {} µs p50; host: {} MB resident", self.hook_us_p50, self.host_rss_mb)
    }
}

fn ratio(ours: f64, theirs: f64) -> f64 {
    if theirs > 0.0 { ours / theirs } else { 0.0 }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn hundredth(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

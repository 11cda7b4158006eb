//! What ran, how long it took, and how it ended: printed at the end of every run.

use std::time::{Duration, Instant};

/// The steps of a run so far.
#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<Step>,
}

struct Step {
    name: String,
    took: Duration,
    passed: bool,
}

impl Report {
    /// Does one step and remembers how it went.
    pub(crate) fn step<T>(
        &mut self,
        name: impl Into<String>,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let name = name.into();
        eprintln!("xtask: {name}");
        let begin = Instant::now();
        let outcome = work();
        self.steps.push(Step { name, took: begin.elapsed(), passed: outcome.is_ok() });
        outcome
    }

    /// Prints the table, to standard error: standard output belongs to the programs (`--json`).
    pub(crate) fn print(&self) {
        eprintln!("xtask: what ran");
        for Step { name, took, passed } in &self.steps {
            let verdict = if *passed { "ok" } else { "FAILED" };
            eprintln!("  {verdict:<6} {:>6}.{} s  {name}", took.as_secs(), took.subsec_millis() / 100);
        }
    }
}

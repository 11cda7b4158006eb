//! `cargo xtask …`: builds, tests, demonstrates and measures Hookline.
//!
//! Everything that a run needs is built or found here first; the programs that do the work (`cargo test`, the demo, the
//! load generator) only read paths from their environment.

mod bench;
mod ci;
mod components;
mod demo;
mod environment;
mod find;
mod report;
mod run;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use report::Report;
use workspace::Workspace;

/// Builds, tests, demonstrates and measures Hookline.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the business lines into target/components.
    Components,
    /// Starts the platform with its four business lines and drives orders through them.
    Demo {
        /// Handed to the demo: --exit, --json, --store sqlite|postgres, --redis, --orders N, --data DIR, …
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs all tests with the servers that they need.
    Test {
        /// Handed to cargo test: a filter, `-p PACKAGE`, `--test NAME`, …
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures release builds against pgbench.
    Bench {
        /// Handed to the load generator: --json, --quick, …
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// What a change must pass: formatting, lints, licences, tests.
    Ci,
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    let mut report = Report::default();
    let outcome = run::watch_signals().and_then(|()| perform(&task, &mut report));
    report.print();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if run::interrupted() => {
            eprintln!("xtask: interrupted");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: &Task, report: &mut Report) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Components => report.step("components", || components::build(&workspace).map(drop)),
        Task::Demo { arguments } => demo::run(&workspace, arguments, report),
        Task::Test { arguments } => test::run(&workspace, arguments, report),
        Task::Bench { arguments } => bench::run(&workspace, arguments, report),
        Task::Ci => ci::run(&workspace, report),
    }
}

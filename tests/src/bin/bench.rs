//! `cargo xtask bench`: a hand-written pgbench flow and the platform over HTTP, on the same server in one run.

use std::process::ExitCode;

use clap::Parser as _;
use hookline_tests::bench;

#[tokio::main]
async fn main() -> ExitCode {
    bench::run(bench::Arguments::parse()).await
}

//! `cargo xtask demo`: the whole platform on this machine, with orders of four business lines running through it.

use std::process::ExitCode;

use clap::Parser as _;
use hookline_tests::demo;

#[tokio::main]
async fn main() -> ExitCode {
    demo::run(demo::Arguments::parse()).await
}

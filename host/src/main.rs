//! The command line.

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "hookline", about = "An order platform whose business lines are WebAssembly components")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compile one component from standard input to standard output, under hard limits. Run by the host itself.
    #[command(hide = true)]
    Compile,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Compile => compile(),
    }
}

fn compile() -> ExitCode {
    match hookline::plugin::compile_child::run(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
        }
    }
}

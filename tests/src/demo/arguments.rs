//! What the demo is told.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Where orders are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// A file in a folder.
    Sqlite,
    /// A PostgreSQL of the demo's own.
    Postgres,
}

/// Drives real orders of four business lines through a platform on this machine.
#[derive(Debug, Clone, Parser)]
#[command(name = "demo")]
pub struct Arguments {
    /// Orders of each line; every ending is among eight.
    #[arg(long, default_value_t = 250)]
    pub orders: usize,
    /// Orders of each line on their way at once.
    #[arg(long, default_value_t = 16)]
    pub in_flight: usize,
    /// Where orders are kept.
    #[arg(long, value_enum, default_value_t = Store::Sqlite)]
    pub store: Store,
    /// Locks and events through a Redis of the demo's own.
    #[arg(long)]
    pub redis: bool,
    /// Keep the data in this folder instead of a temporary one (SQLite).
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// End when the orders have ended, instead of serving on.
    #[arg(long)]
    pub exit: bool,
    /// Print one JSON object as the last line.
    #[arg(long)]
    pub json: bool,
}

impl Arguments {
    /// In words.
    pub(super) fn describe(&self) -> String {
        let store = match self.store {
            Store::Sqlite => "SQLite",
            Store::Postgres => "PostgreSQL",
        };
        let lock = if self.redis { ", Redis for locks and events" } else { "" };
        format!("{store}{lock}, {} orders a line, {} in flight each", self.orders, self.in_flight)
    }
}

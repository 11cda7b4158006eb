//! Why a server could not be started or ended.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a server could not be started or ended.
///
/// `Debug` prints the same sentence as `Display`, with its causes: tests unwrap it, and `main` returns it.
#[derive(thiserror::Error)]
pub enum ServerError {
    /// The harness was run without xtask.
    #[error("{name} is not set: run cargo xtask test (or demo, bench), which builds everything and sets it")]
    NotSet {
        /// The variable.
        name: &'static str,
    },
    /// A program could not be started at all.
    #[error("cannot start {program}")]
    Spawn {
        /// Path of the program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended when it should have been running, or failed.
    #[error("{program} {outcome}; the end of its log:\n{log}")]
    Exited {
        /// Name of the program.
        program: &'static str,
        /// How it ended.
        outcome: String,
        /// Its last lines.
        log: String,
    },
    /// Something did not happen in time.
    #[error("{what} took longer than {limit:?}")]
    Deadline {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
    },
    /// A file, folder or socket refused.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

impl ServerError {
    /// Wraps an error of the system with what was tried.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

//! The child's side of a compilation: a component on standard input, machine code on standard output.
//!
//! Compiling a hostile half megabyte can cost gigabytes and minutes, so the child bounds itself before it reads.

use std::io::{self, Read, Write};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::engine::{self, EngineError};

/// Address space of the child, bytes.
pub const ADDRESS_SPACE: u64 = 1024 * 1024 * 1024;
/// Processor time of the child, seconds.
pub const CPU_SECONDS: u64 = 60;
/// The child's exit code for a component that does not compile; the reason is on standard error.
pub const EXIT_INVALID: i32 = 65;
/// Largest input the child reads, bytes; the parent's limits are smaller.
const INPUT_MAX: u64 = 64 * 1024 * 1024;

/// Why the child gave up by itself. A limit of the system ends it without a word instead.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The limits can't be set, so nothing was read.
    #[error("resource limits can't be set")]
    Limits(#[source] io::Error),
    /// No engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The pipe broke.
    #[error("the pipe to the parent broke")]
    Pipe(#[source] io::Error),
    /// Not valid, or uses what we switched off.
    #[error("{0}")]
    Invalid(String),
}

impl ChildError {
    /// What the child's process should exit with.
    pub const fn exit_code(&self) -> i32 {
        match self {
            Self::Invalid(_) => EXIT_INVALID,
            Self::Limits(_) | Self::Engine(_) | Self::Pipe(_) => 1,
        }
    }
}

/// Compiles one component. To be called first thing in a process of its own: the limits stay with the process.
pub fn run(stdin: impl Read, mut stdout: impl Write) -> Result<(), ChildError> {
    limit(Resource::Core, 0)?;
    limit(Resource::As, ADDRESS_SPACE)?;
    limit(Resource::Cpu, CPU_SECONDS)?;
    let engine = engine::compiler()?;
    let mut component = Vec::new();
    stdin.take(INPUT_MAX).read_to_end(&mut component).map_err(ChildError::Pipe)?;
    let code = engine.precompile_component(&component).map_err(|error| ChildError::Invalid(format!("{error:#}")))?;
    stdout.write_all(&code).and_then(|()| stdout.flush()).map_err(ChildError::Pipe)
}

fn limit(resource: Resource, value: u64) -> Result<(), ChildError> {
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
        .map_err(|errno| ChildError::Limits(errno.into()))
}

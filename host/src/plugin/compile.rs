//! The host's side of a compilation: one child process at a time, with a limit on its wall time.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Mutex;

use super::artefact::Artefact;
use super::compile_child;

/// Wall time of one compilation.
const WALL: Duration = Duration::from_secs(90);
/// Largest machine code, bytes.
const CODE_MAX: u64 = 512 * 1024 * 1024;
/// What is kept of the child's complaint, bytes.
const COMPLAINT_MAX: u64 = 4 * 1024;
/// The signal that the system sends when the processor time is used up.
const SIGXCPU: i32 = 24;
/// Sent by the system to a child that ignores [`SIGXCPU`] or when memory is short.
const SIGKILL: i32 = 9;

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It is not valid, or uses what the engine has switched off.
    #[error("the component does not compile: {0}")]
    Invalid(String),
    /// The compiler wanted more processor time than it gets.
    #[error("compiling took more than {} s of processor time", compile_child::CPU_SECONDS)]
    CpuTime,
    /// The compiler took longer than it may.
    #[error("compiling took more than {} s", WALL.as_secs())]
    WallTime,
    /// The compiler died, mostly for want of memory.
    #[error("the compiler died within its {} MiB of memory ({status})", compile_child::ADDRESS_SPACE / 1024 / 1024)]
    Died {
        /// How it ended.
        status: ExitStatus,
    },
    /// The child can't be started or talked to: our fault.
    #[error("the compiler {path} can't be run")]
    Unavailable {
        /// The setting.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Runs the compile child.
pub(super) struct Compiler {
    program: PathBuf,
    one: Mutex<()>,
}

impl Compiler {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, one: Mutex::new(()) }
    }

    /// Compiles in a child process. Dropping the future ends the child.
    pub(super) async fn compile(&self, component: &[u8]) -> Result<Artefact, CompileError> {
        let _one = self.one.lock().await;
        match tokio::time::timeout(WALL, self.child(component)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(CompileError::WallTime),
        }
    }

    async fn child(&self, component: &[u8]) -> Result<Artefact, CompileError> {
        let unavailable = |source| CompileError::Unavailable { path: self.program.clone(), source };
        let mut child = Command::new(&self.program)
            .arg("compile")
            .env_clear()
            // The allocator would reserve a gigabyte of address space first, all that the child has. In KiB.
            .env("MIMALLOC_ARENA_RESERVE", "65536")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(unavailable)?;
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(unavailable(io::Error::other("no pipe")));
        };
        let write = async move {
            // A child that dies early closes the pipe; its status says more than our write error.
            let _closed = stdin.write_all(component).await;
        };
        let mut code = Vec::new();
        let mut complaint = Vec::new();
        let mut stdout = stdout.take(CODE_MAX);
        let mut stderr = stderr.take(COMPLAINT_MAX);
        let ((), code_read, complaint_read) =
            tokio::join!(write, stdout.read_to_end(&mut code), stderr.read_to_end(&mut complaint));
        code_read.and(complaint_read).map_err(unavailable)?;
        drop((stdout, stderr));
        let status = child.wait().await.map_err(unavailable)?;
        judge(status, code, &complaint)
    }
}

fn judge(status: ExitStatus, code: Vec<u8>, complaint: &[u8]) -> Result<Artefact, CompileError> {
    if status.success() && !code.is_empty() {
        return Ok(Artefact::compiled(code));
    }
    match (status.code(), status.signal()) {
        (Some(compile_child::EXIT_INVALID), _) => {
            Err(CompileError::Invalid(String::from_utf8_lossy(complaint).trim().to_owned()))
        }
        (_, Some(SIGXCPU | SIGKILL)) => Err(CompileError::CpuTime),
        _ => Err(CompileError::Died { status }),
    }
}

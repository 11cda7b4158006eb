//! One running server: its child process, its log, and its end.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::{Leash, ServerError, wait_until};

const LOG_LINES: usize = 30;

/// A running server. Dropped, it is killed; however we end, it ends.
#[derive(Debug)]
pub struct ServerProcess {
    name: &'static str,
    child: Child,
    log: PathBuf,
    leash: Option<Leash>,
}

impl ServerProcess {
    /// Starts the command; what it prints is appended to `log`. `last_resort` ends it should we die.
    ///
    /// # Errors
    /// When the log cannot be opened or the program not be started.
    pub fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
        last_resort: Signal,
    ) -> Result<Self, ServerError> {
        let errors = append(log)?;
        let output = errors.try_clone().map_err(ServerError::io("sharing a log file"))?;
        Self::start_with_output(name, command, output, log, last_resort, errors)
    }

    /// As [`start`](Self::start), with standard output going elsewhere.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with_stdout(
        name: &'static str,
        command: &mut Command,
        stdout: File,
        log: &Path,
        last_resort: Signal,
    ) -> Result<Self, ServerError> {
        Self::start_with_output(name, command, stdout, log, last_resort, append(log)?)
    }

    fn start_with_output(
        name: &'static str,
        command: &mut Command,
        stdout: File,
        log: &Path,
        last_resort: Signal,
        stderr: File,
    ) -> Result<Self, ServerError> {
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(|source| ServerError::Spawn { program: command.get_program().into(), source })?;
        let mut process = Self { name, child, log: log.to_owned(), leash: None };
        process.leash = Some(Leash::process(process.pid(), last_resort)?);
        Ok(process)
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends a signal; a process that is gone already is no error.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn signal(&self, signal: Signal) -> Result<(), ServerError> {
        match kill_process(self.pid(), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(errno) => Err(ServerError::io(format!("signalling {}", self.name))(errno.into())),
        }
    }

    /// Refuses with the end of the log if the server has ended.
    ///
    /// # Errors
    /// [`ServerError::Exited`].
    pub fn expect_running(&mut self) -> Result<(), ServerError> {
        match self.child.try_wait().map_err(ServerError::io(format!("looking after {}", self.name)))? {
            None => Ok(()),
            Some(status) => {
                let outcome = format!("ended with {status}");
                Err(ServerError::Exited { program: self.name, outcome, log: tail(&self.log) })
            }
        }
    }

    /// Sends a signal and waits for the end; beyond the limit it kills and says so.
    ///
    /// # Errors
    /// [`ServerError::Deadline`] when only SIGKILL helped.
    pub fn end(mut self, signal: Signal, limit: Duration) -> Result<(), ServerError> {
        self.signal(signal)?;
        let what = format!("the end of {}", self.name);
        let child = &mut self.child;
        wait_until(&what, limit, || child.try_wait().map_err(ServerError::io(&what)).map(|ended| ended.map(|_| ())))
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Both fail only for a process that was waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn append(log: &Path) -> Result<File, ServerError> {
    let opened = OpenOptions::new().create(true).append(true).open(log);
    opened.map_err(ServerError::io(format!("opening the log {}", log.display())))
}

/// The last lines of a log, for an error message.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

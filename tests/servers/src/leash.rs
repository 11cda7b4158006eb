//! Ends a child when we end without having ended it ourselves: abort, SIGKILL, out of memory.

use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal};

use crate::ServerError;

/// What the watcher does once the other end of its standard input is gone.
const SCRIPT: &str = r#"trap '' INT TERM HUP; while read -r _; do :; done; kill -s "$1" -- "$2""#;

/// A small shell that waits for our end of a pipe to close, which the kernel sees to however we end, and then sends a
/// signal. Dropping the leash ends the watcher and lets the child be.
#[derive(Debug)]
pub struct Leash {
    watcher: Child,
}

impl Leash {
    /// Ties one process to us.
    ///
    /// # Errors
    /// When there is no `sh`.
    pub fn process(child: Pid, signal: Signal) -> Result<Self, ServerError> {
        Self::tie(child.as_raw_pid(), signal)
    }

    /// Ties a whole process group to us.
    ///
    /// # Errors
    /// When there is no `sh`.
    pub fn group(leader: Pid, signal: Signal) -> Result<Self, ServerError> {
        Self::tie(-leader.as_raw_pid(), signal)
    }

    fn tie(target: i32, signal: Signal) -> Result<Self, ServerError> {
        let watcher = Command::new("sh")
            .args(["-c", SCRIPT, "leash", &signal.as_raw().to_string(), &target.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| ServerError::Spawn { program: "sh".into(), source })?;
        Ok(Self { watcher })
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        // The pipe is still open here, so the watcher cannot have fired. An error means that it is gone already.
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    #[test]
    fn ends_the_child_when_the_pipe_closes() {
        let mut child = sleeper();
        let mut leash = Leash::process(Pid::from_child(&child), Signal::TERM).unwrap();
        drop(leash.watcher.stdin.take());
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
    }

    #[test]
    fn spares_the_child_when_it_is_dropped() {
        let mut child = sleeper();
        drop(Leash::process(Pid::from_child(&child), Signal::KILL).unwrap());
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

//! Children of xtask: each is waited for, and ended when we are told to end or die.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use std::os::unix::process::CommandExt as _;

use anyhow::{Context as _, bail, ensure};
use hookline_servers::Leash;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a child may take to end in order before it is killed.
const GRACE: Duration = Duration::from_secs(20);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static CURRENT: Mutex<Option<Target>> = Mutex::new(None);

/// Whom a signal to xtask is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// A program that talks to the terminal; it alone is told, and ends its own children.
    Process(Pid),
    /// cargo with all its compilers and tests, none of which tells the others.
    Group(Pid),
}

impl Target {
    fn send(self, signal: Signal) {
        // It may have ended meanwhile.
        let _ = match self {
            Self::Process(pid) => kill_process(pid, signal),
            Self::Group(leader) => kill_process_group(leader, signal),
        };
    }

    fn leash(self) -> anyhow::Result<Leash> {
        Ok(match self {
            Self::Process(pid) => Leash::process(pid, Signal::TERM)?,
            Self::Group(leader) => Leash::group(leader, Signal::INT)?,
        })
    }
}

/// From here on SIGINT, SIGTERM and SIGHUP end the current child; the caller then sees it fail and cleans up.
pub(crate) fn watch_signals() -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("watching signals")?;
    thread::spawn(move || {
        for _ in signals.forever() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            if let Some(target) = current() {
                end(target);
            }
        }
    });
    Ok(())
}

/// Whether we were told to end.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

fn current() -> Option<Target> {
    *CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(target: Target) {
    target.send(match target {
        Target::Process(_) => Signal::TERM,
        Target::Group(_) => Signal::INT,
    });
    thread::spawn(move || {
        thread::sleep(GRACE);
        if current() == Some(target) {
            target.send(Signal::KILL);
        }
    });
}

/// Runs a tool in a process group of its own, without standard input, and fails unless it succeeds.
pub(crate) fn tool(command: &mut Command) -> anyhow::Result<()> {
    command.stdin(Stdio::null()).process_group(0);
    let status = supervise(command, Target::Group)?;
    ensure!(status.success(), "{} ended with {status}", describe(command));
    Ok(())
}

/// Runs a program that has the terminal, and fails unless it succeeds.
pub(crate) fn foreground(command: &mut Command) -> anyhow::Result<()> {
    let status = supervise(command, Target::Process)?;
    ensure!(status.success(), "{} ended with {status}", describe(command));
    Ok(())
}

/// Runs a quick command and returns what it printed; `None` if there is no such program or it failed.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let outcome = command.stdin(Stdio::null()).output().ok()?;
    outcome.status.success().then(|| String::from_utf8_lossy(&outcome.stdout).into_owned())
}

fn supervise(command: &mut Command, target: impl FnOnce(Pid) -> Target) -> anyhow::Result<ExitStatus> {
    let mut child = Supervised::start(command, target)?;
    let status = child.child.wait().with_context(|| format!("waiting for {}", describe(command)))?;
    drop(child);
    if interrupted() {
        bail!("interrupted");
    }
    Ok(status)
}

/// A running child that is ended if we leave without having waited, by a panic too.
struct Supervised {
    child: Child,
    leash: Option<Leash>,
}

impl Supervised {
    fn start(command: &mut Command, target: impl FnOnce(Pid) -> Target) -> anyhow::Result<Self> {
        if interrupted() {
            bail!("interrupted");
        }
        let child = command.spawn().with_context(|| format!("starting {}", describe(command)))?;
        let target = target(Pid::from_child(&child));
        let mut supervised = Self { child, leash: None };
        *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = Some(target);
        if interrupted() {
            end(target);
        }
        supervised.leash = Some(target.leash()?);
        Ok(supervised)
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if let (Ok(None), Some(target)) = (self.child.try_wait(), current()) {
            target.send(Signal::KILL);
            let _ = self.child.wait();
        }
        *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.leash = None;
    }
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

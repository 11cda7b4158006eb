//! A real Redis of the test's own: on a socket in a temporary folder, gone with the test.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use secrecy::SecretString;
use tempfile::TempDir;

pub(crate) struct Redis {
    folder: TempDir,
    child: Child,
}

impl Redis {
    /// Starts and waits until it accepts connections.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = run(&folder);
        Self { folder, child }
    }

    pub(crate) fn url(&self) -> SecretString {
        format!("redis+unix://{}", socket(&self.folder).display()).into()
    }

    /// Ends it at once; what it held is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// An empty one at the same address.
    pub(crate) fn restart_empty(&mut self) {
        self.kill();
        self.child = run(&self.folder);
    }

    /// It keeps its connections and answers nothing until [`Redis::resume`].
    pub(crate) fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    pub(crate) fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// Runs a command on a connection of its own.
    pub(crate) fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        use secrecy::ExposeSecret as _;
        let mut connection = redis::Client::open(self.url().expose_secret()).unwrap().get_connection().unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut connection).unwrap()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("redis.sock")
}

fn run(folder: &TempDir) -> Child {
    let mut child = Command::new(program())
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(socket(folder))
        .current_dir(folder.path())
        .envs(libraries().map(|folders| ("LD_LIBRARY_PATH", folders)))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("redis-server cannot be started ({error}): run cargo xtask test"));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.any(|line| line.unwrap().contains("ready to accept connections at"));
    assert!(ready, "redis-server ended before it was ready");
    // Read on, or it stalls once the pipe is full.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

/// Those of an unpacked server.
#[expect(clippy::disallowed_methods, reason = "the test runner says where they are")]
fn libraries() -> Option<std::ffi::OsString> {
    std::env::var_os("HOOKLINE_SERVER_LIBS").filter(|folders| !folders.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "the test runner says where the server is")]
fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("HOOKLINE_REDIS_SERVER") {
        return path.into();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join("redis-server"))
        .find(|path| path.is_file())
        .expect("redis-server is not installed: run cargo xtask test")
}

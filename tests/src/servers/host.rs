//! The real binary as a process of its own: started, asked, stopped, killed, started again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use hookline_servers::{HOST_BINARY, START_DEADLINE, STOP_DEADLINE, ServerError, ServerProcess, required};
use rustix::process::Signal;
use tempfile::TempDir;

use super::{blocking, wait_until};
use crate::client::Client;

/// The one line that the host prints to standard output.
const ANNOUNCEMENT: &str = "listening on http://";
/// 32 bytes as hex; the same in every test, so that hosts of one database agree.
pub const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The settings of a host, by the names of its environment.
#[derive(Debug, Clone)]
pub struct HostSettings {
    variables: BTreeMap<String, String>,
}

impl Default for HostSettings {
    /// The embedded platform: SQLite in a folder of its own, on a free port.
    fn default() -> Self {
        let variables = BTreeMap::new();
        Self { variables }.set("ORDER_HTTP_ADDR", "127.0.0.1:0").set("ORDER_MASTER_KEY", MASTER_KEY)
    }
}

impl HostSettings {
    /// Sets one variable, such as `ORDER_DB_URL` or `ORDER_REDIS_URL`.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// The value of one variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Unsets one variable, also one that [`default`](Self::default) sets.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }
}

/// A host and its folder; the folder outlives kills and restarts. Dropped, the host is killed.
#[derive(Debug)]
pub struct HostProcess {
    // Before the folder: it must end first.
    process: Option<ServerProcess>,
    address: SocketAddr,
    binary: PathBuf,
    settings: HostSettings,
    folder: TempDir,
}

impl HostProcess {
    /// Starts `hookline serve` and waits until it is ready.
    ///
    /// # Errors
    /// With the end of its log when it ends instead; says to run `cargo xtask test` when there is no binary.
    pub async fn start(settings: HostSettings) -> Result<Self, ServerError> {
        let binary = required(HOST_BINARY)?.into();
        let folder = tempfile::Builder::new().prefix("hookline-host-").tempdir();
        let folder = folder.map_err(ServerError::io("making a temporary folder for a host"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut host = Self { process: None, address, binary, settings, folder };
        host.launch().await?;
        Ok(host)
    }

    /// Where it listens; another port after every restart, unless the settings name one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new client of it, without a token.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        let pid = self.process.as_ref()?.pid().as_raw_pid();
        u32::try_from(pid).ok()
    }

    /// Whether it ended by itself; it can then be started again.
    pub fn has_ended(&mut self) -> bool {
        let ended = self.process.as_mut().is_none_or(|process| process.expect_running().is_err());
        if ended {
            self.process = None;
        }
        ended
    }

    /// Everything that it logged since the first start.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    /// Its data folder, unless the settings name another.
    pub fn data_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Changes the settings for the next start.
    pub fn change(&mut self, change: impl FnOnce(HostSettings) -> HostSettings) {
        self.settings = change(self.settings.clone());
    }

    /// Runs another command of the binary with the same settings, such as `token --role admin`; returns what it printed.
    ///
    /// # Errors
    /// With what it printed to standard error when it fails.
    pub async fn run(&self, arguments: &[&str]) -> Result<String, ServerError> {
        let mut command = self.command(arguments);
        let spawned = blocking(move || command.output()).await;
        let outcome = spawned.map_err(|source| ServerError::Spawn { program: self.binary.clone(), source })?;
        if outcome.status.success() {
            return Ok(String::from_utf8_lossy(&outcome.stdout).trim().to_owned());
        }
        let log = String::from_utf8_lossy(&outcome.stderr).into_owned();
        Err(ServerError::Exited { program: "hookline", outcome: format!("ended with {}", outcome.status), log })
    }

    /// Asks it to end (SIGTERM), and waits until it has: calls in flight are answered.
    ///
    /// # Errors
    /// [`ServerError::Deadline`] when it had to be killed.
    pub async fn stop(&mut self) -> Result<(), ServerError> {
        self.end(Signal::TERM).await
    }

    /// Kills it (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        self.end(Signal::KILL).await
    }

    /// Sends any signal, such as SIGSTOP.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn signal(&self, signal: Signal) -> Result<(), ServerError> {
        self.process.as_ref().map_or(Ok(()), |process| process.signal(signal))
    }

    /// Starts it again with the same settings and data; one that still runs is stopped in order first.
    ///
    /// # Errors
    /// As [`start`](Self::start) and [`stop`](Self::stop).
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.stop().await?;
        self.launch().await
    }

    async fn end(&mut self, signal: Signal) -> Result<(), ServerError> {
        let Some(process) = self.process.take() else { return Ok(()) };
        blocking(move || process.end(signal, STOP_DEADLINE)).await
    }

    async fn launch(&mut self) -> Result<(), ServerError> {
        let announced = self.folder.path().join("stdout");
        let stdout = File::create(&announced).map_err(ServerError::io("making the host's output file"))?;
        let mut command = self.command(&["serve"]);
        let log = self.log_file();
        let mut process = ServerProcess::start_with_stdout("hookline", &mut command, stdout, &log, Signal::KILL)?;
        let mut client = None;
        self.address = wait_until("the host's readiness", START_DEADLINE, async || -> Result<_, ServerError> {
            process.expect_running()?;
            let Some(address) = read_announcement(&announced) else { return Ok(None) };
            let ready = client.get_or_insert_with(|| Client::new(address)).is_ready().await;
            Ok(ready.then_some(address))
        })
        .await?;
        self.process = Some(process);
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ORDER_")) {
            // A developer's own settings are not the test's.
            command.env_remove(name);
        }
        command.env("ORDER_DATA_DIR", self.data_folder()).envs(&self.settings.variables);
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

/// The address in the host's line, once the line is complete.
fn read_announcement(file: &Path) -> Option<SocketAddr> {
    let text = fs::read_to_string(file).ok()?;
    let (line, _) = text.split_once('\n')?;
    line.strip_prefix(ANNOUNCEMENT)?.trim().trim_end_matches('/').parse().ok()
}

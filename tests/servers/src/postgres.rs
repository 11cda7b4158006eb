//! A PostgreSQL of our own: a fresh cluster in a temporary folder, on loopback and a free port.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::{
    POSTGRES_BIN, START_DEADLINE, STOP_DEADLINE, ServerError, ServerFolder, ServerProcess, free_port, required,
    server_libraries, wait_until,
};

/// The superuser of every cluster that we make.
const SUPERUSER: &str = "postgres";
const MAX_CONNECTIONS: u16 = 200;
/// Another process can take a port between our look and the server's bind.
const PORT_TRIES: u8 = 5;

/// Where the programs of PostgreSQL are.
#[derive(Debug, Clone)]
pub struct PostgresBinaries {
    folder: PathBuf,
    libraries: Option<OsString>,
}

impl PostgresBinaries {
    /// A folder that holds `postgres` and `initdb`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), libraries: None }
    }

    /// With folders, separated by `:`, of shared libraries that the programs need and the system lacks.
    #[must_use]
    pub fn with_libraries(self, libraries: Option<OsString>) -> Self {
        Self { libraries, ..self }
    }

    /// The folder that xtask found.
    ///
    /// # Errors
    /// When xtask did not start us.
    pub fn from_environment() -> Result<Self, ServerError> {
        Ok(Self::new(required(POSTGRES_BIN)?).with_libraries(server_libraries()))
    }

    /// The path of one program, such as `pgbench`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command that runs one of the programs, with the libraries that it needs.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}

/// Whether a commit survives the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// `fsync` and `synchronous_commit` on, as in production: bench, demo, tests that kill the server.
    Durable,
    /// Both off, for the many small databases of a test run.
    Fast,
}

impl Durability {
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Durable => &["fsync=on", "synchronous_commit=on", "full_page_writes=on"],
            Self::Fast => &["fsync=off", "synchronous_commit=off", "full_page_writes=off"],
        }
    }
}

/// A running PostgreSQL. Dropped, it is ended and its folder removed.
#[derive(Debug)]
pub struct Postgres {
    // Before the folder: it must end first.
    process: Option<ServerProcess>,
    binaries: PostgresBinaries,
    durability: Durability,
    port: u16,
    folder: ServerFolder,
}

impl Postgres {
    /// Makes a cluster and starts its server; takes about two seconds.
    ///
    /// # Errors
    /// With the end of its log when `initdb` or the server fails.
    pub fn start(binaries: PostgresBinaries, durability: Durability) -> Result<Self, ServerError> {
        let folder = ServerFolder::create("hookline-pg-")?;
        let mut postgres = Self { process: None, binaries, durability, port: 0, folder };
        postgres.make_cluster()?;
        let mut tries = 1;
        loop {
            postgres.port = free_port()?;
            match postgres.launch() {
                Err(ServerError::Exited { log, .. }) if tries < PORT_TRIES && log.contains("in use") => tries += 1,
                outcome => return outcome.map(|()| postgres),
            }
        }
    }

    /// A superuser's URL for one of its databases, over TCP.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The loopback port, which a restart keeps.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the programs are, for `psql` and `pgbench`.
    pub fn binaries(&self) -> &PostgresBinaries {
        &self.binaries
    }

    /// Ends every server process at once without a checkpoint, as a crash would (SIGQUIT, "immediate" shutdown).
    ///
    /// # Errors
    /// When it had to be killed.
    pub fn kill(&mut self) -> Result<(), ServerError> {
        self.end(Signal::QUIT)
    }

    /// Ends it in order: sessions are cut, a checkpoint is written (SIGINT, "fast" shutdown).
    ///
    /// # Errors
    /// When it had to be killed.
    pub fn stop(&mut self) -> Result<(), ServerError> {
        self.end(Signal::INT)
    }

    /// Starts it again after [`kill`](Self::kill) or [`stop`](Self::stop), on the same port with the same data.
    ///
    /// # Errors
    /// With the end of its log.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.stop()?;
        self.launch()
    }

    fn end(&mut self, signal: Signal) -> Result<(), ServerError> {
        self.process.take().map_or(Ok(()), |process| process.end(signal, STOP_DEADLINE))
    }

    fn make_cluster(&self) -> Result<(), ServerError> {
        let mut initdb = self.binaries.command("initdb");
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]);
        initdb.args(["--username", SUPERUSER, "--pgdata"]).arg(self.data()).stdin(Stdio::null());
        self.folder.run_here(&mut initdb);
        let outcome = initdb
            .output()
            .map_err(|source| ServerError::Spawn { program: self.binaries.program("initdb"), source })?;
        if outcome.status.success() {
            return Ok(());
        }
        let log = String::from_utf8_lossy(&outcome.stderr).into_owned();
        Err(ServerError::Exited { program: "initdb", outcome: format!("ended with {}", outcome.status), log })
    }

    fn launch(&mut self) -> Result<(), ServerError> {
        // A crash leaves the old one, which would tell us about the server before.
        let _ = fs::remove_file(self.status());
        let mut command = self.binaries.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        command.args(["-p", &self.port.to_string(), "-N", &MAX_CONNECTIONS.to_string()]);
        command.args(["-c", "listen_addresses=127.0.0.1"]);
        for setting in self.durability.settings() {
            command.args(["-c", setting]);
        }
        self.folder.run_here(&mut command);
        let log = self.folder.path().join("log");
        let mut process = ServerProcess::start("postgres", &mut command, &log, Signal::INT)?;
        let status = self.status();
        wait_until("the start of postgres", START_DEADLINE, || {
            process.expect_running()?;
            // What pg_ctl looks at: line 8 of the lock file.
            let ready =
                fs::read_to_string(&status).is_ok_and(|text| text.lines().nth(7).map(str::trim) == Some("ready"));
            Ok(ready.then_some(()))
        })?;
        self.process = Some(process);
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn status(&self) -> PathBuf {
        self.data().join("postmaster.pid")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // An immediate shutdown is enough for a folder that is removed next; should it fail, the process was killed.
        let _ = self.kill();
    }
}

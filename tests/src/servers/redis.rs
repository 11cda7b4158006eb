//! A Redis of our own, without persistence: killing it wipes it.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use hookline_servers::{
    REDIS_SERVER, START_DEADLINE, STOP_DEADLINE, ServerError, ServerFolder, ServerProcess, free_port, required,
    server_libraries, wait_until,
};
use rustix::process::Signal;

const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Another process can take a port between our look and the server's bind.
const PORT_TRIES: u8 = 5;

/// A running Redis; starting it takes some milliseconds, so its calls simply block.
#[derive(Debug)]
pub struct RedisServer {
    // Before the folder: it must end first.
    process: Option<ServerProcess>,
    program: PathBuf,
    port: u16,
    folder: ServerFolder,
}

impl RedisServer {
    /// Starts one on a free port and waits until it answers.
    ///
    /// # Errors
    /// With the end of its log when it does not start.
    pub fn start() -> Result<Self, ServerError> {
        let program = required(REDIS_SERVER)?.into();
        let folder = ServerFolder::create("hookline-redis-")?;
        let mut redis = Self { process: None, program, port: 0, folder };
        let mut tries = 1;
        loop {
            redis.port = free_port()?;
            match redis.launch() {
                Err(ServerError::Exited { log, .. }) if tries < PORT_TRIES && log.contains("in use") => tries += 1,
                outcome => return outcome.map(|()| redis),
            }
        }
    }

    /// Its URL, which a restart keeps.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// The loopback port, which a restart keeps.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it (SIGKILL); everything in it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<(), ServerError> {
        self.process.take().map_or(Ok(()), |process| process.end(Signal::KILL, STOP_DEADLINE))
    }

    /// Starts it again, empty, on the same port; one that still runs is killed first.
    ///
    /// # Errors
    /// With the end of its log when it does not start.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.kill()?;
        self.launch()
    }

    /// Stops it from answering while its connections stay open (SIGSTOP), until [`resume`](Self::resume).
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&self) -> Result<(), ServerError> {
        self.process.as_ref().map_or(Ok(()), |process| process.signal(Signal::STOP))
    }

    /// Ends a [`pause`](Self::pause).
    ///
    /// # Errors
    /// When the system refuses.
    pub fn resume(&self) -> Result<(), ServerError> {
        self.process.as_ref().map_or(Ok(()), |process| process.signal(Signal::CONT))
    }

    /// Removes everything in it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn flush(&self) -> Result<(), ServerError> {
        match self.ask("FLUSHALL") {
            Ok(answer) if answer.starts_with("+OK") => Ok(()),
            Ok(answer) => Err(ServerError::io("flushing Redis")(io::Error::other(answer))),
            Err(error) => Err(ServerError::io("flushing Redis")(error)),
        }
    }

    fn launch(&mut self) -> Result<(), ServerError> {
        let mut command = Command::new(&self.program);
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--daemonize", "no"]);
        command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(self.folder.path());
        if let Some(libraries) = server_libraries() {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        self.folder.run_here(&mut command);
        let log = self.folder.path().join("log");
        let mut process = ServerProcess::start("redis-server", &mut command, &log, Signal::KILL)?;
        wait_until("the start of redis-server", START_DEADLINE, || {
            process.expect_running()?;
            Ok(self.ask("PING").is_ok_and(|answer| answer.starts_with("+PONG")).then_some(()))
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// One command of the inline protocol on a connection of its own.
    fn ask(&self, command: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }
}

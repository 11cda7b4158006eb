//! What xtask tells the programs that it runs: the names are in `hookline_servers`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use hookline_servers::{COMPONENTS, HOST_BINARY, POSTGRES_BIN, REDIS_SERVER, SERVER_LIBRARIES, TEST_POSTGRES_URL};

use crate::find::Found;

/// The variables of one run.
#[derive(Default)]
pub(crate) struct Environment {
    variables: Vec<(&'static str, OsString)>,
    libraries: Vec<OsString>,
}

impl Environment {
    /// With what every program needs.
    pub(crate) fn new(host: &Path, components: &Path) -> Self {
        let variables = vec![(HOST_BINARY, host.into()), (COMPONENTS, components.into())];
        Self { variables, libraries: Vec::new() }
    }

    /// Adds the folder with the programs of PostgreSQL.
    pub(crate) fn postgres(&mut self, found: &Found) {
        self.add(POSTGRES_BIN, found);
    }

    /// Adds the path of `redis-server`.
    pub(crate) fn redis(&mut self, found: &Found) {
        self.add(REDIS_SERVER, found);
    }

    /// Adds the server that all tests share.
    pub(crate) fn shared_postgres(&mut self, url: String) {
        self.variables.push((TEST_POSTGRES_URL, url.into()));
    }

    fn add(&mut self, name: &'static str, found: &Found) {
        self.variables.push((name, found.path.clone().into()));
        self.libraries.extend(found.libraries.iter().map(OsString::from));
    }

    /// The folders with libraries of unpacked servers, joined; `None` without any.
    pub(crate) fn libraries(&self) -> Option<OsString> {
        (!self.libraries.is_empty()).then(|| self.libraries.join(std::ffi::OsStr::new(":")))
    }

    /// Sets them for a command.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        if let Some(libraries) = self.libraries() {
            command.env(SERVER_LIBRARIES, libraries);
        }
    }
}

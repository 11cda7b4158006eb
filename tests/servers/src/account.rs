//! Whom servers run as: PostgreSQL refuses root, and no server of a test needs it.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::ServerError;

/// The first of these that exists runs the servers when we are root.
const PREFERRED: [&str; 2] = ["postgres", "nobody"];

/// An account of the system, for servers that must not run as root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account for servers; `None` when we are not root and servers run as ourselves.
    ///
    /// # Errors
    /// When we are root and the system knows neither `postgres` nor `nobody`.
    pub fn for_servers() -> Result<Option<Self>, ServerError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let known = fs::read_to_string("/etc/passwd").map_err(ServerError::io("reading /etc/passwd"))?;
        PREFERRED.iter().find_map(|name| Self::parse(&known, name)).map(Some).ok_or_else(|| ServerError::Io {
            what: "finding an account for servers".to_owned(),
            source: std::io::Error::other("we are root, and there is no account postgres or nobody"),
        })
    }

    fn parse(known: &str, name: &str) -> Option<Self> {
        let line = known.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    }
}

/// A temporary folder that belongs to the servers' account, and is removed at the end.
#[derive(Debug)]
pub struct ServerFolder {
    folder: TempDir,
    account: Option<Account>,
}

impl ServerFolder {
    /// Makes one in the system's temporary folder, which every account may enter.
    ///
    /// # Errors
    /// When it cannot be made or given away.
    pub fn create(prefix: &str) -> Result<Self, ServerError> {
        let account = Account::for_servers()?;
        let folder = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir()
            .map_err(ServerError::io("making a temporary folder for a server"))?;
        if let Some(account) = &account {
            chown(folder.path(), Some(account.uid), Some(account.gid))
                .map_err(ServerError::io(format!("giving {} to the servers' account", folder.path().display())))?;
        }
        Ok(Self { folder, account })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command in this folder as the servers' account.
    pub fn run_here(&self, command: &mut Command) {
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_account_and_no_lookalike() {
        let known = "postgresql:x:1:1::/:/bin/sh\npostgres:x:101:104:A,,,:/var/lib/postgresql:/bin/bash\nbad:x:a:b::\n";
        assert_eq!(Account::parse(known, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(Account::parse(known, "nobody"), None);
        assert_eq!(Account::parse(known, "bad"), None);
    }
}

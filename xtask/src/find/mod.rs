//! Finds the servers: PATH, then the distribution's folders, then its packages unpacked into target/tools.

mod debian;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, bail};

use crate::run;
use crate::workspace::Workspace;

/// The oldest PostgreSQL that the platform promises to run on.
const OLDEST_POSTGRES: u32 = 15;
/// Where Debian puts versions beside each other.
const POSTGRES_VERSIONS: &str = "usr/lib/postgresql";

/// A server that can be run.
#[derive(Debug)]
pub(crate) struct Found {
    /// The program, or for PostgreSQL the folder of its programs.
    pub(crate) path: PathBuf,
    /// Folders with libraries that it needs and the system lacks.
    pub(crate) libraries: Vec<PathBuf>,
}

/// Finds `postgres`, `initdb`, `psql` and `pgbench`, all in one folder.
pub(crate) fn postgres(workspace: &Workspace) -> anyhow::Result<Found> {
    // Links are followed: the programs find each other relative to where they really are.
    let program = on_path("postgres").and_then(|link| fs::canonicalize(link).ok());
    let installed = program.and_then(|program| program.parent().map(Path::to_owned));
    let installed =
        installed.into_iter().chain(postgres_versions(Path::new("/"))).find(|folder| is_postgres(folder, None));
    if let Some(path) = installed {
        return Ok(Found { path, libraries: Vec::new() });
    }
    let unpacked = debian::unpack(workspace, "postgresql").with_context(|| {
        format!(
            "PostgreSQL {OLDEST_POSTGRES} or later is missing (postgres, initdb, psql, pgbench): install your \
                 system's package of it (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install \
                 postgresql-server postgresql-contrib; macOS: brew install postgresql) or put its folder on PATH"
        )
    })?;
    let folder =
        postgres_versions(&unpacked.root).find(|folder| is_postgres(folder, unpacked.library_path().as_deref()));
    let path = folder.context("the unpacked PostgreSQL does not run")?;
    Ok(Found { path, libraries: unpacked.libraries })
}

/// Finds `redis-server`.
pub(crate) fn redis(workspace: &Workspace) -> anyhow::Result<Found> {
    if let Some(path) = on_path("redis-server") {
        return Ok(Found { path, libraries: Vec::new() });
    }
    let unpacked = debian::unpack(workspace, "redis-server").context(
        "Redis is missing (redis-server): install your system's package of it (Debian, Ubuntu: apt-get install \
         redis-server; Fedora: dnf install redis; macOS: brew install redis) or put its folder on PATH",
    )?;
    let path = unpacked.root.join("usr/bin/redis-server");
    if version(&path, unpacked.library_path().as_deref()).is_none() {
        bail!("the unpacked redis-server does not run: {}", path.display());
    }
    Ok(Found { path, libraries: unpacked.libraries })
}

/// Links are not followed: redis-server is one, to a program that looks at the name that it was called by.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Folders of programs below a root, the newest version first.
fn postgres_versions(root: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let folders = fs::read_dir(root.join(POSTGRES_VERSIONS)).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = folders
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable_by(|left, right| right.cmp(left));
    versions.into_iter().map(|(_, folder)| folder)
}

fn is_postgres(folder: &Path, libraries: Option<&std::ffi::OsStr>) -> bool {
    let complete = ["initdb", "psql", "pgbench"].iter().all(|program| folder.join(program).is_file());
    complete && version(&folder.join("postgres"), libraries).and_then(|text| major(&text)) >= Some(OLDEST_POSTGRES)
}

fn version(program: &Path, libraries: Option<&std::ffi::OsStr>) -> Option<String> {
    let mut command = Command::new(program);
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    run::output(command.arg("--version"))
}

/// The first number of `postgres (PostgreSQL) 15.13 (Debian …)`, `… 17beta1`.
fn major(version: &str) -> Option<u32> {
    let digits = version.split(|letter: char| !letter.is_ascii_digit()).find(|part| !part.is_empty())?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn reads_the_major_version() {
        assert_eq!(major("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major("nothing"), None);
    }
}

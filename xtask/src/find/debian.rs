//! Downloads packages of a Debian-like distribution and unpacks them into target/tools; nothing is installed, no service
//! is started, no maintainer script runs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::run;
use crate::workspace::Workspace;

/// Written last: a folder without it is left from an interrupted run.
const COMPLETE: &str = ".complete";

/// A package with what it needs, unpacked.
pub(crate) struct Unpacked {
    /// What would be `/`.
    pub(crate) root: PathBuf,
    /// Every folder below it that holds shared libraries.
    pub(crate) libraries: Vec<PathBuf>,
}

impl Unpacked {
    /// For `LD_LIBRARY_PATH`; `None` when the system has all libraries itself.
    pub(crate) fn library_path(&self) -> Option<OsString> {
        let folders: Vec<_> = self.libraries.iter().map(OsString::from).collect();
        (!folders.is_empty()).then(|| folders.join(std::ffi::OsStr::new(":")))
    }
}

/// Unpacks a package and those of its dependencies that are not installed; a second call finds the first one's work.
pub(crate) fn unpack(workspace: &Workspace, package: &str) -> anyhow::Result<Unpacked> {
    let root = cache(workspace).join(package);
    if !root.join(COMPLETE).is_file() {
        if !is_debian() {
            bail!("and this system has no apt-get and dpkg-deb to unpack it with");
        }
        download_and_unpack(package, &root).with_context(|| format!("unpacking the package {package}"))?;
    }
    let mut libraries = BTreeSet::new();
    collect_libraries(&root.join("usr/lib"), &mut libraries);
    collect_libraries(&root.join("lib"), &mut libraries);
    Ok(Unpacked { root, libraries: libraries.into_iter().collect() })
}

/// target/tools; but root's servers run as another account, which may not be able to enter our home.
fn cache(workspace: &Workspace) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let open = |folder: &Path| fs::metadata(folder).is_ok_and(|data| data.permissions().mode() & 0o001 != 0);
    if !is_root() || workspace.target().ancestors().all(open) {
        return workspace.tools();
    }
    PathBuf::from("/var/cache/hookline-tools")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn is_debian() -> bool {
    run::output(Command::new("apt-get").arg("--version")).is_some()
        && run::output(Command::new("dpkg-deb").arg("--version")).is_some()
}

fn download_and_unpack(package: &str, root: &Path) -> anyhow::Result<()> {
    let archives = root.with_extension("archives");
    for folder in [root, &archives] {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let download = || download(&needed(package)?, &archives);
    if let Err(error) = download() {
        // No package lists yet, or lists so old that the files are gone.
        if !is_root() {
            return Err(error.context("as a user we cannot refresh the package lists: run apt-get update"));
        }
        run::tool(apt_get().arg("update"))?;
        download()?;
    }
    for entry in fs::read_dir(&archives).context("listing what was downloaded")? {
        run::tool(Command::new("dpkg-deb").arg("--extract").arg(entry?.path()).arg(root))?;
    }
    let _ = fs::remove_dir_all(&archives);
    fs::write(root.join(COMPLETE), b"").context("marking it complete")
}

/// apt's own solver says what an installation would add: it knows alternatives, versions, and what is there.
fn needed(package: &str) -> anyhow::Result<Vec<String>> {
    let mut simulate = apt_get();
    // apt explains itself there.
    simulate.args(["install", "--simulate", "--no-install-recommends", package]).stderr(Stdio::inherit());
    let plan = run::output(&mut simulate).with_context(|| format!("apt-get knows no installable package {package}"))?;
    let packages = parse_plan(&plan);
    if packages.is_empty() {
        bail!("the package {package} is installed, but its programs are not where they belong");
    }
    Ok(packages)
}

fn parse_plan(plan: &str) -> Vec<String> {
    plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next().map(str::to_owned)).collect()
}

fn download(packages: &[String], folder: &Path) -> anyhow::Result<()> {
    run::tool(apt_get().arg("download").args(packages).current_dir(folder))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // apt would otherwise download as an account that cannot write to our folder, and complain.
    command.args(["--quiet", "--quiet", "-o", "APT::Sandbox::User=root"]).env("LC_ALL", "C.UTF-8");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn collect_libraries(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // PostgreSQL's own modules are found by PostgreSQL.
            if entry.file_name() != "postgresql" {
                collect_libraries(&entry.path(), found);
            }
        } else if entry.file_name().to_string_lossy().contains(".so.") {
            found.insert(folder.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_plan;

    #[test]
    fn reads_what_apt_would_install() {
        let plan = "Reading package lists...\nInst liblzf1 (3.6-3 Debian:12.11/stable [amd64])\n\
                    Inst redis-server [5:7.0] (5:7.1 Debian [amd64])\nConf liblzf1 (3.6-3 Debian [amd64])\n";
        assert_eq!(parse_plan(plan), ["liblzf1", "redis-server"]);
    }
}

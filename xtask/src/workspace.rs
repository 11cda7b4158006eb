//! Where the workspace and its target folder are, and how to call cargo in it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::run;

/// Lets tests kill the host at its durable boundaries. The demo shares the tests' build; release builds never have it.
pub(crate) const FAULT_POINTS: [&str; 2] = ["--features", "hookline/faults"];

/// Which of our build profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Tests and demo: our code compiles fast, dependencies are optimised.
    Dev,
    /// Bench.
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// The folders of this workspace.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Finds them from where xtask itself was built: cargo's target folder can be configured in many ways, but it is
    /// always the one with the cache tag.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is no member of a workspace")?;
        let own = env::current_exe().context("finding our own binary")?;
        let target = own
            .ancestors()
            .find(|folder| folder.join("CACHEDIR.TAG").is_file())
            .context("xtask does not run from a target folder: call it as cargo xtask")?;
        Ok(Self { root: root.to_owned(), target: target.to_owned() })
    }

    /// The root of the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// cargo's target folder.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where downloaded tools are kept.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// A binary of the workspace, built or not.
    pub(crate) fn binary(&self, name: &str, profile: Profile) -> PathBuf {
        self.target.join(profile.folder()).join(name)
    }

    /// The cargo that called us, in the root of the workspace.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // cargo sets these for xtask; left in place they would make build scripts of others run again.
        command.current_dir(&self.root).env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH");
        command
    }

    /// Builds binaries of the platform and its harness. The whole workspace is selected, as in `cargo test --workspace`:
    /// cargo unifies features over the selection, and another one would build the engine and the databases again.
    pub(crate) fn build_binaries(&self, names: &[&str], profile: Profile) -> anyhow::Result<()> {
        let mut cargo = self.cargo();
        cargo.args(["build", "--workspace"]);
        for name in names {
            cargo.args(["--bin", name]);
        }
        match profile {
            Profile::Dev => cargo.args(FAULT_POINTS),
            Profile::Release => cargo.arg("--release"),
        };
        run::tool(&mut cargo)
    }
}

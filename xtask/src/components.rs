//! Builds the business lines and wraps them into components, in target/components.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use wit_component::ComponentEncoder;

use crate::run;
use crate::workspace::Workspace;

/// Members of the workspace under plugins/, packages `hookline-<name>`. The last misbehaves on command, for tests.
const LINES: [&str; 5] = ["goods", "hotel", "flight", "topup", "hostile"];
/// Built for the WASI target too: a host must load what the standard toolchain makes.
const WASI_LINE: &str = "goods";
const PROFILE: &str = "component";
const BARE: &str = "wasm32-unknown-unknown";
const WASI: &str = "wasm32-wasip2";

/// Builds all of them and returns the folder; files that did not change keep their time.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    ensure_targets()?;
    let folder = workspace.target().join("components");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    compile(workspace, BARE, &LINES)?;
    compile(workspace, WASI, &[WASI_LINE])?;
    for line in LINES {
        let module = read_artifact(workspace, BARE, line)?;
        let component = ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .and_then(|mut encoder| encoder.encode())
            .with_context(|| format!("wrapping plugins/{line} into a component"))?;
        write_if_changed(&folder.join(format!("{line}.wasm")), &component)?;
    }
    // This target's linker has made a component already.
    let component = read_artifact(workspace, WASI, WASI_LINE)?;
    write_if_changed(&folder.join(format!("{WASI_LINE}-wasip2.wasm")), &component)?;
    Ok(folder)
}

fn compile(workspace: &Workspace, target: &str, lines: &[&str]) -> anyhow::Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--profile", PROFILE, "--target", target]);
    for line in lines {
        cargo.args(["--package", &format!("hookline-{line}")]);
    }
    run::tool(&mut cargo)
}

fn read_artifact(workspace: &Workspace, target: &str, line: &str) -> anyhow::Result<Vec<u8>> {
    let path = workspace.target().join(target).join(PROFILE).join(format!("hookline_{line}.wasm"));
    fs::read(&path).with_context(|| format!("reading {}: is plugins/{line} of crate-type cdylib?", path.display()))
}

fn write_if_changed(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// rust-toolchain.toml names the targets, but a rustup that installed the toolchain earlier may lack them.
fn ensure_targets() -> anyhow::Result<()> {
    let Some(sysroot) = run::output(Command::new("rustc").args(["--print", "sysroot"])) else {
        bail!("there is no rustc on PATH: install Rust with rustup");
    };
    let libraries = Path::new(sysroot.trim()).join("lib/rustlib");
    let missing: Vec<_> = [BARE, WASI].into_iter().filter(|target| !libraries.join(target).is_dir()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if run::output(Command::new("rustup").arg("--version")).is_none() {
        bail!("this Rust lacks the targets {list}, and there is no rustup to add them: install Rust with rustup");
    }
    run::tool(Command::new("rustup").args(["target", "add"]).args(missing))
        .with_context(|| format!("adding the targets {list}"))
}

//! `cargo xtask ci`: what a change must pass.

use crate::report::Report;
use crate::workspace::Workspace;
use crate::{run, test};

/// The version that deny.toml was written for.
const CARGO_DENY: &str = "0.19.9";

/// Formatting, lints, licences, tests: the cheapest first.
pub(crate) fn run(workspace: &Workspace, report: &mut Report) -> anyhow::Result<()> {
    report.step("cargo fmt", || run::tool(workspace.cargo().args(["fmt", "--all", "--check"])))?;
    report.step("cargo clippy", || {
        let lint = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
        run::tool(workspace.cargo().args(lint))
    })?;
    report.step("cargo deny", || licences(workspace))?;
    test::run(workspace, &[], report)
}

fn licences(workspace: &Workspace) -> anyhow::Result<()> {
    let tools = workspace.tools();
    let deny = tools.join("bin/cargo-deny");
    if !deny.is_file() {
        let mut install = workspace.cargo();
        // Unoptimised: it runs for a second and would compile for minutes.
        install.args(["install", "--locked", "--debug", "cargo-deny", "--version", CARGO_DENY, "--root"]).arg(&tools);
        install.arg("--target-dir").arg(tools.join("build")).env("CARGO_PROFILE_DEV_DEBUG", "false");
        run::tool(&mut install)?;
    }
    let mut check = std::process::Command::new(&deny);
    check.current_dir(workspace.root()).args(["--log-level", "error", "check", "bans", "licenses"]);
    run::tool(&mut check)
}

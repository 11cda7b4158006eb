//! `cargo xtask demo`: the whole platform on this machine, with orders running through all four business lines.

use std::process::Command;

use crate::environment::Environment;
use crate::report::Report;
use crate::workspace::{Profile, Workspace};
use crate::{components, find, run};

/// Builds, finds the servers that the arguments ask for, and runs the demo with all arguments.
pub(crate) fn run(workspace: &Workspace, arguments: &[String], report: &mut Report) -> anyhow::Result<()> {
    let components = report.step("build the components", || components::build(workspace))?;
    report.step("build the host and the demo", || workspace.build_binaries(&["hookline", "demo"], Profile::Dev))?;
    let mut environment = Environment::new(&workspace.binary("hookline", Profile::Dev), &components);
    if arguments.iter().any(|word| word == "postgres" || word == "--store=postgres") {
        environment.postgres(&report.step("find PostgreSQL", || find::postgres(workspace))?);
    }
    if arguments.iter().any(|word| word == "--redis") {
        environment.redis(&report.step("find Redis", || find::redis(workspace))?);
    }
    report.step(format!("demo {}", arguments.join(" ")), || {
        let mut demo = Command::new(workspace.binary("demo", Profile::Dev));
        environment.apply(demo.args(arguments));
        run::foreground(&mut demo)
    })
}

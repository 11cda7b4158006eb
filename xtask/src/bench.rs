//! `cargo xtask bench`: release builds against pgbench on the same server settings.

use std::process::Command;

use crate::environment::Environment;
use crate::report::Report;
use crate::workspace::{Profile, Workspace};
use crate::{components, find, run};

/// Builds, finds PostgreSQL with pgbench, and runs the load generator with all arguments.
pub(crate) fn run(workspace: &Workspace, arguments: &[String], report: &mut Report) -> anyhow::Result<()> {
    let postgres = report.step("find PostgreSQL", || find::postgres(workspace))?;
    let components = report.step("build the components", || components::build(workspace))?;
    report.step("build for release", || workspace.build_binaries(&["hookline", "bench"], Profile::Release))?;
    let mut environment = Environment::new(&workspace.binary("hookline", Profile::Release), &components);
    environment.postgres(&postgres);
    report.step(format!("bench {}", arguments.join(" ")), || {
        let mut bench = Command::new(workspace.binary("bench", Profile::Release));
        environment.apply(bench.args(arguments).current_dir(workspace.root()));
        run::foreground(&mut bench)
    })
}

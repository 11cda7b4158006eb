//! `cargo xtask test`: builds first, starts what tests share, runs `cargo test`, ends everything.

use anyhow::Context as _;
use hookline_servers::{Durability, Postgres, PostgresBinaries};

use crate::environment::Environment;
use crate::report::Report;
use crate::workspace::{FAULT_POINTS, Profile, Workspace};
use crate::{components, find, run};

/// Runs all tests, or what the arguments select.
pub(crate) fn run(workspace: &Workspace, arguments: &[String], report: &mut Report) -> anyhow::Result<()> {
    let postgres = report.step("find PostgreSQL", || find::postgres(workspace))?;
    let redis = report.step("find Redis", || find::redis(workspace))?;
    let components = report.step("build the components", || components::build(workspace))?;
    report.step("build the host", || workspace.build_binaries(&["hookline"], Profile::Dev))?;

    let mut environment = Environment::new(&workspace.binary("hookline", Profile::Dev), &components);
    environment.postgres(&postgres);
    environment.redis(&redis);
    let binaries = PostgresBinaries::new(&postgres.path).with_libraries(environment.libraries());
    let mut shared = report.step("start PostgreSQL", || {
        Postgres::start(binaries, Durability::Fast).context("starting the PostgreSQL that tests share")
    })?;
    environment.shared_postgres(shared.url("postgres"));

    let outcome = report.step(format!("cargo test {}", arguments.join(" ")), || {
        let mut cargo = workspace.cargo();
        cargo.args(["test", "--no-fail-fast"]);
        if !names_packages(arguments) {
            cargo.arg("--workspace").args(FAULT_POINTS);
        }
        cargo.args(arguments);
        environment.apply(&mut cargo);
        run::tool(&mut cargo)
    });
    let stopped = report.step("stop PostgreSQL", || shared.stop().context("stopping PostgreSQL"));
    outcome.and(stopped)
}

/// Whether the arguments name packages themselves. A filter or `--test NAME` is faster: cargo unifies features over what
/// is selected, so another selection builds dependencies again.
fn names_packages(arguments: &[String]) -> bool {
    let ours = arguments.iter().take_while(|word| *word != "--");
    ours.into_iter().any(|word| word.starts_with("-p") || word == "--package" || word.starts_with("--package="))
}

#[cfg(test)]
mod tests {
    use super::names_packages;

    fn given(words: &[&str]) -> bool {
        names_packages(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn finds_named_packages_before_the_dashes_only() {
        assert!(!given(&["lifecycle", "--", "-p", "x"]));
        assert!(given(&["-p", "hookline"]));
        assert!(given(&["lifecycle", "--package=hookline"]));
    }
}

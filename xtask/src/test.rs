//! `cargo xtask test`: builds first, starts what tests share, runs `cargo test`, ends everything.

use anyhow::Context as _;
use hookline_servers::{Durability, Postgres, PostgresBinaries};

use crate::environment::Environment;
use crate::report::Report;
use crate::workspace::{Profile, Workspace};
use crate::{components, find, run};

/// Runs all tests, or what the arguments select.
pub(crate) fn run(workspace: &Workspace, arguments: &[String], report: &mut Report) -> anyhow::Result<()> {
    let selection = Selection::parse(arguments);
    let postgres = report.step("find PostgreSQL", || find::postgres(workspace))?;
    let redis = report.step("find Redis", || find::redis(workspace))?;
    let components = report.step("build the components", || components::build(workspace))?;
    report.step("build the host and the tests", || selection.build(workspace))?;

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
        cargo.arg("test").args(selection.packages()).arg("--no-fail-fast").args(arguments);
        environment.apply(&mut cargo);
        run::tool(&mut cargo)
    });
    let stopped = report.step("stop PostgreSQL", || shared.stop().context("stopping PostgreSQL"));
    outcome.and(stopped)
}

/// What to build and test: everything, unless the arguments name packages.
struct Selection {
    packages: Vec<String>,
}

impl Selection {
    fn parse(arguments: &[String]) -> Self {
        let mut packages = Vec::new();
        let mut words = arguments.iter().take_while(|word| *word != "--");
        while let Some(word) = words.next() {
            if word == "-p" || word == "--package" {
                packages.extend(words.next().cloned());
            } else if let Some(name) = word.strip_prefix("--package=").or_else(|| word.strip_prefix("-p")) {
                packages.push(name.to_owned());
            }
        }
        Self { packages }
    }

    /// For `cargo test`, which gets the arguments that name packages as they are.
    fn packages(&self) -> &'static [&'static str] {
        if self.packages.is_empty() { &["--workspace"] } else { &[] }
    }

    /// Builds with the same selection and test targets as the run that follows, so that features agree and nothing is
    /// built twice.
    fn build(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let mut cargo = workspace.cargo();
        if self.packages.is_empty() {
            return run::tool(cargo.args(["build", "--workspace", "--all-targets"]));
        }
        cargo.args(["build", "--package", "hookline", "--bin", "hookline"]);
        for package in &self.packages {
            cargo.args(["--package", package]);
        }
        run::tool(&mut cargo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Vec<String> {
        Selection::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>()).packages
    }

    #[test]
    fn finds_named_packages_before_the_dashes_only() {
        assert!(parse(&["lifecycle", "--", "-p", "x"]).is_empty());
        assert_eq!(
            parse(&["-p", "hookline", "--package=xtask", "-phookline-tests"]),
            ["hookline", "xtask", "hookline-tests"]
        );
    }
}

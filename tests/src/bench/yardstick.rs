//! Runs pgbench with the files of the folder `bench`, unchanged.

use std::path::PathBuf;
use std::time::Duration;

use crate::servers::OwnPostgres;
use crate::world::WorldError;

const DATABASE: &str = "yardstick";

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../bench").join(name)
}

/// Makes the database with its tables and stock.
pub(super) async fn prepare(server: &OwnPostgres) -> Result<(), WorldError> {
    let url = server.create_database(DATABASE).await.map_err(|error| super::database_error(&error))?;
    let mut command = server.server().binaries().command("psql");
    command.args(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-f"]).arg(file("schema.sql")).arg(url);
    output(command).await.map(drop)
}

/// Transactions (or flows) a second.
pub(super) async fn run(server: &OwnPostgres, name: &str, crowd: usize, took: Duration) -> Result<f64, WorldError> {
    let mut command = server.server().binaries().command("pgbench");
    let (crowd, seconds) = (crowd.to_string(), took.as_secs().to_string());
    command.args(["-n", "-M", "prepared", "-j", "2", "-c", &crowd, "-T", &seconds, "-f"]);
    command.arg(file(name)).arg(server.url(DATABASE));
    let text = output(command).await?;
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.ok_or_else(|| WorldError::Wrong(format!("pgbench names no rate: {text}")))
}

async fn output(mut command: std::process::Command) -> Result<String, WorldError> {
    let what = format!("{command:?}");
    let io = |source| WorldError::Io { what: what.clone(), source };
    let ran = tokio::task::spawn_blocking(move || command.output()).await;
    let output = ran.map_err(std::io::Error::other).and_then(|output| output).map_err(io)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(WorldError::Wrong(format!("{what}: {}", String::from_utf8_lossy(&output.stderr))))
}

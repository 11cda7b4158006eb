//! The demo: sets a platform up, drives orders of four lines to their ends, shows that everything adds up, keeps serving.

mod arguments;
mod drive;
mod plan;
mod report;
mod stage;
mod stories;
mod wrong;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use tokio::signal::unix::{SignalKind, signal};

pub use arguments::{Arguments, Store};

use crate::checker;
use crate::world::{Line, World, WorldError};

use report::Summary;
use stage::Stage;
use stories::Stories;

/// How much of the host's log is shown when something failed.
const LOG_LINES: usize = 30;

/// Runs it all; the exit code says whether everything held.
pub async fn run(arguments: Arguments) -> ExitCode {
    match play(&arguments).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn play(arguments: &Arguments) -> Result<bool, WorldError> {
    let begin = Instant::now();
    eprintln!("Starting the platform: {}", arguments.describe());
    let stage = Stage::build(arguments).await?;
    let world = &stage.world;
    eprintln!("It serves http://{}; four business lines are registered. Driving orders.", world.address());
    let outcomes = drive::all(world, arguments).await?;
    let snapshot = checker::drained(world.database()).await?;
    let checked = checker::check(&snapshot, &drive::outside(world));
    let stories = Stories::read(world, &outcomes).await?;
    let summary = Summary::new(&snapshot, &outcomes, checked, stories, begin.elapsed());
    show(world, &summary, &outcomes).await?;
    if !arguments.exit {
        serve(world).await?;
    }
    if arguments.json {
        println!("{}", summary.json());
        // The last line must be whole before the servers end.
        let _ = std::io::stdout().flush();
    }
    Ok(summary.is_good())
}

async fn show(world: &World, summary: &Summary, outcomes: &[drive::Outcome]) -> Result<(), WorldError> {
    println!("{}", summary.table());
    println!("{}", report::figures(&world.meter));
    let shown = outcomes.iter().find(|outcome| outcome.line == Line::Hotel && outcome.status() == Some("completed"));
    if let Some(ended) = shown.and_then(|outcome| outcome.ended.as_ref().ok()) {
        println!("{}", report::timeline(world, ended.as_ref()).await?);
    }
    let partly = outcomes.iter().find(|outcome| outcome.ending == plan::Ending::PartlyRefunded);
    if let Some(ended) = partly.and_then(|outcome| outcome.ended.as_ref().ok()?.as_ref()) {
        println!("{}", report::money_story(world, ended).await?);
    }
    println!("{}", summary.stories());
    println!("{}", summary.invariants());
    let failures: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.ended.as_ref().err()).collect();
    for failure in failures.iter().take(10) {
        println!("  failed: {failure}");
    }
    if !summary.is_good() {
        let log = world.host.log();
        let lines: Vec<&str> = log.lines().collect();
        eprintln!("The end of the host's log:");
        for line in &lines[lines.len().saturating_sub(LOG_LINES)..] {
            eprintln!("  {line}");
        }
    }
    Ok(())
}

async fn serve(world: &World) -> Result<(), WorldError> {
    let address = world.address();
    println!("Serving http://{address}  (pages: http://{address}/docs). End it with Ctrl-C.");
    println!("  admin token: {}", world.mint.admin());
    println!("  buyer token: {}", world.mint.buyer("you"));
    let (admin, buyer) = (world.mint.admin(), world.mint.buyer("you"));
    println!("  try: curl -s http://{address}/api/v1/orders?limit=3 -H 'authorization: Bearer {admin}'");
    println!("  or:  curl -s http://{address}/api/v1/quotes -H 'authorization: Bearer {buyer}' \\");
    println!("         -H 'content-type: application/json' -d '{}'", report::sample_cart());
    let io = |source| WorldError::Io { what: "waiting for signals".to_owned(), source };
    let mut terminate = signal(SignalKind::terminate()).map_err(io)?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

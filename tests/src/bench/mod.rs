//! The bench: pgbench's hand-written flow, then the platform over HTTP on the same server, then on SQLite.

mod figures;
mod flow;
mod hook;
mod load;
mod yardstick;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::servers::{DatabaseError, HostSettings, OwnPostgres};
use crate::world::catalogue::SkuFacts;
use crate::world::{Line, LineSetup, Pace, World, WorldError, host_settings};

use figures::Figures;
use load::{Measured, Run};

/// Buyers in flight.
const CROWDS: [usize; 2] = [32, 64];
/// Buyers who want the same SKU.
const HOT_CROWD: usize = 64;
/// SKUs besides the hot one.
const SKUS: usize = 10_000;
const PLENTY: i64 = 1_000_000_000;
const SECONDS: u64 = 20;
const QUICK_SECONDS: u64 = 5;

/// Measures the platform against pgbench on the same server.
#[derive(Debug, Clone, Parser)]
#[command(name = "bench")]
pub struct Arguments {
    /// Seconds of each run.
    #[arg(long)]
    pub seconds: Option<u64>,
    /// Runs of 5 seconds: to see that it works, not to compare.
    #[arg(long)]
    pub quick: bool,
    /// Leave SQLite out.
    #[arg(long)]
    pub postgres_only: bool,
    /// Print one JSON object as the last line.
    #[arg(long)]
    pub json: bool,
}

impl Arguments {
    fn duration(&self) -> Duration {
        let usual = if self.quick { QUICK_SECONDS } else { SECONDS };
        Duration::from_secs(self.seconds.unwrap_or(usual))
    }
}

/// Runs it all; the exit code says whether everything could be measured.
pub async fn run(arguments: Arguments) -> ExitCode {
    match measure(&arguments).await {
        Ok(figures) => {
            println!("{figures}");
            if arguments.json {
                println!("{}", figures.json());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<Figures, WorldError> {
    let took = arguments.duration();
    let mut figures = Figures::default();
    let server = OwnPostgres::start(true).await?;
    yardstick::prepare(&server).await?;
    for crowd in CROWDS {
        let rate = yardstick::run(&server, "flow.sql", crowd, took).await?;
        eprintln!("pgbench flow, {crowd} clients: {rate:.0}/s");
        figures.pgbench_flow(rate);
    }
    figures.pgbench_hot = yardstick::run(&server, "hot.sql", HOT_CROWD, took).await?;
    eprintln!("pgbench hot, {HOT_CROWD} clients: {:.0}/s", figures.pgbench_hot);

    let url = server.create_database("hookline").await.map_err(|error| database_error(&error))?;
    let world = world(&host_settings().set("ORDER_DB_URL", url)).await?;
    for crowd in CROWDS {
        let measured = run_load(&world, Run::Flow, crowd, took, "PostgreSQL flow").await?;
        figures.postgres_flow(measured);
    }
    let hot = run_load(&world, Run::HotCreate, HOT_CROWD, took, "PostgreSQL hot SKU").await?;
    figures.postgres_hot = hot.per_second;
    figures.hook_us_p50 = hook::p50().await?;
    figures.host_rss_mb = hook::resident_mb(&world);
    drop(world);
    drop(server);

    if !arguments.postgres_only {
        let world = self::world(&host_settings()).await?;
        for crowd in CROWDS {
            let measured = run_load(&world, Run::Flow, crowd, took, "SQLite flow").await?;
            figures.sqlite_flow(measured.per_second);
        }
    }
    Ok(figures)
}

async fn run_load(world: &World, run: Run, crowd: usize, took: Duration, name: &str) -> Result<Measured, WorldError> {
    let measured = load::run(world, run, crowd, took).await?;
    eprintln!("{name}, {crowd} buyers: {measured}");
    Ok(measured)
}

/// A host with the goods line alone, which ships at once.
async fn world(settings: &HostSettings) -> Result<World, WorldError> {
    let world = World::empty(settings.clone().set("ORDER_LOG", "warn")).await?;
    let pace = Pace {
        pay_timeout_s: 1_800,
        auto_receive_s: 864_000,
        aftersale_window_s: 864_000,
        compensate_ms: 20_000,
        auto_waybill: true,
    };
    let mut setup = LineSetup::new(Line::Goods, &pace, &world.suppliers);
    setup.skus =
        (1..=SKUS).map(|n| SkuFacts::goods(&flow::sku(n), if n % 2 == 0 { 1_990 } else { 980 }, PLENTY)).collect();
    setup.skus.push(SkuFacts::goods(flow::HOT, 1_990, PLENTY));
    world.register(&setup).await?;
    world.sells(Line::Goods, serde_json::json!([{"sku_id": flow::HOT, "quantity": 1}])).await?;
    Ok(world)
}

fn database_error(error: &DatabaseError) -> WorldError {
    WorldError::Wrong(error.to_string())
}

//! Puts a host together, runs it, and takes it apart again in good order.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hookline::app::catalogue::{self, Catalogue};
use hookline::app::fulfilment::Silence;
use hookline::app::loading::Loader;
use hookline::app::numbers::Numbers;
use hookline::app::{App, Parts};
use hookline::broker::{Broker, MemoryBroker, RedisBroker};
use hookline::clock::Clock;
use hookline::config::{BrokerKind, Database, Keys, LockKind, Settings, SqliteSynchronous};
use hookline::egress::{Egress, Retries};
use hookline::entropy::Entropy;
use hookline::health::{Health, Part};
use hookline::identity::{ApiKeys, Tokens};
use hookline::lock::{LOCK_PATIENCE, LocalLocks, Locks, SharedLocks};
use hookline::payment::{Balance, Providers, Sandbox};
use hookline::plugin::{PluginSettings, Plugins};
use hookline::secrets::Sealer;
use hookline::store::{self, Durability, Store};
use hookline::tasks::Tasks;
use hookline::telemetry::metrics::UPKEEP_EVERY;
use hookline::telemetry::{Metrics, init_logs};
use hookline::worker::Workers;
use hookline::{faults, http};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;

/// How long running requests and what they started may take to end.
const DRAIN: Duration = Duration::from_secs(5);
/// How long each step of stopping the workers may take.
const WORKERS: Duration = Duration::from_millis(1_500);
/// Stopping never takes longer than this altogether.
const STOP: Duration = Duration::from_secs(10);

/// Runs a host until it is told to stop.
pub(super) async fn serve(settings: Settings) -> Result<(), Failure> {
    faults::arm()?;
    init_logs(&settings.log, settings.log_format)?;
    let metrics = Metrics::install()?;
    let told = told_to_stop()?;
    let tasks = Tasks::new();
    let broker = broker(&settings)?;
    let app = build(settings, tasks.clone()).await?;
    catalogue::refresh(&app).await?;
    let workers = Workers::start(&app, broker);
    keep_up(&tasks, metrics.clone());

    let router = http::router(app.clone(), Some(metrics));
    let health = app.health.clone();
    let listening = |address| {
        health.set(Part::Life, None);
        println!("listening on http://{address}");
    };
    let serving = http::serve(app.settings.http_addr, router, tasks.clone(), listening);
    let mut serving = std::pin::pin!(serving);
    let mut served = None;
    tokio::select! {
        ended = &mut serving => served = Some(ended),
        () = told => {}
    }
    app.health.set(Part::Life, Some("stopping".to_owned()));
    let stopping = async {
        // Intake stops with the signal that this sends; requests and what they started end first.
        let drained = tasks.shut_down(DRAIN);
        if served.is_none() {
            let (ended, _) = tokio::join!(serving, drained);
            served = Some(ended);
        } else {
            drained.await;
        }
        if !workers.stop(WORKERS).await {
            tracing::warn!("workers were cut off; what they left is taken up at the next start");
        }
        app.store.close().await;
    };
    if tokio::time::timeout(STOP, stopping).await.is_err() {
        tracing::warn!("stopping took too long; the rest is cut off");
    }
    tracing::info!("stopped");
    served.transpose()?;
    Ok(())
}

/// The store's own settings.
pub(super) fn store_settings(settings: &Settings) -> Result<store::Settings, Failure> {
    Ok(match &settings.database {
        Database::Postgres(url) => store::Settings::new(url.expose_secret()),
        Database::Sqlite { file, synchronous } => {
            if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder)?;
            }
            let path = file.to_str().ok_or("the path of the database is not UTF-8")?;
            let escaped = path.replace('%', "%25").replace('?', "%3f");
            let durability = match synchronous {
                SqliteSynchronous::Full => Durability::Full,
                SqliteSynchronous::Normal => Durability::Normal,
            };
            store::Settings { durability, ..store::Settings::new(format!("sqlite:{escaped}")) }
        }
    })
}

async fn build(settings: Settings, tasks: Tasks) -> Result<App, Failure> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let keys = Keys::load(&settings, &entropy)?;
    let compiler = settings.compile_child.clone().map_or_else(std::env::current_exe, Ok)?;
    Ok(App::new(Parts {
        store: Store::open(store_settings(&settings)?).await?,
        plugins: Plugins::start(&PluginSettings::new(compiler))?,
        providers: providers(&settings),
        locks: locks(&settings, &clock, &entropy, &tasks)?,
        fulfilment: Silence::default(),
        egress: Egress::new(&settings.egress_allow_private, Retries::default(), clock.clone(), entropy.clone())?,
        sealer: Sealer::new(&keys.secret, entropy.clone()),
        loader: Loader::default(),
        health: Health::new(),
        catalogue: Catalogue::default(),
        numbers: Numbers::default(),
        tokens: Tokens::new(&keys.token, settings.token.clone()),
        api_keys: ApiKeys::new(&keys.api_key),
        clock,
        entropy,
        tasks,
        settings,
    }))
}

fn providers(settings: &Settings) -> Providers {
    let providers = Providers::new().with("balance", Arc::new(Balance));
    match &settings.sandbox_secret {
        Some(secret) if settings.sandbox_enabled => {
            tracing::warn!("the sandbox provider is enabled: whoever knows its secret can pay any order");
            providers.with_sandbox(Arc::new(Sandbox::new(secret.clone(), settings.public_url.clone())))
        }
        _ => providers,
    }
}

fn locks(settings: &Settings, clock: &Clock, entropy: &Entropy, tasks: &Tasks) -> Result<Locks, Failure> {
    Ok(match settings.lock {
        LockKind::Local => Locks::Local(LocalLocks::new()),
        LockKind::Redis => {
            let url = redis_url(settings)?;
            let (clock, entropy, tasks) = (clock.clone(), entropy.clone(), tasks.clone());
            Locks::Shared(SharedLocks::new(url, LOCK_PATIENCE, clock, entropy, tasks)?)
        }
    })
}

fn broker(settings: &Settings) -> Result<Arc<dyn Broker>, Failure> {
    Ok(match settings.broker {
        BrokerKind::Memory => Arc::new(MemoryBroker::new(Clock::system())),
        BrokerKind::Redis => Arc::new(RedisBroker::new(redis_url(settings)?)?),
    })
}

fn redis_url(settings: &Settings) -> Result<&SecretString, Failure> {
    Ok(settings.redis_url.as_ref().ok_or("ORDER_REDIS_URL is required")?)
}

/// Resolves at the first SIGTERM or SIGINT from now on.
fn told_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("told to stop (SIGTERM)"),
            _ = interrupt.recv() => tracing::info!("told to stop (SIGINT)"),
        }
    })
}

/// Keeps the memory of metrics that nobody scrapes from growing.
fn keep_up(tasks: &Tasks, metrics: Metrics) {
    let mut stop = tasks.stop_signal();
    tasks.spawn("metrics", async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(UPKEEP_EVERY) => metrics.upkeep(),
                () = stop.requested() => return,
            }
        }
    });
}

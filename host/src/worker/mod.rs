//! What runs beside the requests: leases, the relay, timers, the catalogue, plugin versions, housekeeping. A worker has
//! no input: it finds in the store what there is to do, so it can stop anywhere and go on after any crash.
//!
//! Reading order: `runner` (the loop) → `leases` (who works on what) → `relay`, `timers` → the rest.

mod archive;
mod attention;
mod catalogue;
mod clock_check;
mod leases;
mod plugin_sync;
mod purge;
mod reconcile;
mod relay;
mod runner;
mod timers;
mod wallet_check;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

pub use self::{
    archive::Archive,
    attention::CountAttention,
    catalogue::FollowCatalogue,
    clock_check::ClockCheck,
    leases::{Held, Leases, give_back},
    plugin_sync::PluginSync,
    purge::Purge,
    reconcile::Reconcile,
    relay::{Relay, RelaySetup},
    runner::{Trouble, Worked, Worker},
    timers::{Fire, Timers, TimersSetup},
    wallet_check::WalletCheck,
};

use self::runner::{Loop, chain};
use crate::app::{App, timers as use_cases};
use crate::broker::Broker;
use crate::domain::change::Timer;
use crate::store::Dialect;
use crate::tasks::{ShutDown, Tasks};

/// The workers of one host, running.
#[derive(Debug)]
pub struct Workers {
    app: App,
    holder: String,
    held: Held,
    /// What must end before the relay's last run.
    acting: Tasks,
    relaying: Tasks,
}

impl Workers {
    /// Starts every worker.
    pub fn start(app: &App, broker: Arc<dyn Broker>) -> Self {
        let holder = format!("host-{}", hex::encode(app.entropy.bytes::<8>()));
        let (store, clock) = (app.store.clone(), app.clock.clone());
        let leases = Leases::new(store.clone(), holder.clone(), clock.clone());
        let held = leases.held();
        let workers =
            Self { app: app.clone(), holder, held: held.clone(), acting: Tasks::new(), relaying: Tasks::new() };
        let (acting, relaying) = (&workers.acting, &workers.relaying);

        let relay = RelaySetup {
            store: store.clone(),
            broker,
            held: held.clone(),
            prefix: app.settings.event_topic.clone(),
            consumers: app.settings.event_consumer_groups.clone(),
            poll: app.settings.relay_poll,
            clock: clock.clone(),
        };
        workers.run_on(relaying, leases, Arc::default());
        workers.run_on(relaying, Relay::new(relay), store.event_signal());
        workers.run_on(acting, WalletCheck::new(store.clone(), held.clone(), clock.clone()), Arc::default());
        workers.run_on(acting, Reconcile::new(app.clone(), held.clone()), Arc::default());
        let timers = TimersSetup {
            store: store.clone(),
            held,
            fire: Arc::new(app.clone()),
            health: app.health.clone(),
            clock: clock.clone(),
            tasks: acting.clone(),
        };
        workers.run_on(acting, Timers::new(timers), Arc::default());
        workers.run_on(acting, FollowCatalogue::new(app.clone()), Arc::default());
        workers.run_on(acting, PluginSync::new(app.clone()), Arc::default());
        workers.run_on(acting, Purge::new(store.clone(), clock.clone()), Arc::default());
        workers.run_on(acting, Archive::new(store.clone(), clock.clone()), Arc::default());
        workers.run_on(acting, CountAttention::new(store.clone()), Arc::default());
        if store.dialect() == Dialect::Postgres {
            workers.run_on(acting, ClockCheck::new(store, clock, app.health.clone()), Arc::default());
        }
        workers
    }

    fn run_on(&self, tasks: &Tasks, worker: impl Worker + 'static, wake: Arc<Notify>) {
        let (clock, entropy) = (self.app.clock.clone(), self.app.entropy.clone());
        let around = Loop { clock, entropy, stop: tasks.stop_signal(), wake };
        tasks.spawn(worker.name(), around.drive(worker));
    }

    /// Stops everything: first what makes events, then the relay, which publishes what is left, then the leases go.
    /// Each step takes at most `patience`. True if nothing had to be cut off.
    pub async fn stop(self, patience: Duration) -> bool {
        let acted = self.acting.shut_down(patience).await;
        let relayed = self.relaying.shut_down(patience).await;
        let given = give_back(&self.app.store, &self.holder, &self.held);
        match tokio::time::timeout(patience, given).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = %chain(error.as_ref()), "leases run out by themselves"),
            Err(_) => tracing::warn!("leases run out by themselves"),
        }
        acted == ShutDown::Clean && relayed == ShutDown::Clean
    }
}

#[async_trait]
impl Fire for App {
    async fn fire(&self, timer: Timer) -> Result<(), Trouble> {
        Ok(use_cases::fire(self, timer).await?)
    }

    async fn put_off(&self, timer: Timer) -> Result<(), Trouble> {
        Ok(use_cases::put_off(self, timer).await?)
    }
}

//! Use cases: read, decide (pure), ask the hook (pure), commit one change, answer. One use case a file; the only room
//! that combines store, plugins, payment providers, locks and egress.

pub mod api;
pub mod problem;

pub mod accounts;
pub mod catalogue;
pub mod decisions;
pub mod loading;
mod methods;
pub mod numbers;
pub mod orders;

pub mod address;
pub mod aftersale;
pub mod callback;
pub mod cancel;
mod closing;
pub mod create;
pub mod delivery_secrets;
pub mod dispute;
pub mod divide;
pub mod forward;
pub mod fulfilment;
pub mod merge;
pub mod pay;
pub mod query;
pub mod quote;
pub mod receipt;
pub mod receive;
pub mod reconcile;
pub mod refund;
pub mod refund_order;
pub mod reprice;
pub mod reserve;
pub mod ship;
pub mod signal;
pub mod snapshots;
pub mod split;
mod tally;
pub mod timers;
pub mod tracks;
pub mod upkeep;
pub mod wallet;

pub mod admin;
pub mod read;
pub mod sandbox;

use std::ops::Deref;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Settings;
use crate::egress::Egress;
use crate::entropy::Entropy;
use crate::health::Health;
use crate::identity::{ApiKeys, Tokens};
use crate::lock::Locks;
use crate::payment::Providers;
use crate::plugin::Plugins;
use crate::secrets::Sealer;
use crate::store::Store;
use crate::tasks::Tasks;

use catalogue::Catalogue;
use loading::Loader;
use numbers::Numbers;

/// Everything a use case works with; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The plugin host.
    pub plugins: Plugins,
    /// Payment providers.
    pub providers: Providers,
    /// Locks around forward: they save work, the store keeps data right.
    pub locks: Locks,
    /// HTTP out for plugin calls.
    pub egress: Egress,
    /// Whether the outside fulfilment service answers.
    pub fulfilment: fulfilment::Silence,
    /// Seals delivery secrets and supplier credentials.
    pub sealer: Sealer,
    /// Which plugin versions this host has loaded.
    pub loader: Loader,
    /// Whether this host can serve.
    pub health: Health,
    /// Business lines and SKUs, in memory.
    pub catalogue: Catalogue,
    /// Order numbers.
    pub numbers: Numbers,
    /// Verifies bearer tokens.
    pub tokens: Tokens,
    /// Verifies API keys.
    pub api_keys: ApiKeys,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// What runs in the background.
    pub tasks: Tasks,
    /// As configured.
    pub settings: Settings,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

//! Keeps every version loaded that an order may need: the active ones and those that open orders pin.

use std::time::Duration;

use async_trait::async_trait;

use super::runner::{Trouble, Worked, Worker};
use crate::app::{App, loading};
use crate::domain::catalogue::PluginState;
use crate::health::Part;

/// Between two looks. Whoever finds a version missing loads it at once.
const EVERY: Duration = Duration::from_millis(500);
/// Looks between two complete rounds: versions can drain and retire without a new revision.
const COMPLETE: u32 = 60;

/// Loads, activates and unloads plugin versions.
#[derive(Debug)]
pub struct PluginSync {
    app: App,
    /// The catalogue's revision at the last round that went well.
    revision: Option<i64>,
    looks: u32,
}

impl PluginSync {
    /// For a host.
    pub fn new(app: App) -> Self {
        Self { app, revision: None, looks: 0 }
    }

    /// Everything once: the active versions first, for new orders wait for them.
    async fn round(&self) -> Result<(), Trouble> {
        let snapshot = self.app.catalogue.now();
        let mut missing = vec![];
        for line in snapshot.businesses.values() {
            if let Some(active) = line.active.filter(|_| line.enabled) {
                match loading::ensure_loaded(&self.app, &line.code, active).await {
                    Ok(()) => self.app.plugins.activate(&line.code, Some(active))?,
                    Err(error) => missing.push(format!("{} {active}: {error}", line.code)),
                }
            }
        }
        let wrong = (!missing.is_empty()).then(|| format!("not loaded: {}", missing.join("; ")));
        self.app.health.set(Part::Plugins, wrong.clone());
        for line in snapshot.businesses.values() {
            for version in self.app.store.plugins(&line.code).await? {
                match version.state {
                    PluginState::Draining => loading::ensure_loaded(&self.app, &line.code, version.digest).await?,
                    PluginState::Retired => {
                        self.app.plugins.unload(&line.code, version.digest);
                    }
                    // Ready ones are loaded when they are activated.
                    PluginState::Active | PluginState::Ready => {}
                }
            }
        }
        wrong.map_or(Ok(()), |why| Err(why.into()))
    }
}

#[async_trait]
impl Worker for PluginSync {
    fn name(&self) -> &'static str {
        "plugin_sync"
    }

    fn rest(&self) -> Duration {
        EVERY
    }

    async fn run_once(&mut self) -> Result<Worked, Trouble> {
        let revision = self.app.catalogue.now().revision;
        // Below zero nothing was read yet.
        if revision < 0 {
            return Ok(Worked::Idle);
        }
        self.looks = (self.looks + 1) % COMPLETE;
        if self.revision == Some(revision) && self.looks != 0 {
            return Ok(Worked::Idle);
        }
        self.revision = None;
        self.round().await?;
        self.revision = Some(revision);
        Ok(Worked::Idle)
    }
}

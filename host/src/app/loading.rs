//! Loads plugin versions from the store: when a host starts, when a version is activated elsewhere, or when a call finds
//! its version not there yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::App;
use super::orders::store_problem;
use super::problem::Problem;
use crate::domain::catalogue::Grant;
use crate::domain::ids::{BusinessCode, Digest};

/// A version of a line.
type Key = (BusinessCode, Digest);

/// What this host has loaded, and with which grants.
#[derive(Debug, Default)]
pub struct Loader {
    one: tokio::sync::Mutex<()>,
    grants: Mutex<HashMap<Key, Grant>>,
}

impl Loader {
    /// A version was loaded with a grant, as after an upload.
    pub fn note(&self, business: &BusinessCode, digest: Digest, grant: &Grant) {
        self.grants().insert((business.clone(), digest), grant.clone());
    }

    fn has(&self, key: &Key, grant: &Grant) -> bool {
        self.grants().get(key) == Some(grant)
    }

    fn grants(&self) -> MutexGuard<'_, HashMap<Key, Grant>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a version callable under its line's present grant; at once if it is already. Compiling takes seconds, so it is
/// done once however many ask.
pub async fn ensure_loaded(app: &App, business: &BusinessCode, digest: Digest) -> Result<(), Problem> {
    let grant = grant(app, business)?;
    let key = (business.clone(), digest);
    if is_loaded(app, &key, &grant) {
        return Ok(());
    }
    let _one_at_a_time = app.loader.one.lock().await;
    if is_loaded(app, &key, &grant) {
        return Ok(());
    }
    let component = app.store.component(&digest).await.map_err(store_problem)?;
    let component = component.ok_or_else(|| Problem::not_found(format!("plugin {digest} of {business}")))?;
    let artefact = app.plugins.compile(&component).await.map_err(Problem::internal)?;
    app.plugins.load(business, digest, &artefact, &grant).map_err(Problem::internal)?;
    app.loader.note(business, digest, &grant);
    tracing::info!(%business, %digest, "a plugin version is loaded");
    Ok(())
}

/// The same before a call, for which a version that cannot be loaded is simply not there. Costs one look-up as a rule.
pub async fn at_hand(app: &App, business: &BusinessCode, digest: Digest) {
    if app.plugins.has_aftersale(business, digest).is_err()
        && let Err(problem) = ensure_loaded(app, business, digest).await
    {
        tracing::warn!(%business, %digest, %problem, "a plugin version cannot be loaded");
    }
}

fn is_loaded(app: &App, key: &Key, grant: &Grant) -> bool {
    app.loader.has(key, grant) && app.plugins.loaded().contains(key)
}

fn grant(app: &App, business: &BusinessCode) -> Result<Grant, Problem> {
    let snapshot = app.catalogue.now();
    let line =
        snapshot.businesses.get(business).ok_or_else(|| Problem::not_found(format!("business line {business}")))?;
    Ok(line.grant.clone())
}

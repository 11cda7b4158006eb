//! Business lines and SKUs in memory, thrown away whenever the catalogue's revision moves.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use quick_cache::sync::Cache;

use super::App;
use super::orders::store_problem;
use super::problem::Problem;
use crate::domain::catalogue::{Business, Sku};
use crate::domain::ids::{BusinessCode, SkuId};

/// SKUs kept in memory.
const SKUS: usize = 50_000;

/// The catalogue as this host last read it. `worker::catalogue` asks for the revision every 500 ms; a write through
/// this host reloads at once.
#[derive(Debug)]
pub struct Catalogue(RwLock<Arc<Snapshot>>);

/// One revision of the catalogue.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts catalogue writes.
    pub revision: i64,
    /// The registered lines by code.
    pub businesses: HashMap<BusinessCode, Arc<Business>>,
    skus: Cache<(BusinessCode, SkuId), Option<Arc<Sku>>>,
}

impl Snapshot {
    /// A snapshot with nothing read yet but the lines.
    pub fn new(revision: i64, businesses: Vec<Business>) -> Self {
        let businesses = businesses.into_iter().map(|b| (b.code.clone(), Arc::new(b))).collect();
        Self { revision, businesses, skus: Cache::new(SKUS) }
    }

    /// A line that takes orders, or why not.
    pub fn open_line(&self, code: &BusinessCode) -> Result<&Arc<Business>, Problem> {
        let line = self
            .businesses
            .get(code)
            .ok_or_else(|| Problem::invalid("unknown-business", format!("no business line {code} is registered")))?;
        if line.enabled && line.active.is_some() {
            Ok(line)
        } else {
            let detail = format!("business line {code} takes no orders: it is disabled or has no active plugin");
            Err(Problem::conflict("business-closed", detail))
        }
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self(RwLock::new(Arc::new(Snapshot::new(-1, vec![]))))
    }
}

impl Catalogue {
    /// The newest snapshot this host has.
    pub fn now(&self) -> Arc<Snapshot> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, snapshot: Snapshot) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if snapshot.revision >= current.revision {
            *current = Arc::new(snapshot);
        }
    }
}

/// Reads the catalogue again if its revision moved; answers whether it did.
pub async fn refresh(app: &App) -> Result<bool, Problem> {
    let revision = app.store.catalogue_revision().await.map_err(store_problem)?;
    if revision == app.catalogue.now().revision {
        return Ok(false);
    }
    let businesses = app.store.businesses().await.map_err(store_problem)?;
    app.catalogue.replace(Snapshot::new(revision, businesses));
    Ok(true)
}

/// A SKU that is for sale by a line (and a shop), or none.
pub async fn sku(
    app: &App,
    snapshot: &Snapshot,
    line: &BusinessCode,
    sku: &SkuId,
) -> Result<Option<Arc<Sku>>, Problem> {
    let key = (line.clone(), sku.clone());
    if let Some(known) = snapshot.skus.get(&key) {
        return Ok(known);
    }
    let read = app.store.sku(line, sku).await.map_err(store_problem)?.map(Arc::new);
    snapshot.skus.insert(key, read.clone());
    Ok(read)
}

//! Business lines, their merchant accounts and SKUs in memory, thrown away whenever the catalogue's revision moves.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use quick_cache::sync::Cache;

use super::App;
use super::accounts;
use super::orders::store_problem;
use super::problem::Problem;
use crate::domain::catalogue::{Business, Sku};
use crate::domain::ids::{BusinessCode, MerchantAccount, SkuId};

/// SKUs kept in memory.
const SKUS: usize = 50_000;

/// The catalogue as this host last read it. `worker::catalogue` asks for the revision every 500 ms; a write through
/// this host reloads at once.
#[derive(Debug)]
pub struct Catalogue {
    now: RwLock<Arc<Snapshot>>,
    /// Held while it is read again, so that an older read never follows a newer one.
    reading: tokio::sync::Mutex<()>,
}

/// One revision of the catalogue.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts catalogue writes.
    pub revision: i64,
    /// The registered lines by code.
    pub businesses: HashMap<BusinessCode, Arc<Business>>,
    fixed: HashSet<String>,
    accounts: HashMap<(String, BusinessCode), MerchantAccount>,
    skus: Cache<(BusinessCode, SkuId), Option<Arc<Sku>>>,
}

impl Snapshot {
    /// A snapshot with nothing read yet but the lines. `fixed` are the methods that need no account; `accounts` says
    /// through which account a line is paid by any other method.
    pub fn new(
        revision: i64,
        businesses: Vec<Business>,
        fixed: HashSet<String>,
        accounts: HashMap<(String, BusinessCode), MerchantAccount>,
    ) -> Self {
        let businesses = businesses.into_iter().map(|b| (b.code.clone(), Arc::new(b))).collect();
        Self { revision, businesses, fixed, accounts, skus: Cache::new(SKUS) }
    }

    /// The account through which new payments of a line go by a method; none if it cannot be paid that way now.
    /// [`MerchantAccount::own`] for methods that need none.
    pub fn account(&self, method: &str, business: &BusinessCode) -> Option<MerchantAccount> {
        if self.fixed.contains(method) {
            return Some(MerchantAccount::own());
        }
        self.accounts.get(&(method.to_owned(), business.clone())).cloned()
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
        let nothing = Snapshot::new(-1, vec![], HashSet::new(), HashMap::new());
        Self { now: RwLock::new(Arc::new(nothing)), reading: tokio::sync::Mutex::new(()) }
    }
}

impl Catalogue {
    /// The newest snapshot this host has.
    pub fn now(&self) -> Arc<Snapshot> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, snapshot: Snapshot) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

/// Reads the catalogue again if its revision moved; answers whether it did.
pub async fn refresh(app: &App) -> Result<bool, Problem> {
    let _reading = app.catalogue.reading.lock().await;
    let revision = app.store.catalogue_revision().await.map_err(store_problem)?;
    if revision == app.catalogue.now().revision {
        return Ok(false);
    }
    let businesses = app.store.businesses().await.map_err(store_problem)?;
    let rows = app.store.payment_accounts().await.map_err(store_problem)?;
    let accounts = accounts::follow(app, &rows);
    let fixed = app.providers.fixed().map(str::to_owned).collect();
    app.catalogue.replace(Snapshot::new(revision, businesses, fixed, accounts));
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

//! HTTP: routes, bodies, problem+json. The only user of axum and the only place that knows status codes.
//!
//! Reading order: `router` (every route and who may use it) → `around` (what happens to every request) → `orders`,
//! `payments`, `shipments`, `aftersales`, `admin` (handlers: parse, call the use case, answer) → `json`, `params`, `caller`, `reply`.

mod access;
mod admin;
mod aftersales;
mod around;
mod caller;
mod cart;
mod docs;
mod fields;
mod fulfilment;
mod health;
mod json;
mod lists;
mod logistics;
mod orders;
mod params;
mod payments;
mod receiving;
mod reply;
mod router;
mod sandbox;
mod serve;
mod shipments;
#[cfg(test)]
mod tests;
mod texts;
mod upkeep;
mod wallet;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use quick_cache::sync::Cache;

pub use router::{document, document_text, router};
pub use serve::{ServeError, serve};

use crate::app::App;
use crate::app::problem::Problem;
use crate::telemetry::Metrics;

/// The largest upload, bytes: what a line with the largest grant may send, and a little more so that the plugin room's
/// own limit is what answers.
const UPLOAD_LIMIT: usize = 34 << 20;
/// How long an upload may take: its compiler alone gets 90 seconds.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(3);

/// What every handler works with.
struct Room {
    app: App,
    metrics: Option<Metrics>,
    routes: around::Routes,
    keys: Cache<Box<str>, caller::KnownKey>,
    requests: AtomicU64,
    /// Begins every request id of this process.
    name: String,
    documents: docs::Documents,
}

type Shared = Arc<Room>;

impl Room {
    fn request_limit(&self) -> usize {
        self.app.settings.request_limit
    }

    /// Runs a use case to its end even if the client goes away meanwhile.
    fn finish<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Problem>> {
        // A use case is a large future: it is moved once, into its box.
        let work = Box::pin(work);
        async move { self.app.tasks.finish(name, work).await.unwrap_or_else(|cut_off| Err(Problem::internal(cut_off))) }
    }
}

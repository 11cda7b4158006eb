//! The invariant checker: reads the database, the clients' histories and the suppliers' books, and says what is broken.
//!
//! It knows the model (design: what must hold) and the tables, and uses none of the host's code: a fault there must not
//! hide itself here. Every check is a function of a [`Snapshot`].

mod aftersales;
mod database;
mod deadlines;
mod events;
mod findings;
mod legal;
mod money;
mod orders;
mod snapshot;
mod stock;

pub use database::{Database, Row};
pub use findings::{Broken, Invariant, Report};
pub use snapshot::{ShopOrder as ShopRow, Snapshot};

use std::time::Duration;

use crate::history::{Create, Differs};
use crate::servers::{ServerError, wait_until};
use crate::suppliers::Entry;
use crate::world::{World, WorldError};

use findings::Findings;

/// How long the relay may need to publish what is left.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// What parties outside say.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// Every create of every client.
    pub creates: Vec<Create>,
    /// Repeats that were answered otherwise.
    pub differing: Vec<Differs>,
    /// What suppliers did.
    pub entries: Vec<Entry>,
    /// What arrived at the event sink, in order; none where nobody listened.
    pub sink: Option<Vec<Delivered>>,
}

/// An event as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The order it is about.
    pub subject: i64,
    /// The topic's name.
    pub topic: String,
    /// Its place among those of the subject and topic.
    pub sequence: i64,
}

/// Checks everything that can be checked from a snapshot and what the outside says.
pub fn check(snapshot: &Snapshot, outside: &Outside) -> Report {
    let mut findings = Findings::default();
    orders::check(snapshot, outside, &mut findings);
    stock::check(snapshot, &mut findings);
    money::check(snapshot, &mut findings);
    aftersales::check(snapshot, &mut findings);
    events::check(snapshot, outside, &mut findings);
    legal::check(snapshot, &mut findings);
    deadlines::check(snapshot, &mut findings);
    for differs in &outside.differing {
        let what = || format!("{}: first {}, then {}", differs.what, differs.first, differs.second);
        findings.check(Invariant::Idempotent, false, what);
    }
    findings.report()
}

/// Waits until everything is published, then checks a world.
///
/// # Errors
/// When the database cannot be read.
pub async fn check_world(world: &World) -> Result<Report, WorldError> {
    let snapshot = drained(world.database()).await?;
    let outside = Outside {
        creates: world.history.creates(),
        differing: world.history.differing(),
        entries: world.suppliers.entries(),
        sink: None,
    };
    Ok(check(&snapshot, &outside))
}

/// A snapshot after the relay published everything; if it never does, the checker will say so.
///
/// An order that still moves may write an event between a look at the outbox and the snapshot, so it is the snapshot
/// itself that must hold no unsent event.
///
/// # Errors
/// When the database cannot be read.
pub async fn drained(database: &Database) -> Result<Snapshot, WorldError> {
    let empty = wait_until("an empty outbox", DRAIN_LIMIT, async || -> Result<_, WorldError> {
        let rows = database.rows("SELECT count(*) FROM outbox").await?;
        if rows[0].int(0) > 0 {
            return Ok(None);
        }
        let snapshot = Snapshot::read(database).await?;
        Ok(snapshot.events.iter().all(|event| event.is_sent).then_some(snapshot))
    })
    .await;
    match empty {
        Err(WorldError::Server(ServerError::Deadline { .. })) => Snapshot::read(database).await,
        found => found,
    }
}

//! Where parcels were seen: told in any order and any number of times, read back in the order of the time.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::try_join_all;
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::forward::Event;
use super::orders::{commit, owned, role, store_problem};
use super::pay::actor;
use super::problem::{Kind, Problem};
use super::refund::line_rules;
use super::ship::{ROLES, event_as};
use crate::app::aftersale;
use crate::domain::aftersale::AftersaleStatus;
use crate::domain::change::Change;
use crate::domain::fulfilment::{Shipment, ShipmentStatus, Track};
use crate::domain::ids::{Millis, OrderNo};
use crate::domain::time::rfc3339;
use crate::domain::tree::OrderTree;
use crate::identity::Principal;
use crate::store::Carried;
pub use crate::store::TrackMark;

/// Rows of one batch.
pub const BATCH_MAX: usize = 500;
/// Rows of a batch that are looked up at a time.
const LOOK_UPS: usize = 16;

/// A place a parcel was seen at, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The carrier's number.
    pub waybill: String,
    /// When the parcel was there.
    pub node_time: Millis,
    /// What happened there, in the carrier's code.
    pub node_code: String,
    /// For people.
    pub content: String,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrackEffect {
    /// Kept now.
    New,
    /// Kept before.
    Known,
    /// No parcel of the caller's has this waybill.
    UnknownWaybill,
}

/// A parcel with whose it is.
struct Parcel {
    tree: Arc<OrderTree>,
    shop_no: OrderNo,
    carried: Carried,
}

/// Takes one row.
pub async fn track(app: &App, who: &Principal, seen: Seen) -> Result<TrackEffect, Problem> {
    let waybill = seen.waybill.clone();
    match take(app, (who, &actor(who)), vec![seen]).await?.first() {
        Some(TrackEffect::UnknownWaybill) | None => Err(unknown(&waybill)),
        Some(effect) => Ok(*effect),
    }
}

/// Takes many rows, and says of each what became of it.
pub async fn batch(app: &App, who: &Principal, rows: Vec<Seen>) -> Result<Vec<TrackEffect>, Problem> {
    if rows.len() > BATCH_MAX {
        let detail = format!("at most {BATCH_MAX} rows in a batch; send {} in several", rows.len());
        return Err(Problem::invalid("too-many-tracks", detail));
    }
    take(app, (who, &actor(who)), rows).await
}

/// Keeps what is new in one change, then delivers what a row says was delivered. A delivery that fails for the moment
/// fails the call: the rows are kept, and a repeat of them delivers.
pub(super) async fn take(app: &App, by: (&Principal, &str), rows: Vec<Seen>) -> Result<Vec<TrackEffect>, Problem> {
    role(by.0, ROLES)?;
    let mut found: Vec<Option<(Parcel, bool)>> = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(LOOK_UPS) {
        let looks: Vec<_> = chunk.iter().map(|row| look(app, by.0, row)).collect();
        found.extend(try_join_all(looks).await?);
    }
    let at = app.clock.now();
    let (mut told, mut effects, mut tracks) = (HashSet::new(), Vec::with_capacity(rows.len()), vec![]);
    for (row, found) in rows.iter().zip(&found) {
        let repeated = !told.insert((&row.waybill, row.node_time, &row.node_code));
        effects.push(match found {
            None => TrackEffect::UnknownWaybill,
            Some((_, known)) if *known || repeated => TrackEffect::Known,
            Some(_) => {
                let Seen { waybill, node_time, node_code, content } = row.clone();
                tracks.push(Track { waybill, node_time, node_code, content, at });
                TrackEffect::New
            }
        });
    }
    if !tracks.is_empty() {
        commit(app, Change { at, tracks, ..Change::default() }).await?;
    }
    let mut delivered = HashSet::new();
    for (row, (parcel, _)) in rows.iter().zip(&found).filter_map(|(row, found)| Some((row, found.as_ref()?))) {
        if delivers(app, parcel, row) && delivered.insert(&row.waybill) {
            deliver(app, by, parcel).await?;
        }
    }
    Ok(effects)
}

/// The parcel of a row, if it is the caller's, and whether the row is known.
async fn look(app: &App, who: &Principal, row: &Seen) -> Result<Option<(Parcel, bool)>, Problem> {
    let Some(parcel) = parcel(app, who, &row.waybill).await? else { return Ok(None) };
    let mark = TrackMark { node_time: row.node_time, node_code: row.node_code.clone() };
    let known = app.store.has_track(&row.waybill, &mark).await.map_err(store_problem)?;
    Ok(Some((parcel, known)))
}

async fn parcel(app: &App, who: &Principal, waybill: &str) -> Result<Option<Parcel>, Problem> {
    let Some((carried, tree)) = app.store.tree_of_waybill(waybill).await.map_err(store_problem)? else {
        return Ok(None);
    };
    let shop_no = match carried {
        Carried::Shipment(no) => tree.shipments.iter().find(|s| s.no == no).map(|s| s.shop_no),
        Carried::Return(no) => tree.aftersales.iter().find(|a| a.no == no).map(|a| a.shop_no),
    };
    let mine = shop_no.filter(|no| owned(who, &tree, *no).is_ok());
    Ok(mine.map(|shop_no| Parcel { tree, shop_no, carried }))
}

/// Whether a row says that its parcel was handed over: to the buyer, or back to the merchant.
fn delivers(app: &App, parcel: &Parcel, row: &Seen) -> bool {
    let Some(shop) = parcel.tree.shop(parcel.shop_no) else { return false };
    let on_its_way = match parcel.carried {
        Carried::Shipment(_) => shipment(parcel).is_some_and(|s| s.remains() && s.status != ShipmentStatus::Delivered),
        Carried::Return(no) => {
            parcel.tree.aftersales.iter().any(|a| a.no == no && a.status == AftersaleStatus::Returning)
        }
    };
    on_its_way && line_rules(app, &shop.business).delivered_codes.contains(&row.node_code)
}

fn shipment(parcel: &Parcel) -> Option<&Shipment> {
    match parcel.carried {
        Carried::Shipment(no) => parcel.tree.shipments.iter().find(|s| s.no == no),
        Carried::Return(_) => None,
    }
}

async fn deliver(app: &App, (who, actor): (&Principal, &str), parcel: &Parcel) -> Result<(), Problem> {
    let delivered = match parcel.carried {
        Carried::Return(no) => aftersale::parcel_arrived(app, who, no).await,
        Carried::Shipment(no) => {
            let event = Event::Deliver(Some(no));
            event_as(app, (who, actor.to_owned()), parcel.shop_no, event, "deliver", None).await
        }
    };
    match delivered {
        // Where it was is known all the same; the order can no longer take its delivery.
        Err(problem) if problem.kind == Kind::Conflict => {
            tracing::info!(no = %parcel.shop_no, %problem, "a track delivers a package that cannot be delivered");
            Ok(())
        }
        other => other.map(drop),
    }
}

fn unknown(waybill: &str) -> Problem {
    Problem::new(Kind::NotFound, "unknown-waybill", format!("no parcel of yours has the waybill {waybill}"))
}

/// A page of where a parcel was.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TrackPage {
    /// The carrier's number.
    pub waybill: String,
    /// The first place first.
    pub tracks: Vec<TrackRow>,
    /// `cursor` of the next page.
    pub next: Option<String>,
}

/// A place a parcel was seen at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TrackRow {
    /// RFC 3339: when the parcel was there.
    pub node_time: String,
    /// What happened there, in the carrier's code.
    pub node_code: String,
    /// For people.
    pub content: String,
    /// RFC 3339: when we were told.
    pub at: String,
}

/// Where a parcel was, for its buyer, its sellers and staff: in the order of the time, then of the code.
pub async fn of_waybill(
    app: &App,
    who: &Principal,
    waybill: &str,
    after: Option<TrackMark>,
    limit: u32,
) -> Result<TrackPage, Problem> {
    parcel(app, who, waybill).await?.ok_or_else(|| unknown(waybill))?;
    let rows = app.store.tracks(waybill, after.as_ref(), limit).await.map_err(store_problem)?;
    let full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let mark = |t: &Track| TrackMark { node_time: t.node_time, node_code: t.node_code.clone() }.to_string();
    let next = rows.last().filter(|_| full).map(mark);
    let row = |t: Track| TrackRow {
        node_time: rfc3339(t.node_time),
        node_code: t.node_code,
        content: t.content,
        at: rfc3339(t.at),
    };
    Ok(TrackPage { waybill: waybill.to_owned(), tracks: rows.into_iter().map(row).collect(), next })
}

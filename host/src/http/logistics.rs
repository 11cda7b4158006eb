//! Where parcels were seen: tracks of carriers, and reading them.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use super::caller::Caller;
use super::json::Json;
use super::params::{At, Paging, Search, cursor, limit};
use super::reply::{Answer, ok};
use super::shipments::{WAYBILL_MAX, short};
use crate::app::problem::Problem;
use crate::app::tracks::{self, BATCH_MAX, Seen, TrackEffect, TrackMark, TrackPage};
use crate::domain::time::millis;

/// Characters of a node code.
const CODE_MAX: usize = 64;
/// Characters of what a track says.
const CONTENT_MAX: usize = 500;

/// A place a parcel was seen at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrackBody {
    /// The carrier's number, of a package or of goods that come back.
    waybill: String,
    /// RFC 3339: when the parcel was there.
    node_time: String,
    /// What happened there, in the carrier's code: 1 to 64 characters.
    node_code: String,
    /// For people, at most 500 characters.
    #[serde(default)]
    content: String,
}

impl TrackBody {
    fn seen(self) -> Result<Seen, Problem> {
        short("waybill", &self.waybill, WAYBILL_MAX)?;
        short("node_code", &self.node_code, CODE_MAX)?;
        if !self.content.is_empty() {
            short("content", &self.content, CONTENT_MAX)?;
        }
        let wrong = || Problem::invalid("bad-body", "node_time: an RFC 3339 time, such as 2026-11-11T08:00:00+08:00");
        let node_time = millis(&self.node_time).ok_or_else(wrong)?;
        Ok(Seen { waybill: self.waybill, node_time, node_code: self.node_code, content: self.content })
    }
}

/// What became of a track.
#[derive(Serialize, ToSchema)]
pub(super) struct TrackAnswer {
    /// `new` or `known`.
    effect: TrackEffect,
}

/// Tell where a parcel was seen.
///
/// In any order, any number of times: unique by waybill, time and code. 404 `unknown-waybill` for a parcel that is not
/// the caller's. A code that the line lists in `delivered_codes` delivers the package.
#[utoipa::path(post, path = "/api/v1/logistics/track", tag = "shipments", request_body = TrackBody,
    responses((status = 200, description = "What became of it", body = TrackAnswer)))]
pub(super) async fn track(
    State(room): State<Shared>,
    Caller(who): Caller,
    Json(body): Json<TrackBody>,
) -> Answer<TrackAnswer> {
    let (seen, app) = (body.seen()?, room.app.clone());
    let effect = room.finish("track", async move { tracks::track(&app, &who, seen).await }).await?;
    Ok(ok(TrackAnswer { effect }))
}

/// Many places.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchBody {
    /// 1 to 500, in any order.
    tracks: Vec<TrackBody>,
}

/// What became of each.
#[derive(Serialize, ToSchema)]
pub(super) struct BatchAnswer {
    /// In the order of the request: `new`, `known` or `unknown-waybill`.
    effects: Vec<TrackEffect>,
}

/// Tell where many parcels were seen.
#[utoipa::path(post, path = "/api/v1/logistics/tracks/batch", tag = "shipments", request_body = BatchBody,
    responses((status = 200, description = "What became of each row", body = BatchAnswer)))]
pub(super) async fn batch(
    State(room): State<Shared>,
    Caller(who): Caller,
    Json(body): Json<BatchBody>,
) -> Answer<BatchAnswer> {
    if !(1..=BATCH_MAX).contains(&body.tracks.len()) {
        return Err(Problem::invalid(
            "too-many-tracks",
            format!("tracks: 1 to {BATCH_MAX} rows; send more in several"),
        )
        .into());
    }
    let rows = body.tracks.into_iter().enumerate().map(|(index, row)| {
        row.seen().map_err(|problem| Problem { detail: format!("tracks[{index}]: {}", problem.detail), ..problem })
    });
    let (rows, app) = (rows.collect::<Result<Vec<_>, _>>()?, room.app.clone());
    let effects = room.finish("tracks", async move { tracks::batch(&app, &who, rows).await }).await?;
    Ok(ok(BatchAnswer { effects }))
}

/// Where a parcel was, the first place first.
#[utoipa::path(get, path = "/api/v1/waybills/{waybill}/tracks", tag = "shipments",
    params(("waybill" = String, Path, description = "The carrier's number"), Paging),
    responses((status = 200, description = "A page", body = TrackPage)))]
pub(super) async fn tracks(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(waybill): At<String>,
    Search(paging): Search<Paging>,
) -> Answer<TrackPage> {
    let after: Option<TrackMark> = cursor(paging.cursor.as_deref())?;
    let limit = limit(paging.limit)?;
    Ok(ok(tracks::of_waybill(&room.app, &who, &waybill, after, limit).await?))
}

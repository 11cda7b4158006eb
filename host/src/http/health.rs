//! What watches over the host.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use super::Shared;
use super::reply::{Answer, ok};
use crate::app::read;

/// Fine.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    /// `ok`
    status: &'static str,
}

const FINE: Health = Health { status: "ok" };

/// Whether the process runs.
#[utoipa::path(get, path = "/health/live", tag = "operations",
    responses((status = 200, description = "It does", body = Health)))]
pub(super) async fn live() -> Answer<Health> {
    Ok(ok(FINE))
}

/// Whether the host takes work: its store answers, plugins are loaded, clocks agree, and it is not stopping.
#[utoipa::path(get, path = "/health/ready", tag = "operations",
    responses((status = 200, description = "It does", body = Health)))]
pub(super) async fn ready(State(room): State<Shared>) -> Answer<Health> {
    read::ready(&room.app)?;
    Ok(ok(FINE))
}

/// Metrics in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain")))]
pub(super) async fn metrics(State(room): State<Shared>) -> Response {
    let page = room.metrics.as_ref().map(crate::telemetry::Metrics::render).unwrap_or_default();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
}

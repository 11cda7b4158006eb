//! An airline's gateway: ticketing is accepted at once and issued after some looks.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::desk::{Desk, Supplier, look, take};

/// So many looks at a ticketing find it pending.
const PENDING_LOOKS: u32 = 2;

struct Gateway {
    desk: Arc<Desk>,
    passengers: Mutex<BTreeMap<String, usize>>,
}

/// Starts one.
///
/// # Errors
/// When there is no free port.
pub(super) async fn start() -> io::Result<Supplier> {
    Supplier::start(|desk| {
        Router::new()
            .route("/tickets", post(ticket))
            .route("/tickets/{id}", get(find))
            .route("/tickets/{id}/refund", post(refund))
            .with_state(Arc::new(Gateway { desk, passengers: Mutex::default() }))
    })
    .await
}

async fn ticket(State(gateway): State<Arc<Gateway>>, headers: HeaderMap, body: Bytes) -> Response {
    take(&gateway.desk, &headers, &body, async |post| {
        let (entry, _) = gateway.desk.book.once(&post.key, "tk", "ticket", &post.about);
        let mut passengers = gateway.passengers.lock().unwrap_or_else(PoisonError::into_inner);
        passengers.insert(entry.id.clone(), count_passengers(&post.body));
        json!({"id": entry.id})
    })
    .await
}

async fn find(State(gateway): State<Arc<Gateway>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    look(&gateway.desk, &headers, || {
        let entry = gateway.desk.book.poll(&id)?;
        if entry.polled <= PENDING_LOOKS {
            return Some(json!({"status": "pending"}));
        }
        let count = *gateway.passengers.lock().unwrap_or_else(PoisonError::into_inner).get(&id)?;
        let tickets: Vec<Value> = (1..=count).map(|n| json!({"number": format!("781-{id}-{n}")})).collect();
        Some(json!({"status": "issued", "tickets": tickets}))
    })
    .await
}

async fn refund(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    take(&gateway.desk, &headers, &body, async |post| {
        gateway.desk.book.once(&post.key, "rf", "refund", &id);
        gateway.desk.book.mark(&id, "taken back");
        json!({})
    })
    .await
}

fn count_passengers(body: &Value) -> usize {
    let segments = body["segments"].as_array().map(Vec::as_slice).unwrap_or_default();
    segments.iter().filter_map(|segment| segment["passengers"].as_array()).map(Vec::len).sum()
}

//! A hotel supplier: bookings that are confirmed at the first or a later look.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::json;

use super::desk::{Desk, Supplier, look, take};

/// So many looks at a booking find it pending.
const PENDING_LOOKS: u32 = 1;

/// Starts one.
///
/// # Errors
/// When there is no free port.
pub(super) async fn start() -> io::Result<Supplier> {
    Supplier::start(|desk| {
        Router::new()
            .route("/bookings", post(book))
            .route("/bookings/{id}", get(find))
            .route("/bookings/{id}/cancel", post(cancel))
            .with_state(desk)
    })
    .await
}

async fn book(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    take(&desk, &headers, &body, async |post| {
        let (entry, _) = desk.book.once(&post.key, "bk", "book", &post.about);
        json!({"id": entry.id})
    })
    .await
}

async fn find(State(desk): State<Arc<Desk>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    look(&desk, &headers, || {
        let entry = desk.book.poll(&id)?;
        Some(match entry.state {
            "done" if entry.polled <= PENDING_LOOKS => json!({"status": "pending"}),
            "done" => json!({"status": "confirmed", "reference": format!("R-{id}")}),
            _ => json!({"status": "rejected", "reason": "the booking was cancelled"}),
        })
    })
    .await
}

async fn cancel(State(desk): State<Arc<Desk>>, headers: HeaderMap, Path(id): Path<String>, body: Bytes) -> Response {
    take(&desk, &headers, &body, async |post| {
        desk.book.once(&post.key, "cx", "cancel", &id);
        desk.book.mark(&id, "taken back");
        json!({})
    })
    .await
}

//! A top-up carrier: accepts at once, tells the result later by a signal to the platform.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use super::book::Entry;
use super::desk::{Desk, Supplier, look, take};
use crate::client::{Call, Client};

/// Phones with this ending are accepted and fail afterwards.
pub const FAILING_PHONE: &str = "13800000013";
/// How long the carrier needs.
const WORK: Duration = Duration::from_millis(20);
/// How long it tries to tell the platform; the platform may be down meanwhile.
const TELL_LIMIT: Duration = Duration::from_mins(1);
const TELL_PAUSE: Duration = Duration::from_millis(100);

/// Where the carrier tells its results; shared, since the platform's address changes with a restart.
#[derive(Debug, Default)]
pub struct Ear(Mutex<Option<Client>>);

impl Ear {
    /// From now on results go there; the client carries a token of the line.
    pub fn set(&self, client: Client) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
    }

    fn client(&self) -> Option<Client> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Client::another)
    }
}

struct Carrier {
    desk: Arc<Desk>,
    ear: Arc<Ear>,
}

/// Starts one that tells its results to `ear`.
///
/// # Errors
/// When there is no free port.
pub(super) async fn start(ear: Arc<Ear>) -> io::Result<Supplier> {
    Supplier::start(|desk| {
        Router::new()
            .route("/topups", post(topup))
            .route("/topups/{id}", get(find))
            .with_state(Arc::new(Carrier { desk, ear }))
    })
    .await
}

async fn topup(State(carrier): State<Arc<Carrier>>, headers: HeaderMap, body: Bytes) -> Response {
    take(&carrier.desk, &headers, &body, async |post| {
        let (entry, is_new) = carrier.desk.book.once(&post.key, "tu", "topup", &post.about);
        if is_new {
            let fails = post.body["phone"] == FAILING_PHONE;
            if fails {
                carrier.desk.book.mark(&entry.id, "failed");
            }
            let times = if post.is_told_twice() { 2 } else { 1 };
            tokio::spawn(tell(Arc::clone(&carrier.ear), entry.clone(), result(&entry.id, !fails), times));
        }
        json!({"id": entry.id})
    })
    .await
}

async fn find(State(carrier): State<Arc<Carrier>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    look(&carrier.desk, &headers, || {
        let entry = carrier.desk.book.poll(&id)?;
        Some(result(&id, entry.state == "done"))
    })
    .await
}

fn result(id: &str, is_good: bool) -> Value {
    if is_good {
        json!({"id": id, "result": "success", "serial": format!("SN-{id}")})
    } else {
        json!({"id": id, "result": "failed", "reason": "the number is not in service"})
    }
}

/// Tells a result until the platform takes it or says that it never will.
async fn tell(ear: Arc<Ear>, entry: Entry, payload: Value, times: u32) {
    tokio::time::sleep(WORK).await;
    let body = json!({"id": format!("result-{}", entry.id), "payload": payload});
    let path = format!("/api/v1/orders/{}/signals/carrier-result", entry.order);
    for _ in 0..times {
        let begin = Instant::now();
        while begin.elapsed() < TELL_LIMIT {
            if let Some(mut client) = ear.client() {
                let answered = client.send(Call::new(Method::POST, &path).json(&body)).await;
                if answered.is_ok_and(|answer| answer.status.is_success() || answer.status.is_client_error()) {
                    break;
                }
            }
            tokio::time::sleep(TELL_PAUSE).await;
        }
    }
}

//! What every stand-in is: a server on a free loopback port with a book and manners.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::book::Book;
use super::manners::{Manner, Manners};

/// The credential that the platform must present; set as the secret `supplier-token` of each line.
pub const SUPPLIER_TOKEN: &str = "supplier-token-of-the-stand-ins";

/// The state that a stand-in shares with its server.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// What it did.
    pub(super) book: Book,
    /// How it behaves.
    pub(super) manners: Manners,
}

/// A running stand-in; dropped, it hangs up.
#[derive(Debug)]
pub struct Supplier {
    desk: Arc<Desk>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Supplier {
    pub(super) async fn start(routes: impl FnOnce(Arc<Desk>) -> Router) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::default());
        let router = routes(Arc::clone(&desk));
        let server = tokio::spawn(async move {
            // Ends with the task; there is nobody to tell about its errors.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { desk, address, server })
    }

    /// Its origin, for grants and settings.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it did.
    pub fn book(&self) -> &Book {
        &self.desk.book
    }

    /// How it behaves.
    pub fn manners(&self) -> &Manners {
        &self.desk.manners
    }
}

impl Drop for Supplier {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A post to a stand-in, checked and read.
pub(super) struct Post {
    pub(super) key: String,
    pub(super) about: String,
    pub(super) body: Value,
    pub(super) manner: Manner,
}

impl Post {
    /// Whether the result is told twice.
    pub(super) fn is_told_twice(&self) -> bool {
        self.manner == Manner::Duplicate
    }
}

/// Takes a post: credential, idempotency key and manners first, then `work`.
pub(super) async fn take<F: Future<Output = Value>>(
    desk: &Desk,
    headers: &HeaderMap,
    body: &Bytes,
    work: impl FnOnce(Post) -> F,
) -> Response {
    if let Some(refused) = refuse_stranger(headers) {
        return refused;
    }
    let text = String::from_utf8_lossy(body);
    let Ok(parsed) = serde_json::from_slice::<Value>(body) else {
        return problem(StatusCode::BAD_REQUEST, "this is no JSON");
    };
    let Some(key) = header(headers, "idempotency-key") else {
        return problem(StatusCode::BAD_REQUEST, "a post carries an Idempotency-Key");
    };
    let manner = desk.manners.of(&text);
    match &manner {
        Manner::Fail(status) => return fail(*status),
        Manner::Refuse => return problem(StatusCode::CONFLICT, "the supplier has none left"),
        Manner::Slow(pause) => tokio::time::sleep(*pause).await,
        Manner::Good | Manner::LoseAnswer | Manner::Duplicate => {}
    }
    let is_lost = manner == Manner::LoseAnswer;
    let about = parsed.get("order").and_then(Value::as_str).unwrap_or_default().to_owned();
    let answer = work(Post { key: key.to_owned(), about, body: parsed, manner }).await;
    if is_lost { broken_off() } else { Json(answer).into_response() }
}

/// Takes a look-up; manners count here too, but a refusal is the answer's own matter.
pub(super) async fn look(desk: &Desk, headers: &HeaderMap, answer: impl FnOnce() -> Option<Value>) -> Response {
    if let Some(refused) = refuse_stranger(headers) {
        return refused;
    }
    match desk.manners.of("") {
        Manner::Fail(status) => return fail(status),
        Manner::Slow(pause) => tokio::time::sleep(pause).await,
        Manner::LoseAnswer => return broken_off(),
        Manner::Good | Manner::Refuse | Manner::Duplicate => {}
    }
    answer().map_or_else(|| problem(StatusCode::NOT_FOUND, "unknown"), |found| Json(found).into_response())
}

fn refuse_stranger(headers: &HeaderMap) -> Option<Response> {
    let known = header(headers, "authorization").and_then(|value| value.strip_prefix("Bearer "));
    (known != Some(SUPPLIER_TOKEN)).then(|| problem(StatusCode::UNAUTHORIZED, "who is this?"))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn fail(status: u16) -> Response {
    problem(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), "told to fail")
}

fn problem(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({"reason": reason}))).into_response()
}

/// A head that promises a body, and then no body: the connection breaks.
fn broken_off() -> Response {
    let nothing = futures_util::stream::once(async { Err::<Bytes, _>(io::Error::other("told to lose the answer")) });
    Response::new(Body::from_stream(nothing))
}

//! An outside fulfilment service: takes packages to send, once each, and tells what became of them. Both directions are
//! signed the Standard Webhooks way.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::client::Call;

/// The secret that it shares with a line: the line's secret `fulfilment`.
pub const DEPOT_SECRET: &str = "the-secret-of-the-depot";

/// What it knows.
#[derive(Debug, Default)]
struct Book {
    /// Message id and package, in the order they were taken.
    taken: Vec<(String, Value)>,
    /// Packages that must not leave.
    recalled: Vec<String>,
    /// Ids of all messages, refused ones and repeats too.
    heard: Vec<String>,
    /// Messages without a good signature.
    forged: usize,
    /// So many messages are answered with 503 first.
    failures: usize,
}

/// A running stand-in; dropped, it hangs up.
#[derive(Debug)]
pub struct Depot {
    book: Arc<Mutex<Book>>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Depot {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let book = Arc::<Mutex<Book>>::default();
        let router = Router::new()
            .route("/shipments", post(take))
            .route("/shipments/{no}/cancel", post(recall))
            .with_state(Arc::clone(&book));
        let server = tokio::spawn(async move {
            // Ends with the task; there is nobody to tell about its errors.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { book, address, server })
    }

    /// Its address, for `FULFILLMENT_SERVICE_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// The next so many messages are answered with 503.
    pub fn fail_next(&self, messages: usize) {
        self.book().failures = messages;
    }

    /// The packages of an order that it took.
    pub fn packages_of(&self, shop_order: &str) -> Vec<Value> {
        let book = self.book();
        let mine = book.taken.iter().filter(|(_, package)| package["order_no"] == shop_order);
        mine.map(|(_, package)| package.clone()).collect()
    }

    /// How often a message of this id came.
    pub fn times_heard(&self, id: &str) -> usize {
        self.book().heard.iter().filter(|heard| *heard == id).count()
    }

    /// Whether a package was taken back.
    pub fn is_recalled(&self, shipment_no: &str) -> bool {
        self.book().recalled.iter().any(|no| no == shipment_no)
    }

    /// Messages that were not signed with its secret.
    pub fn forged(&self) -> usize {
        self.book().forged
    }

    /// Its signed word to the platform about a line's package.
    pub fn word(&self, line: &str, message: &Value) -> Call {
        let body = message.to_string();
        let id = message["id"].as_str().unwrap_or_default();
        let timestamp = now_s().to_string();
        let signature = format!("v1,{}", STANDARD.encode(mac(id, &timestamp, body.as_bytes())));
        let json = HeaderValue::from_static("application/json");
        let call = Call::new(Method::POST, format!("/callbacks/fulfilment/{line}")).bytes(json, Bytes::from(body));
        let headers = [("webhook-id", id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)];
        headers.into_iter().fold(call, |call, (name, value)| {
            let value = HeaderValue::from_str(value).expect("words of the depot are printable");
            call.header(HeaderName::from_static(name), value)
        })
    }
}

impl Drop for Depot {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn mac(id: &str, timestamp: &str, body: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, DEPOT_SECRET.as_bytes());
    hmac::sign(&key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat())
}

/// The message's id, if the message is the platform's and the depot is in the mood.
fn heard(book: &mut Book, headers: &HeaderMap, body: &[u8]) -> Result<String, StatusCode> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let signature = format!("v1,{}", STANDARD.encode(mac(id, timestamp, body)));
    let age = now_s().abs_diff(timestamp.parse().unwrap_or_default());
    if signature != header("webhook-signature") || age > 300 {
        book.forged += 1;
        return Err(StatusCode::UNAUTHORIZED);
    }
    book.heard.push(id.to_owned());
    if book.failures > 0 {
        book.failures -= 1;
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok(id.to_owned())
}

async fn take(State(book): State<Arc<Mutex<Book>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut book = lock(&book);
    let id = match heard(&mut book, &headers, &body) {
        Ok(id) => id,
        Err(status) => return status,
    };
    let Ok(package) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    if !book.taken.iter().any(|(known, _)| *known == id) {
        book.taken.push((id, package));
    }
    StatusCode::CREATED
}

async fn recall(
    State(book): State<Arc<Mutex<Book>>>,
    Path(no): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut book = lock(&book);
    if let Err(status) = heard(&mut book, &headers, &body) {
        return status;
    }
    book.recalled.push(no);
    StatusCode::OK
}

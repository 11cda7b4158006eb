//! What happens around every request, in one layer: its id, its limits, who may use the route, a time-out, a guard
//! against panics, metrics and one log line at debug.
//!
//! Deny by default: the table of routes is built from the OpenAPI document, and a route whose operation does not say
//! who may use it is refused to everybody.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use ::metrics::{Counter, Histogram, counter, histogram};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use utoipa::openapi::OpenApi;

use super::access::{Access, operations};
use super::reply::Refused;
use super::{Shared, UPLOAD_LIMIT, UPLOAD_TIMEOUT, caller};
use crate::app::problem::Problem;
use crate::telemetry::metrics::{HTTP_REQUESTS, HTTP_SECONDS};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_MAX: usize = 64;

/// Every route that exists, by path; each path has few methods.
pub(super) struct Routes(HashMap<String, Vec<Route>>);

struct Route {
    method: Method,
    path: String,
    access: Access,
    upload: bool,
    seconds: OnceLock<Histogram>,
    /// By the hundreds of the status, from 100.
    answers: [OnceLock<Counter>; 5],
}

impl Routes {
    /// The table of a document.
    pub(super) fn new(document: &OpenApi) -> Self {
        let mut routes: HashMap<String, Vec<Route>> = HashMap::new();
        for (path, method, operation) in operations(document) {
            routes.entry(path.to_owned()).or_default().push(Route {
                method,
                path: path.to_owned(),
                access: Access::of(operation),
                upload: super::access::is_upload(operation),
                seconds: OnceLock::new(),
                answers: Default::default(),
            });
        }
        Self(routes)
    }

    fn find(&self, path: Option<&MatchedPath>, method: &Method) -> Result<&Route, Refused> {
        let here = path.and_then(|path| self.0.get(path.as_str()));
        let here = here.ok_or_else(|| Refused::from(Problem::not_found("such path")))?;
        let method = if method == Method::HEAD { &Method::GET } else { method };
        here.iter().find(|route| route.method == *method).ok_or_else(|| {
            let methods: Vec<&str> = here.iter().map(|route| route.method.as_str()).collect();
            Refused::method_not_allowed(&methods.join(", "))
        })
    }
}

/// See the module.
pub(super) async fn around(State(room): State<Shared>, mut request: Request, next: Next) -> Response {
    let watch = room.app.clock.stopwatch();
    let id = request_id(request.headers(), &room.requests, &room.name);
    let path = request.extensions().get::<MatchedPath>().cloned();
    let (route, mut response) = match room.routes.find(path.as_ref(), request.method()) {
        Err(refused) => (None, refused.into_response()),
        Ok(route) => (Some(route), admit(&room, route, &mut request, next).await),
    };
    if let Some(route) = route {
        count(route, response.status(), watch.elapsed().as_secs_f64());
    }
    tracing::debug!(
        method = route.map_or("", |route| route.method.as_str()),
        route = route.map_or("", |route| route.path.as_str()),
        status = response.status().as_u16(),
        micros = u64::try_from(watch.elapsed().as_micros()).unwrap_or(u64::MAX),
        request_id = id.to_str().unwrap_or_default(),
        "request"
    );
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

async fn admit(room: &Shared, route: &Route, request: &mut Request, next: Next) -> Response {
    let limit = if route.upload { UPLOAD_LIMIT } else { room.request_limit() };
    if announced(request.headers()).is_some_and(|length| length > limit) {
        return Refused::too_large(limit).into_response();
    }
    if let Access::Roles(roles) = &route.access {
        let principal = match caller::verify(room, request.headers()).await {
            Ok(principal) => principal,
            Err(refused) => return refused.into_response(),
        };
        if !roles.contains(&principal.role) {
            let words: Vec<&str> = roles.iter().map(|role| role.word()).collect();
            let detail = format!("this needs the role {}; yours is {}", words.join(" or "), principal.role);
            return Refused::from(Problem::forbidden(detail)).into_response();
        }
        request.extensions_mut().insert(principal);
    }
    let answer = AssertUnwindSafe(next.run(std::mem::take(request))).catch_unwind();
    let patience = if route.upload { UPLOAD_TIMEOUT } else { room.app.settings.request_timeout };
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Refused::from(Problem::internal(format!("{} panicked", route.path))).into_response(),
        Err(_) => Refused::timed_out().into_response(),
    }
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The caller's id if it is a short word, else a new one.
fn request_id(headers: &HeaderMap, requests: &AtomicU64, host: &str) -> HeaderValue {
    let sent = headers
        .get(&REQUEST_ID)
        .filter(|id| (1..=REQUEST_ID_MAX).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic));
    sent.cloned().unwrap_or_else(|| {
        let number = requests.fetch_add(1, Ordering::Relaxed);
        HeaderValue::from_str(&format!("{host}-{number:x}")).unwrap_or(HeaderValue::from_static("0"))
    })
}

fn count(route: &Route, status: StatusCode, seconds: f64) {
    let labels = || [("route", route.path.clone()), ("method", route.method.to_string())];
    route.seconds.get_or_init(|| histogram!(HTTP_SECONDS, &labels())).record(seconds);
    let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
    let counter = route.answers[class].get_or_init(|| {
        let [route, method] = labels();
        counter!(HTTP_REQUESTS, &[route, method, ("status", format!("{}xx", class + 1))])
    });
    counter.increment(1);
}

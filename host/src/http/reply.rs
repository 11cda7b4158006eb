//! Answers: JSON, and problem+json (RFC 9457). The only place that knows which problem has which status.

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::app::problem::{Kind, Problem};

/// What a handler answers.
pub(super) type Answer<T> = Result<Reply<T>, Refused>;

/// A JSON body with its status.
pub(super) struct Reply<T>(pub StatusCode, pub T);

/// 200
pub(super) fn ok<T>(body: T) -> Reply<T> {
    Reply(StatusCode::OK, body)
}

/// 201
pub(super) fn created<T>(body: T) -> Reply<T> {
    Reply(StatusCode::CREATED, body)
}

/// 202
pub(super) fn accepted<T>(body: T) -> Reply<T> {
    Reply(StatusCode::ACCEPTED, body)
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.1) {
            Ok(body) => (self.0, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
            Err(error) => Refused::from(Problem::internal(error)).into_response(),
        }
    }
}

/// A problem with its status. Use cases give a [`Problem`]; only this room adds refusals that are about HTTP itself.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    header: Option<(HeaderName, HeaderValue)>,
    problem: Box<Problem>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        let status = match problem.kind {
            Kind::Invalid => StatusCode::BAD_REQUEST,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Refused => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, header: None, problem: Box::new(problem) }
    }
}

impl Refused {
    fn http(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, header: None, problem: Box::new(Problem::invalid(code, detail)) }
    }

    /// 401
    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        let header = Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        Self { header, ..Self::http(StatusCode::UNAUTHORIZED, "unauthorized", detail) }
    }

    /// 405
    pub(super) fn method_not_allowed(allow: &str) -> Self {
        let header = HeaderValue::from_str(allow).ok().map(|value| (ALLOW, value));
        let detail = format!("this path takes {allow}");
        Self { header, ..Self::http(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail) }
    }

    /// 413
    pub(super) fn too_large(limit: usize) -> Self {
        let detail = format!("the body is larger than {limit} bytes");
        Self::http(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail)
    }

    /// 415
    pub(super) fn media_type(expected: &str) -> Self {
        let detail = format!("the body must be sent as content-type {expected}");
        Self::http(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail)
    }

    /// 503, when the host's patience with a request ends.
    pub(super) fn timed_out() -> Self {
        let detail = "the answer took too long; what was asked may still happen: repeat with the same Idempotency-Key";
        let mut problem = Problem::busy(detail);
        problem.code = "timed-out";
        problem.into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Problem { code, detail, order, extra, retry_after_s, .. } = *self.problem;
        let mut body = extra;
        body.insert("type".into(), format!("urn:hookline:problem:{code}").into());
        body.insert("title".into(), title(code).into());
        body.insert("status".into(), self.status.as_u16().into());
        body.insert("detail".into(), detail.into());
        if let Some(order) = order {
            body.insert("order_no".into(), order.to_string().into());
        }
        let kind = [(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        let mut response = (self.status, kind, Value::Object(body).to_string()).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some((name, value)) = self.header {
            headers.insert(name, value);
        }
        response
    }
}

/// `stock-short` → `Stock short`
fn title(code: &str) -> String {
    let mut letters = code.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters.map(|letter| if letter == '-' { ' ' } else { letter })).collect()
}

/// An error as described by RFC 9457; further members depend on the type.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// Stable: `urn:hookline:problem:<code>`; docs/errors.md lists the codes.
    #[serde(rename = "type")]
    kind: String,
    /// The code in words.
    title: String,
    /// As in the status line.
    status: u16,
    /// What is wrong and what to do.
    detail: String,
    /// The order it concerns.
    order_no: Option<String>,
    /// Further members.
    #[serde(flatten)]
    more: Map<String, Value>,
}

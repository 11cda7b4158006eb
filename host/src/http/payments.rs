//! Payments: poll one, and take the providers' callbacks.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use super::Shared;
use super::caller::Caller;
use super::params::At;
use super::reply::{Answer, Refused, ok};
use crate::app::api::PaymentAnswer;
use crate::app::{callback, read};
use crate::domain::ids::PaymentNo;

/// The largest callback, bytes.
const CALLBACK_LIMIT: usize = 64 << 10;

/// Poll a payment.
#[utoipa::path(get, path = "/api/v1/payments/{payment_no}", tag = "payments",
    params(("payment_no" = String, Path, description = "As `pay` answered it")),
    responses((status = 200, description = "The payment", body = PaymentAnswer)))]
pub(super) async fn get(State(room): State<Shared>, who: Caller, At(no): At<PaymentNo>) -> Answer<PaymentAnswer> {
    Ok(ok(read::payment(&room.app, &who, no).await?))
}

/// A payment provider's callback.
///
/// No bearer: the provider's signature over the raw body is the credential. The answer is what the provider expects.
#[utoipa::path(post, path = "/callbacks/payments/{method}/{account}", tag = "payments",
    request_body(content = String, content_type = "*/*"),
    params(("method" = String, Path, description = "Such as `sandbox`"),
           ("account" = String, Path, description = "Our account at the provider")),
    responses((status = 200, description = "Taken", body = String, content_type = "text/plain")))]
pub(super) async fn callback(
    State(room): State<Shared>,
    At((method, account)): At<(String, String)>,
    request: Request,
) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let body = super::json::read(body, CALLBACK_LIMIT.min(room.request_limit())).await?;
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    let app = room.app.clone();
    let work = async move { callback::payment(&app, &method, &account, headers, body).await };
    let reply = room.finish("callback", work).await?;
    let status = if reply.accepted { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let kind = if reply.body.starts_with('{') { "application/json" } else { "text/plain; charset=utf-8" };
    Ok((status, [(CONTENT_TYPE, kind)], reply.body).into_response())
}

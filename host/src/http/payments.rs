//! Payments: poll, ask and close one, refund, and take the providers' callbacks.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Shared;
use super::caller::Caller;
use super::json::{Command, Nothing};
use super::params::{At, Repeatable};
use super::reply::{Answer, Refused, ok};
use super::texts::text;
use crate::app::api::{PaymentAnswer, RefundOrder, RefundedOrder, RefundedPart};
use crate::app::callback::Verdict;
use crate::app::problem::Problem;
use crate::app::read::PaymentLogView;
use crate::app::{callback, dispute, query, read, refund_order};
use crate::domain::decide::refund::Wanted;
use crate::domain::ids::{OrderNo, PaymentNo, RefundNo};
use crate::domain::money::Minor;

/// The largest callback, bytes.
const CALLBACK_LIMIT: usize = 64 << 10;
/// Characters of a reason or a note.
const REASON_MAX: usize = 256;
/// Items named in one refund.
const ITEMS_MAX: usize = 100;

/// Poll a payment.
#[utoipa::path(get, path = "/api/v1/payments/{payment_no}", tag = "payments",
    params(("payment_no" = String, Path, description = "As `pay` answered it")),
    responses((status = 200, description = "The payment", body = PaymentAnswer)))]
pub(super) async fn get(State(room): State<Shared>, who: Caller, At(no): At<PaymentNo>) -> Answer<PaymentAnswer> {
    Ok(ok(read::payment(&room.app, &who, no).await?))
}

/// Ask the provider about a payment now.
///
/// For when the buyer comes back from the provider's page; without it the platform asks by itself, later.
#[utoipa::path(post, path = "/api/v1/payments/{payment_no}/query", tag = "payments",
    params(("payment_no" = String, Path, description = "As `pay` answered it")),
    responses((status = 200, description = "The payment as it is now known", body = PaymentAnswer)))]
pub(super) async fn query(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<PaymentNo>,
    _: Command<Nothing>,
) -> Answer<PaymentAnswer> {
    let app = room.app.clone();
    let work = async move { query::refresh(&app, &who, no).await };
    Ok(ok(room.finish("query", work).await?))
}

/// Close an open payment, to pay otherwise.
#[utoipa::path(post, path = "/api/v1/payments/{payment_no}/close", tag = "payments",
    params(("payment_no" = String, Path, description = "An open payment")),
    responses((status = 200, description = "The payment: closed, or succeeded if it was paid", body = PaymentAnswer)))]
pub(super) async fn close(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<PaymentNo>,
    _: Command<Nothing>,
) -> Answer<PaymentAnswer> {
    let app = room.app.clone();
    let work = async move { query::close_one(&app, &who, no).await };
    Ok(ok(room.finish("close", work).await?))
}

/// What happened to a payment and its refunds, step by step, the first first.
#[utoipa::path(get, path = "/api/v1/payments/{payment_no}/log", tag = "payments",
    params(("payment_no" = String, Path, description = "A payment")),
    responses((status = 200, description = "Every step", body = Vec<PaymentLogView>)))]
pub(super) async fn log(State(room): State<Shared>, who: Caller, At(no): At<PaymentNo>) -> Answer<Vec<PaymentLogView>> {
    Ok(ok(read::payment_log(&room.app, &who, no).await?))
}

/// What to give back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundBody {
    /// Why, for people: 1 to 256 characters.
    reason: String,
    /// Parts of items; everything that is left if absent or empty.
    #[serde(default)]
    items: Vec<RefundItem>,
}

/// A part of an item.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundItem {
    /// The item order.
    #[schema(value_type = String)]
    item_no: OrderNo,
    /// Units that go back; 0 (money only) if absent.
    #[serde(default)]
    quantity: u32,
    /// Minor units; what the units cost if absent.
    amount: Option<Minor>,
}

impl From<RefundItem> for Wanted {
    fn from(item: RefundItem) -> Self {
        Self { item_no: item.item_no, quantity: item.quantity, amount: item.amount }
    }
}

/// Give money back for a paid order, a shop order or an item.
///
/// Makes an after-sale for each shop order: a buyer's is decided by its merchant, a seller's needs no other word. Without
/// `items` everything that is left goes back and the order closes; freight is retained once something was sent. The money
/// is split over the ways it was paid. 409 `refund-above-remaining` says what is left.
#[utoipa::path(post, path = "/api/v1/orders/{order_no}/refund", tag = "payments", request_body = RefundBody,
    params(("order_no" = String, Path, description = "An order of any level"), Repeatable),
    responses((status = 200, description = "What goes back", body = RefundedOrder)))]
pub(super) async fn refund(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<OrderNo>,
    call: Command<RefundBody>,
) -> Answer<RefundedOrder> {
    let RefundBody { reason, items } = call.body;
    let reason = text("reason", reason, REASON_MAX)?;
    if items.len() > ITEMS_MAX {
        return Err(Problem::invalid("bad-body", format!("items: at most {ITEMS_MAX}")).into());
    }
    let request = RefundOrder { reason, items: items.into_iter().map(Into::into).collect() };
    let app = room.app.clone();
    let work = async move { refund_order::refund(&app, &who, no, request, call.key).await };
    Ok(ok(room.finish("refund", work).await?))
}

/// How a dispute ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettleBody {
    /// `refund` sends back what arrived; `accept` takes it.
    way: dispute::Way,
    /// Why, for the audit: 1 to 256 characters.
    note: String,
}

/// Settle a payment of another amount than was asked for.
#[utoipa::path(post, path = "/admin/v1/payments/{payment_no}/settle", tag = "admin", request_body = SettleBody,
    params(("payment_no" = String, Path, description = "A disputed payment")),
    responses((status = 200, description = "The payment as it is now", body = PaymentAnswer)))]
pub(super) async fn settle(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<PaymentNo>,
    call: Command<SettleBody>,
) -> Answer<PaymentAnswer> {
    let SettleBody { way, note } = call.body;
    let note = text("note", note, REASON_MAX)?;
    let app = room.app.clone();
    let work = async move { dispute::settle(&app, &who, no, way, &note).await };
    Ok(ok(room.finish("settle", work).await?))
}

/// Why a refund is sent again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryBody {
    /// For the audit: 1 to 256 characters.
    note: String,
}

/// Send a refund again, under a new number, that the provider declared finally failed.
#[utoipa::path(post, path = "/admin/v1/refunds/{refund_no}/retry", tag = "admin", request_body = RetryBody,
    params(("refund_no" = String, Path, description = "A failed refund")),
    responses((status = 200, description = "The new refund", body = RefundedPart)))]
pub(super) async fn retry_refund(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<RefundNo>,
    call: Command<RetryBody>,
) -> Answer<RefundedPart> {
    let note = text("note", call.body.note, REASON_MAX)?;
    let app = room.app.clone();
    let work = async move { dispute::retry_refund(&app, &who, no, &note).await };
    Ok(ok(room.finish("retry", work).await?))
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
    let status = match reply.verdict {
        Verdict::Taken => StatusCode::OK,
        Verdict::Unbelieved => StatusCode::UNAUTHORIZED,
        Verdict::Refused => StatusCode::BAD_REQUEST,
        Verdict::Later => StatusCode::SERVICE_UNAVAILABLE,
    };
    let kind = if reply.body.starts_with('{') { "application/json" } else { "text/plain; charset=utf-8" };
    Ok((status, [(CONTENT_TYPE, kind)], reply.body).into_response())
}

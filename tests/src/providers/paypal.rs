//! PayPal, as far as the platform uses it: tokens, orders that are captured, refunds, webhooks and their certificate.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::book::{Refund, RefundState, Refused, Trade, TradeState};
use super::form;
use super::keys::{Authority, Key};
use super::manners::{Manner, Operation};
use super::message::Message;
use super::protocol::{Event, Protocol};
use super::stand_in::Desk;

const CLIENT: &str = "our-client";
const SECRET: &str = "our-secret-of-some-length";
const TOKEN: &str = "A21AAFEpH4PsADK7qSS7pSRsgzfENtu";
const WEBHOOK: &str = "1JE4291016473214C";
const CERTIFICATE: &str = "/v1/notifications/certs/CERT-360caa42-fca2a594";
const NAME: &str = "messageverificationcerts.paypal.com";

/// PayPal with keys and a certificate of our own.
#[derive(Debug)]
pub struct PayPal {
    authority: Authority,
    certificate: String,
    provider: Key,
    stranger: Key,
    /// Payments that their buyers approved.
    approved: Mutex<BTreeSet<String>>,
}

impl PayPal {
    /// With new keys.
    pub fn new() -> Self {
        let (authority, provider) = (Authority::new("Root of the stand-in"), Key::new());
        let certificate = authority.certify(&provider, NAME, &[NAME]);
        Self { authority, certificate, provider, stranger: Key::new(), approved: Mutex::default() }
    }

    fn is_approved(&self, payment_no: &str) -> bool {
        self.approved.lock().unwrap_or_else(PoisonError::into_inner).contains(payment_no)
    }
}

impl Default for PayPal {
    fn default() -> Self {
        Self::new()
    }
}

impl Protocol for PayPal {
    fn name(&self) -> &'static str {
        "paypal"
    }

    fn router(desk: Arc<Desk<Self>>) -> Router {
        Router::new().fallback(serve).with_state(desk)
    }

    fn account(&self, base_url: &str, businesses: &[&str]) -> Value {
        json!({
            "businesses": businesses, "base_url": base_url, "enabled": true,
            "settings": {"client_id": CLIENT, "webhook_id": WEBHOOK, "return_url": "https://shop.example/paid",
                "cancel_url": "https://shop.example/turned-back", "certificate_roots": self.authority.root_pem(),
                "certificate_hosts": [base_url]},
            "secrets": {"client_secret": SECRET},
        })
    }

    fn visit(desk: &Desk<Self>, offer: &Value) -> Result<(), String> {
        let page = offer["pay_url"].as_str().ok_or("there is no page")?;
        let order = page.strip_prefix(&format!("{}/checkoutnow?token=", desk.url)).ok_or("the page is elsewhere")?;
        by_order(desk, order).map(|_| ()).ok_or_else(|| format!("there is no order {order}"))
    }

    /// Approves; the money moves when the platform captures.
    fn buyer_pays(desk: &Desk<Self>, payment_no: &str) -> Result<Event, Refused> {
        let trade = desk.book.trade(payment_no).ok_or(Refused::Unknown)?;
        if trade.state != TradeState::Open {
            return Err(Refused::Stands(trade.state));
        }
        desk.protocol.approved.lock().unwrap_or_else(PoisonError::into_inner).insert(payment_no.to_owned());
        Ok(Event::Approved)
    }

    fn message(desk: &Desk<Self>, trade: &Trade, event: &Event, at: i64) -> Message {
        webhook(desk, trade, event, at, &desk.protocol.provider)
    }

    fn forged(desk: &Desk<Self>, trade: &Trade, event: &Event, at: i64) -> Message {
        webhook(desk, trade, event, at, &desk.protocol.stranger)
    }
}

fn webhook(desk: &Desk<PayPal>, trade: &Trade, event: &Event, at: i64, key: &Key) -> Message {
    // The same event has the same transmission id, however often it is sent.
    let (kind, id, resource) = match event {
        Event::Approved => ("CHECKOUT.ORDER.APPROVED", format!("approved-{}", trade.payment_no), order(desk, trade)),
        Event::Paid => ("PAYMENT.CAPTURE.COMPLETED", format!("paid-{}", trade.payment_no), capture(trade)),
        Event::Ended => ("PAYMENT.CAPTURE.DENIED", format!("ended-{}", trade.payment_no), capture(trade)),
        Event::Refunded { refund_no } => {
            let resource = trade.refunds.get(refund_no).map_or(Value::Null, |refund| refunded(trade, refund));
            ("PAYMENT.CAPTURE.REFUNDED", format!("refunded-{refund_no}"), resource)
        }
    };
    let time = utc(OffsetDateTime::from_unix_timestamp(at.div_euclid(1000)).expect("a time of this age"));
    let body = json!({
        "id": format!("WH-{id}"), "event_version": "1.0", "create_time": time, "resource_type": "-",
        "event_type": kind, "summary": "-", "resource": resource,
    });
    let body = body.to_string().into_bytes();
    let signature = key.sign(format!("{id}|{time}|{WEBHOOK}|{}", crc32fast::hash(&body)).as_bytes());
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("paypal-transmission-id", id),
        ("paypal-transmission-time", time),
        ("paypal-transmission-sig", signature),
        ("paypal-cert-url", format!("{}{CERTIFICATE}", desk.url)),
        ("paypal-auth-algo", "SHA256withRSA".to_owned()),
    ];
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Message { path: desk.callback_path(), headers, body }
}

async fn serve(
    State(desk): State<Arc<Desk<PayPal>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let (operation, work): (_, Work) = match (method.as_str(), parts.as_slice()) {
        ("POST", ["v1", "oauth2", "token"]) => (Operation::Other, token),
        ("GET", _) if uri.path() == CERTIFICATE => (Operation::Other, certificate),
        ("POST", ["v2", "checkout", "orders"]) => (Operation::Open, open),
        ("GET", ["v2", "checkout", "orders", _]) => (Operation::Query, query),
        ("POST", ["v2", "checkout", "orders", _, "capture"]) => (Operation::Capture, take),
        ("POST", ["v2", "payments", "captures", _, "refund"]) => (Operation::Refund, refund),
        _ => return answer(declined(404, "RESOURCE_NOT_FOUND")),
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let credentials = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    let wanted = match operation {
        Operation::Other => credentials,
        _ => format!("Bearer {TOKEN}"),
    };
    if uri.path() != CERTIFICATE && header("authorization") != wanted {
        return answer(declined(401, "AUTHENTICATION_FAILURE"));
    }
    let content: Value = serde_json::from_slice(&body).unwrap_or_default();
    let subject = parts.get(3).copied().unwrap_or_default();
    let request = Request { subject, id: header("paypal-request-id"), content: &content };
    let manner = match desk.begin(operation).await {
        Ok(manner) => manner,
        Err(failed) => return *failed,
    };
    let given = match manner {
        Manner::Refuse => declined(
            422,
            match operation {
                Operation::Refund => "REFUND_FAILED_INSUFFICIENT_FUNDS",
                Operation::Capture => "INSTRUMENT_DECLINED",
                _ => "PERMISSION_DENIED",
            },
        ),
        Manner::Unknown { done } => {
            if done {
                work(&desk, &request, RefundState::Done);
            }
            declined(500, "INTERNAL_SERVER_ERROR")
        }
        Manner::Pend => work(&desk, &request, RefundState::Pending),
        Manner::Good | Manner::Slow(_) | Manner::Fail(_) | Manner::LoseAnswer => {
            work(&desk, &request, RefundState::Done)
        }
    };
    desk.end(&manner, answer(given))
}

struct Request<'a> {
    /// The order or capture of the path.
    subject: &'a str,
    /// PayPal-Request-Id
    id: &'a str,
    content: &'a Value,
}

enum Given {
    Text(String),
    Body(u16, Value),
}

/// Does what was asked; a refund is left in this state.
type Work = fn(&Desk<PayPal>, &Request<'_>, RefundState) -> Given;

fn token(_: &Desk<PayPal>, _: &Request<'_>, _: RefundState) -> Given {
    Given::Body(200, json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 32400, "scope": "-"}))
}

fn certificate(desk: &Desk<PayPal>, _: &Request<'_>, _: RefundState) -> Given {
    Given::Text(desk.protocol.certificate.clone())
}

fn open(desk: &Desk<PayPal>, request: &Request<'_>, _: RefundState) -> Given {
    let unit = &request.content["purchase_units"][0];
    let no = text(unit, "custom_id");
    let currency = text(&unit["amount"], "currency_code");
    let amount = read(currency, text(&unit["amount"], "value"));
    let context = &request.content["payment_source"]["paypal"]["experience_context"];
    let whole = request.content["intent"] == "CAPTURE" && unit["invoice_id"] == no && request.id == no;
    let (true, Some(amount), true) = (whole, amount, context["return_url"].is_string()) else {
        return declined(400, "INVALID_REQUEST");
    };
    match desk.book.open(no, amount, currency) {
        Ok(trade) => Given::Body(201, order(desk, &trade)),
        Err(refusal) => refused(refusal),
    }
}

fn query(desk: &Desk<PayPal>, request: &Request<'_>, _: RefundState) -> Given {
    match by_order(desk, request.subject) {
        Some(trade) => Given::Body(200, order(desk, &trade)),
        None => refused(Refused::Unknown),
    }
}

fn take(desk: &Desk<PayPal>, request: &Request<'_>, _: RefundState) -> Given {
    let Some(trade) = by_order(desk, request.subject) else { return refused(Refused::Unknown) };
    if !desk.protocol.is_approved(&trade.payment_no) || request.id != trade.payment_no {
        return declined(422, "ORDER_NOT_APPROVED");
    }
    match desk.book.pay(&trade.payment_no) {
        Ok(trade) => Given::Body(201, order(desk, &trade)),
        Err(refusal) => refused(refusal),
    }
}

fn refund(desk: &Desk<PayPal>, request: &Request<'_>, state: RefundState) -> Given {
    let trade = desk.book.entries().into_iter().find(|trade| trade.trade_no == request.subject);
    let Some(trade) = trade else { return refused(Refused::Unknown) };
    let (no, sum) = (text(request.content, "invoice_id"), &request.content["amount"]);
    let amount = read(&trade.currency, text(sum, "value"));
    let named = request.content["custom_id"] == trade.payment_no.as_str() && request.id == no;
    let (true, true, Some(amount)) = (named, sum["currency_code"] == trade.currency.as_str(), amount) else {
        return declined(400, "INVALID_REQUEST");
    };
    match desk.book.refund(&trade.payment_no, no, amount, state) {
        Ok(entry) => Given::Body(201, refunded(&trade, &entry)),
        Err(refusal) => refused(refusal),
    }
}

fn by_order(desk: &Desk<PayPal>, id: &str) -> Option<Trade> {
    desk.book.entries().into_iter().find(|trade| order_id(trade) == id)
}

fn order_id(trade: &Trade) -> String {
    format!("5O{}", trade.trade_no)
}

fn order(desk: &Desk<PayPal>, trade: &Trade) -> Value {
    let paid = trade.state == TradeState::Paid;
    let status = match trade.state {
        TradeState::Open if desk.protocol.is_approved(&trade.payment_no) => "APPROVED",
        TradeState::Open => "PAYER_ACTION_REQUIRED",
        TradeState::Paid => "COMPLETED",
        TradeState::Closed | TradeState::Failed => "VOIDED",
    };
    let captures = if paid { vec![capture(trade)] } else { vec![] };
    let refunds: Vec<Value> = trade.refunds.values().map(|entry| refunded(trade, entry)).collect();
    let id = order_id(trade);
    json!({
        "id": id, "intent": "CAPTURE", "status": status,
        "purchase_units": [{
            "reference_id": "default", "custom_id": trade.payment_no, "invoice_id": trade.payment_no,
            "amount": sum(trade, trade.amount), "payments": {"captures": captures, "refunds": refunds},
        }],
        "links": [{"rel": "self", "href": format!("{}/v2/checkout/orders/{id}", desk.url), "method": "GET"},
            {"rel": "payer-action", "href": format!("{}/checkoutnow?token={id}", desk.url), "method": "GET"}],
    })
}

fn capture(trade: &Trade) -> Value {
    let status = match trade.state {
        TradeState::Paid if trade.refunded() == 0 => "COMPLETED",
        TradeState::Paid if trade.refunded() < trade.amount => "PARTIALLY_REFUNDED",
        TradeState::Paid => "REFUNDED",
        TradeState::Open => "PENDING",
        TradeState::Closed | TradeState::Failed => "DECLINED",
    };
    let now = utc(OffsetDateTime::now_utc());
    json!({
        "id": trade.trade_no, "status": status, "amount": sum(trade, trade.amount), "custom_id": trade.payment_no,
        "invoice_id": trade.payment_no, "create_time": now, "update_time": now,
    })
}

fn refunded(trade: &Trade, refund: &Refund) -> Value {
    let status = match refund.state {
        RefundState::Pending => "PENDING",
        RefundState::Done => "COMPLETED",
        RefundState::Failed => "FAILED",
    };
    json!({
        "id": refund.trade_no, "status": status, "amount": sum(trade, refund.amount), "invoice_id": refund.refund_no,
        "custom_id": trade.payment_no,
    })
}

fn sum(trade: &Trade, amount: i64) -> Value {
    let value = match trade.currency.as_str() {
        "JPY" => amount.to_string(),
        "HUF" | "TWD" => (amount / 100).to_string(),
        _ => form::yuan(amount),
    };
    json!({"currency_code": trade.currency, "value": value})
}

fn read(currency: &str, value: &str) -> Option<i64> {
    match currency {
        "JPY" => value.parse().ok(),
        "HUF" | "TWD" => value.parse::<i64>().ok()?.checked_mul(100),
        _ => form::minor(value),
    }
}

fn refused(refusal: Refused) -> Given {
    match refusal {
        Refused::Unknown => declined(404, "RESOURCE_NOT_FOUND"),
        Refused::Differs => declined(422, "DUPLICATE_INVOICE_ID"),
        Refused::Stands(_) => declined(422, "ORDER_ALREADY_CAPTURED"),
        Refused::TooMuch => declined(422, "REFUND_AMOUNT_EXCEEDED"),
    }
}

fn declined(status: u16, issue: &str) -> Given {
    Given::Body(status, json!({"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": issue}]}))
}

fn answer(given: Given) -> Response {
    match given {
        Given::Text(text) => text.into_response(),
        Given::Body(status, body) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Json(body)).into_response()
        }
    }
}

fn utc(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("a time of this age")
}

fn text<'a>(content: &'a Value, name: &str) -> &'a str {
    content[name].as_str().unwrap_or_default()
}

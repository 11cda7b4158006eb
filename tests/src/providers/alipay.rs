//! Alipay's open platform, as far as the platform uses it: `gateway.do` with RSA2 forms, and notices.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use serde_json::{Value, json};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::book::{RefundState, Refused, Trade, TradeState};
use super::form::{self, Fields, get, minor, yuan};
use super::keys::Key;
use super::manners::{Manner, Operation};
use super::message::Message;
use super::protocol::{Event, Protocol};
use super::stand_in::Desk;

const APP: &str = "2021000000000001";
const SELLER: &str = "2088000000000001";
const TIME: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// How buyers pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// On a page that a signed address leads to.
    Page,
    /// By a code.
    Precreate,
}

/// Alipay with keys of our own.
#[derive(Debug)]
pub struct Alipay {
    product: Product,
    merchant: Key,
    provider: Key,
    stranger: Key,
}

impl Alipay {
    /// For a merchant who sells through a product.
    pub fn new(product: Product) -> Self {
        Self { product, merchant: Key::new(), provider: Key::new(), stranger: Key::new() }
    }

    /// The content of a request that the merchant signed, with its method.
    fn request(&self, fields: &Fields) -> Result<(String, Value), String> {
        let text = form::joined(fields, &["sign"]);
        if get(fields, "sign_type") != "RSA2" || !self.merchant.fits(text.as_bytes(), get(fields, "sign")) {
            return Err("isv.invalid-signature".to_owned());
        }
        if get(fields, "app_id") != APP || get(fields, "version") != "1.0" || get(fields, "charset") != "utf-8" {
            return Err("isv.invalid-app-id".to_owned());
        }
        let content = serde_json::from_str(get(fields, "biz_content")).map_err(|error| error.to_string())?;
        Ok((get(fields, "method").to_owned(), content))
    }
}

impl Protocol for Alipay {
    fn name(&self) -> &'static str {
        "alipay"
    }

    fn router(desk: Arc<Desk<Self>>) -> Router {
        Router::new().route("/gateway.do", post(gateway)).with_state(desk)
    }

    fn account(&self, base_url: &str, businesses: &[&str]) -> Value {
        let product = match self.product {
            Product::Page => "page",
            Product::Precreate => "precreate",
        };
        json!({
            "businesses": businesses, "base_url": base_url, "enabled": true,
            "settings": {"app_id": APP, "seller_id": SELLER, "alipay_public_keys": [self.provider.public_pem()],
                "product": product},
            "secrets": {"private_key": self.merchant.private_pem()},
        })
    }

    fn visit(desk: &Desk<Self>, offer: &Value) -> Result<(), String> {
        if desk.protocol.product == Product::Precreate {
            let code = offer["qr_code"].as_str().ok_or("there is no code")?;
            return if code.starts_with(&desk.url) { Ok(()) } else { Err(format!("{code} is not ours")) };
        }
        let url = offer["pay_url"].as_str().ok_or("there is no page")?;
        let query = url.strip_prefix(&format!("{}/gateway.do?", desk.url)).ok_or("the page is elsewhere")?;
        let fields = form::read(query.as_bytes());
        let (method, content) = desk.protocol.request(&fields)?;
        if method != "alipay.trade.page.pay" || content["product_code"] != "FAST_INSTANT_TRADE_PAY" {
            return Err(format!("{method} is no page"));
        }
        if !get(&fields, "notify_url").ends_with(&desk.callback_path()) {
            return Err("notices would go elsewhere".to_owned());
        }
        open(desk, &content).map(|_| ()).map_err(|refused| refused.to_string())
    }

    fn message(desk: &Desk<Self>, trade: &Trade, event: &Event, at: i64) -> Message {
        signed(desk, trade, event, at, &desk.protocol.provider)
    }

    fn forged(desk: &Desk<Self>, trade: &Trade, event: &Event, at: i64) -> Message {
        signed(desk, trade, event, at, &desk.protocol.stranger)
    }
}

fn signed(desk: &Desk<Alipay>, trade: &Trade, event: &Event, at: i64, key: &Key) -> Message {
    let time = form::in_beijing(at, TIME);
    let total = yuan(trade.amount);
    let mut fields = form::of(&[
        ("notify_type", "trade_status_sync"),
        ("notify_time", &time),
        ("charset", "utf-8"),
        ("version", "1.0"),
        ("app_id", APP),
        ("seller_id", SELLER),
        ("subject", "订单 & more = 1+1"),
        ("out_trade_no", &trade.payment_no),
        ("trade_no", &trade.trade_no),
        ("total_amount", &total),
    ]);
    let mut set = |name: &str, value: &str| fields.insert(name.to_owned(), value.to_owned());
    // The same event is the same notice, however often it is sent.
    let id = match event {
        Event::Refunded { refund_no } => {
            set("trade_status", status(trade));
            set("gmt_payment", &time);
            set("gmt_refund", &format!("{time}.123"));
            set("refund_fee", &yuan(trade.refunded()));
            set("out_biz_no", refund_no);
            refund_no.clone()
        }
        Event::Paid | Event::Approved => {
            set("trade_status", "TRADE_SUCCESS");
            set("gmt_payment", &time);
            format!("{}-paid", trade.payment_no)
        }
        Event::Ended => {
            set("trade_status", "TRADE_CLOSED");
            format!("{}-ended", trade.payment_no)
        }
    };
    set("notify_id", &id);
    let sign = key.sign(form::joined(&fields, &[]).as_bytes());
    fields.insert("sign".to_owned(), sign);
    fields.insert("sign_type".to_owned(), "RSA2".to_owned());
    let kind = "application/x-www-form-urlencoded; charset=utf-8".to_owned();
    Message {
        path: desk.callback_path(),
        headers: vec![("content-type".to_owned(), kind)],
        body: form::written(&fields),
    }
}

async fn gateway(State(desk): State<Arc<Desk<Alipay>>>, body: Bytes) -> Response {
    let fields = form::read(&body);
    let (method, content) = match desk.protocol.request(&fields) {
        Ok(request) => request,
        Err(problem) => return answer(&desk, get(&fields, "method"), &refused("40002", &problem)),
    };
    let (operation, work): (_, Work) = match method.as_str() {
        "alipay.trade.precreate" => (Operation::Open, precreate),
        "alipay.trade.query" => (Operation::Query, query),
        "alipay.trade.close" => (Operation::Close, close),
        "alipay.trade.refund" => (Operation::Refund, refund),
        "alipay.trade.fastpay.refund.query" => (Operation::QueryRefund, query_refund),
        _ => return answer(&desk, &method, &refused("40004", "isv.invalid-method")),
    };
    let manner = match desk.begin(operation).await {
        Ok(manner) => manner,
        Err(failed) => return *failed,
    };
    let member = match manner {
        Manner::Refuse => refused("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH"),
        Manner::Unknown { done } => {
            if done {
                work(&desk, &content, RefundState::Done);
            }
            refused("20000", "isp.unknow-error")
        }
        Manner::Pend => work(&desk, &content, RefundState::Pending),
        Manner::Good | Manner::Slow(_) | Manner::Fail(_) | Manner::LoseAnswer => {
            work(&desk, &content, RefundState::Done)
        }
    };
    desk.end(&manner, answer(&desk, &method, &member))
}

/// Does what was asked; a refund is left in this state.
type Work = fn(&Desk<Alipay>, &Value, RefundState) -> Value;

fn precreate(desk: &Desk<Alipay>, content: &Value, _: RefundState) -> Value {
    match open(desk, content) {
        Ok(trade) => {
            let code = format!("{}/code/{}", desk.url, trade.payment_no);
            json!({"code": "10000", "msg": "Success", "out_trade_no": trade.payment_no, "qr_code": code})
        }
        Err(_) => refused("40004", "ACQ.CONTEXT_INCONSISTENT"),
    }
}

fn query(desk: &Desk<Alipay>, content: &Value, _: RefundState) -> Value {
    let Some(trade) = desk.book.trade(text(content, "out_trade_no")) else {
        return refused("40004", "ACQ.TRADE_NOT_EXIST");
    };
    let mut member = json!({
        "code": "10000", "msg": "Success", "out_trade_no": trade.payment_no, "trade_no": trade.trade_no,
        "trade_status": status(&trade), "total_amount": yuan(trade.amount), "buyer_logon_id": "a/b***@example.com",
    });
    if trade.state == TradeState::Paid {
        member["send_pay_date"] = json!("2027-01-15 16:00:00");
    }
    member
}

fn close(desk: &Desk<Alipay>, content: &Value, _: RefundState) -> Value {
    match desk.book.close(text(content, "out_trade_no")) {
        Ok(trade) => json!({"code": "10000", "msg": "Success", "out_trade_no": trade.payment_no}),
        Err(refusal) => refused("40004", code(refusal)),
    }
}

fn refund(desk: &Desk<Alipay>, content: &Value, state: RefundState) -> Value {
    let (payment_no, refund_no) = (text(content, "out_trade_no"), text(content, "out_request_no"));
    let Some(amount) = minor(text(content, "refund_amount")) else {
        return refused("40002", "isv.invalid-parameter");
    };
    let was_there = desk.book.refund_entry(refund_no).is_some();
    match desk.book.refund(payment_no, refund_no, amount, state) {
        Ok(entry) => {
            let moved = !was_there && entry.state == RefundState::Done;
            let all = desk.book.trade(payment_no).map_or(0, |trade| trade.refunded());
            json!({"code": "10000", "msg": "Success", "out_trade_no": payment_no, "refund_fee": yuan(all),
                "fund_change": if moved { "Y" } else { "N" }})
        }
        Err(refusal) => refused("40004", code(refusal)),
    }
}

fn query_refund(desk: &Desk<Alipay>, content: &Value, _: RefundState) -> Value {
    let (payment_no, refund_no) = (text(content, "out_trade_no"), text(content, "out_request_no"));
    let Some(trade) = desk.book.trade(payment_no) else { return refused("40004", "ACQ.TRADE_NOT_EXIST") };
    match trade.refunds.get(refund_no).filter(|refund| refund.state == RefundState::Done) {
        Some(refund) => json!({
            "code": "10000", "msg": "Success", "out_trade_no": payment_no, "trade_no": trade.trade_no,
            "out_request_no": refund_no, "refund_amount": yuan(refund.amount), "refund_status": "REFUND_SUCCESS",
        }),
        None => json!({"code": "10000", "msg": "Success"}),
    }
}

fn open(desk: &Desk<Alipay>, content: &Value) -> Result<Trade, Refused> {
    let amount = minor(text(content, "total_amount")).ok_or(Refused::Differs)?;
    desk.book.open(text(content, "out_trade_no"), amount, "CNY")
}

fn status(trade: &Trade) -> &'static str {
    match trade.state {
        TradeState::Open => "WAIT_BUYER_PAY",
        TradeState::Paid if trade.refunded() < trade.amount => "TRADE_SUCCESS",
        // Also once everything went back.
        TradeState::Paid | TradeState::Closed | TradeState::Failed => "TRADE_CLOSED",
    }
}

fn code(refusal: Refused) -> &'static str {
    match refusal {
        Refused::Unknown => "ACQ.TRADE_NOT_EXIST",
        Refused::Differs => "ACQ.DISCORDANT_REPEAT_REQUEST",
        Refused::Stands(_) => "ACQ.TRADE_STATUS_ERROR",
        Refused::TooMuch => "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
    }
}

fn text<'a>(content: &'a Value, name: &str) -> &'a str {
    content[name].as_str().unwrap_or_default()
}

fn refused(code: &str, sub_code: &str) -> Value {
    json!({"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "told by the stand-in"})
}

/// The answer's text, in which slashes are escaped as the provider does; the signature is over that text.
fn answer(desk: &Desk<Alipay>, method: &str, member: &Value) -> Response {
    let member = member.to_string().replace('/', "\\/");
    let sign = desk.protocol.provider.sign(member.as_bytes());
    form::answered(format!("{{\"{}_response\":{member},\"sign\":\"{sign}\"}}", method.replace('.', "_")))
}

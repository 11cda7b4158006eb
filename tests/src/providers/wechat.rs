//! WeChat Pay, API v3, as far as the platform uses it: native payments, refunds, the trade bill, and notices.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::macros::offset;

use super::book::{Refund, RefundState, Refused, Trade, TradeState};
use super::form::yuan;
use super::keys::Key;
use super::manners::{Manner, Operation};
use super::message::Message;
use super::protocol::{Event, Protocol};
use super::stand_in::Desk;

const MCHID: &str = "1900000001";
const APPID: &str = "wxa1b2c3d4e5f60718";
const MERCHANT_SERIAL: &str = "3775B6A45ACD588826D15E583A95F5DD";
const PROVIDER_KEY: &str = "PUB_KEY_ID_0119000000012026010100";
const API_KEY: &str = "0123456789abcdef0123456789abcdef";
const TITLES: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,\
    货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,\
    手续费,费率,订单金额,申请退款金额,费率备注";
const SUMS: &str = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

/// WeChat Pay with keys of our own.
#[derive(Debug)]
pub struct WeChat {
    merchant: Key,
    provider: Key,
    stranger: Key,
}

impl WeChat {
    /// With new keys.
    pub fn new() -> Self {
        Self { merchant: Key::new(), provider: Key::new(), stranger: Key::new() }
    }

    /// Whether the merchant signed the request.
    fn believes(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> bool {
        let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some(given) = given.strip_prefix("WECHATPAY2-SHA256-RSA2048 ") else { return false };
        let part = |name: &str| {
            let rest = given.split_once(&format!("{name}=\"")).map_or("", |(_, rest)| rest);
            rest.split_once('"').map_or("", |(value, _)| value)
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let head = format!("{method}\n{path}\n{}\n{}\n", part("timestamp"), part("nonce_str"));
        let text = [head.as_bytes(), body, b"\n"].concat();
        part("mchid") == MCHID && part("serial_no") == MERCHANT_SERIAL && self.merchant.fits(&text, part("signature"))
    }
}

impl Default for WeChat {
    fn default() -> Self {
        Self::new()
    }
}

impl Protocol for WeChat {
    fn name(&self) -> &'static str {
        "wechat"
    }

    fn router(desk: Arc<Desk<Self>>) -> Router {
        Router::new().fallback(serve).with_state(desk)
    }

    fn account(&self, base_url: &str, businesses: &[&str]) -> Value {
        json!({
            "businesses": businesses, "base_url": base_url, "enabled": true,
            "settings": {"mchid": MCHID, "appid": APPID, "merchant_serial": MERCHANT_SERIAL,
                "provider_keys": {PROVIDER_KEY: self.provider.public_pem()}},
            "secrets": {"private_key": self.merchant.private_pem(), "api_v3_key": API_KEY},
        })
    }

    fn visit(_desk: &Desk<Self>, offer: &Value) -> Result<(), String> {
        let code = offer["qr_code"].as_str().ok_or("there is no code")?;
        if code.starts_with("weixin://wxpay/bizpayurl?pr=") { Ok(()) } else { Err(format!("{code} is not ours")) }
    }

    fn message(desk: &Desk<Self>, trade: &Trade, event: &Event, at: i64) -> Message {
        notice(desk, trade, event, at, &desk.protocol.provider)
    }

    fn forged(desk: &Desk<Self>, trade: &Trade, event: &Event, at: i64) -> Message {
        notice(desk, trade, event, at, &desk.protocol.stranger)
    }
}

fn notice(desk: &Desk<WeChat>, trade: &Trade, event: &Event, at: i64, key: &Key) -> Message {
    // The same event is the same notice, however often it is sent.
    let (kind, id, clear) = match event {
        Event::Refunded { refund_no } => {
            let refund = trade.refunds.get(refund_no);
            let kind = match refund.map(|refund| refund.state) {
                Some(RefundState::Failed) => "REFUND.CLOSED",
                _ => "REFUND.SUCCESS",
            };
            (kind, refund_no.clone(), refund.map_or(Value::Null, |refund| refund_notice(trade, refund)))
        }
        Event::Paid | Event::Approved | Event::Ended => {
            ("TRANSACTION.SUCCESS", trade.payment_no.clone(), transaction(trade, at))
        }
    };
    let body = json!({
        "id": format!("EV-{id}"), "create_time": beijing(at), "resource_type": "encrypt-resource",
        "event_type": kind, "summary": "-", "resource": sealed(&clear),
    });
    let body = body.to_string().into_bytes();
    let mut headers = signed(key, at, &body);
    headers.push(("content-type", "application/json".to_owned()));
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Message { path: desk.callback_path(), headers, body }
}

fn sealed(clear: &Value) -> Value {
    let (nonce, aad) = ("fdasflkja484", "transaction");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, API_KEY.as_bytes()).expect("32 bytes"));
    let mut sealed = clear.to_string().into_bytes();
    let once = Nonce::try_assume_unique_for_key(nonce.as_bytes()).expect("12 bytes");
    key.seal_in_place_append_tag(once, Aad::from(aad.as_bytes()), &mut sealed).expect("little text is sealed");
    json!({
        "original_type": aad, "algorithm": "AEAD_AES_256_GCM", "ciphertext": STANDARD.encode(sealed),
        "associated_data": aad, "nonce": nonce,
    })
}

/// The headers that sign a message.
fn signed(key: &Key, at: i64, body: &[u8]) -> Vec<(&'static str, String)> {
    let (timestamp, nonce) = (at.div_euclid(1000).to_string(), "5K8264ILTKCH16CQ2502SI8ZNMTM67VS");
    let text = [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat();
    vec![
        ("wechatpay-signature", key.sign(&text)),
        ("wechatpay-timestamp", timestamp),
        ("wechatpay-nonce", nonce.to_owned()),
        ("wechatpay-serial", PROVIDER_KEY.to_owned()),
        ("wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
    ]
}

async fn serve(
    State(desk): State<Arc<Desk<WeChat>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !desk.protocol.believes(&method, &uri, &headers, &body) {
        return (StatusCode::UNAUTHORIZED, "{\"code\":\"SIGN_ERROR\"}").into_response();
    }
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let (operation, work): (_, Work) = match (method.as_str(), parts.as_slice()) {
        ("POST", ["v3", "pay", "transactions", "native"]) => (Operation::Open, open),
        ("GET", ["v3", "pay", "transactions", "out-trade-no", _]) => (Operation::Query, query),
        ("POST", ["v3", "pay", "transactions", "out-trade-no", _, "close"]) => (Operation::Close, close),
        ("POST", ["v3", "refund", "domestic", "refunds"]) => (Operation::Refund, refund),
        ("GET", ["v3", "refund", "domestic", "refunds", _]) => (Operation::QueryRefund, query_refund),
        ("GET", ["v3", "bill", "tradebill"]) => (Operation::Other, announce_bill),
        // Downloads are not signed.
        ("GET", ["v3", "billdownload", "file"]) => return bill(&desk).into_response(),
        _ => return answer(&desk, &declined(404, "NOT_FOUND")),
    };
    let manner = match desk.begin(operation).await {
        Ok(manner) => manner,
        Err(failed) => return *failed,
    };
    let content: Value = serde_json::from_slice(&body).unwrap_or_default();
    let subject = parts.get(4).copied().unwrap_or_default();
    let given = match manner {
        Manner::Refuse if operation == Operation::Refund => declined(403, "NOT_ENOUGH"),
        Manner::Refuse => declined(400, "INVALID_REQUEST"),
        Manner::Unknown { done } => {
            if done {
                work(&desk, subject, &content, RefundState::Done);
            }
            declined(500, "SYSTEM_ERROR")
        }
        Manner::Pend => work(&desk, subject, &content, RefundState::Pending),
        Manner::Good | Manner::Slow(_) | Manner::Fail(_) | Manner::LoseAnswer => {
            work(&desk, subject, &content, RefundState::Done)
        }
    };
    desk.end(&manner, answer(&desk, &given))
}

/// Does what was asked about a subject; a refund is left in this state. Answers a status and a body.
type Work = fn(&Desk<WeChat>, &str, &Value, RefundState) -> (u16, Value);

fn open(desk: &Desk<WeChat>, _: &str, content: &Value, _: RefundState) -> (u16, Value) {
    let ours = content["mchid"] == MCHID && content["appid"] == APPID;
    let told = content["notify_url"].as_str().is_some_and(|url| url.ends_with(&desk.callback_path()));
    let ends = content["time_expire"].as_str().is_some_and(|time| time.ends_with("+08:00"));
    let Some(amount) = content["amount"]["total"].as_i64().filter(|_| ours && told && ends) else {
        return declined(400, "PARAM_ERROR");
    };
    match desk.book.open(text(content, "out_trade_no"), amount, text(&content["amount"], "currency")) {
        Ok(trade) if trade.state == TradeState::Open => {
            (200, json!({"code_url": format!("weixin://wxpay/bizpayurl?pr={}", trade.trade_no)}))
        }
        Ok(trade) => refused(Refused::Stands(trade.state)),
        Err(refusal) => refused(refusal),
    }
}

fn query(desk: &Desk<WeChat>, payment_no: &str, _: &Value, _: RefundState) -> (u16, Value) {
    match desk.book.trade(payment_no) {
        Some(trade) => (200, transaction(&trade, now())),
        None => refused(Refused::Unknown),
    }
}

fn close(desk: &Desk<WeChat>, payment_no: &str, content: &Value, _: RefundState) -> (u16, Value) {
    if content["mchid"] != MCHID {
        return declined(400, "PARAM_ERROR");
    }
    match desk.book.close(payment_no) {
        Ok(_) => (204, Value::Null),
        Err(refusal) => refused(refusal),
    }
}

fn refund(desk: &Desk<WeChat>, _: &str, content: &Value, state: RefundState) -> (u16, Value) {
    let (payment_no, refund_no) = (text(content, "out_trade_no"), text(content, "out_refund_no"));
    let total = desk.book.trade(payment_no).map(|trade| trade.amount);
    if content["amount"]["total"].as_i64() != total || content["amount"]["currency"] != "CNY" {
        return declined(400, "PARAM_ERROR");
    }
    let amount = content["amount"]["refund"].as_i64().unwrap_or_default();
    match desk.book.refund(payment_no, refund_no, amount, state) {
        Ok(entry) => (200, refund_state(desk, &entry)),
        Err(refusal) => refused(refusal),
    }
}

fn query_refund(desk: &Desk<WeChat>, refund_no: &str, _: &Value, _: RefundState) -> (u16, Value) {
    match desk.book.refund_entry(refund_no) {
        Some(entry) => (200, refund_state(desk, &entry)),
        None => declined(404, "RESOURCE_NOT_EXISTS"),
    }
}

fn refund_state(desk: &Desk<WeChat>, refund: &Refund) -> Value {
    let holds = |trade: &Trade| trade.refunds.contains_key(&refund.refund_no);
    let trade = desk.book.entries().into_iter().find(holds);
    let (payment_no, total) = trade.map(|trade| (trade.payment_no, trade.amount)).unwrap_or_default();
    json!({
        "refund_id": refund.trade_no, "out_refund_no": refund.refund_no, "out_trade_no": payment_no,
        "status": status(refund.state), "create_time": beijing(now()),
        "amount": {"total": total, "refund": refund.amount, "currency": "CNY"},
    })
}

fn announce_bill(desk: &Desk<WeChat>, _: &str, _: &Value, _: RefundState) -> (u16, Value) {
    if desk.book.entries().is_empty() {
        return declined(400, "NO_STATEMENT_EXIST");
    }
    let hash = hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, bill(desk).as_bytes()));
    let place = format!("{}/v3/billdownload/file?token=one", desk.url);
    (200, json!({"hash_type": "SHA1", "hash_value": hash, "download_url": place}))
}

/// Everything in the book, as if it had all been done on the day that is asked for.
fn bill(desk: &Desk<WeChat>) -> String {
    let mut lines = vec![format!("\u{feff}{TITLES}")];
    let line = |trade: &Trade, state: &str, refund: Option<&Refund>| {
        let (refund_id, refund_no) = refund.map_or(("0", "0"), |refund| (&refund.trade_no, &refund.refund_no));
        let paid = if refund.is_none() { yuan(trade.amount) } else { yuan(0) };
        let back = yuan(refund.map_or(0, |refund| refund.amount));
        let (trade_no, payment_no) = (&trade.trade_no, &trade.payment_no);
        format!(
            "`2027-01-15 16:00:00,`{APPID},`{MCHID},`0,`,`{trade_no},`{payment_no},`o1,`NATIVE,`{state},`OTHERS,`CNY,\
             `{paid},`0.00,`{refund_id},`{refund_no},`{back},`0.00,`ORIGINAL,`SUCCESS,`Order, and more,`,`0.00000,\
             `0.60%,`{paid},`{back},`"
        )
    };
    for trade in desk.book.entries().iter().filter(|trade| trade.state == TradeState::Paid) {
        lines.push(line(trade, "SUCCESS", None));
        let back = trade.refunds.values().filter(|refund| refund.state != RefundState::Failed);
        lines.extend(back.map(|refund| line(trade, "REFUND", Some(refund))));
    }
    lines.extend([SUMS.to_owned(), "`0,`0.00,`0.00,`0.00,`0.00,`0.00,`0.00".to_owned()]);
    lines.join("\r\n") + "\r\n"
}

fn transaction(trade: &Trade, at: i64) -> Value {
    let state = match trade.state {
        TradeState::Open => "NOTPAY",
        TradeState::Paid if trade.refunds.is_empty() => "SUCCESS",
        TradeState::Paid => "REFUND",
        TradeState::Closed => "CLOSED",
        TradeState::Failed => "PAYERROR",
    };
    let mut transaction = json!({
        "mchid": MCHID, "appid": APPID, "out_trade_no": trade.payment_no, "trade_type": "NATIVE",
        "trade_state": state, "trade_state_desc": "-", "payer": {"openid": "o1"},
        "amount": {"total": trade.amount, "payer_total": trade.amount, "currency": trade.currency,
            "payer_currency": trade.currency},
    });
    if trade.state == TradeState::Paid {
        transaction["transaction_id"] = json!(trade.trade_no);
        transaction["success_time"] = json!(beijing(at));
    }
    transaction
}

fn refund_notice(trade: &Trade, refund: &Refund) -> Value {
    json!({
        "mchid": MCHID, "out_trade_no": trade.payment_no, "transaction_id": trade.trade_no,
        "out_refund_no": refund.refund_no, "refund_id": refund.trade_no, "refund_status": status(refund.state),
        "amount": {"total": trade.amount, "refund": refund.amount, "payer_total": trade.amount,
            "payer_refund": refund.amount},
    })
}

fn status(state: RefundState) -> &'static str {
    match state {
        RefundState::Pending => "PROCESSING",
        RefundState::Done => "SUCCESS",
        RefundState::Failed => "CLOSED",
    }
}

fn refused(refusal: Refused) -> (u16, Value) {
    match refusal {
        Refused::Unknown => declined(404, "ORDER_NOT_EXIST"),
        Refused::Differs => declined(403, "OUT_TRADE_NO_USED"),
        Refused::Stands(TradeState::Paid) => declined(400, "ORDERPAID"),
        Refused::Stands(_) => declined(400, "ORDER_CLOSED"),
        Refused::TooMuch => declined(403, "INVALID_REQUEST"),
    }
}

fn declined(status: u16, code: &str) -> (u16, Value) {
    (status, json!({"code": code, "message": "told by the stand-in"}))
}

/// A signed answer; `null` is an empty body.
fn answer(desk: &Desk<WeChat>, (status, body): &(u16, Value)) -> Response {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let mut response = Response::builder().status(*status).header("content-type", "application/json");
    for (name, value) in signed(&desk.protocol.provider, now(), &body) {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).expect("a status and headers of our own")
}

fn text<'a>(content: &'a Value, name: &str) -> &'a str {
    content[name].as_str().unwrap_or_default()
}

fn beijing(at: i64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(at.div_euclid(1000)).expect("a time of this age");
    at.to_offset(offset!(+8)).format(&Rfc3339).expect("a time of this age")
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("before the year 292 million")
}

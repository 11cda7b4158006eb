//! UnionPay's online gateway 5.1.0, as far as the platform uses it: the buyer's form, queries, refunds, notices.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use serde_json::{Value, json};

use super::book::{RefundState, Trade, TradeState};
use super::form::{self, Fields, get};
use super::keys::{Authority, Key};
use super::manners::{Manner, Operation};
use super::message::Message;
use super::protocol::{Event, Protocol};
use super::stand_in::Desk;

const MERCHANT: &str = "777290058110048";
const SIGNER: &str = "041@8310000000083040@中国银联股份有限公司@00016495";

/// UnionPay with keys and certificates of our own.
#[derive(Debug)]
pub struct UnionPay {
    merchant: Key,
    merchant_certificate: String,
    provider: Paper,
    stranger: Paper,
    root: String,
    /// What each transaction was sent with, by its number.
    sent: Mutex<BTreeMap<String, Fields>>,
}

#[derive(Debug)]
struct Paper {
    key: Key,
    certificate: String,
}

impl UnionPay {
    /// With new keys.
    pub fn new() -> Self {
        let (ours, theirs) = (Authority::new("Root of the stand-in"), Authority::new("Root of a stranger"));
        let paper = |authority: &Authority| {
            let key = Key::new();
            let certificate = authority.certify(&key, SIGNER, &[]);
            Paper { key, certificate }
        };
        let merchant = Key::new();
        Self {
            merchant_certificate: ours.certify(&merchant, "merchant", &[]),
            merchant,
            provider: paper(&ours),
            stranger: paper(&theirs),
            root: ours.root_pem().to_owned(),
            sent: Mutex::default(),
        }
    }

    /// Whether the merchant signed a request.
    fn check(&self, fields: &Fields) -> Result<(), &'static str> {
        if get(fields, "version") != "5.1.0" || get(fields, "signMethod") != "01" || get(fields, "certId").is_empty() {
            return Err("the request is not of this protocol");
        }
        if !self.merchant.fits(hashed(fields).as_bytes(), get(fields, "signature")) {
            return Err("the signature does not fit");
        }
        if get(fields, "merId") != MERCHANT {
            return Err("no such merchant");
        }
        let number = get(fields, "orderId");
        let good = (8..=40).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if good && get(fields, "txnTime").len() == 14 { Ok(()) } else { Err("no number or no time") }
    }

    fn sent<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Fields>) -> T) -> T {
        work(&mut self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a transaction was sent with; empty where the number or the time is not known.
    fn known(&self, number: &str, time: &str) -> Fields {
        let sent = self.sent(|sent| sent.get(number).cloned());
        sent.filter(|sent| get(sent, "txnTime") == time).unwrap_or_default()
    }
}

impl Default for UnionPay {
    fn default() -> Self {
        Self::new()
    }
}

impl Protocol for UnionPay {
    fn name(&self) -> &'static str {
        "unionpay"
    }

    fn router(desk: Arc<Desk<Self>>) -> Router {
        Router::new()
            .route("/gateway/api/queryTrans.do", post(query))
            .route("/gateway/api/backTransReq.do", post(refund))
            .with_state(desk)
    }

    fn account(&self, base_url: &str, businesses: &[&str]) -> Value {
        json!({
            "businesses": businesses, "base_url": base_url, "enabled": true,
            "settings": {"merchant_id": MERCHANT, "certificate": self.merchant_certificate, "roots": [self.root]},
            "secrets": {"private_key": self.merchant.private_pem()},
        })
    }

    fn visit(desk: &Desk<Self>, offer: &Value) -> Result<(), String> {
        let params = &offer["pay_params"];
        if params["url"] != json!(format!("{}/gateway/api/frontTransReq.do", desk.url)) {
            return Err(format!("{} is not ours", params["url"]));
        }
        let fields = params["fields"].as_object().ok_or("there are no fields")?.iter();
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let fields: Fields = fields.filter_map(text).collect();
        desk.protocol.check(&fields)?;
        let told = (get(&fields, "txnType"), get(&fields, "txnSubType"), get(&fields, "currencyCode"));
        if told != ("01", "01", "156") || !get(&fields, "backUrl").ends_with(&desk.callback_path()) {
            return Err(format!("the form is not of a payment: {told:?}"));
        }
        let amount = get(&fields, "txnAmt").parse().map_err(|_| "the amount is no number")?;
        desk.book.open(get(&fields, "orderId"), amount, "CNY").map_err(|refused| refused.to_string())?;
        desk.protocol.sent(|sent| sent.insert(get(&fields, "orderId").to_owned(), fields.clone()));
        Ok(())
    }

    fn message(desk: &Desk<Self>, trade: &Trade, event: &Event, _at: i64) -> Message {
        notice(desk, trade, event, &desk.protocol.provider)
    }

    fn forged(desk: &Desk<Self>, trade: &Trade, event: &Event, _at: i64) -> Message {
        notice(desk, trade, event, &desk.protocol.stranger)
    }
}

fn notice(desk: &Desk<UnionPay>, trade: &Trade, event: &Event, paper: &Paper) -> Message {
    let (number, reference, code) = match event {
        Event::Refunded { refund_no } => (refund_no, desk.book.refund_entry(refund_no).map(|it| it.trade_no), "00"),
        Event::Paid | Event::Approved => (&trade.payment_no, Some(trade.trade_no.clone()), "00"),
        Event::Ended => (&trade.payment_no, Some(trade.trade_no.clone()), "01"),
    };
    let sent = desk.protocol.sent(|sent| sent.get(number).cloned().unwrap_or_default());
    let kept = ["txnType", "txnSubType", "bizType", "accessType", "orderId", "txnTime", "txnAmt", "currencyCode"];
    let mut fields: Fields = sent.iter().filter(|(name, _)| kept.contains(&name.as_str())).map(owned).collect();
    if let Some(reserved) = sent.get("reqReserved") {
        fields.insert("reqReserved".to_owned(), reserved.clone());
    }
    fields.insert("queryId".to_owned(), reference.unwrap_or_default());
    fields.insert("respCode".to_owned(), code.to_owned());
    fields.insert("respMsg".to_owned(), "成功[0000000]".to_owned());
    let kind = "application/x-www-form-urlencoded".to_owned();
    Message {
        path: desk.callback_path(),
        headers: vec![("content-type".to_owned(), kind)],
        body: form::written(&signed(fields, paper)),
    }
}

fn owned((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

/// With what every message of the provider has.
fn signed(mut fields: Fields, paper: &Paper) -> Fields {
    fields.extend(form::of(&[
        ("version", "5.1.0"),
        ("encoding", "UTF-8"),
        ("signMethod", "01"),
        ("merId", MERCHANT),
        ("signPubKeyCert", &paper.certificate),
    ]));
    let signature = paper.key.sign(hashed(&fields).as_bytes());
    fields.insert("signature".to_owned(), signature);
    fields
}

fn hashed(fields: &Fields) -> String {
    hex::encode(digest(&SHA256, form::joined(fields, &["signature"]).as_bytes()))
}

/// A signed answer about a transaction, raw as the provider writes it.
fn answer(desk: &Desk<UnionPay>, asked: &Fields, own: &[(&str, &str)]) -> Response {
    let mut fields = form::of(&[("orderId", get(asked, "orderId")), ("txnTime", get(asked, "txnTime"))]);
    fields.extend(form::of(own));
    form::answered(form::joined(&signed(fields, &desk.protocol.provider), &[]))
}

async fn query(State(desk): State<Arc<Desk<UnionPay>>>, body: Bytes) -> Response {
    let asked = form::read(&body);
    if let Err(problem) = desk.protocol.check(&asked) {
        return answer(&desk, &asked, &[("respCode", "11"), ("respMsg", problem)]);
    }
    let is_refund = get(&asked, "orderId").starts_with('R');
    let operation = if is_refund { Operation::QueryRefund } else { Operation::Query };
    let manner = match desk.begin(operation).await {
        Ok(manner) => manner,
        Err(failed) => return *failed,
    };
    let told = match manner {
        Manner::Refuse => answer(&desk, &asked, &[("respCode", "10"), ("respMsg", "told to refuse")]),
        Manner::Unknown { .. } => answer(&desk, &asked, &[("respCode", "05"), ("respMsg", "told not to know")]),
        Manner::Good | Manner::Slow(_) | Manner::Fail(_) | Manner::Pend | Manner::LoseAnswer => {
            what_became(&desk, &asked, is_refund)
        }
    };
    desk.end(&manner, told)
}

fn what_became(desk: &Desk<UnionPay>, asked: &Fields, is_refund: bool) -> Response {
    let number = get(asked, "orderId");
    let sent = desk.protocol.known(number, get(asked, "txnTime"));
    let state = if is_refund {
        desk.book.refund_entry(number).map(|refund| {
            let code = match refund.state {
                RefundState::Pending => "05",
                RefundState::Done => "00",
                RefundState::Failed => "61",
            };
            (refund.trade_no, refund.amount, code)
        })
    } else {
        desk.book.trade(number).map(|trade| {
            let code = match trade.state {
                // Nobody has tried to pay it yet.
                TradeState::Open => "",
                TradeState::Paid => "00",
                TradeState::Closed | TradeState::Failed => "01",
            };
            (trade.trade_no, trade.amount, code)
        })
    };
    let Some((reference, amount, code)) = state.filter(|(_, _, code)| !code.is_empty() && !sent.is_empty()) else {
        return answer(desk, asked, &[("respCode", "34"), ("respMsg", "no such transaction")]);
    };
    let amount = amount.to_string();
    let own = [
        ("respCode", "00"),
        ("respMsg", "成功[0000000]"),
        ("origRespCode", code),
        ("origRespMsg", "told by the stand-in"),
        ("txnType", get(&sent, "txnType")),
        ("queryId", &reference),
        ("txnAmt", &amount),
        ("currencyCode", "156"),
        ("cardTransData", "{a=1&b=2}"),
    ];
    answer(desk, asked, &own)
}

async fn refund(State(desk): State<Arc<Desk<UnionPay>>>, body: Bytes) -> Response {
    let asked = form::read(&body);
    let refused = |code: &str, why: &str| answer(&desk, &asked, &[("respCode", code), ("respMsg", why)]);
    if let Err(problem) = desk.protocol.check(&asked) {
        return refused("11", problem);
    }
    let manner = match desk.begin(Operation::Refund).await {
        Ok(manner) => manner,
        Err(failed) => return *failed,
    };
    let told = match manner {
        Manner::Refuse => refused("61", "told to refuse"),
        Manner::Unknown { done } => {
            if done {
                take_back(&desk, &asked, RefundState::Done).ok();
            }
            refused("05", "told not to know")
        }
        Manner::Pend => taken(&desk, &asked, RefundState::Pending),
        Manner::Good | Manner::Slow(_) | Manner::Fail(_) | Manner::LoseAnswer => {
            taken(&desk, &asked, RefundState::Done)
        }
    };
    desk.end(&manner, told)
}

fn taken(desk: &Desk<UnionPay>, asked: &Fields, state: RefundState) -> Response {
    let (code, why) = match take_back(desk, asked, state) {
        // Accepted, whatever becomes of it.
        Ok(()) => ("00", "成功[0000000]".to_owned()),
        Err(refusal) => refusal,
    };
    answer(desk, asked, &[("respCode", code), ("respMsg", &why), ("txnType", "04")])
}

fn take_back(desk: &Desk<UnionPay>, asked: &Fields, state: RefundState) -> Result<(), (&'static str, String)> {
    let number = get(asked, "orderId");
    if desk.book.refund_entry(number).is_some() {
        return Err(("12", "this number was here before".to_owned()));
    }
    let entries = desk.book.entries();
    let origin = entries.iter().find(|trade| trade.trade_no == get(asked, "origQryId"));
    let origin = origin.ok_or_else(|| ("35", "no such payment".to_owned()))?;
    let amount = get(asked, "txnAmt").parse().map_err(|_| ("10", "the amount is no number".to_owned()))?;
    // Before the book: whoever finds the refund there may ask for it.
    desk.protocol.sent(|sent| sent.insert(number.to_owned(), asked.clone()));
    let refund = desk.book.refund(&origin.payment_no, number, amount, state);
    refund.map(|_| ()).map_err(|refused| ("36", refused.to_string()))
}

//! UnionPay: its online gateway, protocol 5.1.0 with certificates, forms in yuan.
//!
//! Nothing that a notice says is taken for money: it makes us ask, and the signed answer counts. A payment is known by
//! merchant, number and the time of its making; a refund is one more transaction with a number and time of its own.

mod certificate;
mod message;
mod settings;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde_json::json;

use self::message::{PAYMENT, REFUND, YUAN};
use self::settings::Account;
use super::form::{self, Fields, needed};
use super::{
    AccountTerms, BadAccount, Callback, CloseAnswer, Gateway, NotOpened, Notice, Opened, Provider, QueryAnswer,
    Receipt, RefundAnswer, Says, Settles, Unverified, Verdict, beijing,
};
use crate::domain::ids::{Millis, PaymentNo, RefundNo};
use crate::domain::money::{Currency, Minor};
use crate::domain::payment::{PayOffer, Payment, Refund};
use crate::egress::Method;

/// What twelve digits hold.
const AMOUNT_MAX: Minor = 999_999_999_999;
/// Accepted.
const ACCEPTED: &str = "00";
/// Not known yet: to be asked again. `A6` is a success with defects, which only the provider can clear.
const UNSURE: &[&str] = &["03", "04", "05", "A6"];
/// No such transaction.
const UNKNOWN_TRANSACTION: &str = "34";

/// One merchant number of ours at UnionPay.
pub(super) struct UnionPay {
    account: Account,
    gateway: Gateway,
}

/// What a query found.
enum Found {
    /// The transaction was carried out; its fields are verified.
    Done(Fields),
    /// The provider has never heard of it.
    Absent,
    /// It was refused.
    Refused(String),
    /// Not known.
    Unsure(String),
}

impl UnionPay {
    pub(super) fn new(terms: &AccountTerms, gateway: Gateway) -> Result<Self, BadAccount> {
        Ok(Self { account: Account::read(terms)?, gateway })
    }

    /// Asks and verifies; the error says why nothing is known.
    async fn ask(&self, operation: &'static str, path: &str, own: &[(&str, &str)]) -> Result<Fields, String> {
        let make = || {
            let body = form::written(&message::signed(&self.account, own)).into_bytes();
            let kind = "application/x-www-form-urlencoded;charset=UTF-8";
            self.gateway.request(Method::Post, path, vec![("content-type".to_owned(), kind.to_owned())], body)
        };
        let reply = self.gateway.call(operation, make).await.map_err(|error| error.to_string())?;
        if reply.status != 200 {
            return Err(format!("the provider answers with status {}", reply.status));
        }
        let fields = message::read_answer(&reply.body).map_err(|error| error.to_string())?;
        message::verify(&self.account, &fields, self.gateway.now()).map_err(|error| error.to_string())?;
        Ok(fields)
    }

    /// What became of a transaction of ours.
    async fn find(&self, operation: &'static str, kind: &str, number: &str, at: Millis) -> Found {
        let time = beijing::compact(at);
        let own = [("txnType", "00"), ("txnSubType", "00"), ("orderId", number), ("txnTime", &time)];
        match self.ask(operation, "/gateway/api/queryTrans.do", &own).await {
            Ok(fields) => found(fields, kind, number, &time),
            Err(why) => Found::Unsure(why),
        }
    }
}

#[async_trait]
impl Provider for UnionPay {
    fn settles(&self) -> Settles {
        Settles::AtProviderUnannounced
    }

    fn takes(&self, currency: Currency, amount: Minor) -> Result<(), String> {
        if currency.as_str() != "CNY" {
            return Err(format!("unionpay takes CNY, not {currency}"));
        }
        if !(1..=AMOUNT_MAX).contains(&amount) {
            return Err("unionpay takes 0.01 to 9999999999.99 CNY".to_owned());
        }
        Ok(())
    }

    async fn create(&self, payment: &Payment) -> Result<Opened, NotOpened> {
        let (number, amount) = (payment.no.to_string(), payment.amount.to_string());
        let (time, until) = (beijing::compact(payment.created_at), payment.expires_at.map(beijing::compact));
        let mut own = vec![
            ("txnType", PAYMENT),
            ("txnSubType", "01"),
            ("channelType", self.account.channel.code()),
            ("orderId", &number),
            ("txnTime", &time),
            ("txnAmt", &amount),
            ("currencyCode", YUAN),
            ("backUrl", &self.account.notify_url),
        ];
        own.extend(until.iter().map(|until| ("payTimeout", until.as_str())));
        own.extend(self.account.front_url.iter().map(|url| ("frontUrl", url.as_str())));
        let url = format!("{}/gateway/api/frontTransReq.do", self.gateway.base_url());
        let params = json!({"url": url, "fields": message::signed(&self.account, &own)});
        Ok(Opened { offer: PayOffer { pay_params: Some(params), ..PayOffer::default() }, handle: None })
    }

    async fn query(&self, payment: &Payment) -> QueryAnswer {
        match self.find("query", PAYMENT, &payment.no.to_string(), payment.created_at).await {
            Found::Done(fields) => match receipt(&fields, payment.no, self.gateway.now()) {
                Ok(receipt) => QueryAnswer::Paid(receipt),
                Err(why) => QueryAnswer::Unknown(why.to_string()),
            },
            // A refused card does not end it: until it expires the buyer may try another.
            Found::Absent | Found::Refused(_) => QueryAnswer::Unpaid,
            Found::Unsure(why) => QueryAnswer::Unknown(why),
        }
    }

    /// The gateway ends a payment by its time (`payTimeout`) only.
    async fn close(&self, _payment: &Payment) -> CloseAnswer {
        CloseAnswer::CannotClose
    }

    async fn refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer {
        let Some(origin) = &payment.trade_no else {
            return RefundAnswer::Stuck("the payment has no queryId to refund against".to_owned());
        };
        // Asked first: what the provider makes of a number that it has seen before is its own matter.
        match self.query_refund(payment, refund).await {
            RefundAnswer::Absent => {}
            known => return known,
        }
        let (number, reference, amount) = (refund.no.to_string(), payment.no.to_string(), refund.amount.to_string());
        let time = beijing::compact(refund.created_at);
        let own = [
            ("txnType", REFUND),
            ("txnSubType", "00"),
            ("channelType", self.account.channel.code()),
            ("orderId", &number),
            ("txnTime", &time),
            ("txnAmt", &amount),
            ("currencyCode", YUAN),
            ("origQryId", origin),
            ("backUrl", &self.account.notify_url),
            // Comes back in the notice, which names the refund only.
            ("reqReserved", &reference),
        ];
        let answer = match self.ask("refund", "/gateway/api/backTransReq.do", &own).await {
            Ok(answer) => answer,
            Err(why) => return RefundAnswer::Pending(why),
        };
        let code = answer.get("respCode").map_or("", String::as_str);
        if answer.get("orderId") != Some(&number) {
            return RefundAnswer::Pending("the answer is about another refund".to_owned());
        }
        if code == ACCEPTED || UNSURE.contains(&code) {
            return RefundAnswer::Pending(said(&answer, "resp"));
        }
        // Also a repeat is refused, and some other time may go better: only what the query calls failed has failed.
        match self.query_refund(payment, refund).await {
            RefundAnswer::Absent => RefundAnswer::Stuck(said(&answer, "resp")),
            known => known,
        }
    }

    async fn query_refund(&self, _payment: &Payment, refund: &Refund) -> RefundAnswer {
        match self.find("query_refund", REFUND, &refund.no.to_string(), refund.created_at).await {
            Found::Done(fields) => match (message::amount(&fields), message::currency(&fields).as_deref()) {
                (Ok(amount), Ok("CNY")) if amount == refund.amount => RefundAnswer::Succeeded,
                _ => RefundAnswer::Stuck("UnionPay sent back another amount under this number".to_owned()),
            },
            Found::Absent => RefundAnswer::Absent,
            Found::Refused(why) => RefundAnswer::Failed(why),
            Found::Unsure(why) => RefundAnswer::Pending(why),
        }
    }

    async fn verify(&self, callback: Callback<'_>) -> Result<Notice, Unverified> {
        let fields = form::read(callback.body)?;
        message::verify(&self.account, &fields, callback.now)?;
        Ok(Notice { id: None, says: says(&fields)? })
    }

    /// Any words do: the status counts.
    fn words(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Taken => "ok".to_owned(),
            Verdict::Unbelieved | Verdict::Refused | Verdict::Later => "fail".to_owned(),
        }
    }
}

/// What a verified notice is about. Its `respCode` is a hint, whatever it is.
fn says(fields: &Fields) -> Result<Says, Unverified> {
    let number = needed(fields, "orderId", 40)?;
    let time = needed(fields, "txnTime", 14)?;
    beijing::read_compact(time).ok_or(Unverified::Field("txnTime"))?;
    needed(fields, "respCode", 2)?;
    message::amount(fields)?;
    message::currency(fields)?;
    let foreign = |_| Unverified::Foreign("orderId");
    match needed(fields, "txnType", 2)? {
        PAYMENT => Ok(Says::Ask(number.parse().map_err(foreign)?)),
        REFUND => {
            let refund_no: RefundNo = number.parse().map_err(foreign)?;
            let reference = needed(fields, "reqReserved", 1024)?;
            Ok(Says::AskRefund(reference.parse().map_err(|_| Unverified::Foreign("reqReserved"))?, refund_no))
        }
        _ => Ok(Says::Nothing),
    }
}

/// Reads the verified answer of a query. `respCode` is the query's own result, `origRespCode` the transaction's.
fn found(fields: Fields, kind: &str, number: &str, time: &str) -> Found {
    let code = |name: &str| fields.get(name).map_or("", String::as_str);
    if code("orderId") != number || code("txnTime") != time {
        return Found::Unsure("the answer is about another transaction".to_owned());
    }
    match (code("respCode"), code("origRespCode")) {
        (UNKNOWN_TRANSACTION, _) => Found::Absent,
        (ACCEPTED, "") => Found::Unsure("the answer does not say what became of it".to_owned()),
        (ACCEPTED, _) if code("txnType") != kind => Found::Unsure("the answer is of another kind".to_owned()),
        (ACCEPTED, ACCEPTED) => Found::Done(fields),
        (ACCEPTED, orig) if UNSURE.contains(&orig) => Found::Unsure(said(&fields, "origResp")),
        (ACCEPTED, _) => Found::Refused(said(&fields, "origResp")),
        _ => Found::Unsure(said(&fields, "resp")),
    }
}

fn receipt(fields: &Fields, payment_no: PaymentNo, now: Millis) -> Result<Receipt, Unverified> {
    Ok(Receipt {
        payment_no,
        trade_no: needed(fields, "queryId", 64)?.to_owned(),
        amount: message::amount(fields)?,
        currency: message::currency(fields)?,
        // The provider tells no year, so the answer's own time is as good.
        at: now,
    })
}

/// For people: code and message of the answer itself (`resp`) or of what was asked about (`origResp`).
fn said(fields: &Fields, whose: &str) -> String {
    let of = |end: &str| fields.get(&format!("{whose}{end}")).map_or("", String::as_str);
    format!("{}: {}", of("Code"), of("Msg")).chars().take(200).collect()
}

//! Alipay: its open platform with RSA2 keys (`gateway.do`), pages and codes in yuan.

mod notice;
mod settings;
mod sign;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde_json::{Value, json};

use self::notice::{amount, yuan};
use self::settings::{Account, Product};
use self::sign::{Answer, Kind, Tells};
use super::{
    AccountTerms, BadAccount, Callback, CloseAnswer, Gateway, NotOpened, Notice, Opened, Provider, QueryAnswer,
    Receipt, RefundAnswer, Settles, Unverified, Verdict, beijing, form,
};
use crate::domain::ids::Millis;
use crate::domain::money::{Currency, Minor};
use crate::domain::payment::{PayOffer, Payment, Refund};
use crate::egress::Method;

/// 100 000 000 yuan, the most that one payment can be.
const AMOUNT_MAX: Minor = 10_000_000_000;

/// One application of ours at Alipay.
pub(super) struct Alipay {
    account: Account,
    gateway: Gateway,
}

impl Alipay {
    pub(super) fn new(terms: &AccountTerms, gateway: Gateway) -> Result<Self, BadAccount> {
        Ok(Self { account: Account::read(terms)?, gateway })
    }

    /// What opens a payment, for either product.
    fn order(&self, payment: &Payment) -> Value {
        let mut content = json!({
            "out_trade_no": payment.no, "total_amount": yuan(payment.amount),
            "subject": format!("{} {}", self.account.subject, payment.pay_no),
        });
        if let Some(at) = payment.expires_at {
            content["time_expire"] = json!(beijing::spaced(at));
        }
        content
    }

    /// Asks and verifies; the error says why nothing is known.
    async fn ask(
        &self,
        operation: &'static str,
        method: &str,
        content: &Value,
        tells: Tells,
    ) -> Result<Answer, String> {
        let make = || {
            let fields = sign::request(&self.account, method, content, tells, self.gateway.now());
            let kind = "application/x-www-form-urlencoded;charset=utf-8";
            let headers = vec![("content-type".to_owned(), kind.to_owned())];
            // The character set is read before the body is.
            let path = "/gateway.do?charset=utf-8";
            self.gateway.request(Method::Post, path, headers, form::written(&fields).into_bytes())
        };
        let reply = self.gateway.call(operation, make).await.map_err(|error| error.to_string())?;
        if reply.status != 200 {
            return Err(format!("the provider answers with status {}", reply.status));
        }
        sign::answer(&self.account, method, &reply.body)
    }

    async fn known(&self, payment: &Payment) -> Result<Answer, String> {
        let content = json!({"out_trade_no": payment.no});
        self.ask("query", "alipay.trade.query", &content, Tells::Nobody).await
    }
}

#[async_trait]
impl Provider for Alipay {
    fn settles(&self) -> Settles {
        match self.account.product {
            Product::Page => Settles::AtProviderUnannounced,
            Product::Precreate => Settles::AtProvider,
        }
    }

    fn takes(&self, currency: Currency, amount: Minor) -> Result<(), String> {
        if currency.as_str() != "CNY" {
            return Err(format!("alipay takes CNY, not {currency}"));
        }
        if !(1..=AMOUNT_MAX).contains(&amount) {
            return Err("alipay takes 0.01 to 100000000.00 CNY".to_owned());
        }
        Ok(())
    }

    async fn create(&self, payment: &Payment) -> Result<Opened, NotOpened> {
        let mut content = self.order(payment);
        let offer = match self.account.product {
            Product::Page => {
                content["product_code"] = json!("FAST_INSTANT_TRADE_PAY");
                let method = "alipay.trade.page.pay";
                let now = self.gateway.now();
                let fields = sign::request(&self.account, method, &content, Tells::UsAndTheBuyer, now);
                let url = format!("{}/gateway.do?{}", self.gateway.base_url(), form::written(&fields));
                PayOffer { pay_url: Some(url), ..PayOffer::default() }
            }
            Product::Precreate => {
                let asked = self.ask("create", "alipay.trade.precreate", &content, Tells::Us).await;
                let code = precreated(&asked.map_err(NotOpened::Unknown)?, payment)?;
                PayOffer { qr_code: Some(code), ..PayOffer::default() }
            }
        };
        Ok(Opened { offer, handle: None })
    }

    async fn query(&self, payment: &Payment) -> QueryAnswer {
        match self.known(payment).await {
            Ok(answer) => queried(&answer, payment, self.gateway.now()),
            Err(why) => QueryAnswer::Unknown(why),
        }
    }

    async fn close(&self, payment: &Payment) -> CloseAnswer {
        let content = json!({"out_trade_no": payment.no});
        let answer = match self.ask("close", "alipay.trade.close", &content, Tells::Nobody).await {
            Ok(answer) => answer,
            Err(why) => return CloseAnswer::Unknown(why),
        };
        match (answer.kind(), answer.sub_code.as_str()) {
            (Kind::Done, _) if answer.out_trade_no == payment.no.to_string() => CloseAnswer::Closed,
            // A page that the buyer never opened, or one that Alipay has no trade for yet.
            (Kind::Refused, "ACQ.TRADE_NOT_EXIST") => CloseAnswer::CannotClose,
            // Paid, or closed before: only a query tells which.
            (Kind::Refused, "ACQ.TRADE_STATUS_ERROR" | "ACQ.REASON_TRADE_STATUS_INVALID") => {
                match self.query(payment).await {
                    QueryAnswer::Paid(_) => CloseAnswer::AlreadyPaid,
                    QueryAnswer::Ended(_) => CloseAnswer::Closed,
                    QueryAnswer::Unpaid => CloseAnswer::Unknown(answer.said()),
                    QueryAnswer::Unknown(why) => CloseAnswer::Unknown(why),
                }
            }
            _ => CloseAnswer::Unknown(answer.said()),
        }
    }

    async fn refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer {
        let content = json!({
            "out_trade_no": payment.no, "out_request_no": refund.no, "refund_amount": yuan(refund.amount),
        });
        let answer = match self.ask("refund", "alipay.trade.refund", &content, Tells::Nobody).await {
            Ok(answer) => answer,
            Err(why) => return RefundAnswer::Pending(why),
        };
        match answer.kind() {
            Kind::Done if answer.out_trade_no != payment.no.to_string() => {
                RefundAnswer::Pending("the answer is about another payment".to_owned())
            }
            Kind::Done if answer.fund_change == "Y" => RefundAnswer::Succeeded,
            // Nothing moved just now: it was done before, or not at all.
            Kind::Done => match self.query_refund(payment, refund).await {
                RefundAnswer::Absent => RefundAnswer::Pending("accepted, and nothing has moved yet".to_owned()),
                known => known,
            },
            Kind::Unsure => RefundAnswer::Pending(answer.said()),
            // Alipay wants every retry under the same number, so none of its refusals ends a refund: too little money in
            // our account, a finished trade, a missing permission are all for a person to settle.
            Kind::Refused => RefundAnswer::Stuck(answer.said()),
        }
    }

    async fn query_refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer {
        let content = json!({"out_trade_no": payment.no, "out_request_no": refund.no});
        match self.ask("query_refund", "alipay.trade.fastpay.refund.query", &content, Tells::Nobody).await {
            Ok(answer) => refund_queried(&answer, payment, refund),
            Err(why) => RefundAnswer::Pending(why),
        }
    }

    async fn verify(&self, callback: Callback<'_>) -> Result<Notice, Unverified> {
        notice::verified(&self.account, callback.body, callback.now)
    }

    fn words(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Taken => "success".to_owned(),
            Verdict::Unbelieved | Verdict::Refused | Verdict::Later => "fail".to_owned(),
        }
    }
}

fn precreated(answer: &Answer, payment: &Payment) -> Result<String, NotOpened> {
    match (answer.kind(), answer.sub_code.as_str()) {
        (Kind::Done, _) if answer.out_trade_no == payment.no.to_string() && !answer.qr_code.is_empty() => {
            Ok(answer.qr_code.clone())
        }
        (Kind::Refused, code) if code != "ACQ.TRADE_HAS_SUCCESS" => Err(NotOpened::Refused(answer.said())),
        // Where the money is there already, it must not count as refused.
        _ => Err(NotOpened::Unknown(answer.said())),
    }
}

fn queried(answer: &Answer, payment: &Payment, now: Millis) -> QueryAnswer {
    match (answer.kind(), answer.sub_code.as_str()) {
        (Kind::Done, _) => {}
        (Kind::Refused, "ACQ.TRADE_NOT_EXIST") => return QueryAnswer::Unpaid,
        _ => return QueryAnswer::Unknown(answer.said()),
    }
    if answer.out_trade_no != payment.no.to_string() {
        return QueryAnswer::Unknown("the answer is about another payment".to_owned());
    }
    match answer.trade_status.as_str() {
        "WAIT_BUYER_PAY" => QueryAnswer::Unpaid,
        "TRADE_CLOSED" if answer.send_pay_date.is_empty() => QueryAnswer::Ended("closed unpaid at Alipay".to_owned()),
        "TRADE_CLOSED" => QueryAnswer::Ended("paid, and wholly sent back at Alipay".to_owned()),
        "TRADE_SUCCESS" | "TRADE_FINISHED" => match amount(&answer.total_amount) {
            Some(amount) if (1..=64).contains(&answer.trade_no.len()) => QueryAnswer::Paid(Receipt {
                payment_no: payment.no,
                trade_no: answer.trade_no.clone(),
                amount,
                currency: if answer.trans_currency.is_empty() { "CNY" } else { &answer.trans_currency }.to_owned(),
                at: beijing::read_spaced(&answer.send_pay_date).unwrap_or(now),
            }),
            _ => QueryAnswer::Unknown("paid, with an amount or a trade number that cannot be read".to_owned()),
        },
        other => QueryAnswer::Unknown(format!("the trade is {other}")),
    }
}

fn refund_queried(answer: &Answer, payment: &Payment, refund: &Refund) -> RefundAnswer {
    match (answer.kind(), answer.sub_code.as_str()) {
        (Kind::Done, _) => {}
        (Kind::Refused, "ACQ.TRADE_NOT_EXIST") => return RefundAnswer::Absent,
        _ => return RefundAnswer::Pending(answer.said()),
    }
    // It answers 10000 also for numbers that it does not know, and then says nothing of them.
    if answer.refund_status != "REFUND_SUCCESS" {
        return RefundAnswer::Absent;
    }
    if answer.out_trade_no != payment.no.to_string() || answer.out_request_no != refund.no.to_string() {
        return RefundAnswer::Pending("the answer is about another refund".to_owned());
    }
    if amount(&answer.refund_amount) != Some(refund.amount) {
        let problem =
            format!("Alipay sent back {} under this number, not {}", answer.refund_amount, yuan(refund.amount));
        return RefundAnswer::Stuck(problem);
    }
    RefundAnswer::Succeeded
}

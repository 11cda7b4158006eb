//! WeChat Pay, API v3, paid by QR code ("native"). The rules are those of the provider's merchant documentation:
//! requests are signed with our key, answers and notices with one of the provider's, notices are encrypted besides.

mod book;
mod calls;
mod notice;
mod settings;
mod sign;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use time::{OffsetDateTime, UtcOffset};

use self::calls::Answer;
use self::notice::Transaction;
use self::settings::Account;
use super::{
    AccountTerms, BadAccount, BookEntry, Callback, CloseAnswer, Gateway, NoBook, NotOpened, Notice, Opened, Provider,
    QueryAnswer, RefundAnswer, Settles, Unverified, Verdict,
};
use crate::domain::ids::Millis;
use crate::domain::money::{Currency, Minor};
use crate::domain::payment::{PayOffer, Payment, Refund};
use crate::egress::Method;

/// The provider's own address.
pub(super) const URL: &str = "https://api.mch.weixin.qq.com";

/// See the module.
pub(super) struct WeChat {
    account: Account,
    gateway: Gateway,
}

#[derive(Deserialize)]
struct Announced {
    code_url: String,
}

/// A refund, as the provider answers it.
#[derive(Deserialize)]
struct RefundState {
    out_trade_no: String,
    out_refund_no: String,
    status: String,
    amount: RefundSum,
}

#[derive(Deserialize)]
struct RefundSum {
    refund: Minor,
}

impl WeChat {
    /// Checks the account.
    pub(super) fn new(terms: &AccountTerms, gateway: Gateway) -> Result<Self, BadAccount> {
        Ok(Self { account: Account::read(terms)?, gateway })
    }

    async fn transaction(&self, payment: &Payment) -> Result<Option<Transaction>, String> {
        let path = format!("/v3/pay/transactions/out-trade-no/{}?mchid={}", payment.no, self.account.mchid);
        let answer = self.ask("query", Method::Get, &path, None).await?;
        if answer.is_absent() {
            return Ok(None);
        }
        if answer.status != 200 {
            return Err(format!("the query is declined with {}: {}", answer.status, answer.declined()));
        }
        let transaction: Transaction = answer.read()?;
        match transaction.payment_no(&self.account) {
            Ok(no) if no == payment.no => Ok(Some(transaction)),
            Ok(_) => Err("the answer is about another payment".into()),
            Err(unverified) => Err(format!("the answer is about something else: {unverified}")),
        }
    }

    fn refund_state(answer: &Answer, payment: &Payment, refund: &Refund) -> RefundAnswer {
        let state: RefundState = match answer.read() {
            Ok(state) => state,
            Err(reason) => return RefundAnswer::Pending(reason),
        };
        if state.out_refund_no != refund.no.to_string() || state.out_trade_no != payment.no.to_string() {
            return RefundAnswer::Pending("the answer is about another refund".into());
        }
        if state.amount.refund != refund.amount {
            let has = state.amount.refund;
            return RefundAnswer::Stuck(format!(
                "the provider has this refund number with {has}, not {}",
                refund.amount
            ));
        }
        match state.status.as_str() {
            "SUCCESS" => RefundAnswer::Succeeded,
            "CLOSED" => RefundAnswer::Failed("the provider closed the refund".into()),
            "PROCESSING" => RefundAnswer::Pending("the provider is working on it".into()),
            "ABNORMAL" => RefundAnswer::Stuck("the buyer's account takes no money: see the merchant platform".into()),
            other => RefundAnswer::Pending(format!("unknown status {other}")),
        }
    }
}

#[async_trait]
impl Provider for WeChat {
    fn settles(&self) -> Settles {
        Settles::AtProvider
    }

    fn takes(&self, currency: Currency, amount: Minor) -> Result<(), String> {
        if currency.as_str() != "CNY" {
            return Err(format!("WeChat Pay takes CNY only, not {currency}"));
        }
        if amount <= 0 { Err("WeChat Pay takes amounts above zero only".into()) } else { Ok(()) }
    }

    async fn create(&self, payment: &Payment) -> Result<Opened, NotOpened> {
        let mut body = json!({
            "appid": self.account.appid,
            "mchid": self.account.mchid,
            "description": format!("{} {}", self.account.description, payment.pay_no),
            "out_trade_no": payment.no.to_string(),
            "notify_url": self.account.notify_url,
            "amount": { "total": payment.amount, "currency": payment.currency.as_str() },
        });
        if let Some(until) = payment.expires_at.and_then(beijing) {
            body["time_expire"] = until.into();
        }
        let answer = self.ask("create", Method::Post, "/v3/pay/transactions/native", Some(&body)).await;
        let answer = answer.map_err(NotOpened::Unknown)?;
        if answer.status != 200 {
            let declined = answer.declined();
            // Announced before and paid since: a query will tell, so it is not refused.
            let paid = matches!(declined.code.as_str(), "ORDERPAID" | "ORDER_PAID");
            let refused = (400..500).contains(&answer.status) && !paid;
            let reason = declined.to_string();
            return Err(if refused { NotOpened::Refused(reason) } else { NotOpened::Unknown(reason) });
        }
        let announced: Announced = answer.read().map_err(NotOpened::Unknown)?;
        if announced.code_url.is_empty() {
            return Err(NotOpened::Unknown("the answer holds no code_url".into()));
        }
        let offer = PayOffer { pay_url: None, qr_code: Some(announced.code_url), pay_params: None };
        Ok(Opened { offer, handle: None })
    }

    async fn query(&self, payment: &Payment) -> QueryAnswer {
        let transaction = match self.transaction(payment).await {
            Ok(Some(transaction)) => transaction,
            Ok(None) => return QueryAnswer::Unpaid,
            Err(reason) => return QueryAnswer::Unknown(reason),
        };
        match transaction.trade_state.as_str() {
            // REFUND: the money arrived, and some of it went back since.
            "SUCCESS" | "REFUND" => match transaction.receipt(payment.no) {
                Ok(receipt) => QueryAnswer::Paid(receipt),
                Err(unreadable) => QueryAnswer::Unknown(unreadable.to_string()),
            },
            "NOTPAY" | "USERPAYING" | "ACCEPT" => QueryAnswer::Unpaid,
            state @ ("CLOSED" | "REVOKED" | "PAYERROR") => {
                QueryAnswer::Ended(format!("{state} {}", transaction.trade_state_desc))
            }
            other => QueryAnswer::Unknown(format!("unknown state {other}")),
        }
    }

    async fn close(&self, payment: &Payment) -> CloseAnswer {
        let path = format!("/v3/pay/transactions/out-trade-no/{}/close", payment.no);
        let body = json!({ "mchid": self.account.mchid });
        let answer = match self.ask("close", Method::Post, &path, Some(&body)).await {
            Ok(answer) if answer.status == 204 => return CloseAnswer::Closed,
            Ok(answer) => answer,
            Err(reason) => return CloseAnswer::Unknown(reason),
        };
        // Paid, closed before, or never heard of: its state says which, better than the code of the refusal.
        match self.transaction(payment).await {
            Ok(None) => CloseAnswer::CannotClose,
            Ok(Some(transaction)) => match transaction.trade_state.as_str() {
                "SUCCESS" | "REFUND" => CloseAnswer::AlreadyPaid,
                "CLOSED" | "REVOKED" => CloseAnswer::Closed,
                state => CloseAnswer::Unknown(format!("not closed in state {state}: {}", answer.declined())),
            },
            Err(reason) => CloseAnswer::Unknown(reason),
        }
    }

    async fn refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer {
        let body = json!({
            "out_trade_no": payment.no.to_string(),
            "out_refund_no": refund.no.to_string(),
            "notify_url": self.account.notify_url,
            "amount": {
                "refund": refund.amount,
                // Of the provider's order, also where that is not what we asked for.
                "total": payment.arrived.as_ref().map_or(payment.amount, |arrived| arrived.amount),
                "currency": payment.currency.as_str(),
            },
        });
        match self.ask("refund", Method::Post, "/v3/refund/domestic/refunds", Some(&body)).await {
            Ok(answer) if answer.status == 200 => Self::refund_state(&answer, payment, refund),
            // Too little money in the account, a bound passed, another amount under this number: none of these is final,
            // the number stays good, and a person has to do something.
            Ok(answer) if (400..500).contains(&answer.status) => {
                RefundAnswer::Stuck(format!("declined with {}: {}", answer.status, answer.declined()))
            }
            Ok(answer) => RefundAnswer::Pending(format!("answered with {}", answer.status)),
            Err(reason) => RefundAnswer::Pending(reason),
        }
    }

    async fn query_refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer {
        let path = format!("/v3/refund/domestic/refunds/{}", refund.no);
        match self.ask("query_refund", Method::Get, &path, None).await {
            Ok(answer) if answer.is_absent() => RefundAnswer::Absent,
            Ok(answer) if answer.status == 200 => Self::refund_state(&answer, payment, refund),
            Ok(answer) => RefundAnswer::Pending(format!("declined with {}: {}", answer.status, answer.declined())),
            Err(reason) => RefundAnswer::Pending(reason),
        }
    }

    async fn verify(&self, callback: Callback<'_>) -> Result<Notice, Unverified> {
        sign::check(&self.account, callback.headers, callback.body, callback.now)?;
        notice::read(&self.account, callback.body)
    }

    fn words(&self, verdict: Verdict) -> String {
        let message = match verdict {
            Verdict::Taken => return String::new(),
            Verdict::Unbelieved => "not verified",
            Verdict::Refused => "does not fit the payment",
            Verdict::Later => "try again",
        };
        json!({ "code": "FAIL", "message": message }).to_string()
    }

    async fn book(&self, day: &str) -> Result<Vec<BookEntry>, NoBook> {
        self.day(day).await
    }
}

/// RFC 3339 with the provider's offset, whole seconds.
fn beijing(at: Millis) -> Option<String> {
    let offset = UtcOffset::from_hms(8, 0, 0).ok()?;
    let at = OffsetDateTime::from_unix_timestamp(at.div_euclid(1000)).ok()?.to_offset(offset);
    at.format(&time::format_description::well_known::Rfc3339).ok()
}

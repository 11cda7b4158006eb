//! The provider's orders as it answers them, and calls about them. TLS and our credentials say who answers; the ids in
//! an answer say what it is about.

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{PayPal, currency};
use crate::domain::ids::Millis;
use crate::domain::money::Minor;
use crate::domain::payment::{Payment, Refund};
use crate::egress::{Method, Reply};
use crate::payment::{QueryAnswer, Receipt, RefundAnswer};

/// An order.
#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) purchase_units: Vec<Unit>,
    #[serde(default)]
    pub(super) links: Vec<Link>,
}

/// What of an order is one of our payments. Our orders have exactly one.
#[derive(Debug, Deserialize)]
pub(super) struct Unit {
    #[serde(default)]
    pub(super) custom_id: Option<String>,
    #[serde(default)]
    pub(super) invoice_id: Option<String>,
    #[serde(default)]
    amount: Option<Sum>,
    #[serde(default)]
    payments: Payments,
}

#[derive(Debug, Default, Deserialize)]
struct Payments {
    #[serde(default)]
    captures: Vec<Capture>,
    #[serde(default)]
    refunds: Vec<Refunded>,
}

#[derive(Debug, Deserialize)]
struct Capture {
    id: String,
    status: String,
    amount: Sum,
    #[serde(default)]
    create_time: Option<String>,
    #[serde(default)]
    update_time: Option<String>,
}

/// A refund.
#[derive(Debug, Deserialize)]
pub(super) struct Refunded {
    id: String,
    status: String,
    #[serde(default)]
    amount: Option<Sum>,
    #[serde(default)]
    invoice_id: Option<String>,
    #[serde(default)]
    custom_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Sum {
    currency_code: String,
    value: String,
}

impl Sum {
    fn minor(&self) -> Option<Minor> {
        currency::read(&self.currency_code, &self.value)
    }
}

/// An address in an answer.
#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub(super) rel: String,
    pub(super) href: String,
}

impl Order {
    /// The part that is this payment, if the order is the one of this payment.
    pub(super) fn unit(&self, payment: &Payment) -> Result<&Unit, String> {
        let no = payment.no.to_string();
        match self.purchase_units.as_slice() {
            [unit] if unit.custom_id.as_deref() == Some(&no) => Ok(unit),
            _ => Err("the answer is about another payment".into()),
        }
    }

    /// Whether it is to take exactly what the payment asks for.
    pub(super) fn fits(&self, payment: &Payment) -> bool {
        let sum = self.unit(payment).ok().and_then(|unit| unit.amount.as_ref());
        sum.is_some_and(|sum| sum.currency_code == payment.currency.as_str() && sum.minor() == Some(payment.amount))
    }

    /// What it says of the payment.
    pub(super) fn answer(&self, payment: &Payment) -> QueryAnswer {
        let unit = match self.unit(payment) {
            Ok(unit) => unit,
            Err(reason) => return QueryAnswer::Unknown(reason),
        };
        let captures = &unit.payments.captures;
        // REFUNDED: the money arrived, and some of it went back since.
        let arrived =
            |capture: &&Capture| matches!(capture.status.as_str(), "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED");
        if let Some(capture) = captures.iter().find(arrived) {
            return match capture.receipt(payment) {
                Some(receipt) => QueryAnswer::Paid(receipt),
                None => QueryAnswer::Unknown("the capture's amount or time cannot be read".into()),
            };
        }
        if captures.iter().any(|capture| capture.status == "PENDING") {
            return QueryAnswer::Unpaid;
        }
        if let Some(capture) = captures.iter().find(|capture| matches!(capture.status.as_str(), "DECLINED" | "FAILED"))
        {
            return QueryAnswer::Ended(format!("the capture is {}", capture.status));
        }
        match self.status.as_str() {
            "CREATED" | "SAVED" | "APPROVED" | "PAYER_ACTION_REQUIRED" => QueryAnswer::Unpaid,
            "VOIDED" => QueryAnswer::Ended("the order is VOIDED".into()),
            other => QueryAnswer::Unknown(format!("the order is {other} without a known capture")),
        }
    }

    /// The capture that a refund goes against.
    pub(super) fn capture_id(&self, payment: &Payment) -> Result<&str, String> {
        let wanted = payment.trade_no.as_deref().ok_or("the payment has no capture")?;
        let captures = &self.unit(payment)?.payments.captures;
        let capture = captures.iter().find(|capture| capture.id == wanted).ok_or("the order has no such capture")?;
        Ok(&capture.id)
    }

    /// The refund under this number, if there is one.
    pub(super) fn refund(&self, payment: &Payment, refund: &Refund) -> Result<Option<&Refunded>, String> {
        let no = refund.no.to_string();
        let named = |id: &Option<String>| id.as_deref() == Some(&no);
        let ours = |own: &&Refunded| named(&own.invoice_id) || named(&own.custom_id);
        Ok(self.unit(payment)?.payments.refunds.iter().find(ours))
    }
}

impl Capture {
    fn receipt(&self, payment: &Payment) -> Option<Receipt> {
        let named = (1..=64).contains(&self.id.len()) && !self.id.contains('\0');
        // A refund updates the capture too: then its making is nearer to the time when the money came.
        let (made, updated) = (self.create_time.as_deref(), self.update_time.as_deref());
        let at = if self.status == "COMPLETED" { updated.or(made) } else { made.or(updated) };
        let at = at.and_then(millis)?;
        let (amount, currency) = (self.amount.minor()?, self.amount.currency_code.clone());
        named.then(|| Receipt { payment_no: payment.no, trade_no: self.id.clone(), amount, currency, at })
    }
}

impl Refunded {
    /// What it says of a refund of ours.
    pub(super) fn answer(&self, payment: &Payment, refund: &Refund) -> RefundAnswer {
        let fits = |sum: &Sum| sum.currency_code == payment.currency.as_str() && sum.minor() == Some(refund.amount);
        if self.amount.as_ref().is_some_and(|sum| !fits(sum)) {
            return RefundAnswer::Stuck(format!("refund {} at the provider has another amount", self.id));
        }
        match self.status.as_str() {
            "COMPLETED" => RefundAnswer::Succeeded,
            "PENDING" => RefundAnswer::Pending("the provider is working on it".into()),
            "FAILED" | "CANCELLED" => RefundAnswer::Failed(format!("the provider's refund is {}", self.status)),
            other => RefundAnswer::Pending(format!("unknown status {other}")),
        }
    }

    /// Whether it carries the number.
    pub(super) fn is(&self, refund: &Refund) -> bool {
        let no = refund.no.to_string();
        self.invoice_id.as_deref() == Some(&no) || self.custom_id.as_deref() == Some(&no)
    }
}

/// Milliseconds of RFC 3339 text.
pub(super) fn millis(text: &str) -> Option<Millis> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

/// Reads an answer; one that cannot be read is as good as none.
pub(super) fn read<T: DeserializeOwned>(reply: &Reply) -> Result<T, String> {
    serde_json::from_slice(&reply.body).map_err(|error| format!("the answer is not what was expected: {error}"))
}

/// Why the provider declined: its name for it, and the issues.
pub(super) fn declined(reply: &Reply) -> String {
    #[derive(Default, Deserialize)]
    struct Declined {
        #[serde(default)]
        name: String,
        #[serde(default)]
        details: Vec<Detail>,
    }
    #[derive(Deserialize)]
    struct Detail {
        #[serde(default)]
        issue: String,
    }
    let body: Declined = serde_json::from_slice(&reply.body).unwrap_or_default();
    let issues: Vec<_> = body.details.iter().map(|detail| detail.issue.as_str()).collect();
    format!("status {} {} {}", reply.status, body.name, issues.join(" ")).trim_end().to_owned()
}

impl PayPal {
    /// A call under our token; one that the provider no longer takes is renewed once. Errors are reasons for "not
    /// known".
    pub(super) async fn ask(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        request_id: Option<&str>,
        body: Option<&serde_json::Value>,
    ) -> Result<Reply, String> {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let mut renewed = false;
        loop {
            let token = self.tokens.get(&self.account, &self.gateway).await?;
            let make = || {
                let mut headers = vec![
                    ("authorization".to_owned(), format!("Bearer {}", token.expose_secret())),
                    ("accept".to_owned(), "application/json".to_owned()),
                    ("content-type".to_owned(), "application/json".to_owned()),
                    ("prefer".to_owned(), "return=representation".to_owned()),
                ];
                headers.extend(request_id.map(|id| ("paypal-request-id".to_owned(), id.to_owned())));
                self.gateway.request(method, path, headers, body.clone())
            };
            let reply = self.gateway.call(operation, make).await.map_err(|unanswered| unanswered.to_string())?;
            if reply.status != 401 || renewed {
                return Ok(reply);
            }
            self.tokens.forget(&token).await;
            renewed = true;
        }
    }

    /// The order of a payment; none when none was announced or the provider no longer knows it.
    pub(super) async fn order(&self, operation: &'static str, payment: &Payment) -> Result<Option<Order>, String> {
        let Some(handle) = payment.handle.as_deref() else { return Ok(None) };
        let path = format!("/v2/checkout/orders/{handle}");
        let reply = self.ask(operation, Method::Get, &path, None, None).await?;
        match reply.status {
            200 => {
                let order: Order = read(&reply)?;
                if order.id == handle { Ok(Some(order)) } else { Err("the answer is about another order".into()) }
            }
            404 => Ok(None),
            _ => Err(declined(&reply)),
        }
    }
}

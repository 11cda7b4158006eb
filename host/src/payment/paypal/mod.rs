//! PayPal: orders with intent CAPTURE. The buyer approves at the provider; the money moves when we capture. The rules are
//! those of the provider's Orders v2, Payments v2 and Webhooks documentation.
//!
//! Our payment number travels as `custom_id` and `invoice_id` of the order; a refund carries its own number as
//! `invoice_id` and the payment's as `custom_id`.

mod certificate;
mod currency;
mod orders;
mod settings;
#[cfg(test)]
mod tests;
mod token;
mod webhook;

use async_trait::async_trait;
use serde_json::json;

use self::certificate::Certificates;
use self::orders::{Order, Refunded, declined, read};
use self::settings::Account;
use self::token::Tokens;
use super::{
    AccountTerms, BadAccount, Callback, CloseAnswer, Gateway, NotOpened, Notice, Opened, Provider, QueryAnswer,
    RefundAnswer, Settles, Unverified, Verdict,
};
use crate::domain::money::{Currency, Minor};
use crate::domain::payment::{PayOffer, Payment, Refund};
use crate::egress::Method;

/// The provider's own address.
pub(super) const URL: &str = "https://api-m.paypal.com";

/// See the module.
pub(super) struct PayPal {
    account: Account,
    gateway: Gateway,
    /// With a breaker of its own: forged callbacks must not close the way to the provider.
    certificate_gateway: Gateway,
    tokens: Tokens,
    certificates: Certificates,
}

impl PayPal {
    /// Checks the account.
    pub(super) fn new(terms: &AccountTerms, gateway: Gateway) -> Result<Self, BadAccount> {
        Ok(Self {
            account: Account::read(terms)?,
            certificate_gateway: gateway.apart(),
            gateway,
            tokens: Tokens::default(),
            certificates: Certificates::default(),
        })
    }

    fn offer(payment: &Payment, order: &Order) -> Result<Opened, NotOpened> {
        let unit = order.unit(payment).map_err(NotOpened::Unknown)?;
        if unit.invoice_id.as_deref() != Some(&payment.no.to_string()) || !order.fits(payment) {
            return Err(NotOpened::Unknown("the answer is about other terms".into()));
        }
        // The id becomes a part of paths.
        let plain = (1..=64).contains(&order.id.len()) && order.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !plain {
            return Err(NotOpened::Unknown("the answer holds no order id".into()));
        }
        let link = order.links.iter().find(|link| matches!(link.rel.as_str(), "approve" | "payer-action"));
        let page = |href: &&str| href.starts_with("https://") || href.starts_with("http://");
        let link = link.map(|link| link.href.as_str()).filter(page);
        let link = link.ok_or_else(|| NotOpened::Unknown("the answer holds no page for the buyer".into()))?;
        let offer = PayOffer { pay_url: Some(link.to_owned()), qr_code: None, pay_params: None };
        Ok(Opened { offer, handle: Some(order.id.clone()) })
    }

    /// The refund under this number as the provider has it, and the capture it would go against.
    async fn known_refund(&self, payment: &Payment, refund: &Refund) -> Result<(Option<RefundAnswer>, String), String> {
        let order = self.order("query_refund", payment).await?.ok_or("the provider no longer knows the order")?;
        let capture = order.capture_id(payment)?.to_owned();
        let known = order.refund(payment, refund)?;
        Ok((known.map(|known| known.answer(payment, refund)), capture))
    }
}

#[async_trait]
impl Provider for PayPal {
    fn settles(&self) -> Settles {
        Settles::AtProvider
    }

    fn takes(&self, currency: Currency, amount: Minor) -> Result<(), String> {
        currency::written(currency, amount).map(drop)
    }

    async fn create(&self, payment: &Payment) -> Result<Opened, NotOpened> {
        let no = payment.no.to_string();
        let value = currency::written(payment.currency, payment.amount).map_err(NotOpened::Refused)?;
        let body = json!({
            "intent": "CAPTURE",
            "purchase_units": [{
                "custom_id": no,
                "invoice_id": no,
                "description": format!("{} {}", self.account.description, payment.pay_no),
                "amount": { "currency_code": payment.currency.as_str(), "value": value },
            }],
            "payment_source": { "paypal": { "experience_context": {
                "return_url": self.account.return_url,
                "cancel_url": self.account.cancel_url,
                "user_action": "PAY_NOW",
                "shipping_preference": "NO_SHIPPING",
            } } },
        });
        let reply = self.ask("create", Method::Post, "/v2/checkout/orders", Some(&no), Some(&body)).await;
        let reply = reply.map_err(NotOpened::Unknown)?;
        match reply.status {
            200 | 201 => Self::offer(payment, &read(&reply).map_err(NotOpened::Unknown)?),
            // Our credentials, not the payment; and "the same request is still being worked on".
            401 | 403 | 409 => Err(NotOpened::Unknown(declined(&reply))),
            400..=499 => Err(NotOpened::Refused(declined(&reply))),
            _ => Err(NotOpened::Unknown(declined(&reply))),
        }
    }

    async fn capture(&self, payment: &Payment) -> QueryAnswer {
        let order = match self.order("query", payment).await {
            Ok(Some(order)) => order,
            Ok(None) => return QueryAnswer::Unpaid,
            Err(reason) => return QueryAnswer::Unknown(reason),
        };
        let answer = order.answer(payment);
        if answer != QueryAnswer::Unpaid || order.status != "APPROVED" {
            return answer;
        }
        if !order.fits(payment) {
            return QueryAnswer::Unknown("the approved order has another amount: it is not captured".into());
        }
        let (path, no) = (format!("/v2/checkout/orders/{}/capture", order.id), payment.no.to_string());
        match self.ask("capture", Method::Post, &path, Some(&no), Some(&json!({}))).await {
            // Done, declined, or done before: the order itself says which.
            Ok(_) => self.query(payment).await,
            Err(reason) => QueryAnswer::Unknown(reason),
        }
    }

    async fn query(&self, payment: &Payment) -> QueryAnswer {
        match self.order("query", payment).await {
            Ok(Some(order)) => order.answer(payment),
            // Without the provider's page nobody can approve it.
            Ok(None) => QueryAnswer::Unpaid,
            Err(reason) => QueryAnswer::Unknown(reason),
        }
    }

    async fn close(&self, _payment: &Payment) -> CloseAnswer {
        CloseAnswer::CannotClose
    }

    async fn refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer {
        // The provider forgets request ids in time; what it lists, it does not.
        let capture = match self.known_refund(payment, refund).await {
            Ok((Some(known), _)) => return known,
            Ok((None, capture)) => capture,
            Err(reason) => return RefundAnswer::Pending(reason),
        };
        let value = match currency::written(payment.currency, refund.amount) {
            Ok(value) => value,
            Err(problem) => return RefundAnswer::Stuck(problem),
        };
        let no = refund.no.to_string();
        let body = json!({
            "amount": { "currency_code": payment.currency.as_str(), "value": value },
            "invoice_id": no,
            "custom_id": payment.no.to_string(),
        });
        let path = format!("/v2/payments/captures/{capture}/refund");
        let reply = match self.ask("refund", Method::Post, &path, Some(&no), Some(&body)).await {
            Ok(reply) => reply,
            Err(reason) => return RefundAnswer::Pending(reason),
        };
        match reply.status {
            200 | 201 => match read::<Refunded>(&reply) {
                Ok(known) if known.is(refund) => known.answer(payment, refund),
                Ok(_) => RefundAnswer::Pending("the answer is about another refund".into()),
                Err(reason) => RefundAnswer::Pending(reason),
            },
            // Too little money, too late, a capture that is still pending: none is final under this number, and a
            // person has to do something.
            400 | 403 | 404 | 422 => RefundAnswer::Stuck(declined(&reply)),
            _ => RefundAnswer::Pending(declined(&reply)),
        }
    }

    async fn query_refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer {
        match self.known_refund(payment, refund).await {
            Ok((Some(known), _)) => known,
            Ok((None, _)) => RefundAnswer::Absent,
            Err(reason) => RefundAnswer::Pending(reason),
        }
    }

    async fn verify(&self, callback: Callback<'_>) -> Result<Notice, Unverified> {
        self.believe(callback).await
    }

    fn words(&self, verdict: Verdict) -> String {
        // It reads the status only.
        match verdict {
            Verdict::Taken => String::new(),
            Verdict::Unbelieved => "not verified".into(),
            Verdict::Refused => "does not fit the payment".into(),
            Verdict::Later => "try again".into(),
        }
    }
}

//! The provider for development. Whoever holds its secret plays the provider and says with a signed callback what was
//! paid; the pay page does it for a person. What was paid it remembers in memory only, so that a lost callback can be
//! found by a query and a refund can be made to fail; after a restart it knows nothing and answers so.
//!
//! Signed text: timestamp (epoch seconds), one LF, the raw body; HMAC-SHA-256 under the sandbox's secret, hex.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::{constant_time, hmac};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    Callback, CloseAnswer, NotOpened, Notice, Opened, Provider, QueryAnswer, Receipt, RefundAnswer, Says, Settles,
    Unverified, Verdict,
};
use crate::domain::ids::{Millis, PaymentNo};
use crate::domain::money::{Currency, Minor};
use crate::domain::payment::{PayOffer, Payment, Refund};

/// Carries the time of signing, epoch seconds.
pub const TIMESTAMP_HEADER: &str = "sandbox-timestamp";
/// Carries the signature, hex.
pub const SIGNATURE_HEADER: &str = "sandbox-signature";
/// A callback older or newer than this is refused.
const MAX_SKEW_S: i64 = 300;
/// Payments remembered; the oldest go first.
const REMEMBERED: usize = 10_000;

/// See the module.
pub struct Sandbox {
    secret: SecretString,
    public_url: String,
    book: Mutex<BTreeMap<PaymentNo, Entry>>,
}

#[derive(Default)]
struct Entry {
    paid: Option<Receipt>,
    refunds: Refunds,
}

/// What becomes of refunds of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refunds {
    /// Done at once.
    #[default]
    Succeed,
    /// Accepted, and never done until this changes.
    Wait,
    /// Declared finally failed.
    Fail,
}

/// What a signed callback of the sandbox holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trade {
    /// Our reference.
    pub payment_no: PaymentNo,
    /// The sandbox's, 1 to 64 characters.
    pub trade_no: String,
    /// Minor units.
    pub amount: Minor,
    /// ISO 4217.
    pub currency: String,
    /// Whether money arrived.
    pub status: TradeStatus,
}

/// The outcome of a [`Trade`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TradeStatus {
    /// It did.
    Succeeded,
    /// It did not and will not.
    Failed,
}

/// The headers and the body of a callback.
pub(super) type SignedCallback = (Vec<(String, String)>, Vec<u8>);

impl Sandbox {
    /// `public_url` is where buyers reach this host.
    pub fn new(secret: SecretString, public_url: String) -> Self {
        Self { secret, public_url, book: Mutex::default() }
    }

    /// A callback about a trade as it would be sent now: its headers and its body.
    pub fn callback(&self, trade: &Trade, now: Millis) -> Result<SignedCallback, serde_json::Error> {
        let body = serde_json::to_vec(trade)?;
        let timestamp_s = now.div_euclid(1_000);
        let signature = sign(self.secret.expose_secret(), timestamp_s, &body);
        let headers =
            vec![(TIMESTAMP_HEADER.to_owned(), timestamp_s.to_string()), (SIGNATURE_HEADER.to_owned(), signature)];
        Ok((headers, body))
    }

    /// What becomes of the refunds of a payment.
    pub fn refunds(&self, no: PaymentNo) -> Refunds {
        self.book().get(&no).map_or(Refunds::Succeed, |entry| entry.refunds)
    }

    /// Remembers a payment as paid without telling anybody: its callback is lost.
    pub fn pay_silently(&self, receipt: Receipt) {
        self.entry(receipt.payment_no, |entry| entry.paid = Some(receipt));
    }

    /// Decides what becomes of the refunds of a payment from now on.
    pub fn set_refunds(&self, no: PaymentNo, refunds: Refunds) {
        self.entry(no, |entry| entry.refunds = refunds);
    }

    fn book(&self) -> MutexGuard<'_, BTreeMap<PaymentNo, Entry>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, no: PaymentNo, change: impl FnOnce(&mut Entry)) {
        let mut book = self.book();
        change(book.entry(no).or_default());
        if book.len() > REMEMBERED {
            book.pop_first();
        }
    }
}

/// Signs a callback as the sandbox does.
pub fn sign(secret: &str, timestamp_s: i64, body: &[u8]) -> String {
    let mut text = format!("{timestamp_s}\n").into_bytes();
    text.extend_from_slice(body);
    hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &text))
}

#[async_trait]
impl Provider for Sandbox {
    fn settles(&self) -> Settles {
        Settles::AtProviderUnannounced
    }

    fn takes(&self, _currency: Currency, _amount: Minor) -> Result<(), String> {
        Ok(())
    }

    async fn create(&self, payment: &Payment) -> Result<Opened, NotOpened> {
        let pay_url = format!("{}/sandbox/pay/{}", self.public_url, payment.no);
        let offer = PayOffer { pay_url: Some(pay_url.clone()), qr_code: Some(pay_url), pay_params: None };
        Ok(Opened { offer, handle: None })
    }

    async fn query(&self, payment: &Payment) -> QueryAnswer {
        match self.book().get(&payment.no).and_then(|entry| entry.paid.clone()) {
            Some(receipt) => QueryAnswer::Paid(receipt),
            None => QueryAnswer::Unpaid,
        }
    }

    async fn close(&self, payment: &Payment) -> CloseAnswer {
        let paid = self.book().get(&payment.no).is_some_and(|entry| entry.paid.is_some());
        if paid { CloseAnswer::AlreadyPaid } else { CloseAnswer::Closed }
    }

    async fn refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer {
        self.query_refund(payment, refund).await
    }

    async fn query_refund(&self, payment: &Payment, _refund: &Refund) -> RefundAnswer {
        match self.refunds(payment.no) {
            Refunds::Succeed => RefundAnswer::Succeeded,
            Refunds::Wait => RefundAnswer::Pending("told to wait on the pay page".into()),
            Refunds::Fail => RefundAnswer::Failed("told to fail on the pay page".into()),
        }
    }

    async fn verify(&self, callback: Callback<'_>) -> Result<Notice, Unverified> {
        let timestamp = callback.header(TIMESTAMP_HEADER)?;
        let timestamp_s: i64 = timestamp.parse().map_err(|_| Unverified::Header(TIMESTAMP_HEADER))?;
        let given = callback.header(SIGNATURE_HEADER)?;
        if (callback.now.div_euclid(1000).saturating_sub(timestamp_s)).saturating_abs() >= MAX_SKEW_S {
            return Err(Unverified::Time(MAX_SKEW_S));
        }
        let wanted = sign(self.secret.expose_secret(), timestamp_s, callback.body);
        constant_time::verify_slices_are_equal(given.as_bytes(), wanted.as_bytes())
            .map_err(|_| Unverified::Signature)?;
        let trade: Trade = serde_json::from_slice(callback.body).map_err(|e| Unverified::Body(e.to_string()))?;
        if trade.trade_no.is_empty() || trade.trade_no.len() > 64 || trade.trade_no.contains('\0') {
            return Err(Unverified::Body("trade_no must have 1 to 64 characters".into()));
        }
        let says = match trade.status {
            TradeStatus::Failed => Says::Ended(trade.payment_no, "the sandbox let it fail".into()),
            TradeStatus::Succeeded => {
                let Trade { payment_no, trade_no, amount, currency, status: _ } = trade;
                let at = timestamp_s.saturating_mul(1000);
                let receipt = Receipt { payment_no, trade_no, amount, currency, at };
                self.pay_silently(receipt.clone());
                Says::Paid(receipt)
            }
        };
        Ok(Notice { id: None, says })
    }

    fn words(&self, verdict: Verdict) -> String {
        if verdict == Verdict::Taken { "success".into() } else { "fail".into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_800_000_000_000;

    fn verify(headers: &[(String, String)], body: &[u8]) -> Result<Notice, Unverified> {
        let callback = Callback { headers, body, now: NOW };
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(sandbox().verify(callback))
    }

    fn sandbox() -> Sandbox {
        Sandbox::new("a secret".into(), "http://localhost".into())
    }

    fn body() -> Vec<u8> {
        br#"{"payment_no":"P42","trade_no":"T1","amount":100,"currency":"CNY","status":"succeeded"}"#.to_vec()
    }

    fn signed(secret: &str, at_s: i64, body: &[u8]) -> Vec<(String, String)> {
        vec![(TIMESTAMP_HEADER.into(), at_s.to_string()), (SIGNATURE_HEADER.into(), sign(secret, at_s, body))]
    }

    #[test]
    fn a_good_callback_is_believed() {
        let headers = signed("a secret", NOW / 1000, &body());
        let notice = verify(&headers, &body()).expect("good");
        let Says::Paid(receipt) = notice.says else { panic!("{notice:?}") };
        assert_eq!((receipt.payment_no, receipt.amount), (PaymentNo(42), 100));
    }

    #[test]
    fn any_flipped_bit_another_secret_or_another_time_is_not() {
        let headers = signed("a secret", NOW / 1000, &body());
        for index in 0..body().len() {
            let mut forged = body();
            forged[index] ^= 1;
            assert_eq!(verify(&headers, &forged), Err(Unverified::Signature));
        }
        let other = signed("another secret", NOW / 1000, &body());
        assert_eq!(verify(&other, &body()), Err(Unverified::Signature));
        for (skew, good) in [(299, true), (300, false), (301, false), (-299, true), (-300, false), (-301, false)] {
            let headers = signed("a secret", NOW / 1000 + skew, &body());
            assert_eq!(verify(&headers, &body()).is_ok(), good, "{skew}");
        }
    }

    #[test]
    fn headers_missing_twice_or_empty_are_refused() {
        let headers = signed("a secret", NOW / 1000, &body());
        for index in 0..2 {
            let mut missing = headers.clone();
            missing.remove(index);
            assert!(matches!(verify(&missing, &body()), Err(Unverified::Header(_))));
            let mut twice = headers.clone();
            twice.push(headers[index].clone());
            assert!(matches!(verify(&twice, &body()), Err(Unverified::Header(_))));
            let mut empty = headers.clone();
            empty[index].1.clear();
            assert!(verify(&empty, &body()).is_err());
        }
        let headers = signed("a secret", NOW / 1000, b"");
        assert!(matches!(verify(&headers, b""), Err(Unverified::Body(_))));
    }
}

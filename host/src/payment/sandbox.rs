//! The provider for development. It keeps no book of its own: whoever holds its secret plays the provider and says with
//! a signed callback what was paid, so an order can only be paid by one. It closes and refunds whatever it is asked to.
//!
//! Signed text: timestamp (epoch seconds), one LF, the raw body; HMAC-SHA-256 under the sandbox's secret, hex.

use async_trait::async_trait;
use aws_lc_rs::{constant_time, hmac};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{CloseAnswer, Notice, NoticeOutcome, Provider, RefundAnswer, Unverified};
use crate::domain::ids::{Millis, PaymentNo};
use crate::domain::money::Minor;
use crate::domain::payment::{PayOffer, Payment, Refund};

/// Carries the time of signing, epoch seconds.
pub const TIMESTAMP_HEADER: &str = "sandbox-timestamp";
/// Carries the signature, hex.
pub const SIGNATURE_HEADER: &str = "sandbox-signature";
/// A callback older or newer than this is refused.
const MAX_SKEW_S: i64 = 300;

/// See the module.
pub struct Sandbox {
    secret: SecretString,
    public_url: String,
}

impl Sandbox {
    /// `public_url` is where buyers reach this host.
    pub fn new(secret: SecretString, public_url: String) -> Self {
        Self { secret, public_url }
    }
}

/// Signs a callback as the sandbox does.
pub fn sign(secret: &str, timestamp_s: i64, body: &[u8]) -> String {
    let mut text = format!("{timestamp_s}\n").into_bytes();
    text.extend_from_slice(body);
    hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &text))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    payment_no: PaymentNo,
    trade_no: String,
    amount: Minor,
    currency: String,
    status: Word,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Succeeded,
    Failed,
}

#[async_trait]
impl Provider for Sandbox {
    async fn create(&self, payment: &Payment) -> Result<PayOffer, String> {
        let pay_url = format!("{}/sandbox/pay/{}", self.public_url, payment.no);
        Ok(PayOffer { pay_url: Some(pay_url.clone()), qr_code: Some(pay_url), pay_params: None })
    }

    async fn close(&self, _payment: &Payment) -> CloseAnswer {
        CloseAnswer::Closed
    }

    async fn refund(&self, _payment: &Payment, _refund: &Refund) -> RefundAnswer {
        RefundAnswer::Succeeded
    }

    fn verify(&self, headers: &[(String, String)], body: &[u8], now: Millis) -> Result<Notice, Unverified> {
        let timestamp = one(headers, TIMESTAMP_HEADER)?;
        let timestamp_s: i64 = timestamp.parse().map_err(|_| Unverified::Header(TIMESTAMP_HEADER))?;
        let given = one(headers, SIGNATURE_HEADER)?;
        if (now.div_euclid(1000).saturating_sub(timestamp_s)).saturating_abs() >= MAX_SKEW_S {
            return Err(Unverified::Time(MAX_SKEW_S));
        }
        let wanted = sign(self.secret.expose_secret(), timestamp_s, body);
        constant_time::verify_slices_are_equal(given.as_bytes(), wanted.as_bytes())
            .map_err(|_| Unverified::Signature)?;
        let body: Body = serde_json::from_slice(body).map_err(|e| Unverified::Body(e.to_string()))?;
        if body.trade_no.is_empty() || body.trade_no.len() > 64 || body.trade_no.contains('\0') {
            return Err(Unverified::Body("trade_no must have 1 to 64 characters".into()));
        }
        let outcome = match body.status {
            Word::Succeeded => NoticeOutcome::Succeeded,
            Word::Failed => NoticeOutcome::Failed,
        };
        Ok(Notice {
            payment_no: body.payment_no,
            trade_no: body.trade_no,
            amount: body.amount,
            currency: body.currency,
            outcome,
            at: timestamp_s.saturating_mul(1000),
        })
    }
}

fn one<'a>(headers: &'a [(String, String)], name: &'static str) -> Result<&'a str, Unverified> {
    let mut found = headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Ok(value),
        _ => Err(Unverified::Header(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_800_000_000_000;

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
        let notice = sandbox().verify(&headers, &body(), NOW).expect("good");
        assert_eq!((notice.payment_no, notice.amount), (PaymentNo(42), 100));
    }

    #[test]
    fn any_flipped_bit_another_secret_or_another_time_is_not() {
        let headers = signed("a secret", NOW / 1000, &body());
        for index in 0..body().len() {
            let mut forged = body();
            forged[index] ^= 1;
            assert_eq!(sandbox().verify(&headers, &forged, NOW), Err(Unverified::Signature));
        }
        let other = signed("another secret", NOW / 1000, &body());
        assert_eq!(sandbox().verify(&other, &body(), NOW), Err(Unverified::Signature));
        for (skew, good) in [(299, true), (300, false), (301, false), (-299, true), (-300, false), (-301, false)] {
            let headers = signed("a secret", NOW / 1000 + skew, &body());
            assert_eq!(sandbox().verify(&headers, &body(), NOW).is_ok(), good, "{skew}");
        }
    }

    #[test]
    fn headers_missing_twice_or_empty_are_refused() {
        let headers = signed("a secret", NOW / 1000, &body());
        for index in 0..2 {
            let mut missing = headers.clone();
            missing.remove(index);
            assert!(matches!(sandbox().verify(&missing, &body(), NOW), Err(Unverified::Header(_))));
            let mut twice = headers.clone();
            twice.push(headers[index].clone());
            assert!(matches!(sandbox().verify(&twice, &body(), NOW), Err(Unverified::Header(_))));
            let mut empty = headers.clone();
            empty[index].1.clear();
            assert!(sandbox().verify(&empty, &body(), NOW).is_err());
        }
        let headers = signed("a secret", NOW / 1000, b"");
        assert!(matches!(sandbox().verify(&headers, b"", NOW), Err(Unverified::Body(_))));
    }
}

//! Plays the sandbox provider: tells the platform with signed callbacks what was paid, honestly or not.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::client::{Answer, Call, Client, ClientError};
use crate::providers::Message;

const PATH: &str = "/callbacks/payments/sandbox/default";

/// The secret that the host is started with, and a second one for forgeries.
pub const SECRET: &str = "the-secret-of-the-sandbox";
const FORGER: &str = "the-secret-of-somebody-else";

/// What a callback says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The platform's reference.
    pub payment_no: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// Whether money arrived.
    pub is_success: bool,
}

impl Notice {
    /// The full amount arrived.
    pub fn paid(payment_no: &str, amount: i64) -> Self {
        Self { payment_no: payment_no.to_owned(), amount, currency: "CNY".to_owned(), is_success: true }
    }

    fn body(&self) -> Vec<u8> {
        let status = if self.is_success { "succeeded" } else { "failed" };
        // One trade per payment: a repeat tells of the same one.
        let body: Value = json!({
            "payment_no": self.payment_no, "trade_no": format!("T{}", self.payment_no), "amount": self.amount,
            "currency": self.currency, "status": status,
        });
        body.to_string().into_bytes()
    }

    /// The signed callback, not yet sent.
    pub fn message(&self) -> Message {
        message(self.body(), SECRET, 0)
    }

    /// The callback of somebody who does not know the secret, not yet sent.
    pub fn forged_message(&self) -> Message {
        message(self.body(), FORGER, 0)
    }

    /// The signed call; `age_s` is how long ago it was signed.
    pub fn call(&self, age_s: i64) -> Call {
        signed(self.body(), SECRET, age_s)
    }

    /// The call of somebody who does not know the secret.
    pub fn forged(&self) -> Call {
        signed(self.body(), FORGER, 0)
    }
}

/// Sends it and expects the platform to take it.
///
/// # Errors
/// [`ClientError`].
pub async fn notify(client: &mut Client, notice: &Notice) -> Result<Answer, ClientError> {
    client.send(notice.call(0)).await?.success()
}

fn signed(body: Vec<u8>, secret: &str, age_s: i64) -> Call {
    message(body, secret, age_s).call()
}

fn message(body: Vec<u8>, secret: &str, age_s: i64) -> Message {
    let timestamp = now_s() - age_s;
    let mut text = format!("{timestamp}\n").into_bytes();
    text.extend_from_slice(&body);
    let signature = hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &text));
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("sandbox-timestamp", timestamp.to_string()),
        ("sandbox-signature", signature),
    ];
    Message { path: PATH.to_owned(), headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(), body }
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_secs()).expect("before the year 292 billion")
}

//! The sandbox provider's pay page: for development, in place of a real provider's. A press of its button sends the
//! same signed callback that a provider would.

use bytes::Bytes;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::App;
use super::api::PaymentAnswer;
use super::callback::{self, CallbackReply};
use super::orders::store_problem;
use super::problem::Problem;
use crate::domain::ids::PaymentNo;
use crate::payment::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};

const METHOD: &str = "sandbox";

/// What the buyer decides on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// The money arrives.
    Succeeded,
    /// It does not.
    Failed,
}

/// The payment that a page is about. Whoever knows its number may see and pay it, as at a real provider's page.
pub async fn payment(app: &App, no: PaymentNo) -> Result<PaymentAnswer, Problem> {
    let missing = || Problem::not_found(format!("sandbox payment {no}"));
    app.providers.get(METHOD, "default").ok_or_else(missing)?;
    let tree = app.store.tree_of_payment(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let found = tree.payments.iter().find(|payment| payment.no == no && payment.method.as_str() == METHOD);
    found.map(super::pay::answer).ok_or_else(missing)
}

/// Sends the callback that follows a press.
pub async fn press(app: &App, no: PaymentNo, press: Press) -> Result<CallbackReply, Problem> {
    let payment = payment(app, no).await?;
    let secret = app.settings.sandbox_secret.as_ref().ok_or_else(|| Problem::not_found("sandbox"))?;
    let status = match press {
        Press::Succeeded => "succeeded",
        Press::Failed => "failed",
    };
    let body = json!({
        "payment_no": no,
        // One trade for each payment: a second press is a repeat of the first.
        "trade_no": format!("sandbox-{no}"),
        "amount": payment.amount,
        "currency": payment.currency,
        "status": status,
    });
    let body = body.to_string().into_bytes();
    let timestamp_s = app.clock.now().div_euclid(1_000);
    let headers = vec![
        (TIMESTAMP_HEADER.to_owned(), timestamp_s.to_string()),
        (SIGNATURE_HEADER.to_owned(), sign(secret.expose_secret(), timestamp_s, &body)),
    ];
    callback::payment(app, METHOD, "default", headers, Bytes::from(body)).await
}

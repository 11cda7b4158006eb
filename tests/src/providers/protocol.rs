//! What tells one payment provider from another.

use std::sync::Arc;

use axum::Router;
use serde_json::Value;

use super::book::{Refused, Trade};
use super::message::Message;
use super::stand_in::Desk;

/// What a callback tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The buyer agreed; the money is still to be taken (PayPal).
    Approved,
    /// Money arrived.
    Paid,
    /// The payment will not happen.
    Ended,
    /// Something happened to a refund.
    Refunded {
        /// The platform's reference of it.
        refund_no: String,
    },
}

/// A payment provider's protocol with keys of our own: the provider's, the merchant's and a stranger's.
pub trait Protocol: Sized + Send + Sync + 'static {
    /// The payment method, such as `alipay`.
    fn name(&self) -> &'static str;

    /// What it serves. Every handler asks [`Desk::begin`] first and hands its answer to [`Desk::end`].
    fn router(desk: Arc<Desk<Self>>) -> Router;

    /// What operators `PUT` to `/admin/v1/merchant-accounts/{method}/{account}`: businesses, base_url, settings, secrets
    /// and enabled. `base_url` is the stand-in's own.
    fn account(&self, base_url: &str, businesses: &[&str]) -> Value;

    /// The buyer follows the offer of an opened payment (`pay_url`, `qr_code`, `pay_params`). Providers that hear of a
    /// payment only now check the offer as the provider would, and open it in their book.
    ///
    /// # Errors
    /// What is wrong with the offer.
    fn visit(_desk: &Desk<Self>, _offer: &Value) -> Result<(), String> {
        Ok(())
    }

    /// The buyer pays; returns what a callback tells then.
    ///
    /// # Errors
    /// [`Refused`].
    fn buyer_pays(desk: &Desk<Self>, payment_no: &str) -> Result<Event, Refused> {
        desk.book.pay(payment_no).map(|_| Event::Paid)
    }

    /// An honest callback about a payment, signed at a time (epoch milliseconds).
    fn message(desk: &Desk<Self>, trade: &Trade, event: &Event, at: i64) -> Message;

    /// The same, signed with a stranger's key.
    fn forged(desk: &Desk<Self>, trade: &Trade, event: &Event, at: i64) -> Message;
}

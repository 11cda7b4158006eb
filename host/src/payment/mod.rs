//! Payment providers, each behind [`Provider`]. A callback is verified on its raw bytes before anything is believed.

mod sandbox;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::ids::{Millis, PaymentNo};
use crate::domain::money::Minor;
use crate::domain::payment::{PayOffer, Payment, Refund};

pub use sandbox::{SIGNATURE_HEADER, Sandbox, TIMESTAMP_HEADER, sign};

/// What a provider told us, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Our reference.
    pub payment_no: PaymentNo,
    /// The provider's.
    pub trade_no: String,
    /// What arrived, minor units.
    pub amount: Minor,
    /// ISO 4217, as sent.
    pub currency: String,
    /// Whether money arrived.
    pub outcome: NoticeOutcome,
    /// When.
    pub at: Millis,
}

/// What a notice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeOutcome {
    /// Money arrived.
    Succeeded,
    /// It will not.
    Failed,
}

/// A callback that is not believed. The provider is told so and will try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// A header is missing, twice or unreadable.
    #[error("header {0} is missing or unreadable")]
    Header(&'static str),
    /// The time is too far from ours.
    #[error("the callback's time is more than {0} s away")]
    Time(i64),
    /// The signature does not fit the bytes.
    #[error("the signature does not fit")]
    Signature,
    /// Signed, but not what the provider sends.
    #[error("the body is not a notice: {0}")]
    Body(String),
}

/// How a provider answers when it is asked to end an unpaid payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseAnswer {
    /// It can't be paid any more.
    Closed,
    /// The money is there: a notice follows or can be asked for.
    AlreadyPaid,
    /// Not known; ask again.
    Unknown,
}

/// How a provider answers when it is asked for a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundAnswer {
    /// Done.
    Succeeded,
    /// Not known yet; ask again under the same number.
    Unknown(String),
    /// It will never be done under this number.
    Failed(String),
}

/// One way of paying outside.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Announces a payment and says how the buyer pays it.
    async fn create(&self, payment: &Payment) -> Result<PayOffer, String>;
    /// Ends an unpaid payment.
    async fn close(&self, payment: &Payment) -> CloseAnswer;
    /// Sends money back. Repeating it under the same refund number does nothing new.
    async fn refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer;
    /// Believes a callback or not, from its raw bytes.
    fn verify(&self, headers: &[(String, String)], body: &[u8], now: Millis) -> Result<Notice, Unverified>;
}

/// The providers that are set up, by method.
#[derive(Clone, Default)]
pub struct Providers(HashMap<&'static str, Arc<dyn Provider>>);

impl Providers {
    /// None: only wallets pay.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more method.
    #[must_use]
    pub fn with(mut self, method: &'static str, provider: Arc<dyn Provider>) -> Self {
        self.0.insert(method, provider);
        self
    }

    /// The provider of a method.
    pub fn get(&self, method: &str) -> Option<&Arc<dyn Provider>> {
        self.0.get(method)
    }
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

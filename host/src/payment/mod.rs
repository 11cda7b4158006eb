//! Payment providers, one file each, behind [`Provider`]. A callback is verified on its raw bytes before anything is
//! believed; every synchronous answer is verified before it is used, and one that cannot be verified counts as unknown.
//!
//! A [`Provider`] is one of our accounts at a payment service with its keys. It keeps no state that matters: whatever
//! it is asked may be asked again after a crash, under the same payment or refund number.

mod account;
mod alipay;
mod balance;
mod beijing;
mod decimal;
mod form;
mod gateway;
mod paypal;
mod providers;
mod rsa;
mod sandbox;
#[cfg(test)]
mod testing;
mod unionpay;
mod wechat;

use async_trait::async_trait;

use crate::domain::ids::{Millis, PaymentNo, RefundNo};
use crate::domain::money::{Currency, Minor};
use crate::domain::payment::{PayOffer, Payment, Refund};

pub use account::{AccountTerms, BadAccount, METHODS, build, default_url, identity};
pub use balance::Balance;
pub use gateway::{Gateway, GatewaySettings, Unanswered};
pub use providers::Providers;
pub use sandbox::{Refunds, SIGNATURE_HEADER, Sandbox, TIMESTAMP_HEADER, Trade, TradeStatus, sign};

/// Where the money of a method moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settles {
    /// In the change that pays the order: the wallet.
    InChange,
    /// At the provider, which is told after our intent is stored.
    AtProvider,
    /// At the provider, but nothing needs to be sent to open a payment: the offer is made (and signed) here.
    AtProviderUnannounced,
}

/// A callback as it came.
#[derive(Debug, Clone, Copy)]
pub struct Callback<'a> {
    /// Names in lower case, repeated ones repeated.
    pub headers: &'a [(String, String)],
    /// Raw bytes.
    pub body: &'a [u8],
    /// Our time.
    pub now: Millis,
}

impl<'a> Callback<'a> {
    /// The value of a header that must be there exactly once and hold something.
    pub fn header(&self, name: &'static str) -> Result<&'a str, Unverified> {
        let mut found = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, value)), None) if !value.is_empty() => Ok(value),
            _ => Err(Unverified::Header(name)),
        }
    }
}

/// What a verified callback says. Merchant and application have been checked; the amount has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The provider's id of this notice, where it has one: a second one of the same id has no effect.
    pub id: Option<String>,
    /// What it is about.
    pub says: Says,
}

/// The content of a [`Notice`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// Money arrived.
    Paid(Receipt),
    /// A payment will not happen.
    Ended(PaymentNo, String),
    /// Something happened to a payment: ask the provider.
    Ask(PaymentNo),
    /// Something happened to a refund: ask the provider.
    AskRefund(PaymentNo, RefundNo),
    /// Nothing that concerns us; answered as taken.
    Nothing,
}

/// Money that arrived, in the provider's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Our reference.
    pub payment_no: PaymentNo,
    /// The provider's: 1 to 64 characters.
    pub trade_no: String,
    /// What arrived, minor units.
    pub amount: Minor,
    /// ISO 4217, as named by the provider.
    pub currency: String,
    /// When.
    pub at: Millis,
}

/// A callback that is not believed. The provider is told so and will try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// A header is missing, empty, twice or unreadable.
    #[error("header {0} is missing, repeated or unreadable")]
    Header(&'static str),
    /// A signed field is missing, empty, twice or unreadable.
    #[error("field {0} is missing, repeated or unreadable")]
    Field(&'static str),
    /// The time is too far from ours.
    #[error("the callback's time is {0} s or more away")]
    Time(i64),
    /// The signature does not fit the bytes.
    #[error("the signature does not fit")]
    Signature,
    /// No such key, serial, certificate or algorithm.
    #[error("unknown {0}")]
    UnknownKey(&'static str),
    /// Signed, but for another merchant or application.
    #[error("{0} is not ours")]
    Foreign(&'static str),
    /// Signed, but not what the provider sends.
    #[error("the body is not a notice: {0}")]
    Body(String),
    /// The provider's own test of whether we verify at all: refused without alarm.
    #[error("a probe")]
    Probe,
}

/// What became of a callback, for the provider's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Taken, or taken before: it may stop sending.
    Taken,
    /// Not believed.
    Unbelieved,
    /// Believed and refused: another amount or currency, or no such payment.
    Refused,
    /// We could not finish: send again.
    Later,
}

/// A payment was announced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// What the buyer's application needs.
    pub offer: PayOffer,
    /// See [`Payment::handle`].
    pub handle: Option<String>,
}

/// A payment was not announced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// The provider declares that it will not take it.
    #[error("the provider refuses the payment: {0}")]
    Refused(String),
    /// Not known: the same number may be announced again.
    #[error("the provider does not answer: {0}")]
    Unknown(String),
}

/// What a provider knows of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryAnswer {
    /// Money arrived.
    Paid(Receipt),
    /// Not paid, can still be; also when the provider has never heard of it.
    Unpaid,
    /// Not paid, never will be.
    Ended(String),
    /// Not known; ask again.
    Unknown(String),
}

/// How a provider answers when it is asked to end an unpaid payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseAnswer {
    /// It can't be paid any more.
    Closed,
    /// The money is there: query it.
    AlreadyPaid,
    /// It has no way to close, or knows of nothing to close: query, and if unpaid go on.
    CannotClose,
    /// Not known; ask again.
    Unknown(String),
}

/// What a provider says of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundAnswer {
    /// Done.
    Succeeded,
    /// Accepted or not known yet; query under the same number.
    Pending(String),
    /// The provider has never heard of it: it may be sent (again).
    Absent,
    /// It will never be done under this number.
    Failed(String),
    /// The provider needs a person; keep asking, and say so.
    Stuck(String),
}

/// One entry of a provider's book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookEntry {
    /// What it records.
    pub kind: BookKind,
    /// Our reference as the provider has it: a payment number, or a refund number.
    pub reference: String,
    /// The provider's.
    pub trade_no: String,
    /// Minor units.
    pub amount: Minor,
    /// ISO 4217.
    pub currency: String,
}

/// What an entry of a book records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BookKind {
    /// Money that arrived.
    Payment,
    /// Money that went back.
    Refund,
}

/// No book.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBook {
    /// The provider offers no list that we read: its file is uploaded, or each of our payments is queried.
    #[error("this provider lists nothing by day")]
    NotOffered,
    /// Not ready yet, or no answer; try later.
    #[error("the book is not available: {0}")]
    Later(String),
}

/// One of our accounts at a payment service.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Where its money moves.
    fn settles(&self) -> Settles;
    /// Whether it takes this amount of this currency, else why not (400 `currency-not-supported`).
    fn takes(&self, currency: Currency, amount: Minor) -> Result<(), String>;
    /// Announces a payment and says how the buyer pays it. Repeating it under the same number does nothing new.
    async fn create(&self, payment: &Payment) -> Result<Opened, NotOpened>;
    /// Takes money that the buyer has approved, where that is a step of its own (PayPal); elsewhere the same as a query.
    async fn capture(&self, payment: &Payment) -> QueryAnswer {
        self.query(payment).await
    }
    /// What it knows of a payment.
    async fn query(&self, payment: &Payment) -> QueryAnswer;
    /// Ends an unpaid payment.
    async fn close(&self, payment: &Payment) -> CloseAnswer;
    /// Sends money back. Repeating it under the same refund number does nothing new, whatever happened before.
    async fn refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer;
    /// What became of a refund.
    async fn query_refund(&self, payment: &Payment, refund: &Refund) -> RefundAnswer;
    /// Believes a callback or not, from its raw bytes.
    async fn verify(&self, callback: Callback<'_>) -> Result<Notice, Unverified>;
    /// The body that this provider expects in answer to a callback.
    fn words(&self, verdict: Verdict) -> String;
    /// Its book of a day (`YYYY-MM-DD` in the provider's own time zone).
    async fn book(&self, _day: &str) -> Result<Vec<BookEntry>, NoBook> {
        Err(NoBook::NotOffered)
    }
}

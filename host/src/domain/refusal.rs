//! Why the store did not commit a change.

use super::change::StoredClaim;
use super::ids::{BusinessCode, CouponCode, MerchantAccount, OrderNo, PaymentMethod, StockKey};

/// Why a change was not applied. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else was faster; decide again on the new state.
    #[error("order {no} has moved on")]
    VersionMoved {
        /// Which.
        no: OrderNo,
    },
    /// Not enough left.
    #[error("stock {key} of {business} is short: {wanted} wanted, {available} left")]
    StockShort {
        /// Whose.
        business: BusinessCode,
        /// Of what.
        key: StockKey,
        /// How many.
        wanted: i64,
        /// How many there are.
        available: i64,
    },
    /// No such stock row.
    #[error("business {business} has no stock {key}")]
    UnknownStock {
        /// Whose.
        business: BusinessCode,
        /// Of what.
        key: StockKey,
    },
    /// The account does not hold it.
    #[error("the wallet is short: {needed} {unit} needed, {available} there")]
    BalanceShort {
        /// Currency or COINS.
        unit: String,
        /// How much.
        needed: i64,
        /// How much there is.
        available: i64,
    },
    /// The coupon is not the buyer's or not free.
    #[error("coupon {code} cannot be used")]
    CouponUnusable {
        /// Which.
        code: CouponCode,
    },
    /// An order of this number exists.
    #[error("number {no} is taken")]
    NumberTaken {
        /// Which.
        no: OrderNo,
    },
    /// The idempotency key was used; its stored claim answers.
    #[error("the idempotency key was used before")]
    KeyUsed(StoredClaim),
    /// Another shipment has the waybill.
    #[error("waybill {waybill} belongs to another shipment")]
    WaybillTaken {
        /// Which.
        waybill: String,
    },
    /// Another payment has the provider's reference.
    #[error("trade {trade_no} belongs to another payment")]
    TradeTaken {
        /// Which.
        trade_no: String,
    },
    /// The posting or stock move exists: the operation was done before.
    #[error("operation {operation} of order {no} was done before")]
    OperationDone {
        /// Whose.
        no: OrderNo,
        /// Which.
        operation: String,
    },
    /// A number was given for the id.
    #[error("a number was given for this id before")]
    ExternalKnown {
        /// It.
        no: OrderNo,
    },
    /// The journal is not where the decision saw it.
    #[error("the journal of order {no} has moved on")]
    JournalMoved {
        /// Whose.
        no: OrderNo,
    },
    /// The signal was stored before.
    #[error("signal {id} was received before")]
    SignalSeen {
        /// Its id.
        id: String,
    },
    /// The event was parked before.
    #[error("event {id} is waiting already")]
    ParkedBefore {
        /// Its id.
        id: String,
    },
    /// The line has an enabled account of the method.
    #[error("business {business} has the account {account} of {method} already")]
    AccountTaken {
        /// Of which provider.
        method: PaymentMethod,
        /// The account that it has.
        account: MerchantAccount,
        /// Whose.
        business: BusinessCode,
    },
    /// An administrative write names something that is not there or must not be changed.
    #[error("{0}")]
    Admin(String),
}

impl Refusal {
    /// What counters call it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::VersionMoved { .. } => "version_moved",
            Self::StockShort { .. } => "stock_short",
            Self::UnknownStock { .. } => "unknown_stock",
            Self::BalanceShort { .. } => "balance_short",
            Self::CouponUnusable { .. } => "coupon_unusable",
            Self::NumberTaken { .. } => "number_taken",
            Self::KeyUsed(_) => "key_used",
            Self::WaybillTaken { .. } => "waybill_taken",
            Self::TradeTaken { .. } => "trade_taken",
            Self::OperationDone { .. } => "operation_done",
            Self::ExternalKnown { .. } => "external_known",
            Self::JournalMoved { .. } => "journal_moved",
            Self::SignalSeen { .. } => "signal_seen",
            Self::ParkedBefore { .. } => "parked_before",
            Self::AccountTaken { .. } => "account_taken",
            Self::Admin(_) => "admin",
        }
    }
}

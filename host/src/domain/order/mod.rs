//! The three levels of an order: pay order (L1), shop order (L2), item order (L3), and their states.

mod item;
mod pay;
mod shop;
mod states;
mod suspended;

pub use item::{Address, ItemFacts, ItemOrder, Refunded, Share, StockNeed};
pub use pay::{PayAmounts, PayFacts, PayOrder, Promotion};
pub use shop::{ShopAmounts, ShopFacts, ShopOrder};
pub(crate) use states::coded;
pub use states::{
    Channel, Delivery, Mode, RateStatus, Reserving, ReverseStatus, Status, StockMode, SubStatus, Visible,
};
pub use suspended::{Suspended, SuspendedHook, Waiting};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Attributes and extras: short texts by key.
pub type Pairs = BTreeMap<String, String>;

/// Why an order ended early: a stable code and words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// `buyer`, `pay_timeout`, `stock_failed`, `rejected`, `insufficient_balance`, …
    pub code: String,
    /// For people.
    pub text: String,
}

impl Reason {
    /// A reason with its words.
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), text: text.into() }
    }
}

/// The last sequence number used per topic for events about one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sequences {
    /// ORDER_TOPIC
    pub order: i64,
    /// PAYMENT_TOPIC
    pub payment: i64,
    /// FULFILLMENT_TOPIC
    pub fulfilment: i64,
    /// AFTERSALE_TOPIC
    pub aftersale: i64,
}

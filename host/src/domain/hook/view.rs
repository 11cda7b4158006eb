//! What a hook sees of an order.

use serde::{Deserialize, Serialize};

use super::Pairs;

/// Where a parcel goes. Any field but `detail` may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Address {
    pub name: String,
    pub mobile: String,
    pub zip: String,
    pub country: String,
    pub province: String,
    pub city: String,
    pub district: String,
    pub town: String,
    pub detail: String,
}

/// A quantity of one stock key, such as `sku-1` or `room-12@2026-12-01`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StockNeed {
    /// Must exist and belong to the line; the store checks that.
    pub key: String,
    /// At least 1.
    pub quantity: u32,
}

/// How the buyer gets what was bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Delivery {
    Parcel,
    Code,
    Voucher,
    Ticket,
    Booking,
    Credit,
}

impl Delivery {
    /// The word used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parcel => "parcel",
            Self::Code => "code",
            Self::Voucher => "voucher",
            Self::Ticket => "ticket",
            Self::Booking => "booking",
            Self::Credit => "credit",
        }
    }

    /// The delivery of a word made by [`Delivery::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Parcel, Self::Code, Self::Voucher, Self::Ticket, Self::Booking, Self::Credit]
            .into_iter()
            .find(|delivery| delivery.as_str() == word)
    }
}

/// One bought line, as it was priced and paid. Amounts are minor units of the order's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderItem {
    /// Index of the line inside the shop order, from 0.
    pub line: u32,
    /// The item order's number (L3).
    pub number: String,
    /// The SKU's code.
    pub sku: String,
    /// Units bought.
    pub quantity: u32,
    /// Original price of one unit.
    pub original: i64,
    /// Item discount of the whole line.
    pub discount: i64,
    /// Tax of the whole line.
    pub tax: i64,
    /// What the line costs after every discount, tax included.
    pub due: i64,
    /// Shown to people.
    pub title: String,
    /// As answered by `quote`.
    pub attributes: Pairs,
    /// As sent by the buyer's application.
    pub extra: Pairs,
    /// Reserved for the whole line.
    pub stock: Vec<StockNeed>,
    /// Units refunded so far.
    pub refunded: u32,
}

/// A package or a virtual delivery of the shop order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentView {
    /// The shipment's number.
    pub number: String,
    /// created, shipped, delivered, cancelled, lost or refused.
    pub status: String,
    /// Empty until shipped.
    pub carrier: String,
    /// Empty until shipped.
    pub waybill: String,
}

/// One shop order (L2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// The shop order's number (L2).
    pub number: String,
    /// The pay order (L1) it is paid with.
    pub pay_number: String,
    /// The buyer's id.
    pub buyer: String,
    /// The shop's id.
    pub shop: String,
    /// The order type that the line registered.
    pub kind: u32,
    /// ISO 4217 code.
    pub currency: String,
    /// created, paid, shipped, received, …
    pub status: String,
    /// In the order of `line`.
    pub items: Vec<OrderItem>,
    /// Minor units.
    pub freight: i64,
    /// Everything the buyer owes for this shop order, freight and tax included.
    pub due: i64,
    /// Where it goes, if anywhere.
    pub address: Option<Address>,
    /// How the buyer gets it.
    pub delivery: Delivery,
    /// What earlier hooks of this line stored.
    pub attributes: Pairs,
    /// In the order they were made.
    pub shipments: Vec<ShipmentView>,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub paid_at: Option<i64>,
    /// As written by the buyer.
    pub buyer_comment: String,
    /// As sent by the buyer's application.
    pub extra: Pairs,
}

/// How the order was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentView {
    /// sandbox, balance, none, alipay, …
    pub method: String,
    /// The payment's number.
    pub number: String,
    /// Minor units of the order's currency.
    pub amount: i64,
    /// Epoch milliseconds.
    pub paid_at: i64,
}

//! L1: what the buyer pays once.

use serde::{Deserialize, Serialize};

use super::{Channel, Mode, Pairs, Reason, Sequences, Status, SubStatus};
use crate::domain::ids::{BuyerId, CouponCode, Millis, OrderNo, PaymentNo};
use crate::domain::money::{Currency, Minor};

/// What the buyer pays once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayOrder {
    /// Its number: the one `GenOID` and create give.
    pub no: OrderNo,
    /// Who pays.
    pub buyer: BuyerId,
    /// Created, cancelled or paid.
    pub status: Status,
    /// None, stock reserved or cancelling.
    pub sub_status: SubStatus,
    /// Counts the writes of this row.
    pub version: i64,
    /// Prepaid or waiting for payment.
    pub mode: Mode,
    /// One currency for everything in it.
    pub currency: Currency,
    /// What everything adds up to.
    pub amounts: PayAmounts,
    /// When an unpaid order is cancelled; none once paid or ended.
    pub expire_time: Option<Millis>,
    /// Why it was cancelled.
    pub reason: Option<Reason>,
    /// Event counters.
    pub sequences: Sequences,
    /// When it was made.
    pub created_at: Millis,
    /// When it was paid.
    pub paid_at: Option<Millis>,
    /// The payment that paid it.
    pub paid_by: Option<PaymentNo>,
    /// The last write.
    pub updated_at: Millis,
    /// What never changes.
    pub facts: PayFacts,
}

/// The sums of a pay order. `to_pay = price + freight + tax − coins_value − third_party`; `price` = Σ L2 price −
/// platform discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PayAmounts {
    /// L1 price.
    pub price: Minor,
    /// Units bought.
    pub quantity: i64,
    /// Platform discount.
    pub platform_discount: Minor,
    /// Freight of all shops.
    pub freight: Minor,
    /// Tax of all lines.
    pub tax: Minor,
    /// Coins used.
    pub coins: i64,
    /// Their value.
    pub coins_value: Minor,
    /// Third-party discount.
    pub third_party: Minor,
    /// What the buyer pays in money.
    pub to_pay: Minor,
    /// Platform discount that left with shop orders that were split off; negative: that came with them. As long as it is
    /// above zero, somebody else may use a part of this order's platform coupons, and they are not given back.
    #[serde(default)]
    pub split_off: Minor,
}

/// What is known of a pay order when it is made and never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayFacts {
    /// Where it was placed.
    pub channel: Channel,
    /// 0 unknown, 1 iOS, 2 Android, 3 H5.
    pub platform: u32,
    /// Marketplace code.
    pub marketplace: u32,
    /// Methods every line of it accepts.
    pub methods: Vec<String>,
    /// Value of one coin in minor units.
    pub coin_value: Minor,
    /// Platform coupons used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<CouponCode>,
    /// Promotions applied at platform level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<Promotion>,
    /// The catalogue's revision at the quote.
    pub catalogue_revision: i64,
    /// The application's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_id: Option<String>,
    /// Where the buyer came from, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<serde_json::Value>,
    /// Tags as sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Extras as sent.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub extra: Pairs,
}

/// What made something cheaper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// For people.
    pub title: String,
    /// By how much, in minor units.
    pub amount: Minor,
    /// The coupon used up by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<CouponCode>,
}

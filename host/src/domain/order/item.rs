//! L3: one SKU line, and what of it was given for what.

use serde::{Deserialize, Serialize};

use super::Pairs;
use crate::domain::ids::{OrderNo, SkuId, StockKey};
use crate::domain::money::Minor;

/// What of one line was given for what, fixed when the order is made and the base of every refund.
///
/// Invariant: `due = cash + coins_value + third_party`, all ≥ 0. For an item `due` = quantity × original − item
/// discount − shop share − platform share − re-price share + tax; for a freight line it is the freight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Share {
    /// What the line costs.
    pub due: Minor,
    /// Its part of the shop discount (already off `due`).
    pub shop_discount: Minor,
    /// Its part of the platform discount (already off `due`).
    pub platform_discount: Minor,
    /// Coins, counted.
    pub coins: i64,
    /// Their value.
    pub coins_value: Minor,
    /// Paid by a third party; never refunded to the buyer.
    pub third_party: Minor,
    /// Paid by the buyer in money.
    pub cash: Minor,
    /// The part of `cash` that came from the wallet; the rest came through a provider. Known once paid.
    pub balance: Minor,
}

/// One SKU line: the unit of refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemOrder {
    /// Its number.
    pub no: OrderNo,
    /// Index inside the shop order, from 0.
    pub line: u32,
    /// What.
    pub sku: SkuId,
    /// How many, at least 1.
    pub quantity: u32,
    /// Original price of one.
    pub original: Minor,
    /// quantity × original − item discount.
    pub price: Minor,
    /// Tax of the line.
    pub tax: Minor,
    /// What was given for what.
    pub share: Share,
    /// What became of it after it was paid.
    pub refunded: Refunded,
    /// How often the buyer rated it, 0 to 2.
    pub ratings: u8,
    /// What never changes.
    pub facts: ItemFacts,
}

/// What of a line went back to the buyer, and what of what went back was kept.
///
/// Invariant: `cash + retained ≤ share.cash` and `coins + retained_coins ≤ share.coins`, equal once all units are back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Refunded {
    /// Units; of freight 1 once it goes back.
    pub quantity: u32,
    /// Money.
    pub cash: Minor,
    /// Coins, counted.
    pub coins: i64,
    /// Money of returned units that is kept: fees, and freight that was spent.
    #[serde(default)]
    pub retained: Minor,
    /// Coins of returned units that are kept.
    #[serde(default)]
    pub retained_coins: i64,
    /// Units whose stock is settled: given back, or lost on the way and sold for good.
    #[serde(default)]
    pub restocked: u32,
}

/// What is known of a line when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemFacts {
    /// For people.
    pub title: String,
    /// Address of a picture, may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub picture: String,
    /// Item discount of the line.
    pub discount: Minor,
    /// As answered by the plugin.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub attributes: Pairs,
    /// As sent by the application.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub extra: Pairs,
    /// What it takes from stock.
    pub stock: Vec<StockNeed>,
}

/// A quantity of one stock key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockNeed {
    /// Of what.
    pub key: StockKey,
    /// How many.
    pub quantity: u32,
}

/// Where a parcel goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Address {
    /// Who gets it.
    pub name: String,
    /// Their phone.
    pub mobile: String,
    /// Postal code.
    pub zip: String,
    /// ISO country code.
    pub country: String,
    /// Province.
    pub province: String,
    /// City.
    pub city: String,
    /// District.
    pub district: String,
    /// Town or street office.
    pub town: String,
    /// Street and house.
    pub detail: String,
}

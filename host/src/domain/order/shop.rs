//! L2: one shop, one business line.

use serde::{Deserialize, Serialize};

use super::{
    Address, Delivery, ItemOrder, Pairs, Promotion, Reason, Refunded, Sequences, Share, Status, StockMode, SubStatus,
    Suspended, Visible,
};
use crate::domain::ids::{BusinessCode, BuyerId, CouponCode, Digest, Millis, OrderNo, ShopId};
use crate::domain::money::Minor;

/// One shop, one business line: the unit of locking, forwarding, shipping and receiving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopOrder {
    /// Its number.
    pub no: OrderNo,
    /// The pay order above it.
    pub pay_no: OrderNo,
    /// Who buys.
    pub buyer: BuyerId,
    /// Who sells.
    pub shop: ShopId,
    /// Whose plugin decides.
    pub business: BusinessCode,
    /// The order type, one of those the line registered.
    pub kind: i32,
    /// Main state.
    pub status: Status,
    /// Sub-state.
    pub sub_status: SubStatus,
    /// Counts the writes of this row; each write has one flow row.
    pub version: i64,
    /// Whether the buyer sees it.
    pub visible: Visible,
    /// Set when a person must look: why.
    pub attention: Option<String>,
    /// The deadline of the current state.
    pub expire_time: Option<Millis>,
    /// Why it was cancelled or closed.
    pub reason: Option<Reason>,
    /// What everything adds up to.
    pub amounts: ShopAmounts,
    /// The plugin version that priced it and decides it to its end.
    pub plugin: Digest,
    /// A hook that is waiting for an answer or a signal.
    pub suspended: Option<Suspended>,
    /// When the ship hook answered; packages that it left to be packed wait for their ship notices.
    pub packed_at: Option<Millis>,
    /// Signals that arrived and were not consumed yet.
    pub pending_signals: i64,
    /// How many hook decisions were recorded.
    pub decisions: i64,
    /// What hooks stored.
    pub attributes: Pairs,
    /// Event counters.
    pub sequences: Sequences,
    /// When it was made.
    pub created_at: Millis,
    /// When it was paid.
    pub paid_at: Option<Millis>,
    /// When the last package left.
    pub shipped_at: Option<Millis>,
    /// When delivery was done.
    pub received_at: Option<Millis>,
    /// When it was cancelled, closed or completed.
    pub ended_at: Option<Millis>,
    /// The last write.
    pub updated_at: Millis,
    /// The seller's own reference, to find it by.
    pub out_id: Option<String>,
    /// What rarely changes.
    pub facts: ShopFacts,
    /// The lines, in order.
    pub items: Vec<ItemOrder>,
}

impl ShopOrder {
    /// Whether its stock is still to be held.
    pub fn stock_pending(&self) -> bool {
        self.status == Status::Created && self.sub_status == SubStatus::None
    }

    /// The shares of all its lines: the items', then the freight's.
    pub fn shares(&self) -> impl Iterator<Item = &Share> {
        self.items.iter().map(|item| &item.share).chain([&self.amounts.freight_share])
    }
}

/// The sums of a shop order. `price` = Σ item price − shop discount − re-price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ShopAmounts {
    /// L2 price.
    pub price: Minor,
    /// Units bought.
    pub quantity: i64,
    /// Shop discount.
    pub discount: Minor,
    /// What the seller took off before payment (`promotion_amount`), ≥ 0.
    #[serde(default)]
    pub reprice: Minor,
    /// Freight.
    pub freight: Minor,
    /// Tax of its lines.
    pub tax: Minor,
    /// Shares of the freight line.
    pub freight_share: Share,
    /// Of the freight line, refunded so far.
    pub freight_refunded: Refunded,
}

/// What is known of a shop order when it is made; it rarely changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopFacts {
    /// How it is delivered.
    pub delivery: Delivery,
    /// From shipping to automatic receipt, milliseconds.
    pub auto_receive_ms: Millis,
    /// From receipt to settlement, milliseconds.
    pub aftersale_window_ms: Millis,
    /// From payment to the shipping deadline, milliseconds.
    pub ship_within_ms: Millis,
    /// Shop coupons used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<CouponCode>,
    /// Promotions applied at item and shop level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<Promotion>,
    /// Where parcels go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// What the buyer wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub buyer_comment: String,
    /// As sent by the application, then as answered by the plugin.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub extra: Pairs,
    /// How stock moves for it.
    pub stock: StockMode,
    /// The pay order it was quoted under, once it was merged or split into another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted_under: Option<OrderNo>,
    /// What the seller wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub seller_comment: String,
    /// What the seller marked it with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// When the buyer put off the automatic receipt; once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive_extended_at: Option<Millis>,
}

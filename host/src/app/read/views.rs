//! Orders as the API shows them.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::api::PaymentAnswer;
use crate::app::aftersale::AftersaleAnswer;
use crate::domain::change::{Flow, Settlement};
use crate::domain::fulfilment::Shipment;
use crate::domain::ids::{AftersaleNo, OrderNo, RefundNo, ShipmentNo};
use crate::domain::money::Minor;
use crate::domain::order::{Address, Pairs, Promotion, ShopOrder};
use crate::domain::payment::{PaymentLog, Refund};
use crate::domain::time::rfc3339;

/// The sums of an order of any level, in minor units of its currency.
///
/// `original_amount + shipping_fee + tax_amount − discount_amount = total_amount`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Amounts {
    /// Σ quantity × original price.
    pub original_amount: Minor,
    /// Price of the level: after its discounts and those below it, without freight and tax.
    pub price: Minor,
    /// Freight.
    pub shipping_fee: Minor,
    /// Tax.
    pub tax_amount: Minor,
    /// All discounts, coins and third-party discount.
    pub discount_amount: Minor,
    /// What the buyer pays in money.
    pub total_amount: Minor,
    /// Coins used, counted.
    pub coins: i64,
    /// Their value.
    pub coins_value: Minor,
    /// Third-party discount.
    pub third_party_discount: Minor,
    /// Refunded in money so far.
    pub refunded_amount: Minor,
}

/// A pay order with everything below it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderView {
    /// L1
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// Who buys.
    pub buyer: String,
    /// The order type if all shop orders agree, else 0.
    #[serde(rename = "type")]
    pub kind: i32,
    /// created, cancelled, paid, closed or completed.
    pub status: String,
    /// 0 to 6
    pub status_code: i16,
    /// Where inside the state.
    pub sub_status: String,
    /// Its number.
    pub sub_status_code: i16,
    /// 0 never applied for an after-sale, 1 one is open, 2 one succeeded, 3 all failed, 4 succeeded and no more is possible.
    pub reverse_status: i16,
    /// none, processing, finished or failed.
    pub aftersales_status: String,
    /// Over all items: 1 if one can be rated now, else 2 if one can be once more, else 0 if one can be later, else 3.
    pub rate_status: i16,
    /// Counts the writes.
    pub version: i64,
    /// prepaid or wait.
    pub mode: String,
    /// Units of the shop orders shown.
    pub quantity: i64,
    /// pc, mobile, api or third_party.
    pub channel: String,
    /// 0 unknown, 1 iOS, 2 Android, 3 H5.
    pub platform: u32,
    /// Marketplace code.
    pub marketplace: u32,
    /// ISO 4217
    pub currency: String,
    /// Sums; left out for a seller who sees only a part of the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amounts: Option<Amounts>,
    /// Platform discount in `amounts`; left out with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promotion_amount: Option<Minor>,
    /// RFC 3339; when an unpaid order is cancelled. In `cancelling` it stays, while a timer asks providers to close.
    pub expire_time: Option<String>,
    /// Why it was cancelled: a code.
    pub reason: Option<String>,
    /// The same for people.
    pub reason_text: Option<String>,
    /// The pay order that took its shop orders over, for reason `merged`.
    pub merged_into: Option<String>,
    /// RFC 3339
    pub created_at: String,
    /// RFC 3339
    pub paid_at: Option<String>,
    /// RFC 3339; the last refund that succeeded.
    pub refunded_at: Option<String>,
    /// Methods that every line accepts.
    pub payment_methods: Vec<String>,
    /// Platform coupons used.
    pub coupons: Vec<String>,
    /// At platform level.
    pub promotions: Vec<PromotionView>,
    /// The application's own id.
    pub out_id: Option<String>,
    /// As sent.
    #[schema(value_type = Option<Object>)]
    pub source: Option<serde_json::Value>,
    /// As sent.
    pub tags: Vec<String>,
    /// As sent.
    pub extra: Pairs,
    /// The shard that the operator counts it to, from 0 (`TableShardNums`). For staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<u32>,
    /// L2
    pub shop_orders: Vec<ShopOrderView>,
    /// Attempts to pay; empty for sellers.
    pub payments: Vec<PaymentAnswer>,
    /// Refunds.
    pub refunds: Vec<RefundView>,
}

/// A shop order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShopOrderView {
    /// L2
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// L1
    #[schema(value_type = String)]
    pub parent_no: OrderNo,
    /// Who sells.
    pub shop_id: String,
    /// Whose plugin decides.
    pub business: String,
    /// Units of its items.
    pub quantity: i64,
    /// The order type.
    #[serde(rename = "type")]
    pub kind: i32,
    /// created, cancelled, paid, shipped, received, closed or completed.
    pub status: String,
    /// 0 to 6
    pub status_code: i16,
    /// none, stock_reserved, cancelling, to_deduct, to_ship, part_shipped or closing.
    pub sub_status: String,
    /// Its number.
    pub sub_status_code: i16,
    /// 0 never applied for an after-sale, 1 one is open, 2 one succeeded, 3 all failed, 4 succeeded and no more is possible.
    pub reverse_status: i16,
    /// none, processing, finished or failed.
    pub aftersales_status: String,
    /// Over its items: 1 if one can be rated now, else 2 if one can be once more, else 0 if one can be later, else 3.
    pub rate_status: i16,
    /// 0 listed, 1 in the buyer's recycle bin, 2 deleted for good by the buyer.
    pub visible: i16,
    /// Counts the writes.
    pub version: i64,
    /// Set when a person must look: why. Not for buyers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<String>,
    /// RFC 3339: the deadline of the state. Past once a shipping deadline was missed.
    pub expire_time: Option<String>,
    /// Why it was cancelled or closed: a code.
    pub reason: Option<String>,
    /// The same for people.
    pub reason_text: Option<String>,
    /// Sums.
    pub amounts: Amounts,
    /// Shop discount in `amounts`.
    pub shop_discount: Minor,
    /// Lowered by the seller before payment.
    pub promotion_amount: Minor,
    /// parcel, code, voucher, ticket, booking or credit.
    pub delivery: String,
    /// Where parcels go.
    #[schema(value_type = Option<Object>)]
    pub address: Option<Address>,
    /// What the buyer wrote.
    pub buyer_comment: String,
    /// What the seller wrote. Not for buyers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_comment: Option<String>,
    /// What the seller marked it with. Not for buyers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// The seller's own reference.
    pub out_id: Option<String>,
    /// Shop coupons used.
    pub coupons: Vec<String>,
    /// At item and shop level.
    pub promotions: Vec<PromotionView>,
    /// What the hooks stored.
    pub attributes: Pairs,
    /// As sent, then as answered by the plugin.
    pub extra: Pairs,
    /// The plugin version that decides it: a SHA-256.
    pub plugin: String,
    /// What the order waits for: a hook (`deduct`, `ship`, `receive`) that was suspended.
    pub waiting_hook: Option<String>,
    /// The signal that ends the wait.
    pub waiting_signal: Option<String>,
    /// RFC 3339
    pub created_at: String,
    /// RFC 3339
    pub paid_at: Option<String>,
    /// RFC 3339
    pub shipped_at: Option<String>,
    /// RFC 3339
    pub received_at: Option<String>,
    /// How it was received: `buyer`, `timer`, `delivered`, or the name of the signal.
    pub receive_type: Option<String>,
    /// RFC 3339: cancelled, closed or completed.
    pub ended_at: Option<String>,
    /// RFC 3339
    pub updated_at: String,
    /// L3
    pub items: Vec<ItemView>,
    /// Packages and virtual deliveries.
    pub shipments: Vec<ShipmentView>,
    /// Refunds, returns and exchanges.
    pub aftersales: Vec<AftersaleAnswer>,
    /// What happened, in order: the last 1,000 steps.
    pub timeline: Vec<FlowView>,
    /// What the shop gets of it, once it is completed. Not for buyers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement: Option<SettlementView>,
}

/// What a shop gets of a shop order, in minor units.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SettlementView {
    /// What was not refunded, and what was retained.
    pub gross: Minor,
    /// Technical fee.
    pub technical_fee: Minor,
    /// Promotion fee.
    pub promotion_fee: Minor,
    /// gross − fees
    pub net: Minor,
    /// RFC 3339
    pub at: String,
}

/// An item order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ItemView {
    /// L3
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// L2
    #[schema(value_type = String)]
    pub parent_no: OrderNo,
    /// As the shop order's, or `closed` once its whole quantity was refunded.
    pub status: String,
    /// 0 to 6
    pub status_code: i16,
    /// none, processing, partial or refunded.
    pub refund_status: String,
    /// As the shop order's, of this item.
    pub reverse_status: i16,
    /// 0 not received yet, 1 can be rated, 2 can be rated once more, 3 closed.
    pub rate_status: i16,
    /// How often it was rated.
    pub ratings: u8,
    /// RFC 3339: that of the shop order.
    pub expire_time: Option<String>,
    /// What.
    pub sku_id: String,
    /// For people.
    pub title: String,
    /// Address of a picture, may be empty.
    pub picture: String,
    /// How many.
    pub quantity: u32,
    /// Original price of one.
    pub original_price: Minor,
    /// Item discount of the line.
    pub discount: Minor,
    /// quantity × original − item discount.
    pub price: Minor,
    /// Tax of the line.
    pub tax_amount: Minor,
    /// What it costs after every discount, tax included: money, coins and third party together.
    pub due: Minor,
    /// The part of `due` paid in money.
    pub cash: Minor,
    /// The part of the coins, counted.
    pub coins: i64,
    /// Units refunded.
    pub refunded_quantity: u32,
    /// Money refunded.
    pub refunded_amount: Minor,
    /// Coins refunded.
    pub refunded_coins: i64,
    /// Money of units that came back that is kept: fees.
    pub retained_amount: Minor,
    /// As answered by the plugin.
    pub attributes: Pairs,
    /// As sent.
    pub extra: Pairs,
}

/// A refund in one way.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RefundView {
    /// Our reference.
    #[schema(value_type = String)]
    pub refund_no: RefundNo,
    /// The shop order it undoes; none when a whole payment goes back.
    #[schema(value_type = Option<String>)]
    pub order_no: Option<OrderNo>,
    /// The payment it goes against.
    pub payment_no: Option<String>,
    /// provider, balance or coins.
    pub way: String,
    /// Minor units, or a count of coins.
    pub amount: i64,
    /// pending, succeeded or failed.
    pub status: String,
    /// For people.
    pub reason: String,
    /// RFC 3339
    pub created_at: String,
    /// RFC 3339
    pub succeeded_at: Option<String>,
}

/// A package or virtual delivery.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShipmentView {
    /// Its number.
    #[schema(value_type = String)]
    pub shipment_no: ShipmentNo,
    /// The shop order.
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// The exchange that it is the new goods of.
    #[schema(value_type = Option<String>)]
    pub aftersale_no: Option<AftersaleNo>,
    /// created, shipped, delivered, cancelled, lost or refused.
    pub status: String,
    /// 0 to 5
    pub status_code: i16,
    /// parcel, code, voucher, ticket, booking or credit.
    pub delivery: String,
    /// Who carries it; may be empty.
    pub carrier: String,
    /// The carrier's number.
    pub waybill: Option<String>,
    /// What is in it.
    pub items: Vec<PackedView>,
    /// As answered by the plugin.
    pub attributes: Pairs,
    /// Whether something is in it that only the buyer may read.
    pub has_secrets: bool,
    /// RFC 3339
    pub created_at: String,
    /// RFC 3339
    pub shipped_at: Option<String>,
    /// RFC 3339
    pub delivered_at: Option<String>,
    /// RFC 3339: since when it is known to be late.
    pub delayed_at: Option<String>,
    /// Why it was lost, refused or late; may be empty.
    pub note: String,
}

/// Units of one line in a shipment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PackedView {
    /// The item order.
    #[schema(value_type = Option<String>)]
    pub order_no: Option<OrderNo>,
    /// Its index inside the shop order, from 0.
    pub line: u32,
    /// How many.
    pub quantity: u32,
}

/// What made something cheaper.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PromotionView {
    /// For people.
    pub title: String,
    /// By how much.
    pub amount: Minor,
    /// The coupon used up by it.
    pub coupon: Option<String>,
}

/// One step of a shop order's history.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlowView {
    /// The shop order's version after it.
    pub version: i64,
    /// create, pay, deduct, ship, deliver, receive, cancel, suspend, …
    pub event: String,
    /// Before; none for the first.
    pub from_status: Option<String>,
    /// Before.
    pub from_sub_status: Option<String>,
    /// After.
    pub to_status: String,
    /// After.
    pub to_sub_status: String,
    /// Late or a repeat: nothing else changed.
    pub ignored: bool,
    /// RFC 3339
    pub at: String,
    /// Who.
    pub actor: String,
    /// For people.
    pub note: String,
}

impl ShipmentView {
    /// A shipment, with the item numbers of its shop order.
    pub fn of(shipment: &Shipment, shop: Option<&ShopOrder>) -> Self {
        let item =
            |line: u32| shop.and_then(|shop| shop.items.iter().find(|item| item.line == line)).map(|item| item.no);
        let packed = |packed: &crate::domain::fulfilment::Packed| PackedView {
            order_no: item(packed.line),
            line: packed.line,
            quantity: packed.quantity,
        };
        Self {
            shipment_no: shipment.no,
            order_no: shipment.shop_no,
            aftersale_no: shipment.aftersale_no,
            status: shipment.status.word().to_owned(),
            status_code: shipment.status.code(),
            delivery: shipment.delivery.word().to_owned(),
            carrier: shipment.carrier.clone(),
            waybill: shipment.waybill.clone(),
            items: shipment.items.iter().map(packed).collect(),
            attributes: shipment.attributes.clone(),
            has_secrets: shipment.secrets.is_some(),
            created_at: rfc3339(shipment.created_at),
            shipped_at: shipment.shipped_at.map(rfc3339),
            delivered_at: shipment.delivered_at.map(rfc3339),
            delayed_at: shipment.delayed_at.map(rfc3339),
            note: shipment.note.clone(),
        }
    }
}

impl From<&Refund> for RefundView {
    fn from(refund: &Refund) -> Self {
        Self {
            refund_no: refund.no,
            order_no: refund.shop_no,
            payment_no: refund.payment_no.map(|no| no.to_string()),
            way: refund.way.word().to_owned(),
            amount: refund.amount,
            status: refund.status.word().to_owned(),
            reason: refund.reason.clone(),
            created_at: rfc3339(refund.created_at),
            succeeded_at: refund.succeeded_at.map(rfc3339),
        }
    }
}

impl From<&Promotion> for PromotionView {
    fn from(promotion: &Promotion) -> Self {
        let coupon = promotion.coupon.as_ref().map(ToString::to_string);
        Self { title: promotion.title.clone(), amount: promotion.amount, coupon }
    }
}

impl From<&Settlement> for SettlementView {
    fn from(settlement: &Settlement) -> Self {
        Self {
            gross: settlement.gross,
            technical_fee: settlement.technical_fee,
            promotion_fee: settlement.promotion_fee,
            net: settlement.net,
            at: rfc3339(settlement.at),
        }
    }
}

impl From<&Flow> for FlowView {
    fn from(flow: &Flow) -> Self {
        Self {
            version: flow.version,
            event: flow.event.clone(),
            from_status: flow.from.map(|(status, _)| status.word().to_owned()),
            from_sub_status: flow.from.map(|(_, sub)| sub.word().to_owned()),
            to_status: flow.to.0.word().to_owned(),
            to_sub_status: flow.to.1.word().to_owned(),
            ignored: flow.ignored,
            at: rfc3339(flow.at),
            actor: flow.actor.clone(),
            note: flow.note.clone(),
        }
    }
}

/// A step in the life of a payment or of a refund against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PaymentLogView {
    /// RFC 3339
    pub at: String,
    /// `open`, `offered`, `succeeded`, `closed`, `refund_owed`, `refunded`, …
    pub step: String,
    /// Who.
    pub actor: String,
    /// For people.
    pub note: String,
}

impl From<PaymentLog> for PaymentLogView {
    fn from(log: PaymentLog) -> Self {
        Self { at: rfc3339(log.at), step: log.step, actor: log.actor, note: log.note }
    }
}

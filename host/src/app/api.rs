//! What use cases take and give: parsed requests and serialisable outcomes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::cart::Cart;
use crate::domain::decide::refund::Wanted;
use crate::domain::ids::{AftersaleNo, Digest, Millis, OrderNo, PaymentMethod, PaymentNo, RefundNo, ShipmentNo};
use crate::domain::money::Minor;
use crate::domain::payment::Refund;

/// An idempotency key with the digest of what it stands for (operation and body).
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// As sent, 1 to 255 characters.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub digest: Digest,
}

/// Create an order.
#[derive(Debug, Clone)]
pub struct CreateOrder {
    /// A number taken earlier; makes create idempotent by itself.
    pub order_no: Option<OrderNo>,
    /// What is bought.
    pub cart: Cart,
    /// Refuse with the new quote when the price is another.
    pub expected_to_pay: Option<Minor>,
}

/// A priced cart without effect.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QuoteAnswer {
    /// ISO 4217
    pub currency: String,
    /// L1 price: goods after all discounts, without freight and tax.
    pub price: Minor,
    /// Freight of all shops.
    pub freight: Minor,
    /// Tax of all lines.
    pub tax: Minor,
    /// Platform discount.
    pub platform_discount: Minor,
    /// Coins used.
    pub coins: i64,
    /// Their value.
    pub coins_value: Minor,
    /// Third-party discount.
    pub third_party_discount: Minor,
    /// What is to pay in money.
    pub to_pay: Minor,
    /// Methods that every line accepts.
    pub payment_methods: Vec<String>,
    /// Per shop, in the order of the cart.
    pub shops: Vec<QuoteShop>,
}

/// A shop of a quote.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QuoteShop {
    /// Who sells.
    pub shop_id: String,
    /// Whose plugin priced it.
    pub business: String,
    /// L2 price.
    pub price: Minor,
    /// Shop discount.
    pub discount: Minor,
    /// Freight.
    pub freight: Minor,
    /// Tax.
    pub tax: Minor,
    /// parcel, code, voucher, …
    pub delivery: String,
    /// In the order of the cart.
    pub items: Vec<QuoteItem>,
}

/// A line of a quote.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QuoteItem {
    /// What.
    pub sku_id: String,
    /// How many.
    pub quantity: u32,
    /// For people.
    pub title: String,
    /// Original price of one.
    pub original_price: Minor,
    /// quantity × original − item discount.
    pub price: Minor,
    /// What the line costs after every discount, tax included.
    pub due: Minor,
}

/// A number for `create`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TakenNumber {
    /// The pay order number.
    #[schema(value_type = String)]
    pub order_no: OrderNo,
}

/// An order was made (or moved on): the pay order with the numbers below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderAnswer {
    /// L1
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// created, cancelled, paid, closed or completed.
    pub status: String,
    /// 0 to 6
    pub status_code: i16,
    /// What is to pay in money; a seller of some of its shop orders is told that of these.
    pub to_pay: Minor,
    /// ISO 4217
    pub currency: String,
    /// RFC 3339; when an unpaid order is cancelled.
    pub expire_time: Option<String>,
    /// Why it was cancelled.
    pub reason: Option<String>,
    /// L2
    pub shop_orders: Vec<ShopOrderAnswer>,
}

/// A shop order in an [`OrderAnswer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShopOrderAnswer {
    /// L2
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// Whose plugin decides.
    pub business: String,
    /// Who sells.
    pub shop_id: String,
    /// created, cancelled, paid, shipped, received, closed, completed.
    pub status: String,
    /// 0 to 6
    pub status_code: i16,
    /// Where inside the state.
    pub sub_status: String,
    /// L3
    #[schema(value_type = Vec<String>)]
    pub items: Vec<OrderNo>,
}

/// Lower the price of a shop order.
#[derive(Debug, Clone)]
pub struct Reprice {
    /// By how much in total, minor units.
    pub discount: Minor,
    /// Why, for people.
    pub remark: String,
}

/// Pay an order.
#[derive(Debug, Clone)]
pub struct Pay {
    /// How.
    pub method: PaymentMethod,
    /// What the wallet pays of it, minor units; the method pays the rest.
    pub balance: Minor,
}

/// An attempt to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentAnswer {
    /// Our reference.
    #[schema(value_type = String)]
    pub payment_no: PaymentNo,
    /// What it pays.
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// How.
    pub payment_method: String,
    /// Minor units, wallet part included.
    pub amount: Minor,
    /// The wallet's part.
    pub balance_minor: Minor,
    /// ISO 4217
    pub currency: String,
    /// pending, succeeded, failed, closed or disputed.
    pub status: String,
    /// The provider's reference.
    pub trade_no: Option<String>,
    /// RFC 3339
    pub paid_at: Option<String>,
    /// A page to open.
    pub pay_url: Option<String>,
    /// The text of a QR code.
    pub qr_code: Option<String>,
    /// For the provider's own kit.
    #[schema(value_type = Option<Object>)]
    pub pay_params: Option<serde_json::Value>,
}

/// Give money back.
#[derive(Debug, Clone)]
pub struct RefundOrder {
    /// Why, for people; 1 to 256 characters.
    pub reason: String,
    /// Parts of items; none is everything that is left.
    pub items: Vec<Wanted>,
}

/// What goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundedOrder {
    /// The order as it is now.
    pub order: OrderAnswer,
    /// The after-sales that this made, one per shop order: `/aftersales/{no}` says how far they are.
    #[schema(value_type = Vec<String>)]
    pub aftersales: Vec<AftersaleNo>,
    /// The refunds that this made, one per way and shop order; none while a merchant or a supplier is asked first.
    pub refunds: Vec<RefundedPart>,
}

/// A refund in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundedPart {
    /// Its number for life.
    #[schema(value_type = String)]
    pub refund_no: RefundNo,
    /// The shop order it undoes; none when a whole payment goes back.
    #[schema(value_type = Option<String>)]
    pub order_no: Option<OrderNo>,
    /// `provider`, `balance` or `coins`.
    pub way: String,
    /// Minor units, or a count of coins.
    pub amount: i64,
    /// `pending`, `succeeded` or `failed`.
    pub status: String,
}

impl From<&Refund> for RefundedPart {
    fn from(refund: &Refund) -> Self {
        Self {
            refund_no: refund.no,
            order_no: refund.shop_no,
            way: refund.way.word().to_owned(),
            amount: refund.amount,
            status: refund.status.word().to_owned(),
        }
    }
}

/// A supplier's signal.
#[derive(Debug, Clone)]
pub struct SignalIn {
    /// What it is.
    pub name: crate::domain::ids::SignalName,
    /// The sender's id: a repeat changes nothing.
    pub id: String,
    /// JSON text of at most 16 KiB.
    pub payload: String,
}

/// What became of an event from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventAnswer {
    /// The shop order.
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// `applied`, `ignored` (late or a repeat) or `parked` (early: applied once its turn comes).
    pub effect: String,
    /// The state now.
    pub status: String,
    /// Where inside it.
    pub sub_status: String,
}

/// A shipment was divided into packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DividedShipment {
    /// The shop order.
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// One a package, in the order given; the first is the shipment itself.
    #[schema(value_type = Vec<String>)]
    pub shipments: Vec<ShipmentNo>,
}

/// A page of shop orders.
#[derive(Debug, Clone, Default)]
pub struct ListOrders {
    /// Whose.
    pub buyer: Option<String>,
    /// Of which shop.
    pub shop: Option<String>,
    /// Of which line.
    pub business: Option<String>,
    /// In which state.
    pub status: Option<crate::domain::order::Status>,
    /// Shown there.
    pub visible: Option<crate::domain::order::Visible>,
    /// With this reference of their seller.
    pub out_id: Option<String>,
    /// Made at or after.
    pub from: Option<Millis>,
    /// Made before.
    pub until: Option<Millis>,
    /// Where the page before ended.
    pub cursor: Option<OrderNo>,
    /// At most 200.
    pub limit: u32,
}

/// Where the buyer's shop orders are shown now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShownAnswer {
    /// All that were concerned.
    pub orders: Vec<ShownOrder>,
}

/// A shop order in a [`ShownAnswer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShownOrder {
    /// L2
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// 0 listed, 1 in the recycle bin, 2 deleted for good.
    pub visible: i16,
}

/// An item was rated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RatingAnswer {
    /// L3
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// How often it was rated.
    pub ratings: u8,
    /// 2: it can be rated once more, 3: no more.
    pub rate_status: i16,
}

/// A comment as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommentAnswer {
    /// L2
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// The buyer's, if it was the one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer_comment: Option<String>,
    /// The seller's, if it was the one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller_comment: Option<String>,
}

/// The seller's marks as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TagsAnswer {
    /// L2
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// All of them.
    pub tags: Vec<String>,
    /// The seller's own reference.
    pub out_id: Option<String>,
}

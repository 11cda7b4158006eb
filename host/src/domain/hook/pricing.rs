//! `pricing.quote`: a cart in, prices out. All amounts are minor units of the request's currency.

use serde::{Deserialize, Serialize};

use super::{Address, Delivery, Pairs, StockNeed};

/// Where the buyer ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Channel {
    Pc,
    Mobile,
    Api,
    ThirdParty,
}

/// A coupon that the buyer owns and that is free to use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// Unique in the coupon book.
    pub code: String,
    /// The line's or the platform's word for what it does.
    pub kind: String,
    /// A JSON object, as the line or the platform issued it.
    pub terms: String,
}

/// One line of the cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRequest {
    /// Index in the whole request, from 0.
    pub line: u32,
    /// The SKU's code.
    pub sku: String,
    /// At least 1.
    pub quantity: u32,
    /// What the catalogue says of the SKU: a JSON object of at most 8 KiB.
    pub facts: String,
    /// As sent by the buyer's application.
    pub extra: Pairs,
}

/// The lines bought from one shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopRequest {
    /// The shop's id.
    pub shop: String,
    /// At least one.
    pub items: Vec<ItemRequest>,
    /// Where it goes, if anywhere.
    pub address: Option<Address>,
    /// Offered for this shop.
    pub coupons: Vec<Coupon>,
    /// As sent by the buyer's application.
    pub extra: Pairs,
}

/// The part of a cart that one business line prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteRequest {
    /// The buyer's id.
    pub buyer: String,
    /// Where the buyer ordered.
    pub channel: Channel,
    /// 0 unknown, 1 iOS, 2 Android, 3 H5.
    pub platform: u32,
    /// The marketplace's number.
    pub marketplace: u32,
    /// The decision's time, epoch milliseconds.
    pub now: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Only this line's shops.
    pub shops: Vec<ShopRequest>,
    /// Platform coupons that no earlier line used.
    pub platform_coupons: Vec<Coupon>,
    /// Coins that the buyer offers.
    pub coins: u64,
    /// Value of one coin in minor units.
    pub coin_value: i64,
    /// The line's settings: a JSON object.
    pub settings: String,
    /// As sent by the buyer's application.
    pub extra: Pairs,
}

/// One priced line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedItem {
    /// The line of the request.
    pub line: u32,
    /// Original price of one unit.
    pub original: i64,
    /// Discount of the whole line, at most quantity × original.
    pub discount: i64,
    /// Tax of the whole line.
    pub tax: i64,
    /// Shown to people.
    pub title: String,
    /// An address, or empty.
    pub picture: String,
    /// Kept with the item, at most 4 KiB.
    pub attributes: Pairs,
    /// To reserve for the whole line.
    pub stock: Vec<StockNeed>,
    /// Kept with the decision only.
    pub extra: Pairs,
}

/// One priced shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedShop {
    /// The shop of the request.
    pub shop: String,
    /// In the order of the request, every line once.
    pub items: Vec<PricedItem>,
    /// At most what the items leave.
    pub discount: i64,
    /// Of the whole shop order.
    pub freight: i64,
    /// How the buyer gets it.
    pub delivery: Delivery,
    /// Seconds from shipping to automatic receipt.
    pub auto_receive_s: u32,
    /// Seconds after receipt in which an after-sale may be opened; settlement follows.
    pub aftersale_window_s: u32,
    /// Seconds from payment to the shipping deadline.
    pub ship_within_s: u32,
    /// Kept with the decision only.
    pub extra: Pairs,
}

/// Which sum a promotion lowers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum PromotionLevel {
    Item,
    Shop,
    Platform,
}

/// What made something cheaper, for people and for the coupon book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Which sum it lowers.
    pub level: PromotionLevel,
    /// The shop, for item and shop level.
    pub shop: String,
    /// Shown to people.
    pub title: String,
    /// How much cheaper.
    pub amount: i64,
    /// The coupon used up by it, if any; one of those offered.
    pub coupon: Option<String>,
}

/// The priced cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// In the order of the request.
    pub shops: Vec<PricedShop>,
    /// Over all items of this request.
    pub platform_discount: i64,
    /// Coins taken, at most those offered.
    pub coins: u64,
    /// Paid by somebody else.
    pub third_party_discount: i64,
    /// What made something cheaper.
    pub promotions: Vec<Promotion>,
    /// Seconds that the buyer has to pay.
    pub pay_timeout_s: u32,
    /// Kept with the decision only.
    pub extra: Pairs,
}

/// Why one line of the cart is not for sale like this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRefusal {
    /// The line of the request.
    pub line: u32,
    /// Short and stable, e.g. `off-sale`.
    pub code: String,
    /// For people.
    pub reason: String,
}

//! A cart as the buyer's application sends it, and its split into quotes.

use serde::{Deserialize, Serialize};

use super::ids::{BusinessCode, BuyerId, CouponCode, ShopId, SkuId};
use super::money::Currency;
use super::order::{Address, Channel, Mode, Pairs};

/// What a buyer wants to buy, parsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// Who buys.
    pub buyer: BuyerId,
    /// Prepaid or waiting for payment.
    pub mode: Mode,
    /// Where it was placed.
    pub channel: Channel,
    /// 0 unknown, 1 iOS, 2 Android, 3 H5.
    pub platform: u32,
    /// Marketplace code.
    pub marketplace: u32,
    /// One currency for all of it.
    pub currency: Currency,
    /// At least one.
    pub shops: Vec<CartShop>,
    /// Offered to the lines in order of their codes.
    pub platform_coupons: Vec<CouponCode>,
    /// Coins offered.
    pub coins: i64,
    /// Where the buyer came from.
    pub source: Option<serde_json::Value>,
    /// The application's own id.
    pub out_id: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Extras.
    pub extra: Pairs,
}

/// What is bought from one shop and business line: one shop order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartShop {
    /// Who sells.
    pub shop: ShopId,
    /// Whose plugin decides.
    pub business: BusinessCode,
    /// The order type.
    pub kind: i32,
    /// Where parcels go.
    pub address: Option<Address>,
    /// Shop coupons offered.
    pub coupons: Vec<CouponCode>,
    /// What the buyer wrote.
    pub buyer_comment: String,
    /// At least one.
    pub items: Vec<CartItem>,
    /// Extras.
    pub extra: Pairs,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartItem {
    /// What.
    pub sku: SkuId,
    /// How many, at least 1.
    pub quantity: u32,
    /// Extras.
    pub extra: Pairs,
}

impl Cart {
    /// The business lines of the cart in the order they are quoted, each with the indexes of its shops.
    pub fn lines(&self) -> Vec<(BusinessCode, Vec<usize>)> {
        let mut lines: std::collections::BTreeMap<_, Vec<usize>> = std::collections::BTreeMap::new();
        for (index, shop) in self.shops.iter().enumerate() {
            lines.entry(shop.business.clone()).or_default().push(index);
        }
        lines.into_iter().collect()
    }
}

//! The body of quote and create, and its parsing into a cart.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::fields::{Amount, Quantity};
use crate::app::api::CreateOrder;
use crate::app::problem::Problem;
use crate::domain::cart::{Cart, CartItem, CartShop};
use crate::domain::ids::{BusinessCode, BuyerId, CouponCode, OrderNo, ShopId, SkuId};
use crate::domain::money::Currency;
use crate::domain::order::{Address, Channel, Mode};
use crate::identity::Principal;

/// Shops of one cart.
const SHOPS_MAX: usize = 20;
/// Lines of one cart, all shops together.
const LINES_MAX: usize = 200;
/// Coupons in one list.
const COUPONS_MAX: usize = 20;
/// Tags.
const TAGS_MAX: usize = 20;
/// Characters of a tag and of `out_id`.
const WORD_MAX: usize = 64;
/// Characters of the buyer's comment.
const COMMENT_MAX: usize = 500;
/// Bytes of all extras of one place, keys and values, and of `source`.
const EXTRA_MAX: usize = 8 << 10;
/// Bytes of an address.
const ADDRESS_MAX: usize = 2 << 10;

/// What a buyer wants to buy. The buyer is the caller.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CartBody {
    /// A number taken with `POST /api/v1/order-numbers`; makes create idempotent by itself. A quote takes no notice.
    #[schema(value_type = Option<String>)]
    order_no: Option<OrderNo>,
    /// `prepaid` (the wallet pays at once) or `wait` (the buyer pays before the time-out).
    #[schema(value_type = String, example = "wait")]
    mode: Mode,
    /// `pc`, `mobile`, `api` or `third_party`; `api` if absent.
    #[serde(default = "api")]
    #[schema(value_type = String, example = "mobile")]
    channel: Channel,
    /// 0 unknown, 1 iOS, 2 Android, 3 H5.
    #[serde(default)]
    platform: u32,
    /// Marketplace code.
    #[serde(default)]
    marketplace: u32,
    /// ISO 4217; every line is priced in it.
    #[schema(value_type = String, example = "CNY")]
    currency: Currency,
    /// 1 to 20, with at most 200 lines in all.
    shops: Vec<ShopBody>,
    /// Platform coupons offered.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    platform_coupons: Vec<CouponCode>,
    /// Coins offered.
    #[serde(default)]
    coins: Amount,
    /// The price that the buyer saw, minor units: another one is refused as `price-changed` with the new quote. A quote
    /// takes no notice.
    expected_to_pay: Option<Amount>,
    /// Where the buyer came from: any JSON.
    #[schema(value_type = Option<Object>)]
    source: Option<Value>,
    /// The application's own id, 1 to 64 characters.
    out_id: Option<String>,
    /// At most 20 of at most 64 characters.
    #[serde(default)]
    tags: Vec<String>,
    /// Handed to the hooks: at most 8 KiB.
    #[serde(default)]
    extra: BTreeMap<String, String>,
}

/// What is bought from one shop and business line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShopBody {
    /// Who sells.
    #[schema(value_type = String)]
    shop_id: ShopId,
    /// The business line, such as `goods`.
    #[schema(value_type = String)]
    business: BusinessCode,
    /// The order type, one of those that the line registered.
    #[serde(rename = "type")]
    kind: i32,
    /// Where parcels go.
    #[schema(value_type = Option<AddressBody>)]
    address: Option<AddressBody>,
    /// Shop coupons offered.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    coupons: Vec<CouponCode>,
    /// At most 500 characters.
    #[serde(default)]
    buyer_comment: String,
    /// At least one.
    items: Vec<ItemBody>,
    /// Handed to the hooks.
    #[serde(default)]
    extra: BTreeMap<String, String>,
}

/// One line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemBody {
    /// What.
    #[schema(value_type = String)]
    sku_id: SkuId,
    /// How many.
    quantity: Quantity,
    /// Handed to the hooks.
    #[serde(default)]
    extra: BTreeMap<String, String>,
}

/// Where a parcel goes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AddressBody {
    pub name: String,
    pub mobile: String,
    pub zip: String,
    /// ISO code.
    pub country: String,
    pub province: String,
    pub city: String,
    pub district: String,
    pub town: String,
    pub detail: String,
}

fn api() -> Channel {
    Channel::Api
}

fn wrong(field: impl Into<String>, what: impl std::fmt::Display) -> Problem {
    let field = field.into();
    Problem::invalid("bad-body", format!("{field}: {what}")).with("field", field)
}

impl CartBody {
    /// The request of create.
    pub(super) fn into_create(self, who: &Principal) -> Result<CreateOrder, Problem> {
        let (order_no, expected_to_pay) = (self.order_no, self.expected_to_pay.map(|amount| amount.0));
        Ok(CreateOrder { order_no, expected_to_pay, cart: self.into_cart(who)? })
    }

    /// The cart, or the first limit that it breaks.
    pub(super) fn into_cart(self, who: &Principal) -> Result<Cart, Problem> {
        let buyer = BuyerId::new(&who.subject).map_err(|error| Problem::forbidden(format!("the token's {error}")))?;
        if !(1..=SHOPS_MAX).contains(&self.shops.len()) {
            return Err(wrong("shops", format_args!("a cart has 1 to {SHOPS_MAX} shops")));
        }
        if self.shops.iter().map(|shop| shop.items.len()).sum::<usize>() > LINES_MAX {
            return Err(wrong("shops", format_args!("a cart has at most {LINES_MAX} lines in all")));
        }
        few("platform_coupons", self.platform_coupons.len(), COUPONS_MAX)?;
        few("tags", self.tags.len(), TAGS_MAX)?;
        for tag in self.tags.iter().chain(&self.out_id) {
            if !(1..=WORD_MAX).contains(&tag.chars().count()) {
                return Err(wrong("tags, out_id", format_args!("1 to {WORD_MAX} characters each")));
            }
        }
        if self.source.as_ref().is_some_and(|source| source.to_string().len() > EXTRA_MAX) {
            return Err(wrong("source", format_args!("at most {EXTRA_MAX} bytes")));
        }
        let shops = self.shops.into_iter().enumerate().map(|(index, shop)| shop.parse(index));
        Ok(Cart {
            buyer,
            mode: self.mode,
            channel: self.channel,
            platform: self.platform,
            marketplace: self.marketplace,
            currency: self.currency,
            shops: shops.collect::<Result<_, _>>()?,
            platform_coupons: self.platform_coupons,
            coins: self.coins.0,
            source: self.source,
            out_id: self.out_id,
            tags: self.tags,
            extra: small("extra", self.extra)?,
        })
    }
}

impl ShopBody {
    fn parse(self, index: usize) -> Result<CartShop, Problem> {
        let field = |name: &str| format!("shops[{index}].{name}");
        if self.items.is_empty() {
            return Err(wrong(field("items"), "a shop has at least one line"));
        }
        if self.buyer_comment.chars().count() > COMMENT_MAX {
            return Err(wrong(field("buyer_comment"), format_args!("at most {COMMENT_MAX} characters")));
        }
        few(&field("coupons"), self.coupons.len(), COUPONS_MAX)?;
        let items = self.items.into_iter().enumerate().map(|(line, item)| {
            let extra = small(&format!("shops[{index}].items[{line}].extra"), item.extra)?;
            Ok(CartItem { sku: item.sku_id, quantity: item.quantity.0, extra })
        });
        Ok(CartShop {
            items: items.collect::<Result<_, Problem>>()?,
            extra: small(&field("extra"), self.extra)?,
            address: self.address.map(|address| address.parse(&field("address"))).transpose()?,
            shop: self.shop_id,
            business: self.business,
            kind: self.kind,
            coupons: self.coupons,
            buyer_comment: self.buyer_comment,
        })
    }
}

impl AddressBody {
    pub(super) fn parse(self, field: &str) -> Result<Address, Problem> {
        let Self { name, mobile, zip, country, province, city, district, town, detail } = self;
        let parts = [&name, &mobile, &zip, &country, &province, &city, &district, &town, &detail];
        if parts.iter().map(|part| part.len()).sum::<usize>() > ADDRESS_MAX {
            return Err(wrong(field, format_args!("at most {ADDRESS_MAX} bytes")));
        }
        Ok(Address { name, mobile, zip, country, province, city, district, town, detail })
    }
}

fn few(field: &str, count: usize, most: usize) -> Result<(), Problem> {
    if count > most { Err(wrong(field, format_args!("at most {most}"))) } else { Ok(()) }
}

fn small(field: &str, pairs: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Problem> {
    if pairs.keys().any(|key| key.is_empty() || key.len() > WORD_MAX) {
        return Err(wrong(field, format_args!("keys have 1 to {WORD_MAX} bytes")));
    }
    let size: usize = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size > EXTRA_MAX { Err(wrong(field, format_args!("at most {EXTRA_MAX} bytes"))) } else { Ok(pairs) }
}

//! Carts, and what every price must keep to.

use serde_json::Value;

use super::build::NOW;
use crate::line::BusinessLine;
use crate::refusals::Refusals;
use crate::types::{Channel, Coupon, ItemRequest, Minor, Pairs, PricedShop, QuoteRequest, Quoted, ShopRequest};

/// A line of a cart; lines are numbered by [`cart`].
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "tests write json!(…) in place")]
pub fn item_request(sku: &str, quantity: u32, facts: Value) -> ItemRequest {
    ItemRequest { line: 0, sku: sku.to_owned(), quantity, facts: facts.to_string(), extra: Pairs::new() }
}

/// One shop's part of a cart, without address and coupons.
#[must_use]
pub fn shop(name: &str, items: impl IntoIterator<Item = ItemRequest>) -> ShopRequest {
    ShopRequest {
        shop: name.to_owned(),
        items: items.into_iter().collect(),
        address: None,
        coupons: Vec::new(),
        extra: Vec::new(),
    }
}

/// A coupon with its terms.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "tests write json!(…) in place")]
pub fn coupon(code: &str, terms: Value) -> Coupon {
    Coupon { code: code.to_owned(), kind: "full-reduction".to_owned(), terms: terms.to_string() }
}

/// A cart in CNY at [`NOW`], without platform coupons and coins.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "tests write json!(…) in place")]
pub fn cart(settings: Value, shops: impl IntoIterator<Item = ShopRequest>) -> QuoteRequest {
    let mut shops: Vec<ShopRequest> = shops.into_iter().collect();
    for (line, item) in (0..).zip(shops.iter_mut().flat_map(|shop| shop.items.iter_mut())) {
        item.line = line;
    }
    QuoteRequest {
        buyer: "buyer-1".to_owned(),
        channel: Channel::Pc,
        platform: 0,
        marketplace: 1,
        now: NOW,
        currency: "CNY".to_owned(),
        shops,
        platform_coupons: Vec::new(),
        coins: 0,
        coin_value: 1,
        settings: settings.to_string(),
        extra: Vec::new(),
    }
}

/// Quotes twice, and checks the price as the platform does.
pub fn quote<L: BusinessLine>(request: &QuoteRequest) -> Result<Quoted, Refusals> {
    let quoted = L::quote(request);
    assert_eq!(quoted, L::quote(request), "a price must be deterministic");
    if let Ok(quoted) = &quoted {
        check(request, quoted);
    }
    quoted
}

fn check(request: &QuoteRequest, quoted: &Quoted) {
    assert_eq!(quoted.shops.len(), request.shops.len(), "every shop once");
    let (mut goods, mut rest) = (0, 0);
    for (asked, priced) in request.shops.iter().zip(&quoted.shops) {
        let (net, tax) = check_shop(asked, priced);
        goods += net;
        rest += tax + priced.freight;
    }
    assert!((0..=goods).contains(&quoted.platform_discount), "platform discount within the goods");
    assert!(quoted.coins <= request.coins, "no more coins than offered");
    let coins = i64::try_from(quoted.coins).expect("few coins") * request.coin_value;
    assert!(
        coins + quoted.third_party_discount <= goods - quoted.platform_discount + rest,
        "coins within the amount to pay"
    );
    let offered = |code: &str| {
        let shops = request.shops.iter().flat_map(|shop| &shop.coupons);
        request.platform_coupons.iter().chain(shops).any(|coupon| coupon.code == code)
    };
    for promotion in &quoted.promotions {
        assert!(promotion.amount > 0, "a promotion makes something cheaper");
        assert!(promotion.coupon.as_deref().is_none_or(offered), "only offered coupons");
    }
    let discounts = quoted.shops.iter().map(|shop| shop.discount + shop.items.iter().map(|i| i.discount).sum::<i64>());
    let promoted: Minor = quoted.promotions.iter().map(|promotion| promotion.amount).sum();
    assert_eq!(promoted, discounts.sum::<i64>() + quoted.platform_discount, "promotions explain every discount");
}

/// The shop's goods after its discount, and its tax.
fn check_shop(asked: &ShopRequest, priced: &PricedShop) -> (Minor, Minor) {
    assert_eq!(asked.shop, priced.shop, "shops in the order of the request");
    assert_eq!(
        asked.items.iter().map(|item| item.line).collect::<Vec<_>>(),
        priced.items.iter().map(|item| item.line).collect::<Vec<_>>(),
        "every line once, in the order of the request"
    );
    let mut net = 0;
    for (item, price) in asked.items.iter().zip(&priced.items) {
        let full = price.original.checked_mul(i64::from(item.quantity)).expect("a line's price fits");
        assert!(price.original >= 0 && price.tax >= 0, "no negative amounts");
        assert!((0..=full).contains(&price.discount), "item discount within the line");
        net += full - price.discount;
    }
    assert!((0..=net).contains(&priced.discount), "shop discount within its items");
    assert!(priced.freight >= 0, "no negative freight");
    (net - priced.discount, priced.items.iter().map(|item| item.tax).sum())
}

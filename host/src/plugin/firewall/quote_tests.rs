//! Each invariant of a quote, broken once.

use super::*;
use crate::domain::hook::{Coupon, Delivery, PromotionLevel, StockNeed};
use crate::plugin::sample;

fn request() -> QuoteRequest {
    let mut request = sample::quote(2, "{}");
    request.coins = 100;
    request.coin_value = 1;
    request.shops[0].coupons.push(Coupon { code: "c1".into(), kind: "k".into(), terms: "{}".into() });
    request
}

fn item(line: u32) -> PricedItem {
    PricedItem {
        line,
        original: 1_000,
        discount: 100,
        tax: 10,
        title: "A thing".into(),
        picture: String::new(),
        attributes: vec![("colour".into(), "red".into())],
        stock: vec![StockNeed { key: "sku-1".into(), quantity: 1 }],
        extra: vec![],
    }
}

fn quoted() -> Quoted {
    Quoted {
        shops: vec![PricedShop {
            shop: request().shops[0].shop.clone(),
            items: vec![item(0), item(1)],
            discount: 200,
            freight: 50,
            delivery: Delivery::Parcel,
            auto_receive_s: 600,
            aftersale_window_s: 600,
            ship_within_s: 600,
            extra: vec![],
        }],
        platform_discount: 100,
        coins: 10,
        third_party_discount: 5,
        promotions: vec![],
        pay_timeout_s: 900,
        extra: vec![],
    }
}

fn broken(change: impl FnOnce(&mut Quoted)) -> BadOutput {
    let mut answer = quoted();
    change(&mut answer);
    match QuoteFrame::of(&request()).check(answer) {
        Err(Refusal::Bad(invariant)) => invariant,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_honest_answer_passes() {
    assert_eq!(QuoteFrame::of(&request()).check(quoted()), Ok(quoted()));
}

#[test]
fn lines_and_shops_are_those_of_the_request() {
    assert_eq!(broken(|q| q.shops.clear()), BadOutput::Shops);
    assert_eq!(broken(|q| q.shops[0].shop = "other".into()), BadOutput::Shops);
    let lines = BadOutput::Lines { shop: request().shops[0].shop.clone() };
    assert_eq!(broken(|q| drop(q.shops[0].items.pop())), lines);
    assert_eq!(broken(|q| q.shops[0].items[1].line = 0), lines);
    assert_eq!(broken(|q| q.shops[0].items.swap(0, 1)), lines);
}

#[test]
fn money_stays_within_what_is_there() {
    let bounds = |invariant: BadOutput| match invariant {
        BadOutput::OutOfBounds { what, .. } => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(bounds(broken(|q| q.shops[0].items[0].original = -1)), "an original price");
    assert_eq!(bounds(broken(|q| q.shops[0].items[0].discount = 1_001)), "an item's discount");
    assert_eq!(bounds(broken(|q| q.shops[0].items[0].discount = -1)), "an item's discount");
    assert_eq!(bounds(broken(|q| q.shops[0].items[0].tax = -1)), "an item's tax");
    assert_eq!(bounds(broken(|q| q.shops[0].discount = 1_801)), "a shop's discount");
    assert_eq!(bounds(broken(|q| q.shops[0].freight = -1)), "freight");
    assert_eq!(bounds(broken(|q| q.platform_discount = 1_601)), "platform-discount");
    assert_eq!(bounds(broken(|q| q.third_party_discount = 1_561)), "third-party-discount");
    let poor = |q: &mut Quoted| (q.platform_discount, q.shops[0].freight) = (1_600, 0);
    assert_eq!(bounds(broken(|q| (poor(q), q.coins = 21).1)), "the value of the coins");
    assert_eq!(broken(|q| q.coins = 101), BadOutput::Coins { taken: 101, offered: 100 });
}

#[test]
fn sums_that_overflow_are_refused() {
    let overflow = |change: fn(&mut Quoted)| assert!(matches!(broken(change), BadOutput::Overflow(_)));
    overflow(|q| q.shops[0].items.iter_mut().for_each(|i| i.original = AMOUNT_MAX));
    overflow(|q| q.shops[0].items.iter_mut().for_each(|i| i.tax = AMOUNT_MAX));
    overflow(|q| q.shops[0].freight = AMOUNT_MAX);
    assert!(matches!(broken(|q| q.shops[0].items[0].original = i64::MAX), BadOutput::OutOfBounds { .. }));
}

#[test]
fn coupons_were_offered_and_are_used_once() {
    let promotion = |shop: &str, code: &str| Promotion {
        level: PromotionLevel::Shop,
        shop: shop.into(),
        title: String::new(),
        amount: 1,
        coupon: Some(code.into()),
    };
    let shop = request().shops[0].shop.clone();
    let mut answer = quoted();
    answer.promotions = vec![promotion(&shop, "c1")];
    assert!(QuoteFrame::of(&request()).check(answer).is_ok());
    let coupon = |code: &str| BadOutput::Coupon(code.into());
    assert_eq!(broken(|q| q.promotions = vec![promotion(&shop, "c2")]), coupon("c2"));
    assert_eq!(broken(|q| q.promotions = vec![promotion("", "c1")]), coupon("c1"));
    assert_eq!(broken(|q| q.promotions = vec![promotion(&shop, "c1"), promotion(&shop, "c1")]), coupon("c1"));
    assert!(matches!(broken(|q| q.promotions = vec![promotion("elsewhere", "c1")]), BadOutput::PromotionShop(_)));
}

#[test]
fn texts_keys_and_stock_are_bounded() {
    assert_eq!(broken(|q| q.shops[0].items[0].title = "a\0".into()), BadOutput::Nul("the answer"));
    assert!(matches!(broken(|q| q.shops[0].items[0].title = "x".repeat(513)), BadOutput::TooLong { .. }));
    assert!(matches!(broken(|q| q.shops[0].items[0].attributes[0].0 = "Key".into()), BadOutput::Key { .. }));
    assert!(matches!(broken(|q| q.shops[0].items[0].attributes[0].1 = "x".repeat(4_096)), BadOutput::TooLong { .. }));
    assert_eq!(broken(|q| q.shops[0].items[0].stock[0].key.clear()), BadOutput::Empty("a stock key"));
    assert!(matches!(broken(|q| q.shops[0].items[0].stock[0].quantity = 0), BadOutput::OutOfBounds { .. }));
    assert!(matches!(broken(|q| q.pay_timeout_s = 0), BadOutput::OutOfBounds { .. }));
    assert!(matches!(broken(|q| q.shops[0].auto_receive_s = u32::MAX), BadOutput::OutOfBounds { .. }));
    let mut huge = quoted();
    huge.shops[0].items[0].title = "x".repeat(40_000);
    assert!(matches!(QuoteFrame::of(&request()).check(huge), Err(Refusal::TooLarge(_))));
}

#[test]
fn refused_lines_are_known() {
    let frame = QuoteFrame::of(&request());
    let refusal = |line| LineRefusal { line, code: "off-sale".into(), reason: "gone".into() };
    assert!(frame.check_refused(&[refusal(0), refusal(1)]).is_ok());
    for bad in [vec![], vec![refusal(2)], vec![refusal(0), refusal(0)]] {
        assert!(frame.check_refused(&bad).is_err());
    }
}

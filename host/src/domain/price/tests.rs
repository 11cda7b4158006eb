//! Sums and shares of priced carts.

use proptest::prelude::*;

use super::*;
use crate::domain::cart::{CartItem, CartShop};
use crate::domain::hook;
use crate::domain::order::{Channel, Mode};

fn cart(shops: &[(&str, &str, &[u32])]) -> Cart {
    let shops = shops.iter().map(|(shop, business, quantities)| CartShop {
        shop: shop.parse().unwrap(),
        business: business.parse().unwrap(),
        kind: 1,
        address: None,
        coupons: vec![],
        buyer_comment: String::new(),
        items: quantities
            .iter()
            .enumerate()
            .map(|(i, q)| CartItem { sku: format!("sku-{i}").parse().unwrap(), quantity: *q, extra: Pairs::new() })
            .collect(),
        extra: Pairs::new(),
    });
    Cart {
        buyer: "li".parse().unwrap(),
        mode: Mode::Wait,
        channel: Channel::Api,
        platform: 0,
        marketplace: 0,
        currency: "CNY".parse().unwrap(),
        shops: shops.collect(),
        platform_coupons: vec![],
        coins: 0,
        source: None,
        out_id: None,
        tags: vec![],
        extra: Pairs::new(),
    }
}

fn item(line: u32, original: i64, discount: i64, tax: i64) -> hook::PricedItem {
    hook::PricedItem {
        line,
        original,
        discount,
        tax,
        title: "A thing".into(),
        picture: String::new(),
        attributes: vec![],
        stock: vec![],
        extra: vec![],
    }
}

fn shop(name: &str, items: Vec<hook::PricedItem>, discount: i64, freight: i64) -> PricedShop {
    PricedShop {
        shop: name.into(),
        items,
        discount,
        freight,
        delivery: hook::Delivery::Parcel,
        auto_receive_s: 10,
        aftersale_window_s: 20,
        ship_within_s: 30,
        extra: vec![],
    }
}

fn quoted(shops: Vec<PricedShop>, platform: i64, coins: u64, third: i64) -> Quoted {
    Quoted {
        shops,
        platform_discount: platform,
        coins,
        third_party_discount: third,
        promotions: vec![],
        pay_timeout_s: 900,
        extra: vec![],
    }
}

#[test]
fn the_price_model_adds_up_at_three_levels() {
    let cart = cart(&[("s1", "goods", &[2, 1])]);
    let answer = quoted(vec![shop("s1", vec![item(0, 1000, 100, 50), item(1, 500, 0, 0)], 240, 800)], 160, 3, 50);
    let priced = price(&cart, &[answer], 100).unwrap();
    // L3: 1900 and 500; L2: 2400 − 240; L1: 2160 − 160; to pay 2000 + 800 + 50 − 300 − 50
    assert_eq!(priced.shops[0].items.iter().map(|i| i.price).collect::<Vec<_>>(), [1900, 500]);
    assert_eq!(priced.shops[0].amounts.price, 2160);
    assert_eq!(priced.amounts.price, 2000);
    assert_eq!(priced.amounts.to_pay, 2500);
    assert_eq!(priced.shops[0].items[0].share.shop_discount, 190);
}

#[test]
fn discounts_above_what_is_left_are_refused() {
    let one = cart(&[("s1", "goods", &[1])]);
    let quote = |d, p, t| quoted(vec![shop("s1", vec![item(0, 100, 0, 0)], d, 0)], p, 0, t);
    assert!(price(&one, &[quote(101, 0, 0)], 1).is_err());
    assert!(price(&one, &[quote(50, 51, 0)], 1).is_err());
    assert!(price(&one, &[quote(50, 0, 51)], 1).is_err());
    assert!(price(&one, &[quotd_overflow()], 1).is_err());
    assert!(price(&one, &[quote(50, 25, 25)], 1).is_ok());
}

fn quotd_overflow() -> Quoted {
    quoted(vec![shop("s1", vec![item(0, i64::MAX, 0, 0)], 0, 0)], 0, 0, 0)
}

#[test]
fn an_answer_that_leaves_out_a_line_or_a_shop_is_refused() {
    let two = cart(&[("s1", "goods", &[1, 1])]);
    let missing = quoted(vec![shop("s1", vec![item(0, 100, 0, 0)], 0, 0)], 0, 0, 0);
    assert!(matches!(price(&two, &[missing], 1), Err(PriceError::Unfit { .. })));
    assert!(matches!(price(&two, &[quoted(vec![], 0, 0, 0)], 1), Err(PriceError::Unfit { .. })));
}

proptest! {
    #[test]
    fn every_share_adds_up_and_none_exceeds_its_line(
        prices in prop::collection::vec((1_u32..5, 0_i64..100_000, 0_i64..500), 1..12),
        freight in 0_i64..5_000, shop_part in 0_i64..=100, platform_part in 0_i64..=100,
        coin_part in 0_i64..=100, third_part in 0_i64..=100, coin_value in 1_i64..=100,
    ) {
        let quantities: Vec<u32> = prices.iter().map(|p| p.0).collect();
        let items = prices.iter().enumerate().map(|(i, p)| item(u32::try_from(i).unwrap(), p.1, 0, p.2)).collect();
        let gross: i64 = prices.iter().map(|p| i64::from(p.0) * p.1).sum();
        let tax: i64 = prices.iter().map(|p| p.2).sum();
        let discount = gross * shop_part / 100;
        let platform = (gross - discount) * platform_part / 100;
        let due = gross - discount - platform + tax + freight;
        let coins = due * coin_part / 100 / coin_value;
        let third = (due - coins * coin_value) * third_part / 100;
        let cart = cart(&[("s1", "goods", &quantities)]);
        let quote = quoted(vec![shop("s1", items, discount, freight)], platform, u64::try_from(coins).unwrap(), third);
        let priced = price(&cart, &[quote], coin_value).unwrap();
        prop_assert_eq!(priced.amounts.to_pay, due - coins * coin_value - third);
        let shop = &priced.shops[0];
        let shares: Vec<Share> =
            shop.items.iter().map(|i| i.share).chain([shop.amounts.freight_share]).collect();
        for share in &shares {
            prop_assert!(share.cash >= 0 && share.coins >= 0 && share.coins_value >= 0 && share.third_party >= 0);
            prop_assert_eq!(share.due, share.cash + share.coins_value + share.third_party);
        }
        prop_assert_eq!(shares.iter().map(|s| s.coins).sum::<i64>(), coins);
        prop_assert_eq!(shares.iter().map(|s| s.third_party).sum::<i64>(), third);
        prop_assert_eq!(shares.iter().map(|s| s.shop_discount).sum::<i64>(), discount);
        prop_assert_eq!(shares.iter().map(|s| s.platform_discount).sum::<i64>(), platform);
    }
}

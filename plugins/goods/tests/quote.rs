//! What a cart of goods costs.

use hookline_goods::Goods;
use hookline_sdk::prelude::*;
use hookline_sdk::testing::{cart, coupon, item_request, quote, shop};
use serde_json::{Value, json};

fn tea() -> Value {
    json!({"title": "Tea", "picture": "tea.jpg", "price": 2_000, "grams": 300, "breaks": [{"from": 5, "price": 1_800}]})
}

fn freight() -> Value {
    json!({
        "freight": {
            "standard": {"first": 800, "first_grams": 1_000, "step": 200, "step_grams": 500},
            "free_over": 9_900,
            "regions": [{
                "provinces": ["Xinjiang"],
                "rate": {"first": 2_000, "first_grams": 1_000, "step": 900, "step_grams": 1_000}
            }]
        }
    })
}

fn address(province: &str) -> Address {
    let empty = String::new;
    Address {
        name: empty(),
        mobile: empty(),
        zip: empty(),
        country: empty(),
        province: province.to_owned(),
        city: empty(),
        district: empty(),
        town: empty(),
        detail: "1 Long Street".to_owned(),
    }
}

#[test]
fn a_cart_is_priced_as_a_whole() {
    let mut settings = freight();
    settings["coins_percent"] = json!(10);
    let mut request = cart(
        settings,
        [shop(
            "s1",
            [
                item_request("tea", 5, tea()),
                item_request("cup", 1, json!({"title": "Cup", "price": 990, "tax_bp": 1_300})),
            ],
        )],
    );
    request.shops[0].coupons = vec![coupon("S1", json!({"min": 9_000, "off": 500, "title": "500 off 9000"}))];
    request.platform_coupons = vec![coupon("P1", json!({"percent": 10, "cap": 300}))];
    request.coins = 5_000;
    let quoted = quote::<Goods>(&request).expect("a price");
    insta::assert_debug_snapshot!(quoted);
}

#[test]
fn a_quantity_break_counts_from_its_first_unit() {
    let price = |quantity| {
        let quoted = quote::<Goods>(&cart(json!({}), [shop("s1", [item_request("tea", quantity, tea())])]));
        quoted.expect("a price").shops[0].items[0].discount
    };
    assert_eq!((price(4), price(5), price(6)), (0, 1_000, 1_200));
}

#[test]
fn the_best_coupon_is_used_and_the_others_stay_free() {
    let mut request = cart(json!({}), [shop("s1", [item_request("tea", 1, tea())])]);
    request.platform_coupons = vec![
        coupon("out-of-reach", json!({"min": 10_000, "off": 1_500})),
        coupon("other", json!({"buy": 2, "get": 1})),
        coupon("small", json!({"off": 100})),
        coupon("large", json!({"percent": 20})),
        coupon("as-large", json!({"off": 400})),
    ];
    let quoted = quote::<Goods>(&request).expect("a price");
    assert_eq!(quoted.platform_discount, 400);
    assert_eq!(quoted.promotions[0].coupon.as_deref(), Some("large"));
}

#[test]
fn a_coupon_never_takes_more_than_the_goods_cost() {
    let mut request = cart(json!({}), [shop("s1", [item_request("tea", 1, tea())])]);
    request.shops[0].coupons = vec![coupon("S1", json!({"off": 999_999}))];
    request.platform_coupons = vec![coupon("P1", json!({"off": 999_999}))];
    let quoted = quote::<Goods>(&request).expect("a price");
    assert_eq!((quoted.shops[0].discount, quoted.platform_discount), (2_000, 0));
}

#[test]
fn coins_pay_up_to_their_percent_of_everything_left() {
    let mut settings = freight();
    settings["coins_percent"] = json!(50);
    let coins = |offered, coin_value| {
        let mut request = cart(settings.clone(), [shop("s1", [item_request("tea", 1, tea())])]);
        (request.coins, request.coin_value) = (offered, coin_value);
        quote::<Goods>(&request).expect("a price").coins
    };
    assert_eq!(coins(10_000, 1), 1_400, "half of 2000 and 800 freight");
    assert_eq!(coins(10_000, 300), 4, "whole coins only");
    assert_eq!(coins(7, 1), 7, "no more than offered");
    assert_eq!(coins(7, 0), 0, "worthless coins stay with the buyer");
}

#[test]
fn freight_follows_weight_and_region_until_it_is_free() {
    let freight = |quantity, province: Option<&str>| {
        let mut request = cart(freight(), [shop("s1", [item_request("tea", quantity, tea())])]);
        request.shops[0].address = province.map(address);
        quote::<Goods>(&request).expect("a price").shops[0].freight
    };
    assert_eq!(freight(3, Some("Zhejiang")), 800, "900 g");
    assert_eq!(freight(4, Some("Zhejiang")), 1_000, "1200 g");
    assert_eq!(freight(4, None), 1_000, "no address yet: the standard rate");
    assert_eq!(freight(4, Some("Xinjiang")), 2_900, "1200 g, far away");
    assert_eq!(freight(6, Some("Xinjiang")), 0, "goods of 10800");
}

#[test]
fn every_line_that_is_wrong_is_named() {
    let refused = quote::<Goods>(&cart(
        json!({}),
        [
            shop(
                "s1",
                [
                    item_request("old", 1, json!({"title": "Old", "price": 1, "off_sale": true})),
                    item_request("tea", 1, tea()),
                ],
            ),
            shop(
                "s2",
                [
                    item_request("few", 3, json!({"title": "Few", "price": 1, "max_quantity": 2})),
                    item_request("dear", 1, json!({"title": "Dear", "price": 1, "currency": "USD"})),
                    item_request("odd", 1, json!({"price": "free"})),
                    item_request("gift", 1, json!({"title": "Gift", "price": -1})),
                ],
            ),
        ],
    ));
    let refusals = refused.expect_err("a refusal");
    let codes: Vec<_> = refusals.lines().iter().map(|line| (line.line, line.code.as_str())).collect();
    assert_eq!(codes, [(0, "off-sale"), (2, "too-many"), (3, "wrong-currency"), (4, "bad-facts"), (5, "bad-facts")]);
}

#[test]
fn settings_and_amounts_that_make_no_sense_are_the_lines_fault() {
    let one = || [shop("s1", [item_request("tea", 2, tea())])];
    let unknown = quote::<Goods>(&cart(json!({"frieght": null}), one())).expect_err("a fault");
    assert!(unknown.lines().is_empty());
    let huge = item_request("gold", 2, json!({"title": "Gold", "price": i64::MAX}));
    assert!(quote::<Goods>(&cart(json!({}), [shop("s1", [huge])])).is_err());
}

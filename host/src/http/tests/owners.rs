//! Whose orders whom are shown: one pay order with a shop order of each of two lines, and everybody who asks for it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Host, NOW, somebody};
use crate::domain::decide::create::{LineTerms, Terms, create};
use crate::domain::hook::{self, PricedItem, PricedShop, Quoted};
use crate::domain::ids::{Digest, OrderNo, Slot};
use crate::domain::number::number;
use crate::domain::order::{Reserving, StockMode};
use crate::domain::price::price;
use crate::http::cart::CartBody;
use crate::identity::{Principal, Role};

const CART: &str = r#"{"mode":"wait","currency":"CNY","shops":[
    {"shop_id":"shop-1","business":"goods","type":1001,"items":[{"sku_id":"a","quantity":2}]},
    {"shop_id":"shop-2","business":"hotel","type":1002,"items":[{"sku_id":"b","quantity":1}]}]}"#;

/// Made by the buyer of [`somebody`]; answers the numbers of L1 and both L2.
pub(super) async fn order(host: &Host) -> [OrderNo; 3] {
    order_reserving(host, Reserving::AtCreate).await
}

/// The same of lines that hold stock at another time; then its items take of the key `thing`, which nobody has.
pub(super) async fn order_reserving(host: &Host, reserving: Reserving) -> [OrderNo; 3] {
    let buyer = somebody(Role::Buyer);
    let cart = serde_json::from_str::<CartBody>(CART).unwrap().into_cart(&buyer).unwrap();
    let slot = Slot::of(&buyer.subject);
    let numbers: Vec<i64> = (0..5).map(|sequence| number(NOW, sequence, slot)).collect();
    let mut quotes = [quoted("shop-1", 1_000, 300), quoted("shop-2", 5_000, 0)];
    if reserving != Reserving::AtCreate {
        for item in quotes.iter_mut().flat_map(|quote| &mut quote.shops[0].items) {
            item.stock = vec![hook::StockNeed { key: "thing".into(), quantity: 1 }];
        }
    }
    let line = || LineTerms { plugin: Digest([7; 32]), stock: StockMode::Reserve, reserving, compensate_ms: 20_000 };
    let terms = Terms {
        at: NOW,
        actor: "buyer:some-buyer".into(),
        pay_no: OrderNo(numbers[0]),
        numbers: numbers[1..].to_vec(),
        lines: vec![line(), line()],
        methods: vec!["sandbox".into()],
        coin_value: 1,
        catalogue_revision: 1,
    };
    let (change, tree) = create(&cart, price(&cart, &quotes, 1).unwrap(), terms);
    host.app.store.commit(change).await.unwrap();
    [tree.pay.no, tree.shops[0].no, tree.shops[1].no]
}

fn quoted(shop: &str, original: i64, discount: i64) -> Quoted {
    let item = PricedItem {
        line: 0,
        original,
        discount,
        tax: 10,
        title: "A thing".into(),
        picture: String::new(),
        attributes: vec![],
        stock: vec![],
        extra: vec![],
    };
    let shop = PricedShop {
        shop: shop.into(),
        items: vec![item],
        discount: 100,
        freight: 50,
        delivery: hook::Delivery::Parcel,
        auto_receive_s: 10,
        aftersale_window_s: 20,
        ship_within_s: 30,
        extra: vec![],
    };
    Quoted {
        shops: vec![shop],
        platform_discount: 0,
        coins: 0,
        third_party_discount: 0,
        promotions: vec![],
        pay_timeout_s: 900,
        extra: vec![],
    }
}

#[tokio::test]
async fn each_sees_what_is_theirs() {
    let host = Host::start().await;
    let [pay, goods, hotel] = order(&host).await;
    let admin = host.token(somebody(Role::Admin));
    for (code, kind) in [("goods", 1001), ("hotel", 1002)] {
        let body = json!({"code": code, "name": code, "order_types": [kind]}).to_string();
        assert_eq!(host.send(Some(&admin), "POST", "/admin/v1/businesses", &body).await.status, StatusCode::CREATED);
    }
    let shop = |shops: &[&str]| Principal {
        shops: shops.iter().map(|&shop| shop.to_owned()).collect(),
        ..somebody(Role::Shop)
    };
    let business = |line: &str| Principal { business: Some(line.to_owned()), ..somebody(Role::Business) };
    // Who; how many shop orders they see through L1; whether they see each of the two alone.
    let table = [
        (somebody(Role::Buyer), 2, true, true),
        (Principal::buyer("somebody-else"), 0, false, false),
        (shop(&["shop-1"]), 1, true, false),
        (shop(&["shop-1", "shop-2"]), 2, true, true),
        (shop(&["shop-3"]), 0, false, false),
        (business("goods"), 1, true, false),
        (business("hotel"), 1, false, true),
        (business("flight"), 0, false, false),
        (somebody(Role::Operator), 2, true, true),
        (somebody(Role::Admin), 2, true, true),
    ];
    for (who, seen, first, second) in table {
        let token = host.token(who.clone());
        let get = async |no: OrderNo| host.send(Some(&token), "GET", &format!("/api/v1/orders/{no}"), "").await;
        let whole: Answer = get(pay).await;
        let shown = whole.body["shop_orders"].as_array().map_or(0, Vec::len);
        assert_eq!(shown, seen, "{who:?}: {whole:?}");
        assert_eq!(whole.status == StatusCode::OK, seen > 0, "{who:?}");
        assert_eq!(whole.body["amounts"].is_object(), seen == 2, "{who:?}");
        assert_eq!(get(goods).await.status == StatusCode::OK, first, "{who:?}");
        assert_eq!(get(hotel).await.status == StatusCode::OK, second, "{who:?}");
        if who.shops.len() < 2 {
            let list = host.send(Some(&token), "GET", "/api/v1/orders", "").await;
            assert_eq!(list.body["orders"].as_array().map(Vec::len), Some(seen), "{who:?}: {list:?}");
        }
        if who.role == Role::Buyer && seen == 0 {
            for (method, step) in [("PUT", "cancel"), ("POST", "receive")] {
                let answer = host.send(Some(&token), method, &format!("/api/v1/orders/{pay}/{step}"), "").await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{step}: {answer:?}");
            }
            let body = r#"{"payment_method":"sandbox"}"#;
            let answer = host.send(Some(&token), "POST", &format!("/api/v1/orders/{pay}/pay"), body).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn an_order_is_shown_with_all_its_levels() {
    let host = Host::start().await;
    let [pay, ..] = order(&host).await;
    let token = host.token(somebody(Role::Buyer));
    let answer = host.send(Some(&token), "GET", &format!("/api/v1/orders/{pay}"), "").await;
    for level in [&answer.body["amounts"], &answer.body["shop_orders"][0]["amounts"]] {
        let part = |name: &str| level[name].as_i64().unwrap();
        let total = part("original_amount") + part("shipping_fee") + part("tax_amount") - part("discount_amount");
        assert_eq!(total, part("total_amount"));
    }
    insta::assert_json_snapshot!(answer.body);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let host = Host::start().await;
    let [_, goods, hotel] = order(&host).await;
    let token = host.token(somebody(Role::Buyer));
    let mut seen: Vec<Value> = Vec::new();
    let mut next = Value::Null;
    loop {
        let cursor = next.as_str().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = host.send(Some(&token), "GET", &format!("/api/v1/orders?limit=1{cursor}"), "").await.body;
        seen.extend(page["orders"].as_array().unwrap().iter().map(|order| order["order_no"].clone()));
        next = page["next"].clone();
        if next.is_null() {
            break;
        }
    }
    assert_eq!(seen, [json!(goods.max(hotel)), json!(goods.min(hotel))]);
}

#[tokio::test]
async fn the_sandbox_page_pays() {
    let host = Host::start().await;
    let [pay, ..] = order(&host).await;
    let token = host.token(somebody(Role::Buyer));
    let body = r#"{"payment_method":"sandbox"}"#;
    let path = format!("/api/v1/orders/{pay}/pay");
    let payment = host.send(Some(&token), "POST", &path, body).await;
    assert_eq!(payment.status, StatusCode::OK, "{payment:?}");
    let no = payment.body["payment_no"].as_str().unwrap();
    let page = format!("/sandbox/pay/{no}");
    assert!(payment.body["pay_url"].as_str().unwrap().ends_with(&page));
    let html = host.send(None, "GET", &page, "").await;
    assert!(html.body.as_str().unwrap().contains("6620 minor units of CNY, pending"), "{html:?}");
    let bad = host.send(None, "POST", &page, "outcome=maybe").await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    for outcome in ["pay_lost", "refunds_wait", "pay_twice", "pay"] {
        let pressed = host.send(None, "POST", &page, &format!("outcome={outcome}")).await;
        assert_eq!(pressed.status, StatusCode::SEE_OTHER, "{pressed:?}");
    }
    let polled = host.send(Some(&token), "GET", &format!("/api/v1/payments/{no}"), "").await;
    assert_eq!(polled.body["status"], "succeeded", "{polled:?}");
    let html = host.send(None, "GET", &page, "").await;
    assert!(html.body.as_str().unwrap().contains("Its refunds wait"), "{html:?}");
}

//! Numbers for others' ids, orders that nobody sees yet, and what can be done to an order before it is paid.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::owners::{order, order_reserving};
use super::{Answer, Host, somebody};
use crate::domain::ids::OrderNo;
use crate::domain::order::Reserving;
use crate::identity::{Principal, Role};

const NUMBERS: &str = "/api/v1/order-numbers";

fn code(answer: &Answer) -> (u16, &str) {
    let kind = answer.body["type"].as_str().unwrap_or_default();
    (answer.status.as_u16(), kind.rsplit(':').next().unwrap_or_default())
}

#[tokio::test]
async fn the_same_id_of_the_same_buyer_always_gets_the_same_number() {
    let host = Host::start().await;
    let buyer = host.token(somebody(Role::Buyer));
    let other = host.token(Principal::buyer("somebody-else"));
    let take = async |who: &str, body: Value| host.send(Some(who), "POST", NUMBERS, &body.to_string()).await;
    let number = async |who: &str, body: Value| take(who, body).await.body["order_no"].as_str().unwrap().to_owned();

    let mine = number(&buyer, json!({"external_id": "订单-7"})).await;
    assert_eq!(number(&buyer, json!({"external_id": "订单-7"})).await, mine);
    let different = [
        number(&buyer, json!({"external_id": "订单-8"})).await,
        number(&buyer, json!({"third_party_payment_id": "订单-7"})).await,
        number(&other, json!({"external_id": "订单-7"})).await,
        number(&buyer, json!({})).await,
    ];
    assert!(different.iter().all(|no| *no != mine), "{different:?}");

    for wrong in [
        json!({"external_id": "a", "third_party_payment_id": "b"}),
        json!({"external_id": ""}),
        json!({"external_id": "x".repeat(129)}),
        json!({"third_party_payment_id": "line\nbreak"}),
    ] {
        assert_eq!(code(&take(&buyer, wrong.clone()).await), (400, "bad-body"), "{wrong}");
    }
    assert_eq!(take(&buyer, json!({"external_id": "x".repeat(128)})).await.status, StatusCode::CREATED);

    let keyed =
        async |body: &str| host.send_with(Some(&buyer), "POST", NUMBERS, body, &[("idempotency-key", "once")]).await;
    assert_eq!(keyed("{}").await.body, keyed("{}").await.body);
    assert_eq!(code(&keyed(r#"{"external_id":"other"}"#).await), (422, "idempotency-key-reused"));
}

#[tokio::test]
async fn an_order_that_is_not_visible_yet_is_there_for_nobody_but_reading_staff() {
    let host = Host::start().await;
    let numbers = order_reserving(&host, Reserving::BeforeVisible).await;
    let everybody = [Role::Buyer, Role::Shop, Role::Business, Role::Operator, Role::Admin];
    for role in everybody {
        let token = host.token(somebody(role));
        let staff = matches!(role, Role::Operator | Role::Admin);
        for no in numbers {
            let read = host.send(Some(&token), "GET", &format!("/api/v1/orders/{no}"), "").await;
            assert_eq!(read.status == StatusCode::OK, staff, "{role} {read:?}");
            let calls = [
                ("PUT", "cancel", "{}"),
                ("POST", "pay", r#"{"payment_method":"sandbox"}"#),
                ("POST", "split", "{}"),
                ("PUT", "price", r#"{"discount_minor":1}"#),
                ("PUT", "address", r#"{"address":{"city":"Lhasa"}}"#),
                ("POST", "receive", "{}"),
                ("POST", "forward", "{}"),
                ("POST", "compensate", "{}"),
                ("POST", "refund", r#"{"reason":"x"}"#),
            ];
            for (method, step, body) in calls {
                let answer = host.send(Some(&token), method, &format!("/api/v1/orders/{no}/{step}"), body).await;
                let closed = matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN);
                assert!(closed, "{role} {step}: {answer:?}");
            }
            let body = json!({"orders": [no, OrderNo(no.0 + 1024)]}).to_string();
            let merged = host.send(Some(&token), "POST", "/api/v1/orders/merge", &body).await;
            assert!(matches!(merged.status.as_u16(), 403 | 404), "{merged:?}");
        }
        let list = host.send(Some(&token), "GET", "/api/v1/orders", "").await;
        assert!(staff || list.body["orders"] == json!([]), "{role} {list:?}");
    }
}

#[tokio::test]
async fn an_order_without_its_stock_cannot_be_paid_split_or_merged_yet() {
    let host = Host::start().await;
    let [pay, goods, _] = order_reserving(&host, Reserving::Later).await;
    let buyer = host.token(somebody(Role::Buyer));
    let send = async |path: String, body: &str| host.send(Some(&buyer), "POST", &path, body).await;
    let paid = send(format!("/api/v1/orders/{pay}/pay"), r#"{"payment_method":"sandbox"}"#).await;
    assert_eq!(code(&paid), (409, "stock-pending"), "{paid:?}");
    assert_eq!(paid.headers["retry-after"], "1");
    assert_eq!(code(&send(format!("/api/v1/orders/{goods}/split"), "{}").await), (409, "stock-pending"));
    assert_eq!(
        code(&send("/api/v1/orders/merge".into(), &json!({"orders": [pay, pay]}).to_string()).await),
        (409, "stock-pending")
    );
}

#[tokio::test]
async fn a_shop_order_is_split_off_by_its_buyer_once() {
    let host = Host::start().await;
    let [pay, goods, hotel] = order(&host).await;
    let buyer = host.token(somebody(Role::Buyer));
    let other = host.token(Principal::buyer("somebody-else"));
    let split = async |who: &str, no: OrderNo, key: &str| {
        let path = format!("/api/v1/orders/{no}/split");
        host.send_with(Some(who), "POST", &path, "{}", &[("idempotency-key", key)]).await
    };
    assert_eq!(code(&split(&other, goods, "a").await), (404, "not-found"));
    let wrong = split(&buyer, pay, "b").await;
    assert_eq!(code(&wrong), (409, "wrong-level"));
    assert_eq!(wrong.body["shop_order_nos"], json!([goods, hotel]));

    // The open payment of the whole is closed first.
    let body = r#"{"payment_method":"sandbox"}"#;
    let whole = host.send(Some(&buyer), "POST", &format!("/api/v1/orders/{pay}/pay"), body).await;
    let made = split(&buyer, hotel, "c").await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(split(&buyer, hotel, "c").await.body, made.body, "a repeat is answered as the first");
    let no = whole.body["payment_no"].as_str().unwrap();
    assert_eq!(host.send(Some(&buyer), "GET", &format!("/api/v1/payments/{no}"), "").await.body["status"], "closed");

    let new = made.body["order_no"].as_str().unwrap();
    let read = async |no: &str| host.send(Some(&buyer), "GET", &format!("/api/v1/orders/{no}"), "").await.body;
    let (left, taken) = (read(&pay.to_string()).await, read(new).await);
    let to_pay = |order: &Value| order["amounts"]["total_amount"].as_i64().unwrap();
    assert_eq!((to_pay(&left) + to_pay(&taken), to_pay(&taken)), (6_620, made.body["to_pay"].as_i64().unwrap()));
    assert_eq!(left["shop_orders"].as_array().unwrap().len(), 1);
    assert_eq!(taken["shop_orders"][0]["order_no"], json!(hotel));
    for order in [pay.to_string().as_str(), new] {
        let paid = host.send(Some(&buyer), "POST", &format!("/api/v1/orders/{order}/pay"), body).await;
        assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    }
    assert_eq!(code(&split(&buyer, hotel, "d").await), (409, "only-shop-order"));
}

#[tokio::test]
async fn the_seller_lowers_the_price_and_a_snapshot_tells_of_it() {
    let host = Host::start().await;
    let [pay, goods, hotel] = order(&host).await;
    let [buyer, seller, operator] = [Role::Buyer, Role::Shop, Role::Operator].map(|role| host.token(somebody(role)));
    let price = async |who: &str, no: OrderNo, discount: i64| {
        let body = json!({"discount_minor": discount, "remark": "a good customer"}).to_string();
        host.send(Some(who), "PUT", &format!("/api/v1/orders/{no}/price"), &body).await
    };
    assert_eq!(price(&buyer, goods, 100).await.status, StatusCode::FORBIDDEN);
    assert_eq!(code(&price(&seller, hotel, 100).await), (404, "not-found"));
    assert_eq!(code(&price(&operator, pay, 100).await), (409, "wrong-level"));
    let body = r#"{"payment_method":"sandbox"}"#;
    let path = format!("/api/v1/orders/{pay}/pay");
    let first = host.send(Some(&buyer), "POST", &path, body).await;
    // What is refused closes no payment.
    assert_eq!(code(&price(&seller, goods, 1_000_000).await), (409, "price-too-low"));
    assert_eq!(host.send(Some(&buyer), "POST", &path, body).await.body, first.body);

    let lowered = price(&seller, goods, 100).await;
    assert_eq!((lowered.status, &lowered.body["to_pay"]), (StatusCode::OK, &json!(1_560)), "its own: {lowered:?}");
    assert_eq!(lowered.body["shop_orders"].as_array().unwrap().len(), 1, "the other shop's order is not the seller's");
    assert_eq!(code(&price(&seller, goods, 99).await), (409, "price-only-lowers"));
    let second = host.send(Some(&buyer), "POST", &path, body).await;
    assert_eq!(
        (second.body["amount"].as_i64(), second.body["payment_no"] == first.body["payment_no"]),
        (Some(6_520), false)
    );
    let read = host.send(Some(&buyer), "GET", &format!("/api/v1/orders/{pay}"), "").await.body;
    assert_eq!(read["shop_orders"][0]["promotion_amount"], 100);
    assert_eq!(read["shop_orders"][0]["amounts"]["total_amount"], 1_560);

    let snapshot = async |who: &str, no: OrderNo, query: &str| {
        host.send(Some(who), "GET", &format!("/api/v1/orders/{no}/snapshot{query}"), "").await
    };
    let taken = snapshot(&buyer, hotel, "").await;
    assert_eq!(taken.status, StatusCode::OK, "{taken:?}");
    assert_eq!(taken.body["order_no"], json!(pay));
    assert_eq!(taken.body["detail"]["amounts"]["to_pay"], 6_520);
    assert_eq!(taken.body["detail"]["shop_orders"][0]["amounts"]["reprice"], 100);
    let version = taken.body["version"].as_i64().unwrap();
    assert_eq!(snapshot(&operator, pay, &format!("?version={version}")).await.body, taken.body);
    assert_eq!(snapshot(&buyer, pay, "?version=999").await.status, StatusCode::NOT_FOUND);
    assert_eq!(snapshot(&seller, goods, "").await.status, StatusCode::NOT_FOUND, "it shows the other shop's, too");
    let stranger = host.token(Principal::buyer("somebody-else"));
    assert_eq!(snapshot(&stranger, pay, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_snapshots_digest_is_that_of_its_detail_byte_by_byte() {
    let host = Host::start().await;
    let [pay, goods, _] = order(&host).await;
    let operator = host.token(somebody(Role::Operator));
    let body = r#"{"discount_minor":1}"#;
    host.send(Some(&operator), "PUT", &format!("/api/v1/orders/{goods}/price"), body).await;
    let request = axum::http::Request::builder()
        .uri(format!("/api/v1/orders/{pay}/snapshot"))
        .header("authorization", format!("Bearer {operator}"))
        .body(axum::body::Body::empty())
        .unwrap();
    let text = host.text(request).await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    let detail = text.split_once(r#""detail":"#).unwrap().1.strip_suffix('}').unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, detail.as_bytes());
    assert_eq!(answer["digest"], hex::encode(digest.as_ref()));
}

#[tokio::test]
async fn staff_see_the_shard_that_the_operator_counts() {
    let host = Host::start().await;
    let [pay, ..] = order(&host).await;
    let read = async |role| {
        let token = host.token(somebody(role));
        host.send(Some(&token), "GET", &format!("/api/v1/orders/{pay}"), "").await.body
    };
    let shards = host.app.settings.shards;
    assert_eq!(read(Role::Operator).await["shard"], json!(shards.of(pay.slot())));
    assert!(read(Role::Buyer).await.get("shard").is_none() && read(Role::Business).await.get("shard").is_none());
}

#[tokio::test]
async fn a_seller_is_told_of_no_other_sellers_shop_orders() {
    let host = Host::start().await;
    let [_, goods, _] = order(&host).await;
    let seller = host.token(somebody(Role::Shop));
    let send = async |method: &str, no: &str, step: &str, body: &str| {
        let path = format!("/api/v1/orders/{no}/{step}");
        host.send_with(Some(&seller), method, &path, body, &[("idempotency-key", "again")]).await
    };
    let mine = |answer: &Answer| {
        let shops = answer.body["shop_orders"].as_array().unwrap();
        shops.iter().map(|shop| shop["order_no"].clone()).collect::<Vec<_>>()
    };
    let first = send("PUT", &goods.to_string(), "price", r#"{"discount_minor":1}"#).await;
    assert_eq!(mine(&first), [json!(goods)]);
    let again = send("PUT", &goods.to_string(), "price", r#"{"discount_minor":1}"#).await;
    assert_eq!(mine(&again), [json!(goods)], "a repeat tells no more");
    let item = first.body["shop_orders"][0]["items"][0].as_str().unwrap();
    let wrong = send("PUT", item, "price", r#"{"discount_minor":2}"#).await;
    assert_eq!((code(&wrong).1, &wrong.body["shop_order_nos"]), ("idempotency-key-reused", &Value::Null));
    let path = format!("/api/v1/orders/{item}/price");
    let wrong = host.send(Some(&seller), "PUT", &path, r#"{"discount_minor":2}"#).await;
    assert_eq!((code(&wrong), &wrong.body["shop_order_nos"]), ((409, "wrong-level"), &json!([goods])));
    let line = host.token(somebody(Role::Business));
    for step in ["forward", "compensate"] {
        let path = format!("/api/v1/orders/{goods}/{step}");
        let answer = host.send(Some(&line), "POST", &path, "{}").await;
        assert!(answer.status == StatusCode::NOT_FOUND || mine(&answer) == [json!(goods)], "{answer:?}");
    }
}

#[tokio::test]
async fn a_merge_that_is_refused_closes_no_payment() {
    let host = Host::start().await;
    let [pay, ..] = order(&host).await;
    let buyer = host.token(somebody(Role::Buyer));
    let body = r#"{"payment_method":"sandbox"}"#;
    let opened = host.send(Some(&buyer), "POST", &format!("/api/v1/orders/{pay}/pay"), body).await;
    let twice = json!({"orders": [pay, pay]}).to_string();
    let merged = host.send(Some(&buyer), "POST", "/api/v1/orders/merge", &twice).await;
    assert_eq!(code(&merged).1, "bad-body", "{merged:?}");
    let no = opened.body["payment_no"].as_str().unwrap();
    let payment = host.send(Some(&buyer), "GET", &format!("/api/v1/payments/{no}"), "").await;
    assert_eq!(payment.body["status"], "pending", "{payment:?}");
}

//! Bad bodies are named: what is wrong, where, and what was expected.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use super::{Host, somebody};
use crate::identity::Role;

const GOOD: &str = r#"{"mode":"wait","currency":"CNY","shops":[{"shop_id":"shop-1","business":"goods","type":1001,
    "items":[{"sku_id":"a","quantity":1}]}]}"#;

#[tokio::test]
async fn a_bad_cart_is_told_what_is_wrong_with_it() {
    let host = Host::start().await;
    let buyer = host.token(somebody(Role::Buyer));
    let many = |what: &str, count: usize| vec![what; count].join(",");
    let item = r#"{"sku_id":"a","quantity":1}"#;
    let shop = r#"{"shop_id":"s","business":"goods","type":1,"items":[{"sku_id":"a","quantity":1}]}"#;
    let cases: Vec<(String, &str, &str)> = vec![
        ("{".into(), "malformed-json", "EOF while parsing"),
        (GOOD.replace("\"wait\",", "\"wait\" "), "malformed-json", "at line 1 column"),
        (format!("{GOOD} x"), "malformed-json", "trailing characters"),
        ("[]".into(), "bad-body", "invalid"),
        (GOOD.replace("\"mode\"", "\"mood\""), "bad-body", "unknown field `mood`"),
        (GOOD.replace("\"sku_id\"", "\"sku\""), "bad-body", "shops[0].items[0].sku: unknown field"),
        (GOOD.replace("\"wait\"", "\"later\""), "bad-body", "mode: unknown variant `later`"),
        (GOOD.replace("\"CNY\"", "\"XYZ\""), "bad-body", "currency: currency must be an ISO 4217 code"),
        (GOOD.replace(":1001", ":\"1001\""), "bad-body", "shops[0].type: invalid type: string"),
        (GOOD.replace("\"quantity\":1", "\"quantity\":0"), "bad-body", "shops[0].items[0].quantity: invalid value"),
        (GOOD.replace("\"quantity\":1", "\"quantity\":-1"), "bad-body", "a whole number from 1 to 1000000"),
        (GOOD.replace("\"quantity\":1", "\"quantity\":4294967296"), "bad-body", "integer `4294967296`"),
        (GOOD.replace("\"quantity\":1", "\"quantity\":99999999999999999999"), "bad-body", "quantity: invalid type"),
        (GOOD.replace("\"quantity\":1", "\"quantity\":1.5"), "bad-body", "floating point"),
        (GOOD.replace("\"CNY\"", "\"CNY\",\"coins\":9007199254740992"), "bad-body", "coins: invalid value"),
        (GOOD.replace("\"CNY\"", "\"CNY\",\"expected_to_pay\":-5"), "bad-body", "expected_to_pay: invalid value"),
        (GOOD.replace("\"a\"", "\"a\\u0000\""), "bad-body", "NUL"),
        (GOOD.replace("\"shop-1\"", "\"\""), "bad-body", "shop_id: shop_id must be 1 to 64 printable"),
        (GOOD.replace("\"goods\"", "\"Goods!\""), "bad-body", "business must be"),
        (GOOD.replace("\"CNY\"", "\"CNY\",\"order_no\":17"), "bad-body", "order_no: invalid type: integer `17`"),
        (format!(r#"{{"mode":"wait","currency":"CNY","shops":[{}]}}"#, many(shop, 21)), "bad-body", "1 to 20 shops"),
        (r#"{"mode":"wait","currency":"CNY","shops":[]}"#.into(), "bad-body", "1 to 20 shops"),
        (GOOD.replace(item, &many(item, 201)), "bad-body", "at most 200 lines"),
        (GOOD.replace(item, ""), "bad-body", "shops[0].items: a shop has at least one line"),
        (GOOD.replace("\"quantity\":1", "\"quantity\":1,\"quantity\":2"), "bad-body", "duplicate field `quantity`"),
        (String::new(), "bad-body", "the body is empty: missing field `mode`"),
    ];
    for (body, code, detail) in cases {
        for path in ["/api/v1/orders", "/api/v1/quotes"] {
            let answer = host.send(Some(&buyer), "POST", path, &body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {answer:?}");
            assert_eq!(answer.body["type"], format!("urn:hookline:problem:{code}"), "{body}: {answer:?}");
            assert!(answer.body["detail"].as_str().unwrap().contains(detail), "{body}: {answer:?}");
            assert_eq!(answer.headers["content-type"], "application/problem+json");
        }
    }
    // The good one gets past the parser: nobody registered the line.
    let answer = host.send(Some(&buyer), "POST", "/api/v1/orders", GOOD).await;
    assert_eq!(answer.body["type"], "urn:hookline:problem:unknown-business", "{answer:?}");
}

#[tokio::test]
async fn limits_of_http_answer_in_kind() {
    let host = Host::start().await;
    let buyer = host.token(somebody(Role::Buyer));
    let large = format!("{}{}", GOOD, " ".repeat(host.app.settings.request_limit));
    let answer = host.send(Some(&buyer), "POST", "/api/v1/orders", &large).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let announced = host.send_with(None, "POST", "/api/v1/orders", "", &[("content-length", "99999999")]).await;
    assert_eq!(announced.status, StatusCode::PAYLOAD_TOO_LARGE, "before anything is verified");

    let plain = Request::post("/api/v1/orders")
        .header("authorization", format!("Bearer {buyer}"))
        .header("content-type", "text/plain")
        .body(Body::from(GOOD))
        .unwrap();
    assert_eq!(host.answer(plain).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);

    let long = "k".repeat(256);
    for key in ["", long.as_str()] {
        let answer = host.send_with(Some(&buyer), "POST", "/api/v1/orders", GOOD, &[("idempotency-key", key)]).await;
        assert_eq!(answer.body["type"], "urn:hookline:problem:bad-idempotency-key", "{answer:?}");
    }
}

#[tokio::test]
async fn bad_numbers_and_searches_are_named() {
    let host = Host::start().await;
    let operator = host.token(somebody(Role::Operator));
    for (path, detail) in [
        ("/api/v1/orders/P1", "order_no must be"),
        ("/api/v1/orders/99999999999999999999", "order_no must be"),
        ("/api/v1/payments/1", "payment_no must be"),
        ("/api/v1/orders?limit=0", "limit must be 1 to 200"),
        ("/api/v1/orders?limit=x", "invalid digit"),
        ("/api/v1/orders?status=lost", "status must be one of created"),
        ("/api/v1/orders?colour=red", "unknown field `colour`"),
        ("/api/v1/orders?cursor=x", "cursor must be"),
        ("/api/v1/orders?out_id=a%00b", "%00 stands for nothing"),
        ("/api/v1/waybills/a%00b/tracks", "%00 stands for nothing"),
        ("/admin/v1/operate-log?operator=a%00b", "%00 stands for nothing"),
    ] {
        let answer = host.send(Some(&operator), "GET", path, "").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {answer:?}");
        assert!(answer.body["detail"].as_str().unwrap().contains(detail), "{path}: {answer:?}");
    }
    for (search, most) in [
        ("/api/v1/orders?out_id", 128),
        ("/admin/v1/operate-log?operator", 160),
        ("/admin/v1/operate-log?operator=operator:zhang&operation", 64),
    ] {
        let answer =
            async |length| host.send(Some(&operator), "GET", &format!("{search}={}", "x".repeat(length)), "").await;
        assert_eq!(answer(most).await.status, StatusCode::OK, "{search}");
        let longer = answer(most + 1).await;
        assert_eq!(longer.body["type"], "urn:hookline:problem:bad-query", "{search}: {longer:?}");
    }
}

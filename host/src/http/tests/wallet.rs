//! Wallets: funds in and out once for each reference, statements, and the check of the book.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Host, somebody};
use crate::domain::ids::Millis;
use crate::identity::{Principal, Role};

const TOP_UP: &str = "/admin/v1/wallets/lilei/top-up";
const WITHDRAW: &str = "/admin/v1/wallets/lilei/withdraw";

fn funds(amount: i64, reference: &str) -> String {
    json!({"unit": "CNY", "amount": amount, "reference": reference}).to_string()
}

#[tokio::test]
async fn a_wallet_is_topped_up_once_for_each_reference() {
    let host = Host::start().await;
    let operator = host.token(somebody(Role::Operator));
    for _ in 0..2 {
        let answer = host.send(Some(&operator), "POST", TOP_UP, &funds(500, "r1")).await;
        let balances = json!([{"unit": "CNY", "available": 500, "held": 0}]);
        assert_eq!(answer.body, json!({"buyer": "lilei", "balances": balances}), "{answer:?}");
    }
    let other = host.send(Some(&operator), "POST", TOP_UP, &funds(600, "r1")).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{other:?}");
    assert_eq!(other.body["type"], "urn:hookline:problem:reference-reused");
    let coins = host.send(Some(&operator), "POST", TOP_UP, r#"{"unit":"COINS","amount":7,"reference":"r2"}"#).await;
    assert_eq!(coins.body["balances"].as_array().unwrap().len(), 2, "{coins:?}");
    let none = host.send(Some(&operator), "POST", TOP_UP, &funds(0, "r3")).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_reference_is_used_up_for_ever() {
    let host = Host::start().await;
    let operator = host.token(somebody(Role::Operator));
    host.send(Some(&operator), "POST", TOP_UP, &funds(500, "r1")).await;
    host.send(Some(&operator), "POST", WITHDRAW, &funds(500, "w1")).await;
    // Whatever is kept for a day only is gone.
    let later: Millis = super::NOW + 40 * 86_400_000;
    while host.app.store.purge(later).await.unwrap() != crate::store::Purged::default() {}
    let again = host.send(Some(&operator), "POST", TOP_UP, &funds(500, "r1")).await;
    assert_eq!(again.body["balances"][0]["available"], 0, "{again:?}");
    let again = host.send(Some(&operator), "POST", WITHDRAW, &funds(500, "w1")).await;
    assert_eq!(again.status, StatusCode::OK, "a repeat, although nothing is left: {again:?}");
    for (path, reference) in [(TOP_UP, "r1"), (WITHDRAW, "w1")] {
        let other = host.send(Some(&operator), "POST", path, &funds(501, reference)).await;
        assert_eq!(other.body["type"], "urn:hookline:problem:reference-reused", "{other:?}");
    }
}

#[tokio::test]
async fn no_more_is_withdrawn_than_is_there() {
    let host = Host::start().await;
    let operator = host.token(somebody(Role::Operator));
    host.send(Some(&operator), "POST", TOP_UP, &funds(500, "r1")).await;
    let taken = host.send(Some(&operator), "POST", WITHDRAW, &funds(200, "w1")).await;
    assert_eq!(taken.body["balances"], json!([{"unit": "CNY", "available": 300, "held": 0}]), "{taken:?}");
    let short = host.send(Some(&operator), "POST", WITHDRAW, &funds(301, "w2")).await;
    assert_eq!(short.status, StatusCode::CONFLICT, "{short:?}");
    assert_eq!(short.body["type"], "urn:hookline:problem:insufficient-balance");
    let nobody = host.send(Some(&operator), "POST", &WITHDRAW.replace("lilei", "x"), &funds(1, "w1")).await;
    assert_eq!(nobody.body["type"], "urn:hookline:problem:insufficient-balance", "{nobody:?}");
    let audit = host.app.store.audit(i64::MAX, 10).await.unwrap();
    assert_eq!(audit.iter().filter(|row| row.action == "wallet.withdraw").count(), 1);
}

#[tokio::test]
async fn a_buyer_reads_its_own_statement_only() {
    let host = Host::start().await;
    let operator = host.token(somebody(Role::Operator));
    for n in 1..=3 {
        host.send(Some(&operator), "POST", TOP_UP, &funds(n * 100, &format!("r:{n}"))).await;
    }
    host.send(Some(&operator), "POST", WITHDRAW, &funds(50, "w1")).await;
    let lilei = host.token(Principal { subject: "lilei".into(), ..somebody(Role::Buyer) });
    let balances = host.send(Some(&lilei), "GET", "/api/v1/wallet", "").await;
    assert_eq!(balances.body["balances"], json!([{"unit": "CNY", "available": 550, "held": 0}]));
    let path = "/api/v1/wallet/statement?unit=CNY&limit=2";
    let page = host.send(Some(&lilei), "GET", path, "").await;
    let entry = |number: i64, operation: &str, reference: &str, available: i64, after: i64| {
        json!({"number": number, "operation": operation, "reference": reference, "order_no": null,
            "available": available, "held": 0, "available_after": after, "held_after": 0,
            "at": "2026-09-21T14:13:20Z"})
    };
    let first = json!([entry(4, "withdraw", "w1", -50, 550), entry(3, "top_up", "r:3", 300, 600)]);
    assert_eq!(page.body, json!({"buyer": "lilei", "unit": "CNY", "entries": first, "next": "3"}));
    let page = host.send(Some(&lilei), "GET", &format!("{path}&cursor=3"), "").await;
    let second = json!([entry(2, "top_up", "r:2", 200, 300), entry(1, "top_up", "r:1", 100, 100)]);
    assert_eq!((&page.body["entries"], &page.body["next"]), (&second, &Value::Null));
    let theirs = host.send(Some(&operator), "GET", "/admin/v1/wallets/lilei/statement?unit=CNY", "").await;
    assert_eq!(theirs.body["entries"].as_array().unwrap().len(), 4);

    let other = host.token(Principal { subject: "hanmeimei".into(), ..somebody(Role::Buyer) });
    assert_eq!(host.send(Some(&other), "GET", path, "").await.body["entries"], json!([]));
    for bad in ["", "?unit=XYZ", "?unit=CNY&cursor=x", "?unit=CNY&limit=0", "?unit=CNY&buyer=lilei"] {
        let answer = host.send(Some(&lilei), "GET", &format!("/api/v1/wallet/statement{bad}"), "").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}: {answer:?}");
    }
}

#[tokio::test]
async fn the_book_is_checked_and_the_houses_side_shown() {
    let host = Host::start().await;
    let operator = host.token(somebody(Role::Operator));
    host.send(Some(&operator), "POST", TOP_UP, &funds(500, "r1")).await;
    host.send(Some(&operator), "POST", WITHDRAW, &funds(200, "w1")).await;
    let house = host.send(Some(&operator), "GET", "/admin/v1/wallets/accounts", "").await;
    assert_eq!(house.body, json!({"accounts": [{"account": "funding", "unit": "CNY", "sum": -300}]}));
    let check = host.send(Some(&operator), "GET", "/admin/v1/wallets/check", "").await;
    let unit = json!({"unit": "CNY", "house": -300, "wallets": 300, "difference": 0});
    assert_eq!(check.body, json!({"balanced": true, "units": [unit], "wrong": []}));
}

//! Setting up a line through the admin API.

use axum::http::StatusCode;
use serde_json::json;

use super::{Host, somebody};
use crate::identity::{Principal, Role};

const GOODS: &str = r#"{"code":"goods","name":"Goods","order_types":[1001],"settings":{"free_from":9900},
    "rules":{"stock":"at_once"},"grant":{"origins":["https://supplier.example"]}}"#;

#[tokio::test]
async fn a_line_gets_what_its_orders_need() {
    let host = Host::start().await;
    let operator = host.token(somebody(Role::Operator));
    let line = host.token(somebody(Role::Business));
    let other = host.token(Principal { business: Some("hotel".into()), ..somebody(Role::Business) });

    let answer = host.send(Some(&operator), "POST", "/admin/v1/businesses", GOODS).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "active_plugin": null,
      "code": "goods",
      "enabled": true,
      "grant": {
        "calls": null,
        "component_kib": null,
        "fuel": null,
        "hook_ms": null,
        "interpreted": false,
        "memory_mib": null,
        "origins": [
          "https://supplier.example"
        ],
        "quote_ms": null
      },
      "name": "Goods",
      "order_types": [
        1001
      ],
      "rules": {
        "aftersale_buyer_ms": 604800000,
        "aftersale_confirm_ms": 864000000,
        "aftersale_decide_ms": 172800000,
        "compensate_ms": 20000,
        "delivered_codes": [],
        "fulfilment": false,
        "methods": [
          "sandbox",
          "balance"
        ],
        "park_ms": 86400000,
        "promotion_fee_bp": 0,
        "rating_window_ms": 2592000000,
        "receive_extension_ms": 259200000,
        "reserving": "at_create",
        "stock": "at_once",
        "technical_fee_bp": 0
      },
      "settings": {
        "free_from": 9900
      }
    }
    "#);
    let again = host.send(Some(&operator), "POST", "/admin/v1/businesses", GOODS).await;
    assert_eq!(again.status, StatusCode::CREATED);
    let changed = host.send(Some(&operator), "POST", "/admin/v1/businesses", &GOODS.replace("9900", "1")).await;
    assert_eq!(changed.body["type"], "urn:hookline:problem:business-exists");
    let taken = GOODS.replace("\"goods\"", "\"hotel\"");
    let taken = host.send(Some(&operator), "POST", "/admin/v1/businesses", &taken).await;
    assert_eq!(taken.body["type"], "urn:hookline:problem:order-type-taken");

    let skus = r#"{"skus":[{"sku_id":"a","facts":{"price":100}},{"sku_id":"b","on_sale":false,"facts":{}}]}"#;
    let path = "/admin/v1/businesses/goods/skus";
    assert_eq!(host.send(Some(&other), "PUT", path, skus).await.status, StatusCode::NOT_FOUND);
    assert_eq!(host.send(Some(&line), "PUT", path, skus).await.body, json!({"written": 2}));
    let page = host.send(Some(&line), "GET", &format!("{path}?limit=1"), "").await.body;
    assert_eq!(page["next"], "a");
    assert_eq!(page["skus"][0], json!({"sku_id": "a", "shop_id": null, "on_sale": true, "facts": {"price": 100}}));

    let path = "/admin/v1/businesses/goods/stock";
    let stock = r#"{"stock":[{"key":"a","quantity":10}]}"#;
    for _ in 0..2 {
        let key = [("idempotency-key", "once")];
        let answer = host.send_with(Some(&line), "POST", path, stock, &key).await;
        assert_eq!(answer.body, json!({"written": 1}), "{answer:?}");
    }
    let more = stock.replace("10", "11");
    let reused = host.send_with(Some(&line), "POST", path, &more, &[("idempotency-key", "once")]).await;
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let short = host.send(Some(&line), "POST", path, &stock.replace("10", "-11")).await;
    assert_eq!(short.status, StatusCode::CONFLICT, "{short:?}");
    let rows = host.send(Some(&line), "GET", path, "").await.body;
    assert_eq!(rows["stock"], json!([{"key": "a", "available": 10, "reserved": 0, "sold": 0}]));

    let path = "/admin/v1/businesses/goods/secrets";
    let put = host.send(Some(&line), "PUT", &format!("{path}/supplier"), r#"{"value":"swordfish"}"#).await;
    assert_eq!(put.body, json!({"done": true}));
    assert_eq!(host.send(Some(&line), "GET", path, "").await.body, json!({"secrets": ["supplier"]}));
    assert_eq!(host.send(Some(&line), "DELETE", &format!("{path}/supplier"), "").await.status, StatusCode::OK);
    assert_eq!(host.send(Some(&line), "DELETE", &format!("{path}/supplier"), "").await.status, StatusCode::NOT_FOUND);

    let nonsense = host.send(Some(&line), "PUT", "/admin/v1/businesses/goods/plugins", "not a component").await;
    assert_eq!(nonsense.status, StatusCode::UNPROCESSABLE_ENTITY, "{nonsense:?}");
    assert_eq!(nonsense.body["type"], "urn:hookline:problem:plugin-malformed");
}

#[tokio::test]
async fn an_api_key_works_until_it_is_revoked() {
    let host = Host::start().await;
    let admin = host.token(somebody(Role::Admin));
    host.send(Some(&admin), "POST", "/admin/v1/businesses", GOODS).await;
    let body = r#"{"subject":"erp","expires_in_s":60}"#;
    let path = "/admin/v1/businesses/goods/api-keys";
    let made = host.send(Some(&admin), "POST", path, body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let key = made.body["key"].as_str().unwrap();
    let listed = host.send(Some(key), "GET", "/admin/v1/businesses", "").await;
    assert_eq!(listed.body["businesses"].as_array().unwrap().len(), 1, "{listed:?}");

    assert_eq!(host.send(Some(&admin), "POST", path, body).await.status, StatusCode::CREATED);
    let third = host.send(Some(&admin), "POST", path, body).await;
    assert_eq!(third.body["type"], "urn:hookline:problem:too-many-keys");

    let gone = format!("/admin/v1/api-keys/{}", made.body["id"].as_str().unwrap());
    assert_eq!(host.send(Some(key), "DELETE", &gone, "").await.status, StatusCode::OK);
    let fresh = super::super::router(host.app.clone(), None);
    let host = Host { router: fresh, ..host };
    assert_eq!(host.send(Some(key), "GET", "/admin/v1/businesses", "").await.status, StatusCode::UNAUTHORIZED);
}

//! Setting up accounts at payment providers: who may, what is refused, and that secrets never come back.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Host, somebody};
use crate::app::catalogue;
use crate::domain::ids::{BusinessCode, MerchantAccount};
use crate::identity::Role;

const MAIN: &str = "/admin/v1/merchant-accounts/testpay/main";
const SECRET: &str = "swordfish-0123456789";

fn body(lines: &[&str]) -> Value {
    json!({"businesses": lines, "settings": {"app_id": "2026"}, "secrets": {"secret": SECRET}})
}

/// A host with the lines `goods` and `hotel`, and the tokens of an administrator and an operator.
async fn host() -> (Host, String, String) {
    let host = Host::start().await;
    let (admin, operator) = (host.token(somebody(Role::Admin)), host.token(somebody(Role::Operator)));
    for (code, kind) in [("goods", 1001), ("hotel", 2001)] {
        let line = json!({"code": code, "name": code, "order_types": [kind], "rules": {"methods": ["testpay"]}});
        let made = host.send(Some(&admin), "POST", "/admin/v1/businesses", &line.to_string()).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    }
    (host, admin, operator)
}

#[tokio::test]
async fn an_account_is_set_up_and_shown_without_its_secrets() {
    let (host, admin, operator) = host().await;
    let put = host.send(Some(&admin), "PUT", MAIN, &body(&["hotel", "goods", "hotel"]).to_string()).await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    let notify_url = format!("{}/callbacks/payments/testpay/main", host.app.settings.public_url);
    let shown = json!({
        "payment_method": "testpay", "account": "main", "businesses": ["goods", "hotel"], "base_url": null,
        "gateway_url": null, "notify_url": notify_url, "settings": {"app_id": "2026"}, "secrets": ["secret"],
        "enabled": true, "problem": null, "updated_at": "2026-09-21T14:13:20Z",
    });
    assert_eq!(put.body, shown);
    assert_eq!(host.send(Some(&operator), "GET", MAIN, "").await.body, put.body);
    let list = host.send(Some(&operator), "GET", "/admin/v1/merchant-accounts", "").await;
    assert_eq!(list.body, json!({"accounts": [put.body]}));
    for (method, path) in [("PUT", MAIN), ("DELETE", MAIN)] {
        assert_eq!(host.send(Some(&operator), method, path, "").await.status, StatusCode::FORBIDDEN);
    }

    // At once in force here: the line has its account, and callbacks find their provider.
    let snapshot = host.app.catalogue.now();
    let goods = BusinessCode::new("goods").unwrap();
    assert_eq!(snapshot.account("testpay", &goods), MerchantAccount::new("main").ok());
    assert_eq!(snapshot.account("sandbox", &goods), Some(MerchantAccount::own()));
    assert_eq!(snapshot.account("alipay", &goods), None);
    assert!(host.app.providers.get("testpay", "main").is_some());
    let callback = host.send(None, "POST", "/callbacks/payments/testpay/main", "").await;
    assert_ne!(callback.status, StatusCode::NOT_FOUND, "{callback:?}");

    // Disabled it takes nothing new, and still hears callbacks.
    let mut off = body(&["goods"]);
    off["enabled"] = json!(false);
    host.send(Some(&admin), "PUT", MAIN, &off.to_string()).await;
    assert_eq!(host.app.catalogue.now().account("testpay", &goods), None);
    assert!(host.app.providers.get("testpay", "main").is_some());

    assert_eq!(host.send(Some(&admin), "DELETE", MAIN, "").await.status, StatusCode::OK);
    assert!(host.app.providers.get("testpay", "main").is_none());
    assert_eq!(host.send(Some(&admin), "DELETE", MAIN, "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(host.send(Some(&admin), "GET", MAIN, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn secrets_are_sealed_and_stand_in_no_answer_and_no_audit_row() {
    let (host, admin, _) = host().await;
    let put = host.send(Some(&admin), "PUT", MAIN, &body(&["goods"]).to_string()).await;
    let kept = json!({"businesses": ["goods"], "settings": {"app_id": "2027"}});
    let again = host.send(Some(&admin), "PUT", MAIN, &kept.to_string()).await;
    assert_eq!(again.body["secrets"], json!(["secret"]), "kept when left out: {again:?}");
    let list = host.send(Some(&admin), "GET", "/admin/v1/merchant-accounts", "").await;
    for answer in [&put, &again, &list] {
        assert!(!answer.body.to_string().contains("swordfish"), "{answer:?}");
    }
    let row = host.app.store.payment_accounts().await.unwrap().remove(0);
    assert!(!row.sealed.windows(9).any(|window| window == b"swordfish"));
    let audit = host.app.store.audit(i64::MAX, 10).await.unwrap();
    let deeds: Vec<_> = audit.iter().filter(|row| row.action.starts_with("merchant_account")).collect();
    assert_eq!(deeds.len(), 2);
    assert!(deeds.iter().all(|row| row.target == "testpay/main" && !row.detail.contains("swordfish")), "{deeds:?}");
    assert!(deeds.iter().any(|row| row.detail.contains(r#""secrets_stored":["secret"]"#)), "{deeds:?}");
    let gone = json!({"businesses": ["goods"], "settings": {"app_id": "2027"}, "secrets": {"secret": null}});
    let gone = host.send(Some(&admin), "PUT", MAIN, &gone.to_string()).await;
    assert_eq!(gone.body["field"], "secrets.secret", "{gone:?}");
}

#[tokio::test]
async fn what_is_wrong_with_an_account_is_named_before_anything_is_kept() {
    let (host, admin, _) = host().await;
    let other = "/admin/v1/merchant-accounts/nopay/main";
    let with = |member: &str, value: Value| {
        let mut body = body(&["goods"]);
        body[member] = value;
        body.to_string()
    };
    let cases = [
        (MAIN, with("settings", json!({})), "bad-account", "settings.app_id: is required"),
        (MAIN, with("secrets", json!({})), "bad-account", "secrets.secret: is required"),
        (other, with("enabled", json!(true)), "bad-account", "method: has no merchant accounts"),
        (MAIN, with("businesses", json!(["flight"])), "unknown-business", "no business line flight"),
        (MAIN, with("businesses", json!(["Goods"])), "bad-body", "businesses[0]: business must be"),
        (MAIN, with("base_url", json!("ftp://x")), "bad-body", "base_url: an http or https address"),
        (MAIN, with("base_url", json!("https://u:p@x")), "bad-body", "base_url: an http or https address"),
        (MAIN, with("secrets", json!({"Key": "x"})), "bad-body", "secrets: at most 20"),
        (MAIN, with("secrets", json!({"secret": ""})), "bad-body", "secrets.secret: 1 to"),
        (MAIN, with("settings", json!([])), "bad-body", "settings: invalid type"),
        (MAIN, with("key", json!(1)), "bad-body", "unknown field `key`"),
        ("/admin/v1/merchant-accounts/testpay/Main", body(&[]).to_string(), "bad-path", "merchant account must be"),
    ];
    for (path, body, code, detail) in cases {
        let answer = host.send(Some(&admin), "PUT", path, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {answer:?}");
        assert_eq!(answer.body["type"], format!("urn:hookline:problem:{code}"), "{body}: {answer:?}");
        assert!(answer.body["detail"].as_str().unwrap().contains(detail), "{body}: {answer:?}");
    }
    assert_eq!(host.app.store.payment_accounts().await.unwrap(), []);
}

#[tokio::test]
async fn a_line_has_one_enabled_account_of_a_method() {
    let (host, admin, _) = host().await;
    host.send(Some(&admin), "PUT", MAIN, &body(&["goods", "hotel"]).to_string()).await;
    let travel = MAIN.replace("main", "travel");
    let taken = host.send(Some(&admin), "PUT", &travel, &body(&["hotel"]).to_string()).await;
    assert_eq!(taken.status, StatusCode::CONFLICT, "{taken:?}");
    assert_eq!(taken.body["type"], "urn:hookline:problem:account-taken");
    assert_eq!((&taken.body["account"], &taken.body["business"]), (&json!("main"), &json!("hotel")));
    host.send(Some(&admin), "PUT", MAIN, &body(&["goods"]).to_string()).await;
    let free = host.send(Some(&admin), "PUT", &travel, &body(&["hotel"]).to_string()).await;
    assert_eq!(free.status, StatusCode::OK, "{free:?}");
}

#[tokio::test]
async fn an_account_that_cannot_be_opened_is_left_out_and_told() {
    let (host, admin, _) = host().await;
    host.send(Some(&admin), "PUT", MAIN, &body(&["goods"]).to_string()).await;
    let mut row = host.app.store.payment_accounts().await.unwrap().remove(0);
    row.sealed = vec![1; 40];
    let admin_write = vec![crate::domain::catalogue::AdminWrite::PutPaymentAccount(row)];
    host.app.store.commit(crate::domain::change::Change { admin: admin_write, ..Default::default() }).await.unwrap();
    assert!(catalogue::refresh(&host.app).await.unwrap());
    assert!(host.app.providers.get("testpay", "main").is_none());
    assert_eq!(host.app.catalogue.now().account("testpay", &BusinessCode::new("goods").unwrap()), None);
    let shown = host.send(Some(&admin), "GET", MAIN, "").await;
    assert!(shown.body["problem"].as_str().unwrap().contains("cannot be opened"), "{shown:?}");
    // Storing the secrets again heals it.
    let again = host.send(Some(&admin), "PUT", MAIN, &body(&["goods"]).to_string()).await;
    assert_eq!(again.body["problem"], Value::Null);
    assert!(host.app.providers.get("testpay", "main").is_some());
}

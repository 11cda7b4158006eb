//! Hiding, rating, commenting and tagging over HTTP, and who sees what is hidden.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::owners::order;
use super::{Answer, Host, NOW, somebody};
use crate::domain::change::Change;
use crate::domain::draft::Draft;
use crate::domain::ids::OrderNo;
use crate::domain::order::{Status, SubStatus, Visible};
use crate::identity::Role;

/// The rating window of a line that says nothing else, milliseconds.
const MONTH_MS: i64 = 30 * 86_400_000;

/// Cancels the order of [`order`], as its buyer does.
async fn cancelled(host: &Host) -> [OrderNo; 3] {
    let numbers = order(host).await;
    let path = format!("/api/v1/orders/{}/cancel", numbers[0]);
    let answer = send(host, Role::Buyer, "PUT", &path, &json!({"reason": "changed my mind"})).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    numbers
}

/// A token that is good now, whatever the clock.
fn token(host: &Host, role: Role) -> String {
    host.app.tokens.issue(somebody(role), host.app.clock.now(), 600).unwrap()
}

async fn send(host: &Host, role: Role, method: &str, path: &str, body: &Value) -> Answer {
    host.send(Some(&token(host, role)), method, path, &body.to_string()).await
}

async fn get(host: &Host, role: Role, path: &str) -> Answer {
    host.send(Some(&token(host, role)), "GET", path, "").await
}

/// Changes a shop order behind the API, as far as no route can.
async fn change(host: &Host, no: OrderNo, change: impl FnOnce(&mut Draft)) {
    let tree = host.app.store.order_tree(no).await.unwrap().unwrap();
    let mut draft = Draft::new(&tree, NOW, "test");
    change(&mut draft);
    let change: Change = draft.finish().0;
    host.app.store.commit(change).await.unwrap();
}

fn problem(answer: &Answer) -> &str {
    answer.body["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default()
}

#[tokio::test]
async fn an_order_that_is_not_visible_yet_is_nobodys_but_staffs_to_read() {
    let host = Host::start().await;
    let [pay, goods, hotel] = order(&host).await;
    for no in [goods, hotel] {
        change(&host, no, |draft| draft.annotate(no, "visible", "").visible = Visible::NotYet).await;
    }
    for role in Role::ALL {
        let staff = matches!(role, Role::Operator | Role::Admin);
        for no in [pay, goods] {
            let answer = get(&host, role, &format!("/api/v1/orders/{no}")).await;
            assert_eq!(answer.status == StatusCode::OK, staff, "only staff look into it: {role}: {answer:?}");
        }
        let list = get(&host, role, "/api/v1/orders").await;
        assert!(staff || list.body["orders"] == json!([]), "{role}");
    }
    let counts = get(&host, Role::Operator, "/api/v1/orders/counts?buyer=some-buyer").await;
    assert!(counts.body["counts"].as_array().unwrap().iter().all(|row| row["count"] == 0), "{counts:?}");
    for (method, step) in [("PUT", "cancel"), ("POST", "pay"), ("PUT", "visible")] {
        let body = match step {
            "pay" => json!({"payment_method": "sandbox"}),
            "visible" => json!({"visible": 1}),
            _ => json!({}),
        };
        let answer = send(&host, Role::Buyer, method, &format!("/api/v1/orders/{pay}/{step}"), &body).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{step}: {answer:?}");
    }
}

#[tokio::test]
async fn an_ended_order_is_hidden_whole_or_in_part_and_what_is_gone_does_not_come_back() {
    let host = Host::start().await;
    let [pay, goods, hotel] = cancelled(&host).await;
    let show = async |no: OrderNo, visible: i16| {
        send(&host, Role::Buyer, "PUT", &format!("/api/v1/orders/{no}/visible"), &json!({"visible": visible})).await
    };
    let listed = async |query: &str| {
        let list = get(&host, Role::Buyer, &format!("/api/v1/orders{query}")).await.body["orders"].clone();
        list.as_array().unwrap().len()
    };
    let whole = show(pay, 1).await;
    assert_eq!(whole.body["orders"], json!([{"order_no": goods, "visible": 1}, {"order_no": hotel, "visible": 1}]));
    assert_eq!((listed("").await, listed("?visible=1").await), (0, 2));
    assert_eq!(show(goods, 0).await.status, StatusCode::OK);
    assert_eq!((listed("").await, listed("?visible=1").await), (1, 1));
    assert_eq!(show(hotel, 2).await.status, StatusCode::OK);
    assert_eq!((listed("").await, listed("?visible=1").await), (1, 0));
    assert_eq!(show(hotel, 0).await.status, StatusCode::NOT_FOUND);
    let rest = get(&host, Role::Buyer, &format!("/api/v1/orders/{pay}")).await;
    assert_eq!(rest.body["shop_orders"].as_array().unwrap().len(), 1, "the rest of the pay order is still there");
    for bad in [3, 99, -1] {
        assert_eq!(show(goods, bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let item: OrderNo = serde_json::from_value(rest.body["shop_orders"][0]["items"][0]["order_no"].clone()).unwrap();
    assert_eq!(problem(&show(item, 1).await), "wrong-level");
    for query in ["?visible=2", "?visible=99"] {
        assert_eq!(get(&host, Role::Buyer, &format!("/api/v1/orders{query}")).await.status, StatusCode::BAD_REQUEST);
    }
    let unclear = get(&host, Role::Operator, "/api/v1/orders?visible=1").await;
    assert_eq!(problem(&unclear), "bad-query", "the recycle bin is one buyer's");
}

#[tokio::test]
async fn an_item_is_rated_within_its_window_and_a_repeat_under_one_key_counts_once() {
    let host = Host::start().await;
    let [pay, goods, _] = order(&host).await;
    let read = get(&host, Role::Buyer, &format!("/api/v1/orders/{pay}")).await;
    let item = read.body["shop_orders"][0]["items"][0]["order_no"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/orders/{item}/rating");
    let early = send(&host, Role::Buyer, "POST", &path, &json!({})).await;
    assert_eq!((problem(&early), &early.body["rate_status"]), ("not-to-be-rated", &json!(0)));
    for (step, to) in [("pay", Status::Paid), ("ship", Status::Shipped), ("receive", Status::Received)] {
        change(&host, goods, |draft| {
            draft.step(goods, step, (to, SubStatus::None), "").received_at = (to == Status::Received).then_some(NOW);
        })
        .await;
    }
    let token = host.token(somebody(Role::Buyer));
    let rate = async |key: &str| {
        let answer = host.send_with(Some(&token), "POST", &path, "{}", &[("idempotency-key", key)]).await;
        (answer.status.as_u16(), answer.body["ratings"].clone(), answer.body["rate_status"].clone())
    };
    assert_eq!(rate("first").await, (200, json!(1), json!(2)));
    assert_eq!(rate("first").await, (200, json!(1), json!(2)), "a repeat");
    let level = async |no: OrderNo| get(&host, Role::Buyer, &format!("/api/v1/orders/{no}")).await.body;
    let whole = level(pay).await;
    assert_eq!((&whole["rate_status"], &whole["shop_orders"][0]["rate_status"]), (&json!(2), &json!(2)));
    let wrong = send(&host, Role::Buyer, "POST", &format!("/api/v1/orders/{goods}/rating"), &json!({})).await;
    assert_eq!((problem(&wrong), &wrong.body["item_order_nos"][0]), ("wrong-level", &json!(item)));
    host.hand.advance(MONTH_MS);
    assert_eq!(level(pay).await["shop_orders"][0]["rate_status"], 3, "the window is over");
    let late = send(&host, Role::Buyer, "POST", &path, &json!({})).await;
    assert_eq!((problem(&late), &late.body["rate_status"]), ("not-to-be-rated", &json!(3)));
}

#[tokio::test]
async fn comments_and_tags_have_limits_that_are_named() {
    let host = Host::start().await;
    let [pay, goods, _] = cancelled(&host).await;
    let (comments, tags) = (format!("/api/v1/orders/{goods}/comments"), format!("/api/v1/orders/{goods}/tags"));
    let long = |length: usize| "长".repeat(length);
    for (method, path, body, detail) in [
        ("POST", &comments, json!({"seller_comment": long(1_025)}), "seller_comment: at most 1024 characters"),
        ("POST", &comments, json!({}), "give either"),
        ("POST", &comments, json!({"seller_comment": "a", "buyer_comment": "b"}), "give either"),
        ("PUT", &tags, json!({"tags": vec!["t"; 21]}), "tags: at most 20"),
        ("PUT", &tags, json!({"tags": [long(65)]}), "tags: at most 64 characters"),
        ("PUT", &tags, json!({"tags": [""]}), "none may be empty"),
        ("PUT", &tags, json!({"tags": [], "out_id": long(129)}), "out_id: at most 128 characters"),
    ] {
        let answer = send(&host, Role::Operator, method, path, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
        assert!(answer.body["detail"].as_str().unwrap().contains(detail), "{answer:?}");
    }
    let fits = json!({"tags": [long(64)], "out_id": long(128)});
    assert_eq!(send(&host, Role::Business, "PUT", &tags, &fits).await.body["tags"], fits["tags"]);
    assert_eq!(send(&host, Role::Business, "PUT", &tags, &json!({"tags": []})).await.body["out_id"], fits["out_id"]);
    let cleared = send(&host, Role::Business, "PUT", &tags, &json!({"tags": [], "out_id": ""})).await;
    assert_eq!(cleared.body["out_id"], Value::Null);
    let wrong = send(&host, Role::Operator, "PUT", &format!("/api/v1/orders/{pay}/tags"), &fits).await;
    assert_eq!(problem(&wrong), "wrong-level");
}

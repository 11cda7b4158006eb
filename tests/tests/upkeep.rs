//! What people do beside an order's state, on the real host and both databases: the recycle bin, ratings, comments, tags,
//! the operate log, lists, counts and settlements.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use hookline_tests::checker;
use hookline_tests::client::{Answer, Call, Client};
use hookline_tests::journey::{Journey, Paying};
use hookline_tests::platform::{Order, problem_code};
use hookline_tests::servers::{HostSettings, TestDatabase};
use hookline_tests::world::{Line, Pace, World, host_settings};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

/// A buyer with tokens for everybody who has to do with the orders.
struct Parties {
    buyer: Client,
    shop: Client,
    other_shop: Client,
    operator: Client,
}

fn parties(world: &World, buyer: &str) -> Parties {
    let caller = |token: String| world.host.client().with_token(&token);
    Parties {
        buyer: caller(world.mint.buyer(buyer)),
        shop: caller(world.mint.shop(&Line::Goods.shop())),
        other_shop: caller(world.mint.shop("another-shop")),
        operator: caller(world.mint.operator()),
    }
}

async fn call(client: &mut Client, method: Method, path: &str, body: &Value) -> Answer {
    client.send(Call::new(method, path).json(body)).await.unwrap()
}

async fn get(client: &mut Client, path: &str) -> Answer {
    client.send(Call::new(Method::GET, path)).await.unwrap()
}

async fn json_of(client: &mut Client, path: &str) -> Value {
    let answer = get(client, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&answer.body));
    answer.json().unwrap()
}

fn nos(page: &Value) -> Vec<String> {
    let orders = page["orders"].as_array().unwrap().iter();
    orders.map(|order| order["order_no"].as_str().unwrap().to_owned()).collect()
}

/// A completed order of a buyer: its answer, and the number of its item.
async fn completed(world: &World, buyer: &str) -> (Order, String) {
    let mut journey = Journey::of_buyer(world, Line::Goods, buyer);
    let cart = journey.cart(Paying::Sandbox);
    let order = journey.create(world, &cart).await.unwrap();
    journey.pay(&order, Paying::Sandbox).await.unwrap();
    journey.deliver(&order).await.unwrap();
    journey.ended(&order, &["completed"]).await.unwrap();
    let read = journey.buyer().read(&order.order_no).await.unwrap();
    (order, read["shop_orders"][0]["items"][0]["order_no"].as_str().unwrap().to_owned())
}

async fn an_order_goes_to_the_bin_and_is_deleted_for_good(who: &mut Parties, done: &Order, open: &Order) {
    let shop_no = &done.shop().order_no;
    let show = |no: &str| format!("/api/v1/orders/{no}/visible");
    let early = call(&mut who.buyer, Method::PUT, &show(&open.order_no), &json!({"visible": 1})).await;
    assert_eq!((early.status, problem_code(&early).as_str()), (StatusCode::CONFLICT, "wrong-state"));
    for (visible, listed, bin) in [(1, false, true), (0, true, false), (1, false, true)] {
        let shown = call(&mut who.buyer, Method::PUT, &show(&done.order_no), &json!({"visible": visible})).await;
        assert_eq!(shown.json::<Value>().unwrap()["orders"][0]["visible"], visible);
        assert_eq!(nos(&json_of(&mut who.buyer, "/api/v1/orders").await).contains(shop_no), listed);
        assert_eq!(nos(&json_of(&mut who.buyer, "/api/v1/orders?visible=1").await).contains(shop_no), bin);
    }
    let gone = call(&mut who.buyer, Method::PUT, &show(shop_no), &json!({"visible": 2})).await;
    assert_eq!(gone.status, StatusCode::OK);
    for no in [shop_no, &done.order_no] {
        assert_eq!(get(&mut who.buyer, &format!("/api/v1/orders/{no}")).await.status, StatusCode::NOT_FOUND);
        let back = call(&mut who.buyer, Method::PUT, &show(no), &json!({"visible": 0})).await;
        assert_eq!(back.status, StatusCode::NOT_FOUND, "what is gone stays gone");
        for seller in [&mut who.shop, &mut who.operator] {
            assert_eq!(get(seller, &format!("/api/v1/orders/{no}")).await.status, StatusCode::OK);
        }
    }
    for visible in [0, 1] {
        let page = json_of(&mut who.buyer, &format!("/api/v1/orders?visible={visible}")).await;
        assert!(!nos(&page).contains(shop_no));
    }
    assert!(nos(&json_of(&mut who.shop, "/api/v1/orders").await).contains(shop_no));
}

async fn an_item_is_rated_twice_after_completion(who: &mut Parties, done: &Order, item: &str, open: &Order) {
    let read = json_of(&mut who.buyer, &format!("/api/v1/orders/{}", open.order_no)).await;
    let unreceived = read["shop_orders"][0]["items"][0]["order_no"].as_str().unwrap().to_owned();
    assert_eq!((&read["rate_status"], &read["shop_orders"][0]["rate_status"]), (&json!(0), &json!(0)));
    let mut rate = async |no: &str| {
        let answer = call(&mut who.buyer, Method::POST, &format!("/api/v1/orders/{no}/rating"), &json!({})).await;
        (answer.status.as_u16(), problem_code(&answer), answer.json::<Value>().unwrap()["rate_status"].clone())
    };
    assert_eq!(rate(&unreceived).await, (409, "not-to-be-rated".to_owned(), json!(0)));
    assert_eq!(rate(&done.shop().order_no).await.1, "wrong-level");
    assert_eq!(rate(item).await, (200, String::new(), json!(2)));
    assert_eq!(rate(item).await, (200, String::new(), json!(3)));
    assert_eq!(rate(item).await, (409, "not-to-be-rated".to_owned(), json!(3)));
    let read = json_of(&mut who.buyer, &format!("/api/v1/orders/{}", done.order_no)).await;
    let shop = &read["shop_orders"][0];
    assert_eq!((&shop["items"][0]["rate_status"], &shop["items"][0]["ratings"]), (&json!(3), &json!(2)));
    assert_eq!(shop["status"], "completed");
    assert!(["buyer", "delivered"].contains(&shop["receive_type"].as_str().unwrap()), "{shop}");
}

async fn both_sides_comment_and_the_seller_tags(who: &mut Parties, done: &Order) {
    let no = &done.shop().order_no;
    let (comments, tags) = (format!("/api/v1/orders/{no}/comments"), format!("/api/v1/orders/{no}/tags"));
    let asked = [
        (call(&mut who.buyer, Method::POST, &comments, &json!({"buyer_comment": "lovely"})).await, StatusCode::OK),
        (call(&mut who.shop, Method::POST, &comments, &json!({"seller_comment": "pays fast"})).await, StatusCode::OK),
        (call(&mut who.buyer, Method::POST, &comments, &json!({"seller_comment": "x"})).await, StatusCode::FORBIDDEN),
        (call(&mut who.shop, Method::POST, &comments, &json!({"buyer_comment": "x"})).await, StatusCode::FORBIDDEN),
        (
            call(&mut who.other_shop, Method::POST, &comments, &json!({"seller_comment": "x"})).await,
            StatusCode::NOT_FOUND,
        ),
        (call(&mut who.buyer, Method::PUT, &tags, &json!({"tags": ["x"]})).await, StatusCode::FORBIDDEN),
        (
            call(&mut who.shop, Method::PUT, &tags, &json!({"tags": ["vip", "回头客"], "out_id": "erp-1"})).await,
            StatusCode::OK,
        ),
    ];
    for (at, (answer, status)) in asked.iter().enumerate() {
        assert_eq!(answer.status, *status, "{at}: {}", String::from_utf8_lossy(&answer.body));
    }
    let seen = json_of(&mut who.shop, &format!("/api/v1/orders/{no}")).await["shop_orders"][0].clone();
    let marks = json!([seen["buyer_comment"], seen["seller_comment"], seen["tags"], seen["out_id"]]);
    assert_eq!(marks, json!(["lovely", "pays fast", ["vip", "回头客"], "erp-1"]));
    let seen = json_of(&mut who.buyer, &format!("/api/v1/orders/{no}")).await["shop_orders"][0].clone();
    assert_eq!(json!([seen["buyer_comment"], seen["seller_comment"], seen["tags"]]), json!(["lovely", null, null]));
    let found = |page: Value| nos(&page);
    let ours = std::slice::from_ref(no);
    assert_eq!(found(json_of(&mut who.shop, "/api/v1/orders?out_id=erp-1").await), ours);
    assert_eq!(found(json_of(&mut who.operator, "/api/v1/orders?business=goods&out_id=erp-1").await), ours);
    assert!(found(json_of(&mut who.shop, "/api/v1/orders?out_id=erp-2").await).is_empty());
    assert!(found(json_of(&mut who.other_shop, "/api/v1/orders?out_id=erp-1").await).is_empty());
}

async fn every_deed_is_in_the_operate_log(who: &mut Parties, done: &Order, cancelled: &Order, received: &Order) {
    let deeds = async |client: &mut Client, no: &str| {
        let log = json_of(client, &format!("/api/v1/orders/{no}/operate-log")).await;
        let entries = log["entries"].as_array().unwrap().clone();
        entries.iter().map(|e| (e["operation"].as_str().unwrap().to_owned(), e.clone())).collect::<Vec<_>>()
    };
    let no = &done.shop().order_no;
    let log = deeds(&mut who.shop, no).await;
    let words: Vec<&str> = log.iter().map(|(word, _)| word.as_str()).collect();
    let expected = ["visible", "visible", "visible", "visible", "tags", "comment", "comment", "rate", "rate"];
    assert_eq!(words, expected, "newest first");
    assert_eq!((&log[0].1["before"], &log[0].1["after"]), (&json!({"visible": 1}), &json!({"visible": 2})));
    assert!(log[0].1["operator"].as_str().unwrap().starts_with("buyer:"));
    assert!(log[4].1["operator"].as_str().unwrap().starts_with("shop:"));
    assert_eq!((&log[8].1["level"], &log[0].1["level"]), (&json!(3), &json!(2)));
    let page = json_of(&mut who.operator, &format!("/api/v1/orders/{no}/operate-log?limit=4")).await;
    let next = page["next"].as_str().unwrap();
    let rest = json_of(&mut who.operator, &format!("/api/v1/orders/{no}/operate-log?cursor={next}")).await;
    assert_eq!(rest["entries"].as_array().unwrap().len(), 5);
    assert_eq!(get(&mut who.buyer, &format!("/api/v1/orders/{no}/operate-log")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        get(&mut who.other_shop, &format!("/api/v1/orders/{no}/operate-log")).await.status,
        StatusCode::NOT_FOUND
    );

    let log = deeds(&mut who.operator, &cancelled.order_no).await;
    assert_eq!((log[0].0.as_str(), &log[0].1["after"]["status"]), ("cancel", &json!("cancelled")));
    let log = deeds(&mut who.operator, &received.order_no).await;
    assert_eq!(log.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>(), ["refund", "receive"]);
    assert_eq!(log[0].1["remark"], "a scratch");
    let operator = log[1].1["operator"].as_str().unwrap();
    let all = json_of(&mut who.operator, &format!("/admin/v1/operate-log?operator={operator}&operation=receive")).await;
    assert_eq!(all["entries"][0]["order_no"], json!(received.shop().order_no));
    let all = json_of(&mut who.operator, "/admin/v1/operate-log?limit=3").await;
    assert_eq!(all["entries"].as_array().unwrap().len(), 3);
    let nameless = get(&mut who.operator, "/admin/v1/operate-log?operation=receive").await;
    assert_eq!(nameless.status, StatusCode::BAD_REQUEST);
}

async fn counts_and_settlements_are_of_the_caller(who: &mut Parties, done: &Order) {
    let count = async |client: &mut Client, query: &str| {
        let counts = json_of(client, &format!("/api/v1/orders/counts{query}")).await;
        let rows = counts["counts"].as_array().unwrap().clone();
        let of = |status: &str| rows.iter().find(|row| row["status"] == status).map(|row| row["count"].clone());
        json!([of("created"), of("cancelled"), of("completed")])
    };
    // The completed one is gone for its buyer; another one, refunded in part, completes some time.
    assert_eq!(count(&mut who.buyer, "").await[0], 1);
    assert_eq!(count(&mut who.buyer, "").await[1], 1);
    assert_eq!(count(&mut who.shop, "?status=cancelled").await, json!([null, 1, null]));
    assert_eq!(count(&mut who.other_shop, "").await, json!([0, 0, 0]));
    assert_eq!(count(&mut who.operator, "?business=goods").await[0], 1);
    assert_eq!(get(&mut who.operator, "/api/v1/orders/counts").await.status, StatusCode::BAD_REQUEST);
    let no = json!(done.shop().order_no);
    let pages = [
        json_of(&mut who.shop, "/api/v1/settlements").await,
        json_of(&mut who.operator, "/api/v1/settlements").await,
        json_of(&mut who.operator, "/api/v1/settlements?business=goods").await,
    ];
    for page in pages {
        let row = page["settlements"].as_array().unwrap().iter().find(|row| row["order_no"] == no).unwrap().clone();
        assert_eq!((&row["currency"], &row["shop_id"]), (&json!("CNY"), &json!(Line::Goods.shop())));
        let part = |name: &str| row[name].as_i64().unwrap();
        assert_eq!(part("net"), part("gross") - part("technical_fee") - part("promotion_fee"));
    }
    assert_eq!(json_of(&mut who.other_shop, "/api/v1/settlements").await["settlements"], json!([]));
    assert_eq!(json_of(&mut who.shop, "/api/v1/settlements?until=1").await["settlements"], json!([]));
    assert_eq!(get(&mut who.buyer, "/api/v1/settlements").await.status, StatusCode::FORBIDDEN);
    assert_eq!(get(&mut who.other_shop, "/api/v1/settlements?shop_id=goods-shop").await.status, StatusCode::FORBIDDEN);
}

async fn all(world: &World) {
    let buyer = "keeper-of-orders";
    let mut who = parties(world, buyer);
    let (done, item) = completed(world, buyer).await;
    let mut journey = Journey::of_buyer(world, Line::Goods, buyer);
    let cart = journey.cart(Paying::Sandbox);
    let cancelled = journey.create(world, &cart).await.unwrap();
    journey.buyer().cancel(&cancelled.order_no).await.unwrap();
    // Received on the word of an operator, after a part of it was given back.
    let mut journey = Journey::of_buyer(world, Line::Goods, buyer);
    let cart = journey.cart(Paying::Sandbox);
    let received = journey.create(world, &cart).await.unwrap();
    journey.pay(&received, Paying::Sandbox).await.unwrap();
    let shop_order = received.shop().order_no.clone();
    journey.service().forward(&shop_order).await.unwrap();
    journey.shop().ship(&shop_order).await.unwrap();
    journey.reached(&received, &["shipped"]).await.unwrap();
    let path = format!("/api/v1/orders/{shop_order}/receive");
    assert_eq!(call(&mut who.operator, Method::POST, &path, &json!({})).await.status, StatusCode::OK);
    journey.refund_a_part(&received).await.unwrap();
    let mut journey = Journey::of_buyer(world, Line::Goods, buyer);
    let cart = journey.cart(Paying::Sandbox);
    let open = journey.create(world, &cart).await.unwrap();

    an_item_is_rated_twice_after_completion(&mut who, &done, &item, &open).await;
    both_sides_comment_and_the_seller_tags(&mut who, &done).await;
    an_order_goes_to_the_bin_and_is_deleted_for_good(&mut who, &done, &open).await;
    every_deed_is_in_the_operate_log(&mut who, &done, &cancelled, &received).await;
    counts_and_settlements_are_of_the_caller(&mut who, &done).await;
    checker::check_world(world).await.unwrap().assert_clean();
}

/// An order that is to be paid stays so to the end of the test.
async fn world(settings: HostSettings) -> World {
    World::start(settings, &Pace { pay_timeout_s: 600, ..Pace::default() }).await.unwrap()
}

#[tokio::test]
async fn on_sqlite() {
    all(&world(host_settings()).await).await;
}

#[tokio::test]
async fn on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    all(&world(host_settings().set("ORDER_DB_URL", database.url())).await).await;
}

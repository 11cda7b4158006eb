//! Paying, not paying, paying too late, and getting money back: the sandbox provider and the wallet on both databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use hookline_tests::checker;
use hookline_tests::client::{Answer, Call, Client};
use hookline_tests::journey::{self, Journey, Paying};
use hookline_tests::platform::{Order, Payment, problem_code};
use hookline_tests::sandbox::{Notice, notify};
use hookline_tests::servers::{ServerError, TestDatabase, wait_until};
use hookline_tests::world::{Line, LineSetup, Pace, World, host_settings};
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

const WALLET: i64 = 1_000_000;
const LIMIT: Duration = Duration::from_secs(20);
/// A hook that never ends in time keeps its order waiting; the provider's answer does not wait for it.
const CALLBACK_LIMIT: Duration = Duration::from_secs(1);

async fn world(settings: hookline_tests::servers::HostSettings) -> World {
    let settings = settings.set("PAYMENT_QUERY_MS", "200").set("REFUND_RETRY_MS", "200");
    World::start(settings, &Pace::default()).await.unwrap()
}

async fn ordered(world: &World) -> (Journey, Order) {
    let mut journey = Journey::new(world, Line::Goods);
    let cart = journey.cart(Paying::Sandbox);
    let order = journey.create(world, &cart).await.unwrap();
    (journey, order)
}

fn post(path: impl Into<String>, body: &Value) -> Call {
    Call::new(Method::POST, path).json(body)
}

async fn pay(journey: &mut Journey, order: &Order, body: Value) -> Answer {
    journey.buyer().send("pay", post(format!("/api/v1/orders/{}/pay", order.order_no), &body)).await.unwrap()
}

async fn press(world: &World, payment_no: &str, outcome: &str) {
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    let call = Call::new(Method::POST, format!("/sandbox/pay/{payment_no}"));
    let call = call.bytes(form, Bytes::from(format!("outcome={outcome}")));
    assert_eq!(world.host.client().send(call).await.unwrap().status, StatusCode::SEE_OTHER, "{outcome}");
}

fn operator(world: &World) -> Client {
    world.host.client().with_token(&world.mint.operator())
}

async fn refund(world: &World, order: &str, items: Value) -> Answer {
    let body = json!({"reason": "the buyer asked nicely", "items": items});
    operator(world).send(post(format!("/api/v1/orders/{order}/refund"), &body)).await.unwrap()
}

/// Waits until the order, read whole, is as wanted.
async fn until(journey: &mut Journey, order: &Order, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let waited = wait_until(what, LIMIT, async || -> Result<_, ServerError> {
        last = journey.buyer().read(&order.order_no).await.unwrap();
        if wanted(&last) {
            return Ok(Some(()));
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
        Ok(None)
    });
    waited.await.unwrap_or_else(|error| panic!("{error}: {last}"));
    last
}

async fn balance(world: &World, buyer: &str) -> (i64, i64) {
    let wallet: Value = operator(world).get(&format!("/admin/v1/wallets/{buyer}")).await.unwrap();
    let row = wallet["balances"].as_array().unwrap().iter().find(|row| row["unit"] == "CNY").cloned();
    row.map_or((0, 0), |row| (row["available"].as_i64().unwrap(), row["held"].as_i64().unwrap()))
}

fn refunded(read: &Value, way: &str) -> i64 {
    let of = |r: &&Value| r["way"] == way && r["status"] == "succeeded";
    read["refunds"].as_array().unwrap().iter().filter(of).map(|r| r["amount"].as_i64().unwrap()).sum()
}

fn all_refunds_succeeded(read: &Value) -> bool {
    let refunds = read["refunds"].as_array().unwrap();
    !refunds.is_empty() && refunds.iter().all(|r| r["status"] == "succeeded")
}

async fn a_mixed_payment_is_held_captured_and_goes_back_the_same_ways(world: &World) {
    let (mut journey, order) = ordered(world).await;
    let buyer = journey.buyer_id().to_owned();
    world.admin().top_up(&buyer, "CNY", WALLET).await.unwrap();
    let mixed = json!({"payment_method": "sandbox", "balance_minor": 700});
    let first: Payment = pay(&mut journey, &order, mixed.clone()).await.success().unwrap().json().unwrap();
    assert_eq!(balance(world, &buyer).await, (WALLET - 700, 700));
    let again: Payment = pay(&mut journey, &order, mixed).await.success().unwrap().json().unwrap();
    assert_eq!(first, again, "a repeat is the open payment");
    let other = pay(&mut journey, &order, json!({"payment_method": "sandbox"})).await;
    assert_eq!((other.status, problem_code(&other).as_str()), (StatusCode::CONFLICT, "payment-open"));

    // Closed by its buyer, it blocks nothing and holds nothing.
    let close = post(format!("/api/v1/payments/{}/close", first.payment_no), &json!({}));
    let closed: Payment = journey.buyer().send("close", close).await.unwrap().success().unwrap().json().unwrap();
    assert_eq!((closed.status.as_str(), balance(world, &buyer).await), ("closed", (WALLET, 0)));
    let more = json!({"payment_method": "sandbox", "balance_minor": 900});
    let second: Payment = pay(&mut journey, &order, more).await.success().unwrap().json().unwrap();
    notify(journey.buyer().client(), &Notice::paid(&second.payment_no, second.amount - 900)).await.unwrap();
    journey.reached(&order, &["paid"]).await.unwrap();
    assert_eq!(balance(world, &buyer).await, (WALLET - 900, 0));

    let answer = refund(world, &order.order_no, json!([])).await;
    assert!(answer.status.is_success(), "{answer:?}");
    let read = until(&mut journey, &order, "a closed order", |read| read["status"] == "closed").await;
    assert_eq!((refunded(&read, "balance"), refunded(&read, "provider")), (900, order.to_pay - 900));
    assert_eq!(balance(world, &buyer).await, (WALLET, 0));
}

async fn a_lost_callback_is_found_by_a_query(world: &World) {
    let (mut journey, order) = ordered(world).await;
    let payment = journey.open_payment(&order).await.unwrap();
    press(world, &payment.payment_no, "pay_lost").await;
    journey.reached(&order, &["paid"]).await.unwrap();

    // The impatient buyer asks at once.
    let (mut journey, order) = ordered(world).await;
    let payment = journey.open_payment(&order).await.unwrap();
    press(world, &payment.payment_no, "pay_lost").await;
    let query = post(format!("/api/v1/payments/{}/query", payment.payment_no), &json!({}));
    let asked: Payment = journey.buyer().send("query", query).await.unwrap().success().unwrap().json().unwrap();
    assert_eq!(asked.status, "succeeded");
    let log: Value = operator(world).get(&format!("/api/v1/payments/{}/log", payment.payment_no)).await.unwrap();
    let steps: Vec<&str> = log.as_array().unwrap().iter().map(|row| row["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["open", "succeeded"]);
}

async fn money_that_comes_too_late_goes_back_by_itself(world: &World) {
    // Cancelled, then paid.
    let (mut journey, order) = ordered(world).await;
    let payment = journey.open_payment(&order).await.unwrap();
    journey.buyer().cancel(&order.order_no).await.unwrap();
    press(world, &payment.payment_no, "pay").await;
    let read = until(&mut journey, &order, "the refund", all_refunds_succeeded).await;
    assert_eq!((read["status"].as_str(), refunded(&read, "provider")), (Some("cancelled"), order.to_pay));

    // Paid at the provider while it is being cancelled: the success wins.
    let (mut journey, order) = ordered(world).await;
    let payment = journey.open_payment(&order).await.unwrap();
    press(world, &payment.payment_no, "pay_lost").await;
    let cancel = Call::new(Method::PUT, format!("/api/v1/orders/{}/cancel", order.order_no)).json(&json!({}));
    let answer = journey.buyer().send("cancel", cancel).await.unwrap();
    assert_eq!((answer.status, problem_code(&answer).as_str()), (StatusCode::CONFLICT, "already-paid"));
    journey.reached(&order, &["paid"]).await.unwrap();

    // Paid from the wallet while a payment is open: that one is closed, and what it brings goes back.
    let (mut journey, order) = ordered(world).await;
    world.admin().top_up(journey.buyer_id(), "CNY", WALLET).await.unwrap();
    let open = journey.open_payment(&order).await.unwrap();
    journey.pay(&order, Paying::Balance).await.unwrap();
    let is_closed = |read: &Value| read["payments"].as_array().unwrap().iter().any(|p| p["status"] == "closed");
    until(&mut journey, &order, "the other payment closed", is_closed).await;
    press(world, &open.payment_no, "pay").await;
    let read = until(&mut journey, &order, "the refund", all_refunds_succeeded).await;
    assert_eq!((read["status"].as_str(), refunded(&read, "provider")), (Some("paid"), order.to_pay));
}

async fn a_wrong_amount_waits_for_an_operator(world: &World) {
    for (way, status) in [("refund", "created"), ("accept", "paid")] {
        let (mut journey, order) = ordered(world).await;
        let payment = journey.open_payment(&order).await.unwrap();
        let wrong = Notice { amount: payment.amount - 3, ..Notice::paid(&payment.payment_no, payment.amount) };
        for _ in 0..2 {
            let answer = journey.buyer().send("callback", wrong.call(0)).await.unwrap();
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "the provider is told every time");
        }
        let read = until(&mut journey, &order, "the dispute", |r| r["payments"][0]["status"] == "disputed").await;
        assert_eq!(read["status"], "created");
        let path = format!("/admin/v1/payments/{}/settle", payment.payment_no);
        let body = json!({"way": way, "note": "spoke to the buyer"});
        let settled: Payment =
            operator(world).send(post(&path, &body)).await.unwrap().success().unwrap().json().unwrap();
        assert_eq!(settled.status, "succeeded");
        let again = operator(world).send(post(&path, &body)).await.unwrap();
        assert_eq!(again.status, StatusCode::CONFLICT, "once only: {again:?}");
        let read = until(&mut journey, &order, "its end", |read| {
            read["status"] == status && (way == "accept" || all_refunds_succeeded(read))
        });
        assert_eq!(refunded(&read.await, "provider"), if way == "refund" { order.to_pay - 3 } else { 0 });
        if way == "accept" {
            journey.deliver(&order).await.unwrap();
        }
    }
}

async fn many_partial_refunds_never_exceed_what_was_paid(world: &World) {
    let (mut journey, order) = ordered(world).await;
    journey.open_and_pay(&order).await.unwrap();
    let read = until(&mut journey, &order, "paid", |read| read["status"] == "paid").await;
    let payment_no = read["payments"][0]["payment_no"].as_str().unwrap().to_owned();
    let item = read["shop_orders"][0]["items"][0]["order_no"].as_str().unwrap().to_owned();
    press(world, &payment_no, "refunds_wait").await;
    for amount in [1, 250, 49] {
        let answer = refund(world, &order.order_no, json!([{"item_no": item, "amount": amount}])).await;
        assert!(answer.status.is_success(), "{answer:?}");
    }
    let above = refund(world, &order.order_no, json!([{"item_no": item, "amount": order.to_pay}])).await;
    assert_eq!((above.status, problem_code(&above).as_str()), (StatusCode::CONFLICT, "refund-above-remaining"));
    let read = journey.buyer().read(&order.order_no).await.unwrap();
    assert_eq!((read["refunds"].as_array().unwrap().len(), refunded(&read, "provider")), (3, 0), "still waiting");

    // One is declared failed: it is sent again under a new number, by a person.
    press(world, &payment_no, "refunds_fail").await;
    let failed = |read: &Value| read["refunds"].as_array().unwrap().iter().all(|r| r["status"] == "failed");
    let read = until(&mut journey, &order, "failed refunds", failed).await;
    press(world, &payment_no, "refunds_succeed").await;
    for row in read["refunds"].as_array().unwrap() {
        let path = format!("/admin/v1/refunds/{}/retry", row["refund_no"].as_str().unwrap());
        let again = operator(world).send(post(&path, &json!({"note": "the account is open again"}))).await.unwrap();
        assert!(again.status.is_success(), "{again:?}");
        let twice = operator(world).send(post(&path, &json!({"note": "and again"}))).await.unwrap();
        assert_eq!(twice.status, StatusCode::CONFLICT);
    }
    until(&mut journey, &order, "300 refunded", |read| refunded(read, "provider") == 300).await;
    // The order goes on, and what is left goes back when it is given up.
    let answer = refund(world, &order.shop().order_no, json!([])).await;
    assert!(answer.status.is_success(), "{answer:?}");
    let read = until(&mut journey, &order, "a closed order", |read| read["status"] == "closed").await;
    assert_eq!(refunded(&read, "provider"), order.to_pay);
    let nothing = refund(world, &order.order_no, json!([])).await;
    assert_eq!((nothing.status, problem_code(&nothing).as_str()), (StatusCode::CONFLICT, "wrong-state"));
}

async fn a_refund_that_cannot_go_back_is_ended_by_hand(world: &World) {
    let (mut journey, order) = ordered(world).await;
    journey.open_and_pay(&order).await.unwrap();
    let read = until(&mut journey, &order, "paid", |read| read["status"] == "paid").await;
    press(world, read["payments"][0]["payment_no"].as_str().unwrap(), "refunds_fail").await;
    let refund_no = {
        let owed: Value = refund(world, &order.order_no, json!([])).await.success().unwrap().json().unwrap();
        owed["refunds"][0]["refund_no"].as_str().unwrap().to_owned()
    };
    until(&mut journey, &order, "a failed refund", |read| read["refunds"][0]["status"] == "failed").await;
    let list: Value = operator(world).get("/admin/v1/reconciliation").await.unwrap();
    let mine = |row: &&Value| row["refund_no"] == json!(refund_no) && row["kind"] == "refund_failed";
    let id = list["discrepancies"].as_array().unwrap().iter().find(mine).unwrap()["id"].as_str().unwrap().to_owned();
    let body = json!({"resolution": "accept_difference", "note": "paid to the buyer's bank"});
    let settle = post(format!("/admin/v1/reconciliation/{id}/settle"), &body);
    operator(world).send(settle.clone()).await.unwrap().success().unwrap();
    let read = until(&mut journey, &order, "a closed order", |read| read["status"] == "closed").await;
    assert_eq!(refunded(&read, "provider"), order.to_pay);
    assert_eq!(operator(world).send(settle).await.unwrap().status, StatusCode::CONFLICT, "once only");
    let retry = post(format!("/admin/v1/refunds/{refund_no}/retry"), &json!({"note": "again"}));
    assert_eq!(operator(world).send(retry).await.unwrap().status, StatusCode::CONFLICT);
}

async fn an_order_settles_after_its_refunds(world: &World) {
    let (mut journey, order) = ordered(world).await;
    journey.open_and_pay(&order).await.unwrap();
    let read = until(&mut journey, &order, "paid", |read| read["status"] == "paid").await;
    let payment_no = read["payments"][0]["payment_no"].as_str().unwrap().to_owned();
    let item = read["shop_orders"][0]["items"][0]["order_no"].clone();
    press(world, &payment_no, "refunds_wait").await;
    refund(world, &order.order_no, json!([{"item_no": item, "amount": 100}])).await.success().unwrap();
    journey.deliver(&order).await.unwrap();
    let waits = |read: &Value| {
        let flows = read["shop_orders"][0]["timeline"].as_array().unwrap();
        flows.iter().any(|flow| flow["event"] == "settle_later")
    };
    let read = until(&mut journey, &order, "a settlement that waits", waits).await;
    assert_eq!(read["shop_orders"][0]["status"], "received");
    press(world, &payment_no, "refunds_succeed").await;
    let read = until(&mut journey, &order, "completed", |read| read["status"] == "completed").await;
    assert_eq!(refunded(&read, "provider"), 100);
    // What the shop gets is not the buyer's to see.
    let seen: Value = operator(world).get(&format!("/api/v1/orders/{}", order.order_no)).await.unwrap();
    assert_eq!(seen["shop_orders"][0]["settlement"]["gross"], json!(order.to_pay - 100), "{seen}");
}

async fn merged_orders_are_paid_once(world: &World) {
    let mut journey = Journey::new(world, Line::Goods);
    let buyer = journey.buyer_id().to_owned();
    let mut orders = vec![];
    for _ in 0..2 {
        let mut one = Journey::of_buyer(world, Line::Goods, &buyer);
        let cart = one.cart(Paying::Sandbox);
        orders.push(one.create(world, &cart).await.unwrap());
    }
    journey.open_payment(&orders[0]).await.unwrap();
    let numbers: Vec<&str> = orders.iter().map(|order| order.order_no.as_str()).collect();
    let merge = post("/api/v1/orders/merge", &json!({"orders": numbers})).idempotency_key(&format!("merge-{buyer}"));
    let merged: Order = journey.buyer().send("merge", merge.clone()).await.unwrap().success().unwrap().json().unwrap();
    let again: Order = journey.buyer().send("merge", merge).await.unwrap().success().unwrap().json().unwrap();
    assert_eq!(merged, again);
    assert_eq!((merged.to_pay, merged.shop_orders.len()), (orders[0].to_pay + orders[1].to_pay, 2));
    for old in &orders {
        let read = journey.buyer().read(&old.order_no).await.unwrap();
        assert_eq!((read["status"].as_str(), read["reason"].as_str()), (Some("cancelled"), Some("merged")), "{read}");
        assert_eq!(read["merged_into"], json!(merged.order_no));
    }
    let payment: Payment =
        pay(&mut journey, &merged, json!({"payment_method": "sandbox"})).await.success().unwrap().json().unwrap();
    notify(journey.buyer().client(), &Notice::paid(&payment.payment_no, merged.to_pay)).await.unwrap();
    for old in &orders {
        // The shop orders keep their numbers.
        let shop_order = &old.shop().order_no;
        let read = journey.buyer().read(shop_order).await.unwrap();
        assert_eq!(read["order_no"], json!(merged.order_no), "{read}");
        assert_eq!(read["status"], "paid");
        assert!(refund(world, shop_order, json!([])).await.status.is_success());
    }
    until(&mut journey, &merged, "a closed order", |read| read["status"] == "closed").await;
}

async fn what_cannot_be_paid_is_refused_and_changes_nothing(world: &World) {
    let (mut journey, order) = ordered(world).await;
    let mut refused = async |body: Value, status: StatusCode, code: &str| {
        let answer = pay(&mut journey, &order, body.clone()).await;
        assert_eq!((answer.status, problem_code(&answer).as_str()), (status, code), "{body}: {answer:?}");
    };
    let bad = StatusCode::BAD_REQUEST;
    refused(json!({"payment_method": "shells"}), bad, "unknown-payment-method").await;
    refused(json!({"payment_method": "alipay"}), bad, "payment-method-not-enabled").await;
    refused(json!({"payment_method": "sandbox", "balance_minor": -1}), bad, "bad-body").await;
    refused(json!({"payment_method": "sandbox", "balance_minor": order.to_pay}), bad, "bad-body").await;
    refused(json!({"payment_method": "balance", "balance_minor": 1}), bad, "bad-body").await;
    refused(json!({"payment_method": "balance"}), StatusCode::CONFLICT, "insufficient-balance").await;
    let short = json!({"payment_method": "sandbox", "balance_minor": 1});
    refused(short, StatusCode::CONFLICT, "insufficient-balance").await;
    let read = journey.buyer().read(&order.order_no).await.unwrap();
    assert_eq!((read["status"].as_str(), read["payments"].as_array().unwrap().len()), (Some("created"), 0));

    let early = refund(world, &order.order_no, json!([])).await;
    assert_eq!((early.status, problem_code(&early).as_str()), (StatusCode::CONFLICT, "wrong-state"));
    journey.open_and_pay(&order).await.unwrap();
    let twice = pay(&mut journey, &order, json!({"payment_method": "sandbox"})).await;
    assert_eq!((twice.status, problem_code(&twice).as_str()), (StatusCode::CONFLICT, "wrong-state"));

    let (mut stranger, _) = ordered(world).await;
    let body = json!({"reason": "I want it back"});
    let theirs = stranger.buyer().send("refund", post(format!("/api/v1/orders/{}/refund", order.order_no), &body));
    assert_eq!(theirs.await.unwrap().status, StatusCode::NOT_FOUND);
    let theirs = stranger
        .buyer()
        .send("pay", post(format!("/api/v1/orders/{}/pay", order.order_no), &json!({"payment_method": "sandbox"})));
    assert_eq!(theirs.await.unwrap().status, StatusCode::NOT_FOUND);
    let merge = post("/api/v1/orders/merge", &json!({"orders": [order.order_no, order.order_no]}));
    assert_eq!(journey.buyer().send("merge", merge).await.unwrap().status, StatusCode::CONFLICT);
}

async fn a_callback_does_not_wait_for_hooks(world: &World) {
    // Good as long as it is tried, bad once it is in.
    world.register(&LineSetup::hostile("slow-deduct", 660, json!({}))).await.unwrap();
    let spoilt = LineSetup::hostile("slow-deduct", 660, json!({"hook": "deduct", "behave": "loop"}));
    world.admin().business(&spoilt).await.unwrap();
    let mut journey = Journey::new(world, Line::Goods);
    let mut cart =
        journey::cart(Line::Goods, json!([{"sku_id": "bait", "quantity": 1}]), Paying::Sandbox, journey.name());
    cart["shops"][0]["business"] = json!("slow-deduct");
    cart["shops"][0]["type"] = json!(660);
    let mut order = None;
    let sold = wait_until("a sale", LIMIT, async || -> Result<_, ServerError> {
        order = journey.create(world, &cart).await.ok();
        Ok(order.is_some().then_some(()))
    });
    sold.await.unwrap();
    let order = order.unwrap();
    let payment = journey.open_payment(&order).await.unwrap();
    let begun = Instant::now();
    notify(journey.buyer().client(), &Notice::paid(&payment.payment_no, payment.amount)).await.unwrap();
    assert!(begun.elapsed() < CALLBACK_LIMIT, "{:?}", begun.elapsed());
    let read = journey.buyer().read(&order.order_no).await.unwrap();
    assert_eq!(read["status"], "paid");
    assert!(refund(world, &order.order_no, json!([])).await.status.is_success());
    until(&mut journey, &order, "a closed order", |read| read["status"] == "closed").await;
}

/// Which words of the outbox tell of a shop order.
async fn told(world: &World, shop_order: &str) -> Vec<String> {
    checker::drained(world.database()).await.unwrap();
    let query = format!("SELECT tag FROM outbox_sent WHERE subject = {shop_order} ORDER BY topic, sequence");
    world.database().rows(&query).await.unwrap().iter().map(|row| row.text(0)).collect()
}

async fn held(world: &World, shop_order: &str) -> i64 {
    let query = format!(
        "SELECT CAST(coalesce(sum(CASE kind WHEN 0 THEN quantity ELSE -quantity END), 0) AS BIGINT) FROM stock_moves \
         WHERE shop_no = {shop_order}"
    );
    world.database().rows(&query).await.unwrap()[0].int(0)
}

async fn an_unpaid_order_ends_with_its_open_payment(settings: hookline_tests::servers::HostSettings) {
    let settings = settings.set("PAYMENT_QUERY_MS", "200").set("REFUND_RETRY_MS", "200");
    let world = World::start(settings, &Pace { pay_timeout_s: 2, ..Pace::default() }).await.unwrap();
    let (mut journey, order) = ordered(&world).await;
    let no = order.shop().order_no.clone();
    let payment = journey.open_payment(&order).await.unwrap();
    assert!(held(&world, &no).await > 0, "its stock is held");

    let read = until(&mut journey, &order, "its end", |read| read["status"] == "cancelled").await;
    assert_eq!(read["reason"], "pay_timeout");
    assert_eq!((&read["payments"][0]["status"], held(&world, &no).await), (&json!("closed"), 0));
    let log: Value = operator(&world).get(&format!("/api/v1/payments/{}/log", payment.payment_no)).await.unwrap();
    assert_eq!(log.as_array().unwrap().iter().filter(|row| row["step"] == "closed").count(), 1, "{log}");
    let tags = told(&world, &no).await;
    assert_eq!(tags.iter().filter(|tag| *tag == "ORDER_CANCELLED").count(), 1, "{tags:?}");

    // The buyer pays all the same, at a page that was left open.
    press(&world, &payment.payment_no, "pay").await;
    let read = until(&mut journey, &order, "the refund", all_refunds_succeeded).await;
    assert_eq!((read["status"].as_str(), refunded(&read, "provider")), (Some("cancelled"), order.to_pay));
    assert!(told(&world, &no).await.iter().all(|tag| tag != "ORDER_PAID"));
    checker::check_world(&world).await.unwrap().assert_clean();
}

async fn what_is_paid_is_not_cancelled(world: &World) {
    let (mut journey, order) = ordered(world).await;
    journey.pay(&order, Paying::Sandbox).await.unwrap();
    let cancel = || Call::new(Method::PUT, format!("/api/v1/orders/{}/cancel", order.order_no)).json(&json!({}));
    let refused = journey.buyer().send("cancel", cancel()).await.unwrap();
    assert_eq!((refused.status, problem_code(&refused).as_str()), (StatusCode::CONFLICT, "wrong-state"));
    journey.deliver(&order).await.unwrap();
    let refused = journey.buyer().send("cancel", cancel()).await.unwrap();
    assert_eq!((refused.status, problem_code(&refused).as_str()), (StatusCode::CONFLICT, "wrong-state"));
}

async fn all(world: World) {
    a_mixed_payment_is_held_captured_and_goes_back_the_same_ways(&world).await;
    a_lost_callback_is_found_by_a_query(&world).await;
    money_that_comes_too_late_goes_back_by_itself(&world).await;
    a_wrong_amount_waits_for_an_operator(&world).await;
    many_partial_refunds_never_exceed_what_was_paid(&world).await;
    a_refund_that_cannot_go_back_is_ended_by_hand(&world).await;
    an_order_settles_after_its_refunds(&world).await;
    merged_orders_are_paid_once(&world).await;
    what_cannot_be_paid_is_refused_and_changes_nothing(&world).await;
    a_callback_does_not_wait_for_hooks(&world).await;
    what_is_paid_is_not_cancelled(&world).await;
    checker::check_world(&world).await.unwrap().assert_clean();
}

#[tokio::test]
async fn on_sqlite() {
    all(world(host_settings()).await).await;
}

#[tokio::test]
async fn on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    all(world(host_settings().set("ORDER_DB_URL", database.url())).await).await;
}

#[tokio::test]
async fn nobody_pays_on_sqlite() {
    an_unpaid_order_ends_with_its_open_payment(host_settings()).await;
}

#[tokio::test]
async fn nobody_pays_on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    an_unpaid_order_ends_with_its_open_payment(host_settings().set("ORDER_DB_URL", database.url())).await;
}

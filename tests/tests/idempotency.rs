//! The same thing asked twice happens once: creates, payments, callbacks, notices, signals.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use futures_util::future::join_all;
use hookline_tests::checker;
use hookline_tests::client::Call;
use hookline_tests::journey::{Journey, Paying};
use hookline_tests::platform::problem_code;
use hookline_tests::sandbox::{Notice, notify};
use hookline_tests::servers::TestDatabase;
use hookline_tests::world::{Line, World};
use hyper::{Method, StatusCode};
use serde_json::json;

const CROWD: usize = 100;

async fn a_hundred_creates_with_one_key_make_one_order(world: &World) {
    let journey = Journey::new(world, Line::Goods);
    let cart = journey.cart(Paying::Sandbox);
    let token = world.mint.buyer(journey.buyer_id());
    let creates = (0..CROWD).map(async |_| {
        let mut client = world.host.client().with_token(&token);
        let call = Call::new(Method::POST, "/api/v1/orders").json(&cart).idempotency_key("one-key");
        client.send(call).await.unwrap()
    });
    let answers = join_all(creates).await;
    let first = answers[0].json::<serde_json::Value>().unwrap();
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::CREATED);
        assert_eq!(answer.json::<serde_json::Value>().unwrap(), first);
    }
    let query = format!("SELECT count(*) FROM pay_orders WHERE buyer = '{}'", journey.buyer_id());
    assert_eq!(world.database().rows(&query).await.unwrap()[0].int(0), 1);
}

async fn a_key_with_another_body_is_refused(world: &World) {
    let mut journey = Journey::new(world, Line::Goods);
    let cart = journey.cart(Paying::Sandbox);
    journey.create(world, &cart).await.unwrap();
    let key = journey.name().to_owned();
    let mut other = cart.clone();
    other["shops"][0]["items"][0]["quantity"] = json!(7);
    let call = Call::new(Method::POST, "/api/v1/orders").json(&other).idempotency_key(&key);
    let answer = journey.buyer().send("create", call).await.unwrap();
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
}

async fn a_taken_number_makes_one_order(world: &World) {
    let mut journey = Journey::new(world, Line::Goods);
    let taken = Call::new(Method::POST, "/api/v1/order-numbers").json(&json!({}));
    let taken: serde_json::Value = journey.buyer().send("number", taken).await.unwrap().json().unwrap();
    let mut cart = journey.cart(Paying::Sandbox);
    cart["order_no"] = taken["order_no"].clone();
    // Without any key: the number is one.
    for _ in 0..2 {
        let call = Call::new(Method::POST, "/api/v1/orders").json(&cart);
        let answer = journey.buyer().send("create", call).await.unwrap();
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        assert_eq!(answer.json::<serde_json::Value>().unwrap()["order_no"], taken["order_no"]);
    }
    cart["shops"][0]["items"][0]["quantity"] = json!(9);
    let answer = journey.buyer().send("create", Call::new(Method::POST, "/api/v1/orders").json(&cart)).await.unwrap();
    assert_eq!((answer.status, problem_code(&answer).as_str()), (StatusCode::CONFLICT, "number-taken"));
}

/// Every step of the goods flow twice; the second time nothing happens.
async fn every_step_twice(world: &World) {
    let mut journey = Journey::new(world, Line::Goods);
    let cart = journey.cart(Paying::Sandbox);
    let order = journey.create(world, &cart).await.unwrap();
    let again = journey.create(world, &cart).await.unwrap();
    assert_eq!(order.order_no, again.order_no);
    let shop_order = order.shop().order_no.clone();

    let payment = journey.open_payment(&order).await.unwrap();
    assert_eq!(journey.open_payment(&order).await.unwrap(), payment);

    // Early: the parcel is said to have left before the money is there.
    let early = journey.shop().ship(&shop_order).await.unwrap();
    assert_eq!(early.effect, "parked");
    let early = journey.shop().ship(&shop_order).await.unwrap();
    assert_ne!(early.effect, "applied");

    let notice = Notice::paid(&payment.payment_no, payment.amount);
    for _ in 0..3 {
        notify(journey.buyer().client(), &notice).await.unwrap();
    }
    for _ in 0..2 {
        journey.service().forward(&shop_order).await.unwrap();
    }
    journey.reached(&order, &["shipped", "received"]).await.unwrap();
    assert_eq!(journey.shop().ship(&shop_order).await.unwrap().effect, "ignored");
    assert_eq!(journey.buyer().receive(&shop_order).await.unwrap().effect, "applied");
    assert_eq!(journey.buyer().receive(&shop_order).await.unwrap().effect, "ignored");
    assert_eq!(journey.shop().deliver(&shop_order).await.unwrap().effect, "ignored");
    journey.ended(&order, &["completed"]).await.unwrap();
    notify(journey.buyer().client(), &notice).await.unwrap();
}

/// A callback that overtakes the answer of pay, a forged one, one of another amount, and one that comes too late.
async fn callbacks_are_believed_only_when_they_fit(world: &World) {
    let mut journey = Journey::new(world, Line::Goods);
    let cart = journey.cart(Paying::Sandbox);
    let order = journey.create(world, &cart).await.unwrap();
    let payment = journey.open_payment(&order).await.unwrap();
    let notice = Notice::paid(&payment.payment_no, payment.amount);

    let unknown = Notice::paid("P4611686018427387904", 100).call(0);
    assert_eq!(journey.buyer().send("callback", unknown).await.unwrap().status, StatusCode::BAD_REQUEST);
    let old = journey.buyer().send("callback", notice.call(301)).await.unwrap();
    assert!(old.status.is_client_error(), "{old:?}");
    let forged = journey.buyer().send("callback", notice.forged()).await.unwrap();
    assert!(forged.status.is_client_error(), "{forged:?}");
    journey.reached(&order, &["created"]).await.unwrap();

    let wrong = Notice { amount: payment.amount - 1, ..notice.clone() };
    let answer = journey.buyer().send("callback", wrong.call(0)).await.unwrap();
    assert!(!answer.status.is_success(), "{answer:?}");
    journey.reached(&order, &["created"]).await.unwrap();

    // The disputed payment does not block another one, and what comes after a cancel goes back.
    let second = journey.open_payment(&order).await.unwrap();
    assert_ne!(second.payment_no, payment.payment_no);
    journey.buyer().cancel(&order.order_no).await.unwrap();
    notify(journey.buyer().client(), &Notice::paid(&second.payment_no, second.amount)).await.unwrap();
    let ended = journey.ended(&order, &["cancelled"]).await.unwrap();
    let read = journey.buyer().read(&ended.pay_order).await.unwrap();
    assert_eq!(read["refunds"][0]["amount"].as_i64(), Some(order.to_pay), "{read}");
}

/// A carrier that answers twice, slowly, or whose answer is lost.
async fn a_supplier_that_stutters_is_called_once(world: &World) {
    use hookline_tests::suppliers::Manner;
    for manner in [Manner::Duplicate, Manner::LoseAnswer, Manner::Fail(500)] {
        for (line, supplier) in [
            (Line::Topup, &world.suppliers.topup),
            (Line::Flight, &world.suppliers.flight),
            (Line::Hotel, &world.suppliers.hotel),
        ] {
            supplier.manners().next([manner.clone()]);
            let ended = Journey::new(world, line).to_completed(world, Paying::Sandbox).await.unwrap();
            assert_eq!(supplier.book().effects(line.effect().unwrap(), &ended.shop_order), 1, "{line:?} {manner:?}");
        }
    }
}

async fn all(world: &World) {
    a_hundred_creates_with_one_key_make_one_order(world).await;
    a_key_with_another_body_is_refused(world).await;
    a_taken_number_makes_one_order(world).await;
    every_step_twice(world).await;
    callbacks_are_believed_only_when_they_fit(world).await;
    a_supplier_that_stutters_is_called_once(world).await;
    checker::check_world(world).await.unwrap().assert_clean();
}

#[tokio::test]
async fn on_sqlite() {
    all(&World::on_sqlite().await.unwrap()).await;
}

#[tokio::test]
async fn on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    all(&World::on_postgres(&database.url()).await.unwrap()).await;
}

//! Bad input gets a clear error and loses nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use bytes::Bytes;
use hookline_tests::checker;
use hookline_tests::client::{Answer, Call};
use hookline_tests::history::Outcome;
use hookline_tests::journey::{self, Journey, Paying};
use hookline_tests::platform::problem_code;
use hookline_tests::world::{Line, World, catalogue};
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Sends a create that must be refused, and says so to the history.
async fn refused(world: &World, journey: &mut Journey, call: Call) -> Answer {
    let answer = journey.buyer().send("create", call).await.unwrap();
    assert!(answer.status.is_client_error(), "{answer:?}");
    let body: Value = answer.json().unwrap();
    assert!(
        !body["detail"].as_str().unwrap().is_empty() && body["type"].as_str().unwrap().starts_with("urn:"),
        "{body}"
    );
    world.history.create(journey.name(), Outcome::Refused);
    answer
}

fn create(body: &Value) -> Call {
    Call::new(Method::POST, "/api/v1/orders").json(body)
}

fn with_quantity(journey: &Journey, quantity: &Value) -> Value {
    let items = json!([{"sku_id": catalogue::goods(1), "quantity": quantity}]);
    journey::cart(Line::Goods, items, Paying::Sandbox, journey.name())
}

async fn bodies(world: &World) {
    let mut journey = Journey::new(world, Line::Goods);
    for malformed in ["", "{", "[]", "{\"mode\":", "\u{0}", "nonsense", "{\"mode\":\"wait\"} trailing"] {
        let call = Call::new(Method::POST, "/api/v1/orders").bytes(JSON, Bytes::from(malformed.to_owned()));
        assert_eq!(refused(world, &mut journey, call).await.status, StatusCode::BAD_REQUEST, "{malformed}");
    }
    let good = journey.cart(Paying::Sandbox).to_string();
    let call = Call::new(Method::POST, "/api/v1/orders");
    let call = call.bytes(HeaderValue::from_static("text/plain"), Bytes::from(good));
    assert_eq!(refused(world, &mut journey, call).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    // The host answers before it has read such a body: the client may see the answer or a connection that ends.
    let huge = json!({"mode": "x".repeat(1 << 20)});
    match journey.buyer().send("create", create(&huge)).await {
        Ok(answer) => assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE),
        Err(cut_off) => assert_eq!(cut_off.status(), None),
    }
    let mut unknown = journey.cart(Paying::Sandbox);
    unknown["colour"] = json!("red");
    assert_eq!(refused(world, &mut journey, create(&unknown)).await.status, StatusCode::BAD_REQUEST);
}

async fn quantities(world: &World) {
    let mut journey = Journey::new(world, Line::Goods);
    let bad =
        [json!(-1), json!(0), json!(1.5), json!("2"), json!(4_294_967_296_i64), json!(9_223_372_036_854_775_807_i64)];
    for quantity in bad {
        let cart = with_quantity(&journey, &quantity);
        let answer = refused(world, &mut journey, create(&cart)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{quantity}: {answer:?}");
    }
    let text = with_quantity(&journey, &json!(1)).to_string().replace("\"quantity\":1", "\"quantity\":1e400");
    let call = Call::new(Method::POST, "/api/v1/orders").bytes(JSON, Bytes::from(text));
    refused(world, &mut journey, call).await;
    // More than the line sells of one thing at once.
    let cart = with_quantity(&journey, &json!(1_000_000));
    let answer = refused(world, &mut journey, create(&cart)).await;
    assert!([StatusCode::UNPROCESSABLE_ENTITY, StatusCode::CONFLICT].contains(&answer.status), "{answer:?}");
}

async fn goods(world: &World) {
    let mut journey = Journey::new(world, Line::Goods);
    let items = json!([{"sku_id": catalogue::goods(1), "quantity": 1}, {"sku_id": "no-such-thing", "quantity": 1}]);
    let cart = journey::cart(Line::Goods, items, Paying::Sandbox, journey.name());
    let answer = refused(world, &mut journey, create(&cart)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    let lines = answer.json::<Value>().unwrap()["lines"].clone();
    assert_eq!((&lines[0]["line"], &lines[0]["code"], &lines[1]), (&json!(1), &json!("unknown-sku"), &Value::Null));

    let items = json!([{"sku_id": catalogue::goods(2), "quantity": 1}, {"sku_id": catalogue::RARE, "quantity": 2}]);
    let cart = journey::cart(Line::Goods, items, Paying::Sandbox, journey.name());
    let answer = refused(world, &mut journey, create(&cart)).await;
    assert_eq!((answer.status, problem_code(&answer).as_str()), (StatusCode::CONFLICT, "stock-short"), "{answer:?}");

    let mut cart = journey.cart(Paying::Sandbox);
    cart["shops"][0]["business"] = json!("no-such-line");
    let answer = refused(world, &mut journey, create(&cart)).await;
    assert!(answer.status.is_client_error(), "{answer:?}");
    let mut cart = journey.cart(Paying::Sandbox);
    cart["expected_to_pay"] = json!(1);
    let answer = refused(world, &mut journey, create(&cart)).await;
    assert_eq!((answer.status, problem_code(&answer).as_str()), (StatusCode::CONFLICT, "price-changed"), "{answer:?}");
}

async fn who_and_when(world: &World) {
    let mut owner = Journey::new(world, Line::Goods);
    let cart = owner.cart(Paying::Sandbox);
    let order = owner.create(world, &cart).await.unwrap();
    let shop_order = order.shop().order_no.clone();

    let mut stranger = Journey::new(world, Line::Goods);
    let stranger = stranger.buyer();
    for path in [order.order_no.clone(), shop_order.clone(), "1".to_owned()] {
        let call = Call::new(Method::GET, format!("/api/v1/orders/{path}"));
        assert_eq!(stranger.send("read", call).await.unwrap().status, StatusCode::NOT_FOUND);
    }
    for (method, what, body) in [
        (Method::PUT, "cancel", json!({"reason": "mine now"})),
        (Method::POST, "pay", json!({"payment_method": "sandbox"})),
    ] {
        let call = Call::new(method, format!("/api/v1/orders/{}/{what}", order.order_no)).json(&body);
        assert_eq!(stranger.send(what, call).await.unwrap().status, StatusCode::NOT_FOUND, "{what}");
    }
    let call = Call::new(Method::GET, "/admin/v1/businesses");
    assert_eq!(stranger.send("admin", call).await.unwrap().status, StatusCode::FORBIDDEN);
    let mut nobody = world.host.client();
    let call = Call::new(Method::GET, format!("/api/v1/orders/{}", order.order_no));
    assert_eq!(nobody.send(call).await.unwrap().status, StatusCode::UNAUTHORIZED);
    let bad = Call::new(Method::GET, "/api/v1/orders/not-a-number");
    assert_eq!(owner.buyer().send("read", bad).await.unwrap().status, StatusCode::BAD_REQUEST);

    // Wrong level and wrong state.
    let call = Call::new(Method::POST, format!("/api/v1/orders/{shop_order}/pay"));
    let answer = owner.buyer().send("pay", call.json(&json!({"payment_method": "sandbox"}))).await.unwrap();
    assert_eq!((answer.status, problem_code(&answer).as_str()), (StatusCode::CONFLICT, "wrong-level"), "{answer:?}");
    let call = Call::new(Method::POST, format!("/api/v1/orders/{}/pay", order.order_no));
    let answer = owner.buyer().send("pay", call.json(&json!({"payment_method": "shells"}))).await.unwrap();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    owner.buyer().cancel(&order.order_no).await.unwrap();
    let call = Call::new(Method::POST, format!("/api/v1/orders/{}/pay", order.order_no));
    let answer = owner.buyer().send("pay", call.json(&json!({"payment_method": "sandbox"}))).await.unwrap();
    assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
    let call = Call::new(Method::POST, format!("/api/v1/orders/{shop_order}/receive")).json(&json!({}));
    let answer = owner.buyer().send("receive", call).await.unwrap();
    assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
}

#[tokio::test]
async fn bad_input_is_refused_and_loses_nothing() {
    let world = World::on_sqlite().await.unwrap();
    bodies(&world).await;
    quantities(&world).await;
    goods(&world).await;
    who_and_when(&world).await;
    // And the platform still works.
    Journey::new(&world, Line::Goods).to_completed(&world, Paying::Sandbox).await.unwrap();
    checker::check_world(&world).await.unwrap().assert_clean();
}

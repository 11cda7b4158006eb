//! Refunds, returns and exchanges from application to end, with real lines, suppliers and providers, on both databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use hookline_tests::aftersales::money_back;
use hookline_tests::checker;
use hookline_tests::client::{Answer, Call, Client};
use hookline_tests::journey::{Journey, Paying, cart};
use hookline_tests::platform::{Order, problem_code};
use hookline_tests::servers::{HostSettings, ServerError, TestDatabase, wait_until};
use hookline_tests::world::line::merge;
use hookline_tests::world::{Line, LineSetup, Pace, World, catalogue, host_settings};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);
/// Long enough for every scene, and nothing waits for its end.
const WINDOW_S: u32 = 600;

/// The four lines; `rules` are added to each.
async fn world(settings: HostSettings, pace: &Pace, rules: &Value) -> World {
    let world = World::empty(settings.set("REFUND_RETRY_MS", "200")).await.unwrap();
    for line in Line::ALL {
        let mut setup = LineSetup::new(line, pace, &world.suppliers);
        merge(&mut setup.rules, rules.clone());
        world.register(&setup).await.unwrap();
    }
    for line in Line::ALL {
        world.sells(line, catalogue::items(line, 0)).await.unwrap();
    }
    world
}

fn slow() -> Pace {
    Pace { aftersale_window_s: WINDOW_S, ..Pace::default() }
}

fn post(path: impl Into<String>, body: &Value) -> Call {
    Call::new(Method::POST, path).json(body)
}

/// Somebody who does something about after-sales.
struct Side(Client);

impl Side {
    fn buyer(world: &World, journey: &Journey) -> Self {
        Self(world.host.client().with_token(&world.mint.buyer(journey.buyer_id())))
    }

    fn shop(world: &World, line: Line) -> Self {
        Self(world.host.client().with_token(&world.mint.shop(&line.shop())))
    }

    fn operator(world: &World) -> Self {
        Self(world.host.client().with_token(&world.mint.operator()))
    }

    async fn apply(&mut self, order: &str, kind: &str, items: Value) -> Answer {
        let body = json!({"order_no": order, "type": kind, "reason": "it is not as described", "items": items});
        self.0.send(post("/api/v1/aftersales", &body)).await.unwrap()
    }

    async fn tell(&mut self, no: &str, what: &str, body: Value) -> Answer {
        self.0.send(post(format!("/api/v1/aftersales/{no}/{what}"), &body)).await.unwrap()
    }
}

fn said(answer: Answer) -> Value {
    answer.success().unwrap().json().unwrap()
}

fn number(answer: Answer) -> String {
    said(answer)["aftersale_no"].as_str().unwrap().to_owned()
}

/// A paid order of a line.
async fn paid(world: &World, line: Line) -> (Journey, Order) {
    let mut journey = Journey::new(world, line);
    let cart = journey.cart(Paying::Sandbox);
    let order = journey.create(world, &cart).await.unwrap();
    journey.open_and_pay(&order).await.unwrap();
    journey.reached(&order, &["paid", "shipped", "received"]).await.unwrap();
    (journey, order)
}

async fn received(world: &World, line: Line) -> (Journey, Order) {
    let (mut journey, order) = paid(world, line).await;
    journey.deliver(&order).await.unwrap();
    (journey, order)
}

async fn item(journey: &mut Journey, order: &Order, index: usize) -> Value {
    journey.buyer().read(&order.order_no).await.unwrap()["shop_orders"][0]["items"][index].clone()
}

async fn stock(world: &World, key: &str) -> (i64, i64) {
    let query = format!("SELECT available, sold FROM stock WHERE stock_key = '{key}' AND business = 'goods'");
    let rows = world.database().rows(&query).await.unwrap();
    (rows[0].int(0), rows[0].int(1))
}

async fn a_stay_is_cancelled_for_a_fee_after_its_hotel_took_it_back(world: &World) {
    let (mut journey, order) = paid(world, Line::Hotel).await;
    journey.reached(&order, &["shipped"]).await.unwrap();
    let (mut buyer, mut shop) = (Side::buyer(world, &journey), Side::shop(world, Line::Hotel));
    let room = item(&mut journey, &order, 0).await;
    let fee = room["due"].as_i64().unwrap() * 30 / 100;
    let body = json!({"order_no": order.shop().order_no, "type": "refund", "reason": "ill"});
    let quote: Value = said(buyer.0.send(post("/api/v1/aftersales/quote", &body)).await.unwrap());
    assert_eq!((quote["amount"].as_i64(), quote["fee"].as_i64()), (Some(order.to_pay - fee), Some(fee)), "{quote}");

    let no = number(buyer.apply(&order.shop().order_no, "refund", json!([])).await);
    let own = buyer.tell(&no, "approve", json!({})).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN, "nobody agrees to what they ask for");
    let read = journey.shown(&order, "an open after-sale", |shop| shop["reverse_status"] == 1).await.unwrap();
    assert_eq!(read["shop_orders"][0]["aftersales_status"], "processing", "{read}");
    shop.tell(&no, "approve", json!({})).await.success().unwrap();
    let done = journey.aftersale_reached(&no, "refunded").await.unwrap();
    assert_eq!((done["amount"].as_i64(), done["fee"].as_i64()), (Some(order.to_pay - fee), Some(fee)), "{done}");
    journey.ended(&order, &["closed"]).await.unwrap();
    let read = journey.buyer().read(&order.order_no).await.unwrap();
    assert_eq!(money_back(&read), order.to_pay - fee);
    assert_eq!((&read["reverse_status"], &read["aftersales_status"]), (&json!(4), &json!("finished")));
    let cancels = world.suppliers.entries().into_iter().filter(|e| e.operation == "cancel").count();
    assert_eq!(cancels, 1, "the hotel was told once");
}

async fn one_of_two_tickets_goes_back(world: &World) {
    let mut journey = Journey::new(world, Line::Flight);
    let cart = cart(Line::Flight, catalogue::two_seats(1), Paying::Sandbox, journey.name());
    let order = journey.create(world, &cart).await.unwrap();
    journey.open_and_pay(&order).await.unwrap();
    journey.reached(&order, &["shipped"]).await.unwrap();
    let (mut buyer, mut shop) = (Side::buyer(world, &journey), Side::shop(world, Line::Flight));
    let ticket = item(&mut journey, &order, 0).await;
    let one = json!([{"item_no": ticket["order_no"], "quantity": 1}]);
    let no = number(buyer.apply(&order.shop().order_no, "refund", one).await);
    shop.tell(&no, "approve", json!({})).await.success().unwrap();
    let done = journey.aftersale_reached(&no, "refunded").await.unwrap();
    // 800.00 fare and 50.00 tax each: 40 % of the fare is kept.
    assert_eq!((done["amount"].as_i64(), done["fee"].as_i64()), (Some(53_000), Some(32_000)), "{done}");
    let read = journey.shown(&order, "one left", |shop| shop["items"][0]["refunded_quantity"] == 1).await.unwrap();
    let shop_order = &read["shop_orders"][0];
    assert_eq!((&shop_order["status"], &shop_order["reverse_status"]), (&json!("shipped"), &json!(2)), "{read}");
    assert_eq!(shop_order["items"][0]["refund_status"], "partial");
    journey.service().signal(&order.shop().order_no, "flown", &json!({})).await.unwrap();
    journey.reached(&order, &["received"]).await.unwrap();
}

async fn goods_come_back_and_then_the_money(world: &World) {
    let (mut journey, order) = received(world, Line::Goods).await;
    let (mut buyer, mut shop) = (Side::buyer(world, &journey), Side::shop(world, Line::Goods));
    let thing = item(&mut journey, &order, 0).await;
    let (sku, cash) = (thing["sku_id"].as_str().unwrap().to_owned(), thing["cash"].as_i64().unwrap());
    let quantity = thing["quantity"].as_i64().unwrap();
    let before = stock(world, &sku).await;
    let no = number(
        buyer
            .apply(
                thing["order_no"].as_str().unwrap(),
                "return",
                json!([{"item_no": thing["order_no"], "quantity": quantity}]),
            )
            .await,
    );
    let early = buyer.tell(&no, "return", json!({"carrier": "SF", "waybill": format!("EARLY{no}")})).await;
    assert_eq!((early.status, problem_code(&early).as_str()), (StatusCode::CONFLICT, "aftersale-state"));
    buyer
        .tell(&no, "evidence", json!({"text": "the seam", "links": ["https://pictures.example/1.jpg"]}))
        .await
        .success()
        .unwrap();
    shop.tell(&no, "approve", json!({"note": "send it back"})).await.success().unwrap();
    let waybill = format!("BACK{no}");
    let sent = said(buyer.tell(&no, "return", json!({"carrier": "SF", "waybill": waybill})).await);
    assert_eq!(sent["status"], "returning");
    assert_eq!(money_back(&journey.buyer().read(&order.order_no).await.unwrap()), 0, "the goods first");
    let deliver = post("/api/v1/shipments/deliver", &json!({"waybill": waybill}));
    said(shop.0.send(deliver.clone()).await.unwrap());
    assert_eq!(said(shop.0.send(deliver).await.unwrap())["effect"], "ignored", "a repeat");
    journey.aftersale_reached(&no, "returned").await.unwrap();
    shop.tell(&no, "confirm-return", json!({})).await.success().unwrap();
    let done = journey.aftersale_reached(&no, "refunded").await.unwrap();
    assert_eq!(done["amount"].as_i64(), Some(cash), "{done}");
    assert_eq!(done["evidence"][0]["text"], "the seam");
    assert_eq!(stock(world, &sku).await, (before.0 + quantity, before.1 - quantity), "it can be sold again");
    let again = buyer
        .apply(thing["order_no"].as_str().unwrap(), "refund", json!([{"item_no": thing["order_no"], "amount": 1}]))
        .await;
    assert_eq!(problem_code(&again), "refund-above-remaining", "nothing is left of it");
}

async fn an_exchange_sends_new_goods_and_moves_no_money(world: &World) {
    let (mut journey, order) = received(world, Line::Goods).await;
    let (mut buyer, mut shop) = (Side::buyer(world, &journey), Side::shop(world, Line::Goods));
    let thing = item(&mut journey, &order, 1).await;
    let sku = thing["sku_id"].as_str().unwrap().to_owned();
    let before = stock(world, &sku).await;
    let no = number(
        buyer.apply(&order.shop().order_no, "exchange", json!([{"item_no": thing["order_no"], "quantity": 1}])).await,
    );
    shop.tell(&no, "approve", json!({})).await.success().unwrap();
    buyer.tell(&no, "return", json!({"carrier": "SF", "waybill": format!("BACK{no}")})).await.success().unwrap();
    let packed = said(shop.tell(&no, "confirm-return", json!({})).await);
    assert_eq!(packed["status"], "reshipping");
    let shipment = packed["shipment_no"].as_str().unwrap();
    // Its arrival is told before it left: it waits for its turn.
    let arrived = json!({"shipment_no": shipment});
    assert_eq!(said(shop.0.send(post("/api/v1/shipments/deliver", &arrived)).await.unwrap())["effect"], "parked");
    let notice = json!({"shipment_no": shipment, "carrier": "SF", "waybill": format!("NEW{no}")});
    assert_eq!(said(shop.0.send(post("/api/v1/shipments/ship", &notice)).await.unwrap())["effect"], "applied");
    journey.aftersale_reached(&no, "exchanged").await.unwrap();
    let read = journey.buyer().read(&order.order_no).await.unwrap();
    assert_eq!((&read["shop_orders"][0]["status"], money_back(&read)), (&json!("received"), 0));
    assert_eq!(stock(world, &sku).await, before, "one came, one went");
    assert_eq!(said(shop.0.send(post("/api/v1/shipments/deliver", &arrived)).await.unwrap())["effect"], "ignored");
}

async fn a_rejected_one_is_changed_and_then_arbitrated(world: &World) {
    let (mut journey, order) = received(world, Line::Goods).await;
    let (mut buyer, mut shop) = (Side::buyer(world, &journey), Side::shop(world, Line::Goods));
    let thing = item(&mut journey, &order, 0).await;
    let part = |amount: i64| json!([{"item_no": thing["order_no"], "amount": amount}]);
    let no = number(buyer.apply(&order.shop().order_no, "refund", part(300)).await);
    shop.tell(&no, "reject", json!({"reason": "too much"})).await.success().unwrap();
    let less = json!({"type": "refund", "reason": "a scratch", "items": part(200)});
    assert_eq!(said(buyer.tell(&no, "resubmit", less).await)["amount"], 200);
    shop.tell(&no, "reject", json!({"reason": "still too much"})).await.success().unwrap();
    buyer.tell(&no, "arbitrate", json!({})).await.success().unwrap();
    let own = shop.tell(&no, "approve", json!({})).await;
    assert_eq!((own.status, problem_code(&own).as_str()), (StatusCode::CONFLICT, "arbitrating"));
    Side::operator(world).tell(&no, "approve", json!({"note": "a scratch it is"})).await.success().unwrap();
    journey.aftersale_reached(&no, "refunded").await.unwrap();
    assert_eq!(money_back(&journey.buyer().read(&order.order_no).await.unwrap()), 200);
}

async fn what_may_be_refunded_is_not_sent_and_withdrawing_lets_it_go(world: &World) {
    let (mut journey, order) = paid(world, Line::Goods).await;
    let shop_order = order.shop().order_no.clone();
    journey.service().forward(&shop_order).await.unwrap();
    let (mut buyer, mut shop) = (Side::buyer(world, &journey), Side::shop(world, Line::Goods));
    let no = number(buyer.apply(&shop_order, "refund", json!([])).await);
    let notice = json!({"order_no": shop_order, "carrier": "SF", "waybill": format!("W{shop_order}")});
    let held = shop.0.send(post("/api/v1/shipments/ship", &notice)).await.unwrap();
    assert_eq!((held.status, problem_code(&held).as_str()), (StatusCode::CONFLICT, "aftersale-open"));
    buyer.tell(&no, "cancel", json!({})).await.success().unwrap();
    assert_eq!(said(shop.0.send(post("/api/v1/shipments/ship", &notice)).await.unwrap())["effect"], "applied");
    journey.reached(&order, &["shipped"]).await.unwrap();
    let over = buyer.tell(&no, "cancel", json!({})).await;
    assert_eq!(over.status, StatusCode::CONFLICT, "it is over");
}

async fn a_buyer_gets_an_unshipped_order_back_with_its_freight(world: &World) {
    let (mut journey, order) = paid(world, Line::Goods).await;
    let shop_order = order.shop().order_no.clone();
    journey.service().forward(&shop_order).await.unwrap();
    let body = json!({"reason": "a change of mind"});
    let call = post(format!("/api/v1/orders/{shop_order}/refund"), &body).idempotency_key(&format!("r{shop_order}"));
    let asked = said(journey.buyer().send("refund", call.clone()).await.unwrap());
    assert_eq!(said(journey.buyer().send("refund", call).await.unwrap()), asked, "a repeat is the first answer");
    let no = asked["aftersales"][0].as_str().unwrap().to_owned();
    Side::shop(world, Line::Goods).tell(&no, "approve", json!({})).await.success().unwrap();
    journey.ended(&order, &["closed"]).await.unwrap();
    assert_eq!(money_back(&journey.buyer().read(&order.order_no).await.unwrap()), order.to_pay);
}

async fn nobody_sees_or_decides_what_is_not_theirs(world: &World) {
    let (journey, order) = received(world, Line::Goods).await;
    let no = number(Side::buyer(world, &journey).apply(&order.shop().order_no, "refund", json!([])).await);
    let stranger = Journey::new(world, Line::Goods);
    for mut other in [Side::buyer(world, &stranger), Side::shop(world, Line::Hotel)] {
        assert_eq!(
            other.0.send(Call::new(Method::GET, format!("/api/v1/aftersales/{no}"))).await.unwrap().status,
            StatusCode::NOT_FOUND
        );
    }
    assert_eq!(Side::shop(world, Line::Hotel).tell(&no, "approve", json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(Side::buyer(world, &stranger).tell(&no, "cancel", json!({})).await.status, StatusCode::NOT_FOUND);
    let foreign = Side::buyer(world, &stranger).apply(&order.shop().order_no, "refund", json!([])).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    let mine: Value = Side::buyer(world, &journey).0.get("/api/v1/aftersales?open=true").await.unwrap();
    assert_eq!(mine["aftersales"].as_array().unwrap().len(), 1);
    let theirs: Value =
        Side::shop(world, Line::Goods).0.get("/api/v1/aftersales?status=applied&limit=1").await.unwrap();
    assert_eq!(theirs["aftersales"][0]["aftersale_no"], json!(no), "newest first");
    Side::shop(world, Line::Goods).tell(&no, "reject", json!({"reason": "worn"})).await.success().unwrap();
}

async fn scenes(world: &World) {
    a_stay_is_cancelled_for_a_fee_after_its_hotel_took_it_back(world).await;
    one_of_two_tickets_goes_back(world).await;
    goods_come_back_and_then_the_money(world).await;
    an_exchange_sends_new_goods_and_moves_no_money(world).await;
    a_rejected_one_is_changed_and_then_arbitrated(world).await;
    what_may_be_refunded_is_not_sent_and_withdrawing_lets_it_go(world).await;
    a_buyer_gets_an_unshipped_order_back_with_its_freight(world).await;
    nobody_sees_or_decides_what_is_not_theirs(world).await;
    checker::check_world(world).await.unwrap().assert_clean();
}

/// Both sides are silent: the deadlines act, and the order settles after its last after-sale.
async fn deadlines(world: &World) {
    let (mut journey, order) = received(world, Line::Goods).await;
    let mut buyer = Side::buyer(world, &journey);
    let thing = item(&mut journey, &order, 0).await;
    let one = json!([{"item_no": thing["order_no"], "quantity": 1}]);
    let agreed = number(buyer.apply(&order.shop().order_no, "refund", one).await);
    journey.aftersale_reached(&agreed, "refunded").await.unwrap();
    let other = item(&mut journey, &order, 1).await;
    let one = json!([{"item_no": other["order_no"], "quantity": 1}]);
    let dropped = number(buyer.apply(&order.shop().order_no, "return", one).await);
    let done = journey.aftersale_reached(&dropped, "cancelled").await.unwrap();
    assert_eq!(done["note"], "the buyer did not go on in time", "agreed, and no parcel came");
    journey.ended(&order, &["completed"]).await.unwrap();
    checker::check_world(world).await.unwrap().assert_clean();
}

/// The host dies while a supplier takes something back, and before and after the money's commits.
async fn dies(mut world: World) {
    for point in
        ["after-hook", "before-commit", "after-call-before-journal", "before-refund", "after-refund-before-commit"]
    {
        let (mut journey, order) = paid(&world, Line::Hotel).await;
        journey.reached(&order, &["shipped"]).await.unwrap();
        let no = number(Side::buyer(&world, &journey).apply(&order.shop().order_no, "refund", json!([])).await);
        world.host.change(|settings| settings.set("HOOKLINE_FAULT", format!("{point}@1")));
        world.restart().await.unwrap();
        let approve = post(format!("/api/v1/aftersales/{no}/approve"), &json!({})).idempotency_key(&no);
        let _ = Side::shop(&world, Line::Hotel).0.send(approve.clone()).await;
        let died = wait_until("the fault", LIMIT, async || Ok::<_, ServerError>(world.host.has_ended().then_some(())));
        died.await.unwrap_or_else(|error| panic!("{point} never came: {error}"));
        world.host.change(|settings| settings.unset("HOOKLINE_FAULT"));
        world.restart().await.unwrap();
        journey.reconnect(&world);
        let _ = Side::shop(&world, Line::Hotel).0.send(approve).await;
        // A call that was on its way has two minutes before its timer looks after it; somebody asks sooner.
        journey.service().forward(&order.shop().order_no).await.unwrap();
        journey.aftersale_reached(&no, "refunded").await.unwrap();
        journey.ended(&order, &["closed"]).await.unwrap();
        let told = world.suppliers.entries();
        let booking = told.iter().find(|e| e.operation == "book" && e.order == order.shop().order_no).unwrap();
        let cancels = told.iter().filter(|e| e.operation == "cancel" && e.order == booking.id).count();
        assert_eq!(cancels, 1, "{point}: the hotel took it back once");
    }
    checker::check_world(&world).await.unwrap().assert_clean();
}

fn hasty() -> Value {
    json!({"aftersale_decide_ms": 400, "aftersale_buyer_ms": 400, "aftersale_confirm_ms": 400})
}

#[tokio::test]
async fn on_sqlite() {
    scenes(&world(host_settings(), &slow(), &json!({})).await).await;
}

#[tokio::test]
async fn on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    scenes(&world(host_settings().set("ORDER_DB_URL", database.url()), &slow(), &json!({})).await).await;
}

#[tokio::test]
async fn deadlines_act_on_sqlite() {
    deadlines(&world(host_settings(), &Pace { aftersale_window_s: 6, ..Pace::default() }, &hasty()).await).await;
}

#[tokio::test]
async fn deadlines_act_on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    let settings = host_settings().set("ORDER_DB_URL", database.url());
    deadlines(&world(settings, &Pace { aftersale_window_s: 6, ..Pace::default() }, &hasty()).await).await;
}

#[tokio::test]
async fn a_host_dies_in_the_midst_on_sqlite() {
    dies(world(host_settings(), &slow(), &json!({})).await).await;
}

#[tokio::test]
async fn a_host_dies_in_the_midst_on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    dies(world(host_settings().set("ORDER_DB_URL", database.url()), &slow(), &json!({})).await).await;
}

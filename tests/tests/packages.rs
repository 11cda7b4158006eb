//! Packages on a real host with a real plugin: lost, refused and late ones, several of an order, tracks, events before
//! their turn, and an outside fulfilment service that is told and tells back. On both databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use hookline_tests::aftersales::money_back;
use hookline_tests::checker;
use hookline_tests::client::{Answer, Call, Client};
use hookline_tests::journey::{Journey, Paying, cart};
use hookline_tests::platform::{Event, Order, problem_code};
use hookline_tests::servers::{HostSettings, ServerError, TestDatabase, wait_until};
use hookline_tests::suppliers::DEPOT_SECRET;
use hookline_tests::world::{Line, LineSetup, Pace, World, catalogue, host_settings};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);
const EXTENSION_MS: i64 = 86_400_000;

/// Goods whose packages a depot sends, with codes of a carrier that deliver.
async fn world(settings: HostSettings) -> World {
    let world = World::empty(settings.set("REFUND_RETRY_MS", "200")).await.unwrap();
    let mut goods = LineSetup::new(Line::Goods, &Pace::default(), &world.suppliers);
    goods.rules["fulfilment"] = json!(true);
    goods.rules["delivered_codes"] = json!(["SIGNED"]);
    goods.rules["receive_extension_ms"] = json!(EXTENSION_MS);
    goods.secrets.push(("fulfilment", DEPOT_SECRET.to_owned()));
    world.register(&goods).await.unwrap();
    world.sells(Line::Goods, items()).await.unwrap();
    world
}

fn items() -> Value {
    json!([{"sku_id": catalogue::goods(0), "quantity": 2}, {"sku_id": catalogue::goods(1), "quantity": 1}])
}

fn post(path: &str, body: &Value) -> Call {
    Call::new(Method::POST, path).json(body)
}

fn operator(world: &World) -> Client {
    world.host.client().with_token(&world.mint.operator())
}

/// An order with its people, from its own beginning.
struct Parcel {
    journey: Journey,
    order: Order,
    shop_order: String,
}

impl Parcel {
    async fn ordered(world: &World) -> Self {
        let mut journey = Journey::new(world, Line::Goods);
        let cart = cart(Line::Goods, items(), Paying::Sandbox, journey.name());
        let order = journey.create(world, &cart).await.unwrap();
        let shop_order = order.shop().order_no.clone();
        Self { journey, order, shop_order }
    }

    /// Paid, and waiting to be shipped.
    async fn packed(world: &World) -> Self {
        let mut parcel = Self::ordered(world).await;
        parcel.journey.open_and_pay(&parcel.order).await.unwrap();
        parcel.journey.service().forward(&parcel.shop_order).await.unwrap();
        parcel.until("packed", |shop| shop["sub_status"] == "to_ship").await;
        parcel
    }

    async fn shipped(world: &World) -> Self {
        let mut parcel = Self::packed(world).await;
        assert_eq!(parcel.journey.shop().ship(&parcel.shop_order).await.unwrap().effect, "applied");
        parcel
    }

    async fn shop_says(&mut self, path: &str, body: Value) -> Answer {
        self.journey.shop().send(path, post(&format!("/api/v1/{path}"), &body)).await.unwrap()
    }

    /// What became of a word about a package.
    async fn effect(&mut self, path: &str, body: Value) -> String {
        self.shop_says(path, body).await.success().unwrap().json::<Event>().unwrap().effect
    }

    async fn goes_wrong(&mut self, shipment_no: &str, kind: &str) -> String {
        self.effect("shipments/exception", json!({"shipment_no": shipment_no, "kind": kind, "note": "so it goes"}))
            .await
    }

    async fn read(&mut self) -> Value {
        self.journey.buyer().read(&self.order.order_no).await.unwrap()
    }

    async fn shipments(&mut self) -> Vec<(String, String)> {
        let read = self.read().await;
        let word = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let rows = read["shop_orders"][0]["shipments"].as_array().unwrap();
        rows.iter().map(|row| (word(row, "shipment_no"), word(row, "status"))).collect()
    }

    /// Waits until the shop order is as wanted; gives the whole.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.journey.shown(&self.order, what, wanted).await.unwrap()
    }

    /// Waits until the depot took a package.
    async fn told(&mut self) {
        self.until("told", |shop| shop["timeline"].as_array().unwrap().iter().any(|f| f["event"] == "told")).await;
    }

    async fn is(&mut self, status: &str) -> Value {
        self.until(status, |shop| shop["status"] == status).await
    }

    async fn tags(&self, world: &World) -> Vec<String> {
        checker::drained(world.database()).await.unwrap();
        let query = format!("SELECT tag FROM outbox_sent WHERE subject = {} ORDER BY topic, sequence", self.shop_order);
        let rows = world.database().rows(&query).await.unwrap();
        rows.iter().map(|row| row.text(0)).filter(|tag| tag.starts_with("SHIPMENT")).collect()
    }
}

/// Available and sold of a SKU.
async fn stock(world: &World, sku: &str) -> (i64, i64) {
    let query = format!("SELECT available, sold FROM stock WHERE business = 'goods' AND stock_key = '{sku}'");
    let rows = world.database().rows(&query).await.unwrap();
    (rows[0].int(0), rows[0].int(1))
}

async fn a_lost_parcel_is_refunded_closed_and_never_restocked(world: &World) {
    let mut parcel = Parcel::shipped(world).await;
    let (no, _) = parcel.shipments().await[0].clone();
    let before = stock(world, &catalogue::goods(0)).await;
    assert_eq!(parcel.goes_wrong(&no, "lost").await, "applied");
    let read = parcel.is("closed").await;
    assert_eq!((money_back(&read), read["shop_orders"][0]["reason"].as_str()), (parcel.order.to_pay, Some("lost")));
    assert_eq!(stock(world, &catalogue::goods(0)).await, before, "what is lost cannot be sold again");
    assert_eq!(parcel.goes_wrong(&no, "lost").await, "ignored");
    assert_eq!(parcel.tags(world).await, ["SHIPMENT_CREATED", "SHIPMENT_SHIPPED", "SHIPMENT_LOST"]);
}

async fn a_refused_parcel_is_refunded_and_sold_again(world: &World) {
    let before = stock(world, &catalogue::goods(0)).await;
    let mut parcel = Parcel::shipped(world).await;
    let (no, _) = parcel.shipments().await[0].clone();
    assert_eq!(parcel.goes_wrong(&no, "refused").await, "applied");
    let read = parcel.is("closed").await;
    assert_eq!((money_back(&read), read["shop_orders"][0]["reason"].as_str()), (parcel.order.to_pay, Some("refused")));
    assert_eq!(stock(world, &catalogue::goods(0)).await, before);
}

async fn a_late_parcel_is_marked_and_arrives(world: &World) {
    let mut parcel = Parcel::shipped(world).await;
    let (no, _) = parcel.shipments().await[0].clone();
    assert_eq!(parcel.goes_wrong(&no, "delayed").await, "applied");
    assert_eq!(parcel.goes_wrong(&no, "delayed").await, "ignored");
    let shipment = parcel.read().await["shop_orders"][0]["shipments"][0].clone();
    assert!(shipment["delayed_at"].is_string() && shipment["note"] == "so it goes", "{shipment}");
    // Its buyer waits, once; both databases keep the new deadline.
    let path = format!("/api/v1/orders/{}/extend-receive", parcel.shop_order);
    for status in [StatusCode::OK, StatusCode::CONFLICT] {
        let answer = parcel.journey.buyer().send("extend", post(&path, &json!({}))).await.unwrap();
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let query = format!(
        "SELECT o.expire_time, t.due FROM shop_orders AS o JOIN timers AS t ON t.subject = o.no AND t.kind = 3 WHERE o.no = {}",
        parcel.shop_order
    );
    let row = world.database().rows(&query).await.unwrap().remove(0);
    assert!(row.int(0) > EXTENSION_MS && row.int(0) == row.int(1), "{row:?}");
    assert_eq!(parcel.effect("shipments/deliver", json!({"shipment_no": no})).await, "applied");
    parcel.is("completed").await;
    assert_eq!(money_back(&parcel.read().await), 0);
}

async fn of_two_packages_one_is_lost_and_the_other_received(world: &World) {
    let mut parcel = Parcel::packed(world).await;
    let (first, _) = parcel.shipments().await[0].clone();
    // The depot took the whole: it stays whole.
    parcel.told().await;
    let packages = json!([[{"line": 0, "quantity": 1}], [{"line": 0, "quantity": 1}, {"line": 1, "quantity": 1}]]);
    let split = json!({"shipment_no": first, "packages": packages});
    let answer = parcel.shop_says("shipments/split", split).await;
    assert_eq!(problem_code(&answer), "cannot-divide", "{answer:?}");

    // An order whose package the depot does not get to see.
    world.suppliers.depot.fail_next(usize::MAX);
    let mut parcel = Parcel::packed(world).await;
    let (first, _) = parcel.shipments().await[0].clone();
    let split = json!({"shipment_no": first, "packages": packages});
    let answer = parcel.shop_says("shipments/split", split).await;
    let divided: Value = answer.success().unwrap().json().unwrap();
    let second = divided["shipments"][1].as_str().unwrap().to_owned();
    for (nth, no) in [&first, &second].into_iter().enumerate() {
        let waybill = format!("W{nth}-{}", parcel.shop_order);
        let shipped =
            parcel.shop_says("shipments/ship", json!({"shipment_no": no, "carrier": "SF", "waybill": waybill}));
        let event: Event = shipped.await.success().unwrap().json().unwrap();
        assert_eq!((event.effect.as_str(), event.status.as_str()), ("applied", ["paid", "shipped"][nth]));
    }
    world.suppliers.depot.fail_next(0);
    assert_eq!(parcel.effect("shipments/deliver", json!({"shipment_no": first})).await, "applied");
    assert_eq!(parcel.read().await["shop_orders"][0]["status"], "shipped");
    assert_eq!(parcel.goes_wrong(&second, "lost").await, "applied");
    let read = parcel.is("completed").await;
    let items = read["shop_orders"][0]["items"].as_array().unwrap();
    let cash = |at: usize| items[at]["cash"].as_i64().unwrap();
    assert_eq!(money_back(&read), cash(0) / 2 + cash(1), "its own items alone, no freight");
    let states: Vec<String> = parcel.shipments().await.into_iter().map(|(_, status)| status).collect();
    assert_eq!(states, ["delivered", "lost"]);
}

async fn tracks_in_any_order_deliver_in_the_end(world: &World) {
    let mut parcel = Parcel::shipped(world).await;
    let waybill = format!("SF{}", parcel.shop_order);
    let row = |at: &str, code: &str| json!({"waybill": waybill, "node_time": at, "node_code": code, "content": "-"});
    let told = json!({"tracks": [
        row("2026-11-11T12:00:00Z", "HUB"), row("2026-11-11T09:00:00Z", "PICKED"), row("2026-11-11T12:00:00Z", "HUB"),
        row("2026-11-11T12:00:00Z", "ARRIVED"),
    ]});
    let answer: Value = parcel.shop_says("logistics/tracks/batch", told).await.success().unwrap().json().unwrap();
    assert_eq!(answer["effects"], json!(["new", "new", "known", "new"]));
    let path = format!("/api/v1/waybills/{waybill}/tracks");
    let read: Value = parcel.journey.buyer().client().get(&path).await.unwrap();
    let codes: Vec<&str> =
        read["tracks"].as_array().unwrap().iter().map(|t| t["node_code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["PICKED", "ARRIVED", "HUB"]);
    for _ in 0..2 {
        let signed = row("2026-11-12T12:00:00Z", "SIGNED");
        assert!(parcel.shop_says("logistics/track", signed).await.status.is_success());
    }
    parcel.is("completed").await;
}

async fn events_before_their_turn_wait_for_it(world: &World) {
    let mut parcel = Parcel::ordered(world).await;
    let (order_no, waybill) = (parcel.shop_order.clone(), format!("SF{}", parcel.shop_order));
    let ship = json!({"order_no": order_no, "carrier": "SF", "waybill": waybill});
    for _ in 0..2 {
        assert_eq!(parcel.effect("shipments/ship", ship.clone()).await, "parked", "it is not even paid");
    }
    assert_eq!(parcel.effect("shipments/deliver", json!({"order_no": order_no})).await, "parked");
    parcel.journey.open_and_pay(&parcel.order).await.unwrap();
    let read = parcel.is("completed").await;
    let timeline = read["shop_orders"][0]["timeline"].as_array().unwrap();
    let actors: Vec<(&str, &str)> =
        timeline.iter().map(|f| (f["event"].as_str().unwrap(), f["actor"].as_str().unwrap())).collect();
    for event in ["ship", "deliver"] {
        assert!(actors.contains(&(event, &format!("parked:{event}"))), "{actors:?}");
    }

    let mut parcel = Parcel::packed(world).await;
    let lost = json!({"order_no": parcel.shop_order, "kind": "lost"});
    assert_eq!(parcel.effect("shipments/exception", lost).await, "parked", "it has not left yet");
    assert_eq!(parcel.journey.shop().ship(&parcel.shop_order.clone()).await.unwrap().effect, "applied");
    let read = parcel.is("closed").await;
    assert_eq!(money_back(&read), parcel.order.to_pay);
}

async fn the_depot_is_told_until_it_takes_a_package_and_tells_back(world: &World) {
    let depot = &world.suppliers.depot;
    depot.fail_next(2);
    let mut parcel = Parcel::packed(world).await;
    let (no, _) = parcel.shipments().await[0].clone();
    parcel.told().await;
    let packages = depot.packages_of(&parcel.shop_order);
    assert_eq!(
        (packages.len(), depot.times_heard(&format!("{no}.3"))),
        (1, 3),
        "one id, of its three units, for every try"
    );
    let package = &packages[0];
    assert_eq!(package["address"]["city"], "Hangzhou");
    let units: Vec<_> =
        package["items"].as_array().unwrap().iter().map(|i| (i["sku_id"].clone(), i["quantity"].clone())).collect();
    assert_eq!(units, [(json!(catalogue::goods(0)), json!(2)), (json!(catalogue::goods(1)), json!(1))]);
    assert!(package["callback_url"].as_str().unwrap().ends_with("/callbacks/fulfilment/goods"), "{package}");

    let mut says = world.host.client();
    let mut tell = async |message: Value| -> Event {
        let mut message = message;
        message["shipment_no"] = json!(no);
        let answer = says.send(depot.word("goods", &message)).await.unwrap();
        answer.success().unwrap().json().unwrap()
    };
    let shipped = json!({"id": format!("{no}-1"), "type": "shipped", "carrier": "SF", "waybill": format!("D{no}")});
    for _ in 0..2 {
        assert_eq!(tell(shipped.clone()).await.effect, "applied", "a repeat of a message has the same answer");
    }
    let seen =
        json!({"id": format!("{no}-2"), "type": "track", "node_time": "2026-11-11T09:00:00Z", "node_code": "HUB"});
    assert_eq!(tell(seen).await.effect, "applied");
    let arrived = |n: u32| json!({"id": format!("{no}-{n}"), "type": "delivered"});
    assert_eq!(tell(arrived(3)).await.effect, "applied");
    assert_eq!(tell(arrived(4)).await.effect, "ignored");
    let read = parcel.is("completed").await;
    let actors: Vec<&Value> =
        read["shop_orders"][0]["timeline"].as_array().unwrap().iter().map(|f| &f["actor"]).collect();
    assert!(actors.contains(&&json!("callback:fulfilment:goods")), "{actors:?}");

    // An order that ends before its package leaves: the depot keeps it.
    let mut parcel = Parcel::packed(world).await;
    let (no, _) = parcel.shipments().await[0].clone();
    parcel.told().await;
    let path = format!("/api/v1/orders/{}/refund", parcel.shop_order);
    let refund = post(&path, &json!({"reason": "out of stock after all", "items": []}));
    assert!(operator(world).send(refund).await.unwrap().status.is_success());
    parcel.is("closed").await;
    let recalled = async |no: String| {
        let heard = async || -> Result<_, ServerError> {
            tokio::time::sleep(Duration::from_millis(30)).await;
            Ok(depot.is_recalled(&no).then_some(()))
        };
        wait_until("the recall", LIMIT, heard).await.unwrap();
    };
    recalled(no).await;

    // One that its seller sends by hand must not be sent twice.
    let mut parcel = Parcel::packed(world).await;
    let (no, _) = parcel.shipments().await[0].clone();
    parcel.told().await;
    let by_hand = json!({"shipment_no": no, "carrier": "SF", "waybill": format!("HAND{no}")});
    assert_eq!(parcel.effect("shipments/ship", by_hand).await, "applied");
    recalled(no).await;
    assert_eq!(depot.forged(), 0, "everything it heard was signed");
}

async fn all(world: &World) {
    a_lost_parcel_is_refunded_closed_and_never_restocked(world).await;
    a_refused_parcel_is_refunded_and_sold_again(world).await;
    a_late_parcel_is_marked_and_arrives(world).await;
    of_two_packages_one_is_lost_and_the_other_received(world).await;
    tracks_in_any_order_deliver_in_the_end(world).await;
    events_before_their_turn_wait_for_it(world).await;
    the_depot_is_told_until_it_takes_a_package_and_tells_back(world).await;
    checker::check_world(world).await.unwrap().assert_clean();
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

//! Creation completed, and everything before payment: stock that is reserved later, orders that nobody sees before all of
//! it is held, numbers for others' ids, splitting, re-pricing, other addresses. On both databases, with the host killed
//! between the steps.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::time::Duration;

use futures_util::future::join_all;
use hookline_tests::checker;
use hookline_tests::client::{Answer, Call};
use hookline_tests::journey::outcome;
use hookline_tests::platform::{Order, Payment, problem_code};
use hookline_tests::sandbox::{Notice, notify};
use hookline_tests::servers::{HostProcess, HostSettings, ServerError, TestDatabase, wait_until};
use hookline_tests::world::catalogue::SkuFacts;
use hookline_tests::world::{Line, LineSetup, Pace, World, host_settings};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);
const FAULT: &str = "HOOKLINE_FAULT";

/// Lines on the goods component: code, order type, when they reserve.
const LINES: [(&str, i32, &str); 4] =
    [("goods", 1, "at_create"), ("later", 11, "later"), ("unseen", 12, "before_visible"), ("patient", 13, "at_create")];

fn skus() -> Vec<SkuFacts> {
    vec![
        SkuFacts::goods("thing", 1_000, 100_000),
        SkuFacts::goods("rare", 2_000, 1),
        SkuFacts::goods("one", 2_000, 1),
        SkuFacts::goods("last", 2_000, 1),
    ]
}

/// A world of these lines. The patient one does not forward by itself for a minute.
async fn world(settings: HostSettings) -> World {
    let world = World::empty(settings).await.unwrap();
    for (code, kind, reserving) in LINES {
        let mut setup = LineSetup::new(Line::Goods, &Pace::default(), &world.suppliers);
        (setup.code, setup.kind, setup.skus) = (code.to_owned(), kind, skus());
        setup.settings["freight"]["regions"] = json!([{
            "provinces": ["Tibet"],
            "rate": {"first": 2_000, "first_grams": 1_000, "step": 500, "step_grams": 500},
        }]);
        setup.settings["coins_percent"] = json!(50);
        setup.rules["reserving"] = json!(reserving);
        setup.rules["compensate_ms"] = json!(if code == "patient" { 60_000 } else { 1_000 });
        world.register(&setup).await.unwrap();
    }
    for (code, ..) in LINES {
        let cart = cart("a-look", &[bought(code, "shop-1", "thing", 1)]);
        let buyer = Buyer::new(&world, "window-shopper");
        until("a quote", async || {
            let call = Call::new(Method::POST, "/api/v1/quotes").json(&cart);
            buyer.send(&world, call).await.status.is_success().then_some(())
        })
        .await;
    }
    world
}

fn address(province: &str) -> Value {
    json!({"name": "Li Lei", "mobile": "13800000000", "country": "CN", "province": province, "city": "A city"})
}

fn bought(line: &str, shop: &str, sku: &str, quantity: u32) -> Value {
    let kind = LINES.into_iter().find(|(code, ..)| *code == line).unwrap().1;
    json!({
        "shop_id": shop, "business": line, "type": kind, "address": address("Zhejiang"),
        "items": [{"sku_id": sku, "quantity": quantity}],
    })
}

fn cart(name: &str, shops: &[Value]) -> Value {
    json!({"mode": "wait", "channel": "mobile", "currency": "CNY", "out_id": name, "shops": shops})
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let waited = wait_until(what, LIMIT, async || -> Result<_, ServerError> {
        let found = look().await;
        if found.is_none() {
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        Ok(found)
    });
    waited.await.unwrap()
}

/// Somebody with a token; connects anew for each call, so that a restart of the host does not matter.
struct Buyer {
    id: String,
    token: String,
}

impl Buyer {
    fn new(world: &World, id: &str) -> Self {
        Self { id: id.to_owned(), token: world.mint.buyer(id) }
    }

    async fn send(&self, world: &World, call: Call) -> Answer {
        world.host.client().with_token(&self.token).send(call).await.unwrap()
    }

    /// Creates with the cart's name as the key, and notes what was answered.
    async fn create(&self, world: &World, cart: &Value) -> Result<Order, hookline_tests::client::ClientError> {
        let name = cart["out_id"].as_str().unwrap();
        let call = Call::new(Method::POST, "/api/v1/orders").json(cart).idempotency_key(name);
        let sent = world.host.client().with_token(&self.token).send(call).await;
        let created = sent.and_then(|answer| answer.success()?.json());
        world.history.create(name, outcome(&created));
        created
    }

    async fn read(&self, world: &World, no: &str) -> Value {
        self.send(world, Call::new(Method::GET, format!("/api/v1/orders/{no}")))
            .await
            .success()
            .unwrap()
            .json()
            .unwrap()
    }

    async fn pay(&self, world: &World, no: &str) -> Answer {
        let call = Call::new(Method::POST, format!("/api/v1/orders/{no}/pay"));
        self.send(world, call.json(&json!({"payment_method": "sandbox"}))).await
    }

    /// Opens a payment of what is to pay and says that it was paid.
    async fn pays(&self, world: &World, no: &str) -> Payment {
        let payment: Payment = self.pay(world, no).await.success().unwrap().json().unwrap();
        notify(&mut world.host.client(), &Notice::paid(&payment.payment_no, payment.amount)).await.unwrap();
        payment
    }

    /// Waits until a word stands at a place of the order.
    async fn reaches(&self, world: &World, no: &str, place: &str, word: &str) -> Value {
        until(&format!("{place} {word} of {no}"), async || {
            let read = self.read(world, no).await;
            (read.pointer(place).and_then(Value::as_str) == Some(word)).then_some(read)
        })
        .await
    }

    async fn orders(&self, world: &World) -> Vec<Value> {
        let list: Value = self.send(world, Call::new(Method::GET, "/api/v1/orders")).await.json().unwrap();
        list["orders"].as_array().unwrap().clone()
    }
}

const SUB: &str = "/shop_orders/0/sub_status";

fn staff(world: &World) -> Buyer {
    Buyer { id: String::new(), token: world.mint.operator() }
}

async fn stock(world: &World, line: &str, key: &str) -> (i64, i64, i64) {
    let query =
        format!("SELECT available, reserved, sold FROM stock WHERE business = '{line}' AND stock_key = '{key}'");
    let rows = world.database().rows(&query).await.unwrap();
    (rows[0].int(0), rows[0].int(1), rows[0].int(2))
}

async fn clean(world: &World) {
    checker::check_world(world).await.unwrap().assert_clean();
}

async fn stock_is_reserved_after_create(world: &World) {
    let buyer = Buyer::new(world, "patient-buyer");
    let order = buyer.create(world, &cart("later-1", &[bought("later", "shop-1", "thing", 2)])).await.unwrap();
    // Paying at once does, or is told to wait a moment; nothing else.
    let payment: Payment = until("a payment", async || {
        let answer = buyer.pay(world, &order.order_no).await;
        if !answer.status.is_success() {
            // Or it was reserved in this very moment.
            assert!(["stock-pending", "busy"].contains(&problem_code(&answer).as_str()), "{answer:?}");
            assert!(answer.headers.contains_key("retry-after"));
            return None;
        }
        Some(answer.success().unwrap().json().unwrap())
    })
    .await;
    let read = buyer.read(world, &order.order_no).await;
    assert_eq!((&read["sub_status"], read.pointer(SUB).unwrap()), (&json!("stock_reserved"), &json!("stock_reserved")));
    let steps: Vec<&str> =
        read["shop_orders"][0]["timeline"].as_array().unwrap().iter().map(|s| s["event"].as_str().unwrap()).collect();
    assert_eq!(steps, ["create", "reserve"]);
    notify(&mut world.host.client(), &Notice::paid(&payment.payment_no, payment.amount)).await.unwrap();
    buyer.reaches(world, &order.order_no, SUB, "to_ship").await;

    // A prepaid order is paid by itself, once its stock is held.
    world.admin().top_up(&buyer.id, "CNY", 100_000).await.unwrap();
    let mut prepaid = cart("later-2", &[bought("later", "shop-1", "thing", 1)]);
    prepaid["mode"] = json!("prepaid");
    let order = buyer.create(world, &prepaid).await.unwrap();
    let read = buyer.reaches(world, &order.order_no, SUB, "to_ship").await;
    let steps = read["shop_orders"][0]["timeline"].as_array().unwrap();
    assert_eq!((&steps[1]["event"], &steps[2]["event"]), (&json!("reserve"), &json!("pay")));
}

async fn what_is_short_later_cancels_the_whole_order(world: &World) {
    let buyer = Buyer::new(world, "unlucky-buyer");
    let first = buyer.create(world, &cart("short-1", &[bought("later", "shop-1", "rare", 1)])).await.unwrap();
    buyer.reaches(world, &first.order_no, SUB, "stock_reserved").await;
    let before = stock(world, "goods", "thing").await;
    let shops = [bought("goods", "shop-1", "thing", 3), bought("later", "shop-2", "rare", 1)];
    let second = buyer.create(world, &cart("short-2", &shops)).await.unwrap();
    assert_eq!(second.status, "created");
    let read = buyer.reaches(world, &second.order_no, "/status", "cancelled").await;
    assert_eq!(read["reason"], "stock_failed", "{read}");
    assert!(read["shop_orders"].as_array().unwrap().iter().all(|shop| shop["status"] == "cancelled"));
    assert_eq!(stock(world, "goods", "thing").await, before, "what the other shop held is free again, once");
    assert_eq!(stock(world, "later", "rare").await, (0, 1, 0));
    let query = "SELECT body FROM outbox UNION ALL SELECT body FROM outbox_sent";
    let bodies = world.database().rows(query).await.unwrap();
    let failed = bodies.iter().map(|row| row.json(0)).filter(|body| body["type"] == "STOCK_FAILED");
    let subjects: Vec<Value> = failed.map(|body| body["subject"].clone()).collect();
    assert_eq!(subjects, [json!(second.shop_orders[1].order_no)]);
}

async fn an_order_is_seen_only_once_it_holds_everything(world: &World) {
    let buyer = Buyer::new(world, "unseen-buyer");
    let shops = [bought("goods", "shop-1", "thing", 1), bought("unseen", "shop-2", "one", 1)];
    let order = buyer.create(world, &cart("unseen-1", &shops)).await.unwrap();
    assert!(order.shop_orders.iter().all(|shop| shop.sub_status == "stock_reserved"), "{order:?}");
    assert_eq!(buyer.create(world, &cart("unseen-1", &shops)).await.unwrap(), order, "a repeat gets the first outcome");
    assert_eq!(buyer.orders(world).await.len(), 2);
    buyer.pays(world, &order.order_no).await;
    buyer.reaches(world, &order.order_no, "/shop_orders/1/sub_status", "to_ship").await;

    // Nothing left: refused, as often as it is asked, and never seen.
    let before = stock(world, "goods", "thing").await;
    let number: Value =
        buyer.send(world, Call::new(Method::POST, "/api/v1/order-numbers").json(&json!({}))).await.json().unwrap();
    let mut short = cart("unseen-2", &shops);
    short["order_no"] = number["order_no"].clone();
    let mut answers = vec![];
    for key in [Some("unseen-2"), Some("unseen-2"), None] {
        let call = Call::new(Method::POST, "/api/v1/orders").json(&short);
        let call = if let Some(key) = key { call.idempotency_key(key) } else { call };
        let answer = buyer.send(world, call).await;
        assert_eq!(
            (answer.status, problem_code(&answer).as_str()),
            (StatusCode::CONFLICT, "stock-short"),
            "{answer:?}"
        );
        answers.push(answer.json::<Value>().unwrap()["detail"].clone());
    }
    assert!(answers.iter().all(|detail| *detail == answers[0]), "{answers:?}");
    assert_eq!(stock(world, "goods", "thing").await, before);
    assert_eq!(buyer.orders(world).await.len(), 2);
    let no = number["order_no"].as_str().unwrap();
    for path in [format!("/api/v1/orders/{no}"), format!("/api/v1/orders/{no}/snapshot")] {
        assert_eq!(buyer.send(world, Call::new(Method::GET, path)).await.status, StatusCode::NOT_FOUND);
    }
    let seen = staff(world).read(world, no).await;
    assert_eq!((&seen["status"], &seen["reason"]), (&json!("cancelled"), &json!("voided")), "{seen}");
    assert_eq!(seen["shop_orders"][0]["visible"], 99);

    // Coins that the buyer does not have are a lock, too.
    let mut coins = cart("unseen-3", &[bought("unseen", "shop-2", "thing", 1)]);
    coins["coins"] = json!(100);
    let refused = buyer.create(world, &coins).await.unwrap_err();
    assert!(refused.to_string().contains("insufficient-balance"), "{refused}");
    world.admin().top_up(&buyer.id, "COINS", 100).await.unwrap();
    coins["out_id"] = json!("unseen-4");
    buyer.create(world, &coins).await.unwrap();
}

/// Forty at once, and half of them at another host where there is one.
async fn one_id_has_one_number(world: &World, other: Option<&HostProcess>) {
    let token = world.mint.buyer("numbered-buyer");
    for form in ["external_id", "third_party_payment_id"] {
        let take = async |n: usize| {
            let host = other.filter(|_| n.is_multiple_of(2)).unwrap_or(&world.host);
            let call = Call::new(Method::POST, "/api/v1/order-numbers").json(&json!({form: "their-own-id"}));
            let answer = host.client().with_token(&token).send(call).await.unwrap().success().unwrap();
            answer.json::<Value>().unwrap()["order_no"].as_str().unwrap().to_owned()
        };
        let taken = join_all((0..40).map(take)).await;
        assert!(taken.iter().all(|no| *no == taken[0]), "{taken:?}");
        let mut cart = cart(form, &[bought("goods", "shop-1", "thing", 1)]);
        cart["order_no"] = json!(taken[0]);
        let buyer = Buyer::new(world, "numbered-buyer");
        assert_eq!(buyer.create(world, &cart).await.unwrap().order_no, taken[0]);
    }
}

async fn a_shop_order_is_split_off_and_both_are_paid(world: &World) {
    let buyer = Buyer::new(world, "splitting-buyer");
    world.admin().top_up(&buyer.id, "COINS", 500).await.unwrap();
    let mut whole = cart("split-1", &[bought("goods", "shop-1", "thing", 1), bought("goods", "shop-2", "thing", 2)]);
    whole["coins"] = json!(300);
    let order = buyer.create(world, &whole).await.unwrap();
    buyer.pay(world, &order.order_no).await.success().unwrap();
    let split = async |shop: &str| {
        let call = Call::new(Method::POST, format!("/api/v1/orders/{shop}/split")).json(&json!({}));
        buyer.send(world, call.idempotency_key(shop)).await.success().unwrap().json::<Order>().unwrap()
    };
    let made = split(&order.shop_orders[1].order_no).await;
    assert_eq!(split(&order.shop_orders[1].order_no).await, made);
    let left = buyer.read(world, &order.order_no).await;
    let rest = left["amounts"]["total_amount"].as_i64().unwrap();
    assert_eq!(rest + made.to_pay, order.to_pay);
    assert_eq!(left["payments"][0]["status"], "closed");
    clean(world).await;

    // Merged again it is what it was, and split once more both are paid.
    let both = json!({"orders": [order.order_no, made.order_no]});
    let merged = buyer.send(world, Call::new(Method::POST, "/api/v1/orders/merge").json(&both)).await;
    let merged: Order = merged.success().unwrap().json().unwrap();
    assert_eq!(merged.to_pay, order.to_pay);
    let call = Call::new(Method::POST, format!("/api/v1/orders/{}/split", merged.shop_orders[0].order_no));
    let again: Order = buyer.send(world, call.json(&json!({}))).await.success().unwrap().json().unwrap();
    for no in [&merged.order_no, &again.order_no] {
        buyer.pays(world, no).await;
        buyer.reaches(world, no, SUB, "to_ship").await;
    }
}

async fn a_lower_price_is_paid(world: &World) {
    let buyer = Buyer::new(world, "haggling-buyer");
    let order = buyer.create(world, &cart("price-1", &[bought("goods", "shop-1", "thing", 3)])).await.unwrap();
    let first: Payment = buyer.pay(world, &order.order_no).await.success().unwrap().json().unwrap();
    let seller = Buyer { id: String::new(), token: world.mint.shop("shop-1") };
    let shop_order = &order.shop().order_no;
    let price = async |discount: i64| {
        let call = Call::new(Method::PUT, format!("/api/v1/orders/{shop_order}/price"));
        seller.send(world, call.json(&json!({"discount_minor": discount, "remark": "a scratch"}))).await
    };
    let lowered: Order = price(250).await.success().unwrap().json().unwrap();
    assert_eq!(lowered.to_pay, order.to_pay - 250);
    let second = buyer.pays(world, &order.order_no).await;
    assert_eq!((second.amount, second.payment_no == first.payment_no), (order.to_pay - 250, false));
    let read = buyer.reaches(world, &order.order_no, SUB, "to_ship").await;
    assert_eq!(read["shop_orders"][0]["promotion_amount"], 250);
    assert_eq!(problem_code(&price(300).await), "wrong-state");
    let versions = "SELECT version FROM snapshots WHERE order_no = ";
    let rows = world.database().rows(&format!("{versions}{} ORDER BY version", order.order_no)).await.unwrap();
    assert_eq!((rows.len(), rows[0].int(0)), (2, 0));
}

async fn send_to(world: &World, buyer: &Buyer, no: &str, province: &str) -> Answer {
    let call = Call::new(Method::PUT, format!("/api/v1/orders/{no}/address"));
    buyer.send(world, call.json(&json!({"address": address(province)}))).await
}

async fn the_goods_go_elsewhere_before_payment(world: &World) {
    let buyer = Buyer::new(world, "moving-buyer");
    let shops = [bought("goods", "shop-1", "thing", 1), bought("goods", "shop-2", "thing", 1)];
    let order = buyer.create(world, &cart("address-1", &shops)).await.unwrap();
    buyer.pay(world, &order.order_no).await.success().unwrap();
    let moved = send_to(world, &buyer, &order.shop_orders[0].order_no, "Tibet").await;
    let moved: Order = moved.success().unwrap().json().unwrap();
    assert_eq!(moved.to_pay - order.to_pay, 2_000 - 800, "one parcel of two goes far");
    let read = buyer.read(world, &order.order_no).await;
    assert_eq!(read["payments"][0]["status"], "closed");
    assert_eq!(read["shop_orders"][0]["address"]["province"], "Tibet");
    assert_eq!(read["shop_orders"][1]["address"]["province"], "Zhejiang");
    // Also after it was split off: the first quote is remembered.
    let split = Call::new(Method::POST, format!("/api/v1/orders/{}/split", order.shop_orders[1].order_no));
    let split: Order = buyer.send(world, split.json(&json!({}))).await.success().unwrap().json().unwrap();
    let moved = send_to(world, &buyer, &order.shop_orders[1].order_no, "Tibet").await;
    let moved: Order = moved.success().unwrap().json().unwrap();
    assert_eq!((&moved.order_no, moved.to_pay - split.to_pay), (&split.order_no, 1_200));
    for no in [&order.order_no, &split.order_no] {
        buyer.pays(world, no).await;
        buyer.reaches(world, no, SUB, "to_ship").await;
    }
    let late = send_to(world, &buyer, &order.shop_orders[0].order_no, "Zhejiang").await;
    assert_eq!((late.status, problem_code(&late).as_str()), (StatusCode::CONFLICT, "already-shipped"));
}

/// Restarts the host with a fault, does something during which it dies, and restarts it without.
async fn dies_at(world: &mut World, point: &str, work: impl AsyncFnOnce(&World)) {
    world.host.change(|settings| settings.set(FAULT, point));
    world.restart().await.unwrap();
    work(world).await;
    let died = wait_until("the fault", LIMIT, async || Ok::<_, ServerError>(world.host.has_ended().then_some(())));
    died.await.unwrap_or_else(|error| panic!("{point} never came: {error}"));
    world.host.change(|settings| settings.unset(FAULT));
    world.restart().await.unwrap();
}

async fn the_address_changes_between_payment_and_packing(world: &mut World) {
    let buyer = Buyer::new(world, "late-mover");
    let order = buyer.create(world, &cart("address-2", &[bought("patient", "shop-1", "thing", 1)])).await.unwrap();
    // The host dies before it forwards, and the line is in no hurry: the order stays paid.
    dies_at(world, "after-receipt-commit", async |world: &World| {
        let payment: Payment = buyer.pay(world, &order.order_no).await.success().unwrap().json().unwrap();
        let _ = notify(&mut world.host.client(), &Notice::paid(&payment.payment_no, payment.amount)).await;
    })
    .await;
    buyer.reaches(world, &order.order_no, SUB, "to_deduct").await;
    let shop_order = &order.shop().order_no;
    let far = send_to(world, &buyer, shop_order, "Tibet").await;
    assert_eq!((far.status, problem_code(&far).as_str()), (StatusCode::CONFLICT, "address-changes-price"));
    let near = send_to(world, &buyer, shop_order, "Jiangsu").await;
    let near: Order = near.success().unwrap().json().unwrap();
    assert_eq!((near.status.as_str(), near.to_pay), ("paid", order.to_pay));
    let read = buyer.read(world, &order.order_no).await;
    assert_eq!(read["shop_orders"][0]["address"]["province"], "Jiangsu");
    let service = Buyer { id: String::new(), token: world.mint.business("patient") };
    let forward = Call::new(Method::POST, format!("/api/v1/orders/{shop_order}/forward")).json(&json!({}));
    service.send(world, forward).await.success().unwrap();
    buyer.reaches(world, &order.order_no, SUB, "to_ship").await;
}

async fn a_killed_host_reserves_once(world: &mut World) {
    for point in ["before-reserve", "after-reserve-commit"] {
        let buyer = Buyer::new(world, &format!("buyer-at-{point}"));
        let cart = cart(point, &[bought("later", "shop-1", "thing", 1)]);
        dies_at(world, point, async |world: &World| {
            let _ = buyer.create(world, &cart).await;
        })
        .await;
        let order = buyer.create(world, &cart).await.unwrap();
        buyer.reaches(world, &order.order_no, SUB, "stock_reserved").await;
        buyer.pays(world, &order.order_no).await;
        buyer.reaches(world, &order.order_no, SUB, "to_ship").await;
        clean(world).await;
    }
}

async fn a_host_killed_before_the_order_is_seen_finishes_it(world: &mut World) {
    // Nobody asks again: the timer shows it.
    let buyer = Buyer::new(world, "silent-buyer");
    let silent = cart("unseen-5", &[bought("unseen", "shop-1", "last", 1)]);
    dies_at(world, "before-reveal", async |world: &World| {
        buyer.create(world, &silent).await.unwrap_err();
    })
    .await;
    let shown = until("the order", async || buyer.orders(world).await.pop()).await;
    let order = buyer.create(world, &silent).await.unwrap();
    assert_eq!(shown["parent_no"], json!(order.order_no));
    buyer.pays(world, &order.order_no).await;

    // The same with nothing left: it is voided, and whoever asks again is told why.
    let unlucky = Buyer::new(world, "second-silent-buyer");
    let short = cart("unseen-6", &[bought("unseen", "shop-1", "last", 1)]);
    dies_at(world, "before-reveal", async |world: &World| {
        unlucky.create(world, &short).await.unwrap_err();
    })
    .await;
    // Nobody ever sees it; 1 is cancelled.
    let voided = format!("SELECT count(*) FROM pay_orders WHERE buyer = '{}' AND status = 1", unlucky.id);
    until("the voided order", async || {
        let rows = world.database().rows(&voided).await.unwrap();
        (rows[0].int(0) == 1).then_some(())
    })
    .await;
    let refused = unlucky.create(world, &short).await.unwrap_err();
    assert!(refused.to_string().contains("stock-short"), "{refused}");
    assert!(unlucky.orders(world).await.is_empty());
    clean(world).await;
}

async fn all(mut world: World, other: Option<HostProcess>) {
    stock_is_reserved_after_create(&world).await;
    what_is_short_later_cancels_the_whole_order(&world).await;
    clean(&world).await;
    an_order_is_seen_only_once_it_holds_everything(&world).await;
    clean(&world).await;
    one_id_has_one_number(&world, other.as_ref()).await;
    drop(other);
    a_shop_order_is_split_off_and_both_are_paid(&world).await;
    clean(&world).await;
    a_lower_price_is_paid(&world).await;
    clean(&world).await;
    the_goods_go_elsewhere_before_payment(&world).await;
    clean(&world).await;
    the_address_changes_between_payment_and_packing(&mut world).await;
    a_killed_host_reserves_once(&mut world).await;
    a_host_killed_before_the_order_is_seen_finishes_it(&mut world).await;
}

#[tokio::test]
async fn on_sqlite() {
    all(world(host_settings()).await, None).await;
}

#[tokio::test]
async fn on_postgres() {
    let database = TestDatabase::create().await.unwrap();
    let settings = host_settings().set("ORDER_DB_URL", database.url());
    let world = world(settings.clone()).await;
    let other = HostProcess::start(settings).await.unwrap();
    all(world, Some(other)).await;
}
